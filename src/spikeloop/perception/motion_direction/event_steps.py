"""Events of a sensor as steps of the motion detector, and its motions as flow of the sensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.metrics.energy import Counts, ModelledEnergy, operation_energy
from spikeloop.perception.motion_direction.detector import MotionDetector
from spikeloop.perception.motion_direction.streaming import Step, StreamingDetector

LONGEST_GAP = 100
"""Empty steps after which the detector starts anew instead of running through them."""


def energy(accumulates: float) -> ModelledEnergy:
    """Modelled energy of so many accumulates."""
    return operation_energy(Counts(acs=accumulates))


class EventSteps:
    """Cuts events into the detector's time steps; a place fires if any pixel of it did.

    Args:
        detector: trained.
        width: columns of the sensor.
        height: rows.
        downsample: columns and rows of the sensor that are one place; what is left over at the
            right and the bottom is not seen.
        certainty: see `StreamingDetector`.
        least: likewise.

    Raises:
        ValueError: the sensor is smaller than one place.

    """

    def __init__(
        self,
        detector: MotionDetector,
        width: int,
        height: int,
        downsample: int,
        certainty: float,
        least: int,
    ) -> None:
        self.sensor, self._by = (width, height), downsample
        columns, rows = width // downsample, height // downsample
        if min(columns, rows) < 1:
            raise ValueError(
                f"a sensor of {width}x{height} has no place of {downsample} pixels; "
                "lower 'downsample'"
            )
        self._core = StreamingDetector(detector, columns, rows, certainty, least)
        self._step_us = round(detector.config.dt * 1e6)
        speed = downsample / detector.config.dt
        self._velocities = (detector.config.motions().velocities() * speed).astype(np.float32)
        self._spikes = np.zeros((2, rows, columns), np.uint8)
        self._index: int | None = None

    def feed(self, events: Events) -> list[Step]:
        """The steps that these events complete.

        Args:
            events: in order, none before those given earlier.

        """
        done: list[Step] = []
        if len(events) == 0:
            return done
        index = events.t // self._step_us
        if self._index is None:
            self._index = int(index[0])
        cuts = np.flatnonzero(np.diff(index)) + 1
        for part, at in zip(
            np.split(np.arange(len(events)), cuts), index[np.r_[0, cuts]], strict=True
        ):
            done += self._until(int(at))
            piece = events[slice(int(part[0]), int(part[-1]) + 1)]
            x, y = piece.x // self._by, piece.y // self._by
            inside = (x < self._spikes.shape[2]) & (y < self._spikes.shape[1])
            self._spikes[piece.p[inside], y[inside], x[inside]] = 1
        return done

    def _until(self, index: int) -> list[Step]:
        """Finish all steps before one."""
        assert self._index is not None
        if index - self._index > LONGEST_GAP:
            done = [self._finish()]
            self._core.reset()
            self._index = index
            return done
        done = []
        while self._index < index:
            done.append(self._finish())
            self._index += 1
        return done

    def _finish(self) -> Step:
        step = self._core.step(self._spikes)
        self._spikes[:] = 0
        return step

    def flow(self, steps: Sequence[Step]) -> NDArray[np.float32]:
        """(height, width, 2) px/s, columns and rows: the mean of what won at a place, else NaN."""
        rows, columns = self._spikes.shape[1:]
        total, count = np.zeros((rows, columns, 2), np.float32), np.zeros((rows, columns), np.int32)
        for step in steps:
            won = step.motion >= 0
            total[won] += self._velocities[step.motion[won]]
            count[won] += 1
        places = np.full_like(total, np.nan)
        np.divide(total, count[..., None], out=places, where=count[..., None] > 0)
        width, height = self.sensor
        flow = np.full((height, width, 2), np.nan, np.float32)
        large = places.repeat(self._by, 0).repeat(self._by, 1)
        flow[: large.shape[0], : large.shape[1]] = large
        return flow
