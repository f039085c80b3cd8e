"""Health of an input: alive, fresh, on rate, finite, not frozen.

The limits come from the slot table. Silence is judged by the steady clock, so a clock that stops
doesn't hide a dead sensor; freshness by stamps.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass

FROZEN_SAMPLES = 7
"""A quantised sensor repeats itself by chance; so many times in a row it doesn't."""


class Level(enum.IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class HealthLimits:
    """When an input counts as unhealthy.

    Attributes:
        silent_after_s: longest pause between messages by the steady clock; 0 for no limit.
        frozen_after_s: how long identical data may repeat, by stamps; 0 for no limit.
        fresh_within_s: how old a stamp may be on arrival; 0 for no limit.

    """

    silent_after_s: float = 0.0
    frozen_after_s: float = 0.0
    fresh_within_s: float = 0.0


class InputHealth:
    """Watches one input. `update` judges each message, `status` answers at any time."""

    def __init__(self, name: str, limits: HealthLimits) -> None:
        """Watch the input `name` from now on; nothing has come yet."""
        self.name = name
        self.received = 0
        self._limits = limits
        self._fault = ""
        self._arrivals: deque[int] = deque(maxlen=50)
        self._stamp_ns: int | None = None
        self._same_since_ns: int | None = None
        self._same_count = 0
        self._content: object = None
        self._began_ns: int | None = None

    def update(
        self, stamp_ns: int, steady_ns: int, now_ns: int, finite: bool, content: object = None
    ) -> str:
        """Judge one message.

        Args:
            stamp_ns: its stamp.
            steady_ns: steady clock at arrival.
            now_ns: clock that the stamp belongs to, at arrival.
            finite: whether all its numbers are finite.
            content: something hashable that is equal exactly when the data are; None to leave
                the check for frozen data out.

        Returns:
            What is wrong with it, empty if nothing is.

        """
        self.received += 1
        self._arrivals.append(steady_ns)
        self._fault = self._judge(stamp_ns, now_ns, finite, content)
        self._stamp_ns = stamp_ns
        return self._fault

    def _judge(self, stamp_ns: int, now_ns: int, finite: bool, content: object) -> str:
        if content is None or content != self._content:
            self._content, self._same_since_ns, self._same_count = content, now_ns, 1
        else:
            self._same_count += 1
        if not finite:
            return f"{self.name}: not finite (NaN or Inf)"
        if self._stamp_ns is not None and stamp_ns < self._stamp_ns:
            back = (self._stamp_ns - stamp_ns) / 1e9
            return f"{self.name}: stale, its stamp went back by {back:.3f} s"
        age = (now_ns - stamp_ns) / 1e9
        if self._limits.fresh_within_s and age > self._limits.fresh_within_s:
            return f"{self.name}: stale, its stamp is {age:.3f} s old"
        if self._limits.frozen_after_s and content is not None:
            same = (now_ns - (self._same_since_ns or now_ns)) / 1e9
            if same >= self._limits.frozen_after_s and self._same_count >= FROZEN_SAMPLES:
                return f"{self.name}: frozen, the same data for {same:.2f} s"
        return ""

    def status(self, steady_ns: int) -> tuple[Level, str]:
        """Level and message of the input at a time of the steady clock."""
        if self._began_ns is None:
            self._began_ns = steady_ns
        newest = self._arrivals[-1] if self._arrivals else self._began_ns
        pause = (steady_ns - newest) / 1e9
        if self._limits.silent_after_s and pause > self._limits.silent_after_s:
            since = "since the start" if not self._arrivals else f"for {pause:.2f} s"
            return Level.STALE, f"{self.name}: silent {since}"
        if self._fault:
            return Level.ERROR, self._fault
        return Level.OK, f"{self.name}: {self.rate_hz():.1f} Hz"

    def rate_hz(self) -> float:
        """Mean rate of the last messages, Hz; 0 before the second."""
        if len(self._arrivals) < 2 or self._arrivals[-1] == self._arrivals[0]:
            return 0.0
        return (len(self._arrivals) - 1) * 1e9 / (self._arrivals[-1] - self._arrivals[0])
