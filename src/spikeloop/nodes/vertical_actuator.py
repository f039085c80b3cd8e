"""What controllers of the altitude have in common: the one actuator that they drive."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from actuator_msgs.msg import Actuators

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class VerticalActuatorConfig:
    """Which of the robot's actuators moves it up."""

    actuators: int = parameter(3, "How many actuators the robot has.", low=1, high=64, fixed=True)
    actuator: int = parameter(
        0, "Index of the actuator that moves the robot up; the others get 0.", low=0, high=63
    )

    def __post_init__(self) -> None:
        """Refuse an actuator that isn't there.

        Raises:
            ValueError: `actuator` isn't below `actuators`.

        """
        if self.actuator >= self.actuators:
            raise ValueError(
                f"actuator ({self.actuator}) must be below actuators ({self.actuators})"
            )

    def command(self, thrust: float) -> Actuators:
        """The message that drives it with `thrust`, normalised, and all others with 0."""
        values = [0.0] * self.actuators
        values[self.actuator] = thrust
        return Actuators(normalized=array("d", values))
