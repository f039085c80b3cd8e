"""Parameters of the reactive LiDAR controller."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class LidarReactiveConfig:
    """The robot's size, how it drives, and what makes a direction a good one."""

    radius: float = parameter(
        0.26, "Of a circle around base_link that holds the robot.", unit="m", low=0.02, high=3.0
    )
    margin: float = parameter(
        0.08, "What is kept free beside the robot.", unit="m", low=0.0, high=2.0
    )
    speed: float = parameter(0.7, "Cruising speed.", unit="m/s", low=0.02, high=5.0)
    turn_rate: float = parameter(1.5, "Largest turn rate.", unit="rad/s", low=0.05, high=8.0)
    deceleration: float = parameter(
        0.6, "How hard it counts on braking.", unit="m/s^2", low=0.05, high=10.0
    )
    turn_gain: float = parameter(
        2.5, "Turn rate over the angle to the chosen direction.", unit="1/s", low=0.1, high=20.0
    )
    turn_first: float = parameter(
        0.9, "Angle beyond which it turns on the spot.", unit="rad", low=0.1, high=3.2
    )
    look_ahead: float = parameter(
        2.0, "A direction that is free so far is free.", unit="m", low=0.2, high=20.0
    )
    free_least: float = parameter(
        0.35, "A direction that is free less far is none.", unit="m", low=0.02, high=5.0
    )
    goal_weight: float = parameter(1.0, "Cost of an angle to the goal.", low=0.0)
    heading_weight: float = parameter(0.4, "Cost of an angle to where it looks.", low=0.0)
    change_weight: float = parameter(0.5, "Cost of an angle to the last choice.", low=0.0)
    blocked_weight: float = parameter(
        2.0, "Cost of a direction that isn't free at all; less where it is free in part.", low=0.0
    )
    past_weight: float = parameter(
        2.5, "Cost of a direction that leads back to where it has been.", low=0.0
    )
    past_spacing: float = parameter(
        0.4, "Way between two places that are remembered.", unit="m", low=0.05, high=5.0
    )
    arrived: float = parameter(
        0.3, "Nearer to the goal than this it stops.", unit="m", low=0.01, high=5.0
    )
    memory: float = parameter(
        1.0, "How long near obstacles are remembered.", unit="s", low=0.0, high=10.0
    )
    lidar_forward: float = parameter(
        0.0, "Where the LiDAR is in base_link, x.", unit="m", low=-5.0, high=5.0
    )
    lidar_height: float = parameter(
        0.33, "Where the LiDAR is in base_link, z.", unit="m", low=0.0, high=5.0
    )
    low: float = parameter(
        0.06, "Points below this height are ground.", unit="m", low=-1.0, high=2.0
    )
    high: float = parameter(
        0.45, "Points above this height are passed under.", unit="m", low=0.0, high=5.0
    )

    def __post_init__(self) -> None:
        """Refuse heights in the wrong order."""
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) isn't below high ({self.high:g})")
