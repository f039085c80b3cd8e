"""From place to place by three conventional PIDs (slot `controller`)."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.control.pid.config import GAINS, PidConfig
from spikeloop.control.pid.tour import ErrorPid, Tour, TourConfig
from spikeloop.nodes.running import run_node
from spikeloop.nodes.touring import TouringNode
from spikeloop.parameters import parameter

_WHAT = "Gains of the {}: kp, ki, kd and the time constant of the derivative's filter (s)."


@dataclass(frozen=True)
class TourPidConfig(TourConfig):
    """The three PIDs."""

    up: tuple[float, ...] = parameter(
        (1.345, 0.05973, 2.164, 0.3954), _WHAT.format("altitude"), low=0.0, high=1000.0, fixed=True
    )
    forward: tuple[float, ...] = parameter(
        (0.4, 0.01, 2.5, 0.3), _WHAT.format("way ahead"), low=0.0, high=1000.0, fixed=True
    )
    turn: tuple[float, ...] = parameter(
        (1.6, 0.04, 2.4, 0.3), _WHAT.format("heading"), low=0.0, high=1000.0, fixed=True
    )

    def __post_init__(self) -> None:
        """Refuse another number of gains."""
        for name in ("up", "forward", "turn"):
            if len(getattr(self, name)) != 4:
                raise ValueError(f"{name} needs 4 values (kp, ki, kd, filter)")


class TourPidNode(TouringNode):
    """Localisation and place in, thrusters out."""

    text = "Flies a blimp from place to place by three PIDs: altitude, way ahead, heading."
    config_type = TourPidConfig
    config: TourPidConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the controllers."""
        config = self.config
        gains = [
            dict(zip(GAINS, four, strict=True)) for four in (config.up, config.forward, config.turn)
        ]
        axes = [ErrorPid(PidConfig(**one, period=config.period)) for one in gains]
        self.tour = Tour(config, axes)
        return super().on_configure(state)


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(TourPidNode, args)
