"""Simulated robots and worlds, and the Gymnasium environments made of them.

Importing this registers `ENVIRONMENTS`, such as `spikeloop/CorridorPatrol-v0`;
`gymnasium.make("spikeloop_sim:spikeloop/CorridorPatrol-v0")` does both at once.
"""

from __future__ import annotations

from gymnasium.envs.registration import register

from spikeloop.offscreen import draw_without_display

draw_without_display()

EPISODE_DECISIONS = 1000
PATROL_DECISIONS = 900
TOUR_DECISIONS = 3000
LAP_DECISIONS, ROUTE_DECISIONS = 1500, 6000

ENVIRONMENTS = {
    "BlimpAltitude": ("altitude_env", EPISODE_DECISIONS),
    "IdentifiedBlimpAltitude": ("altitude_env", EPISODE_DECISIONS),
    "CorridorPatrol": ("patrol_env", PATROL_DECISIONS),
    "OfficePatrol": ("patrol_env", PATROL_DECISIONS),
    "RoadPatrol": ("patrol_env", PATROL_DECISIONS),
    "RaceTrackLap": ("lap_env", LAP_DECISIONS),
    "RouteLap": ("lap_env", ROUTE_DECISIONS),
    "BlimpHallTour": ("hall_env", TOUR_DECISIONS),
}
"""Name of each environment: its module, and after how many decisions it is truncated."""

AXES = {
    "BlimpHeading": ("blimp_heading", 1000),
    "BlimpForward": ("blimp_forward", 1600),
    "DiffDriveHeading": ("diff_drive_heading", 400),
    "DiffDriveSpeed": ("diff_drive_speed", 400),
    "QuadrotorRoll": ("quadrotor_roll", 1000),
    "QuadrotorPitch": ("quadrotor_pitch", 1000),
}
"""Name of each environment of one axis: the axis, and after how many decisions it is truncated."""

for _name, (_module, _longest) in ENVIRONMENTS.items():
    register(
        id=f"spikeloop/{_name}-v0",
        entry_point=f"spikeloop_sim.{_module}:{_name}Env",
        max_episode_steps=_longest,
    )

for _name, (_axis, _longest) in AXES.items():
    register(
        id=f"spikeloop/{_name}-v0",
        entry_point="spikeloop_sim.axis_env:AxisEnv",
        kwargs={"axis": _axis},
        max_episode_steps=_longest,
    )
