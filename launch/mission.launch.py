"""Fly a mission: `ros2 launch spikeloop mission.launch.py mission:=blimp_altitude`.

A slot's node is swapped by `SLOT:=NODE`, such as `controller:=pid`. With `simulator:=gazebo` the
world and the robot are Gazebo's, which must be installed, with ros_gz.
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction

from launch import LaunchDescription
from spikeloop.launching.description import MissionOptions, mission_description
from spikeloop.loop.slots import SLOTS

ARGUMENTS = {
    "mission": ("blimp_altitude", "Mission, by name or YAML file."),
    "seed": ("0", "Seed of the simulator."),
    "duration": ("0", "Simulated time in s; 0 for the mission's own."),
    "realtime": ("false", "Run by the wall clock instead of in lockstep."),
    "pace": ("0", "With realtime, seconds of the world in one of the clock's; 0: the mission's."),
    "report": ("", "Folder for report.json; empty for none."),
    "respawn": ("", "Slots whose node is started again if it dies, separated by commas."),
    "simulator": ("mujoco", "mujoco, or gazebo: in real time, without a report."),
    "window": ("false", "With gazebo: whether its window is shown."),
    "faults": ("", "Sensor faults, separated by commas, such as altitude:nan@12+2."),
}
# Of the slot `simulator` the argument chooses the simulator itself, not a node.
SWAPPED = tuple(name for name in SLOTS if name not in ARGUMENTS)


def _mission(context):
    given = context.launch_configurations
    swaps = {name: given[name] for name in SWAPPED if given.get(name)}
    options = MissionOptions(
        seed=int(given["seed"]),
        duration=float(given["duration"]),
        realtime=given["realtime"].lower() == "true",
        pace=float(given["pace"]),
        report=given["report"],
        faults=tuple(filter(None, given["faults"].split(","))),
        record=bool(given["report"]),
        respawn=tuple(filter(None, given["respawn"].split(","))),
    )
    if given["simulator"] == "gazebo":
        from spikeloop.launching.gazebo import gazebo_description

        headless = given["window"].lower() != "true"
        return gazebo_description(given["mission"], swaps, options, headless=headless).entities
    if given["simulator"] != "mujoco":
        raise ValueError(f"simulator must be mujoco or gazebo, not '{given['simulator']}'")
    return mission_description(given["mission"], swaps, options).entities


def generate_launch_description():
    """Called by launch."""
    arguments = [
        DeclareLaunchArgument(name, default_value=value, description=text)
        for name, (value, text) in ARGUMENTS.items()
    ]
    swaps = [
        DeclareLaunchArgument(name, default_value="", description="Node for this slot instead.")
        for name in SWAPPED
    ]
    return LaunchDescription([*arguments, *swaps, OpaqueFunction(function=_mission)])
