"""The gate: what may reach the actuators, and what is sent instead.

It keeps no state but the newest command of each source and the latching stop, so one that is
started again in mid-run carries on at the next command.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spikeloop.control.gate.config import GateConfig

WAITING = "no command yet"


@dataclass(frozen=True)
class Decision:
    """A command for the actuators.

    Attributes:
        values: one a actuator, always finite and within the limits.
        safe: whether it is the safe command, sent for `reason`.
        reason: why the safe command is sent, or what was changed; empty where nothing was.

    """

    values: tuple[float, ...]
    safe: bool
    reason: str


@dataclass(frozen=True)
class _Raw:
    values: tuple[float, ...]
    fault: str
    arrived_ns: int


class Gate:
    """Chooses among sources by priority, checks, limits, times out and stops."""

    def __init__(self, config: GateConfig, sources: Sequence[str]) -> None:
        """Start with no command; `sources` is in order of priority, the most important first."""
        self.config = config
        self.stopped = ""
        self._sources = tuple(sources)
        self._newest: dict[str, _Raw] = {}

    def stop(self, reason: str) -> None:
        """Latch the stop: only the safe command passes until `release`."""
        self.stopped = reason

    def release(self) -> None:
        """Let commands pass again; commands from before don't count."""
        self.stopped = ""
        self.forget()

    def forget(self) -> None:
        """Let commands from before count no more."""
        self._newest.clear()

    def accept(self, source: str, values: Sequence[float], age_ns: int, now_ns: int) -> Decision:
        """Take a raw command and decide.

        Args:
            source: its topic.
            values: its elements, (size,); an empty one says that the controller has no command.
            age_ns: age of the measurement behind it.
            now_ns: steady time.

        Raises:
            KeyError: `source` is none of the gate's.

        """
        if source not in self._sources:
            raise KeyError(f"'{source}' is none of the gate's sources {self._sources}")
        fault = self._fault(source, values, age_ns)
        self._newest[source] = _Raw(tuple(float(v) for v in values), fault, now_ns)
        return self.decide(now_ns)

    def decide(self, now_ns: int) -> Decision:
        """What the actuators are to get at a steady time."""
        if self.stopped:
            return self._safe(f"stopped: {self.stopped}")
        reasons = []
        for source in self._sources:
            raw = self._newest.get(source)
            if raw is None:
                continue
            silence = (now_ns - raw.arrived_ns) / 1e9
            if silence > self.config.timeout:
                reasons.append(f"{source}: silent for {silence:.2f} s")
            elif raw.fault:
                reasons.append(raw.fault)
            else:
                return self._limited(source, raw.values)
        return self._safe("; ".join(reasons) or WAITING)

    def _fault(self, source: str, values: Sequence[float], age_ns: int) -> str:
        if len(values) == 0:
            return f"{source}: its controller has no command"
        if len(values) != self.config.size:
            return f"{source}: {len(values)} values, but the robot takes {self.config.size}"
        if not all(math.isfinite(value) for value in values):
            return f"{source}: not finite (NaN or Inf)"
        if age_ns > self.config.timeout * 1e9:
            return f"{source}: stale, the measurement behind it is {age_ns / 1e9:.2f} s old"
        return ""

    def _limited(self, source: str, values: tuple[float, ...]) -> Decision:
        config = self.config
        limited = tuple(
            min(max(value, config.element("low", i)), config.element("high", i))
            for i, value in enumerate(values)
        )
        reason = "" if limited == values else f"{source}: limited"
        return Decision(limited, safe=False, reason=reason)

    def _safe(self, reason: str) -> Decision:
        values = tuple(self.config.element("safe", i) for i in range(self.config.size))
        return Decision(values, safe=True, reason=reason)
