"""Parameters of the gate."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class GateConfig:
    """What the gate lets through, and what it sends instead."""

    kind: str = parameter(
        "actuators",
        "Type of the commands: 'actuators' (actuator_msgs/Actuators) or 'cmd_vel' (TwistStamped).",
        choices=("actuators", "cmd_vel"),
        fixed=True,
    )
    sources: tuple[str, ...] = parameter(
        (),
        "Topics of raw commands, the most important first; empty for the slot's own.",
        fixed=True,
    )
    stamped: bool = parameter(
        True, "Publish cmd_vel as TwistStamped (true) or Twist (not in lockstep).", fixed=True
    )
    timeout: float = parameter(
        0.3, "A raw command older than this counts for nothing.", unit="s", low=0.01, high=10.0
    )
    low: tuple[float, ...] = parameter(
        (-1.0,), "Smallest value of each element; one value stands for all."
    )
    high: tuple[float, ...] = parameter(
        (1.0,), "Largest value of each element; one value stands for all."
    )
    safe: tuple[float, ...] = parameter(
        (0.0,), "Command that is sent where there is none that may pass; one value for all."
    )
    size: int = parameter(
        1, "How many actuators the robot has (6 for cmd_vel).", low=1, high=64, fixed=True
    )

    def __post_init__(self) -> None:
        """Refuse combinations that can't be meant.

        Raises:
            ValueError: a list of another length, limits in the wrong order, or a safe command
                outside of them.

        """
        if self.kind == "cmd_vel" and self.size != 6:
            raise ValueError(f"parameter 'size' must be 6 for kind 'cmd_vel', not {self.size}")
        for name in ("low", "high", "safe"):
            given = len(getattr(self, name))
            if given not in (1, self.size):
                raise ValueError(
                    f"parameter '{name}' must have 1 or {self.size} (size) values, not {given}"
                )
        for index in range(self.size):
            low, high, safe = (self.element(name, index) for name in ("low", "high", "safe"))
            if not low <= safe <= high:
                raise ValueError(
                    f"element {index}: low <= safe <= high must hold, not {low}, {safe}, {high}"
                )

    def element(self, name: str, index: int) -> float:
        """Value of a list parameter for one actuator."""
        values: tuple[float, ...] = getattr(self, name)
        return values[index] if len(values) > 1 else values[0]
