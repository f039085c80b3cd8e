"""The robot base: what stands between commands and thrusters, with a time-out of its own.

A real base stops by itself when the computer that commands it falls silent; so does this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Base:
    """Holds the newest valid command, and falls back to the safe one when it is too old."""

    def __init__(self, safe_command: NDArray[np.float64], timeout_s: float) -> None:
        """Start with the safe command, which isn't counted as a stop.

        Args:
            safe_command: (actuators,) what is applied without a valid command.
            timeout_s: age at which a command counts for nothing, s.

        """
        self.safety_stops: list[tuple[float, str]] = []
        self.refused: dict[str, int] = {}
        self._safe = safe_command
        self._timeout_ns = round(timeout_s * 1e9)
        self._command = safe_command
        self._accepted_ns: int | None = None
        self._stopped = ""

    def accept(self, values: Sequence[float], now_ns: int) -> bool:
        """Take a command, (actuators,); False, and counted, if it is of wrong length or not finite.

        A non-finite command never gets further than here.
        """
        fault = self.fault_of(values)
        if fault:
            self.refused[fault] = self.refused.get(fault, 0) + 1
            return False
        self._command = np.asarray(values, dtype=np.float64)
        self._accepted_ns = now_ns
        self._stopped = ""
        return True

    def fault_of(self, values: Sequence[float]) -> str:
        """What keeps values from being a command; empty where nothing does."""
        if len(values) != len(self._safe):
            return f"{len(values)} values instead of {len(self._safe)}"
        if not all(math.isfinite(value) for value in values):
            return "not finite (NaN or Inf)"
        return ""

    def stop(self, reason: str, time_s: float) -> None:
        """Fall back to the safe command at once."""
        self._command = self._safe
        self._accepted_ns = None
        if not self._stopped:
            self._stopped = reason
            self.safety_stops.append((time_s, reason))

    def command(self, now_ns: int, time_s: float) -> NDArray[np.float64]:
        """What the thrusters get now, (actuators,)."""
        if self._accepted_ns is not None and now_ns - self._accepted_ns > self._timeout_ns:
            self.stop(f"no valid command for {self._timeout_ns / 1e9:g} s", time_s)
        return self._command
