"""Faults of simulated sensors: NaN, Inf, frozen data, stale stamps, silence."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from spikeloop.parameters import suggestion
from spikeloop_sim.robot import (
    CloudReading,
    ImuReading,
    JointReading,
    OdometryReading,
    RangeReading,
    Reading,
    VectorReading,
)

KINDS = ("nan", "inf", "frozen", "stale", "silent")
_FORM = re.compile(r"(?P<topic>[^:]+):(?P<kind>\w+)@(?P<start>[0-9.]+)(\+(?P<duration>[0-9.]+))?")


@dataclass(frozen=True)
class Fault:
    """One fault of one sensor; it lasts to the end where `duration_s` is infinite."""

    topic: str
    kind: str
    start_s: float
    duration_s: float

    def is_on(self, time_s: float) -> bool:
        """Whether it acts at a time."""
        return self.start_s <= time_s < self.start_s + self.duration_s


def parse_fault(text: str) -> Fault:
    """Read a fault such as "altitude:nan@12+2": from 12 s on, for 2 s.

    Raises:
        ValueError: another form, or an unknown kind.

    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"fault '{text}' must have the form TOPIC:KIND@START+DURATION, in s")
    kind = match["kind"]
    if kind not in KINDS:
        raise ValueError(
            f"fault '{text}': unknown kind '{kind}'{suggestion(kind, KINDS)}; "
            f"there are: {', '.join(KINDS)}"
        )
    duration = float(match["duration"]) if match["duration"] else math.inf
    return Fault(match["topic"], kind, float(match["start"]), duration)


class FaultInjector:
    """Applies faults to readings on their way out."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Apply `faults`, each in its time."""
        self._faults = list(faults)
        self._last: dict[str, tuple[Reading, int]] = {}

    def apply(
        self, topic: str, reading: Reading, stamp_ns: int, time_s: float
    ) -> tuple[Reading, int] | None:
        """The reading and stamp that are sent; None where nothing is sent."""
        kinds = {
            fault.kind for fault in self._faults if fault.topic == topic and fault.is_on(time_s)
        }
        last_reading, last_stamp = self._last.get(topic, (reading, stamp_ns))
        if "silent" in kinds:
            return None
        if "frozen" in kinds:
            reading = last_reading
        if "stale" in kinds:
            stamp_ns = last_stamp
        if not kinds & {"frozen", "stale"}:
            self._last[topic] = (reading, stamp_ns)
        if kinds & {"nan", "inf"}:
            reading = _filled(reading, math.nan if "nan" in kinds else math.inf)
        return reading, stamp_ns


def _filled(reading: Reading, value: float) -> Reading:
    """The reading with a value in the place of each number; as it is where it has no such."""
    if isinstance(reading, RangeReading):
        return replace(reading, distance=value)
    if isinstance(reading, ImuReading):
        return ImuReading((value,) * 3, (value,) * 3)
    if isinstance(reading, OdometryReading):
        return replace(reading, position=(value,) * 3)
    if isinstance(reading, VectorReading):
        return replace(reading, values=(value,) * len(reading.values))
    if isinstance(reading, JointReading):
        return replace(reading, positions=(value,) * len(reading.positions))
    if isinstance(reading, CloudReading):
        points = reading.points.copy()
        for axis in "xyz":
            points[axis] = value
        return CloudReading(points)
    return reading
