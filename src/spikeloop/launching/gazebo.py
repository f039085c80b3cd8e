"""A mission's nodes with Gazebo in place of our simulator.

Gazebo runs in real time, so there is no lockstep and no report: the mission's nodes, set-points and
goal are the same, its criteria aren't judged. Needed are Gazebo (Harmonic or later) and ros_gz.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from launch.actions import ExecuteProcess, Shutdown
from launch_ros.actions import Node
from spikeloop_sim.diff_drive import USUAL_WORLD
from spikeloop_sim.diff_drive_body import description
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.gazebo.export import BRIDGE, WORLD, export
from spikeloop_sim.worlds.catalogue import TEST, make_scene
from spikeloop_sim.worlds.scene import Scene
from spikeloop_sim.worlds.triangles import rotation

from launch import LaunchDescription
from spikeloop.launching.description import (
    MissionOptions,
    environment,
    mission_nodes,
    node_action,
    slot_action,
)
from spikeloop.loop.mission import OF_WORLD, Mission, MissionError, load_mission
from spikeloop.loop.slots import TOPICS
from spikeloop.parameters import build_config

ROBOT, SEEN_BY = "diff_drive", "gazebo_event_camera"


def gazebo_description(
    name: str,
    swaps: Mapping[str, str],
    options: MissionOptions,
    folder: Path | None = None,
    *,
    headless: bool = True,
) -> LaunchDescription:
    """All processes of a mission in Gazebo.

    Args:
        name: of the mission, or its YAML file.
        swaps: nodes by slot, instead of the mission's.
        options: the seed; the rest is for our own simulator.
        folder: where world and bridge configuration are written; a new one where None.
        headless: without Gazebo's window.

    Raises:
        MissionError, UnknownNodeError, ParameterError: see `mission_description`; or the mission's
            robot or world isn't one that is written for Gazebo.

    """
    mission = load_mission(name)
    nodes = mission_nodes(mission, swaps)
    where = folder or Path(tempfile.mkdtemp(prefix="spikeloop-gazebo-"))
    scene = _export(mission, options, where)
    flags = ["-r", *(["-s", "--headless-rendering"] if headless else [])]
    actions: list[Any] = [
        *environment(TOPICS),
        ExecuteProcess(
            cmd=["gz", "sim", *flags, str(where / WORLD)],
            # The meshes have names relative to the world's file.
            additional_env={"GZ_SIM_RESOURCE_PATH": str(where)},
            output="screen",
            on_exit=Shutdown(reason="Gazebo ended"),
        ),
        _foreign("ros_gz_bridge", "parameter_bridge", {"config_file": str(where / BRIDGE)}),
        _foreign(
            "robot_state_publisher", "robot_state_publisher", {"robot_description": description()}
        ),
        node_action(SEEN_BY, [{"use_sim_time": True, "seed": options.seed}]),
    ]
    for slot_name, node in nodes.items():
        actions.append(slot_action(mission, slot_name, node, options, ""))
    if goal := goal_of(mission, scene):
        actions.append(ExecuteProcess(cmd=_publish(goal), output="log"))
    watched = [f"/{node}" for node in (*nodes.values(), SEEN_BY)]
    actions.append(node_action("monitor", [{"watch": watched, "use_sim_time": True}]))
    return LaunchDescription(actions)


def _foreign(package: str, executable: str, parameters: dict[str, Any]) -> Node:
    """A node of ROS's own, with whose end all ends."""
    return Node(
        package=package,
        executable=executable,
        name=executable,
        output="screen",
        parameters=[{**parameters, "use_sim_time": True}],
        on_exit=Shutdown(reason=f"{executable} ended"),
    )


def _publish(goal: tuple[float, float]) -> list[str]:
    """The command that keeps the set-point on its topic."""
    pose = f"{{position: {{x: {goal[0]:.4f}, y: {goal[1]:.4f}}}, orientation: {{w: 1.0}}}}"
    message = f"{{header: {{frame_id: odom}}, pose: {pose}}}"
    lasting = ["--qos-durability", "transient_local", "--qos-reliability", "reliable"]
    kind = "geometry_msgs/msg/PoseStamped"
    return ["ros2", "topic", "pub", "-r", "1", *lasting, "setpoint", kind, message]


def _export(mission: Mission, options: MissionOptions, folder: Path) -> Scene:
    if mission.robot != ROBOT:
        raise MissionError(
            f"mission '{mission.name}': robot '{mission.robot}' isn't written for Gazebo; "
            f"only '{ROBOT}' is"
        )
    config = build_config(DiffDriveConfig, mission.robot_parameters, f"robot '{ROBOT}': ")
    world, seed = mission.world or USUAL_WORLD, TEST + options.seed
    export(world, seed, folder, mission.world_parameters, config)
    return make_scene(world, seed, mission.world_parameters)


def goal_of(mission: Mission, scene: Scene) -> tuple[float, float] | None:
    """x, y of the mission's goal from where the robot starts, where its odometry begins, m.

    Raises:
        MissionError: the mission asks for a goal that the world doesn't have, or for more than
            one place.

    """
    if mission.setpoints or mission.route is not None:
        raise MissionError(f"mission '{mission.name}': only a goal can be given in Gazebo")
    goal = scene.goal if mission.goal == OF_WORLD else mission.goal
    if mission.goal is None:
        return None
    if goal is None or isinstance(goal, str):
        raise MissionError(f"mission '{mission.name}': world '{mission.world}' has no goal")
    x, y, _ = scene.start.position
    turn = rotation(scene.start.orientation)[:2, :2].T
    ahead = turn @ np.array([goal[0] - x, goal[1] - y])
    return float(ahead[0]), float(ahead[1])
