"""The event camera's pixels in front of pictures of somebody else's, such as Gazebo's camera.

Between two pictures each pixel's log intensity is taken to change linearly: nothing is known of
what moved. That is right for slow motion alone. Against pictures at 2 kHz of the same room,
pictures every 10 ms miss 2 % of the events at 70 px/s, 12 % at 250 px/s and 23 % at 450 px/s, and
stamp them 0.9 to 1.6 ms off; the camera on MuJoCo, which knows depth and motion, is the better one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.event_camera import paths
from spikeloop_sim.event_camera.camera import EventCamera
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.event_camera.optics import Pinhole

_FIELD_RAD = 1.0
_NO_JUMP = -1


class PictureEventCamera(EventCamera):
    """Events from a series of pictures."""

    def __init__(
        self, width: int, height: int, config: EventCameraConfig | None = None, seed: int = 0
    ) -> None:
        """Draw the pixels' mismatch.

        Args:
            width: columns of the pictures.
            height: rows.
            config: parameters of pixels and read-out; those of keyframes have no meaning here.
            seed: of mismatch and noise.

        Raises:
            ValueError: a negative seed, or a picture without pixels.

        """
        self._prepare(Pinhole.of_field(width, height, _FIELD_RAD), config)
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Begin anew; the next picture is the first."""
        super().reset(seed)
        self._before: tuple[int, NDArray[np.float32], NDArray[np.float32]] | None = None

    def look(self, luminance: NDArray[np.float32], time_us: int) -> Events:
        """Events since the last picture; none from the first.

        Args:
            luminance: (height, width) float32, linear, 1 for a white surface in full light.
            time_us: when it was taken, us, above that of the last one.

        Returns:
            events with last time <= t < time_us, in order.

        Raises:
            ValueError: another size, a value that isn't finite, or a time that doesn't advance,
                or by more than a second.

        """
        lens, config = self.lens, self.config
        if luminance.shape != (lens.height, lens.width):
            raise ValueError(
                f"a picture of {luminance.shape[1]} x {luminance.shape[0]} for a camera of "
                f"{lens.width} x {lens.height} pixels"
            )
        if not np.isfinite(luminance).all():
            raise ValueError("the picture has values that aren't finite")
        light = config.scene_lux * np.maximum(luminance, 0.0) + config.dark_lux
        pixels = np.log(light).astype(np.float32)
        log: NDArray[np.float32] = np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1)
        before = self._before
        if before is not None and not 0 < time_us - before[0] <= 1_000_000:
            raise ValueError(
                f"a picture {time_us - before[0]} us after the last one; it must come within a "
                "second after it"
            )
        reach = paths.ranges(log, lens.height, lens.width)
        self._before = (time_us, log, reach)
        if before is None:
            self._state[0], self._state[1] = pixels.ravel(), pixels.ravel() - self._head_start
            return Events.none(lens.width, lens.height)
        began_us, earlier, earlier_reach = before
        both = np.stack(
            [
                np.minimum(earlier_reach[..., 0], reach[..., 0]),
                np.maximum(earlier_reach[..., 1], reach[..., 1]),
            ],
            axis=-1,
        )
        span_us = time_us - began_us
        when, what = self._run(np.float32(span_us), *self._standing(earlier, log), both, self._ends)
        return self._readout.read(when, what, began_us, span_us, self._random)

    def close(self) -> None:
        """Nothing is held."""

    def _standing(
        self, earlier: NDArray[np.float32], later: NDArray[np.float32]
    ) -> tuple[NDArray[np.generic], ...]:
        """Arguments of `pixels.run` for a scene in which nothing moves but the light changes."""
        height, width = self.lens.height, self.lens.width
        flow = np.zeros((height, width, 3), np.float32)
        flow[..., 2] = 1.0
        depth, mask = np.ones((height, width), np.float32), np.zeros((height, width), np.uint8)
        front = np.ones((height, width, 4), np.float32)
        return flow, flow, earlier, later, depth, depth, mask, mask, front, front

    @property
    def _ends(self) -> NDArray[np.int32]:
        """No tile has a jump of the displacement."""
        tiles = (-(-self.lens.height // paths.TILE), -(-self.lens.width // paths.TILE), 4)
        return np.full(tiles, _NO_JUMP, np.int32)
