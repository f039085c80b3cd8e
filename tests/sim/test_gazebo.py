"""Worlds and robots for Gazebo: judged by SDF's own parser, and against MuJoCo's models."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
import yaml
from spikeloop_sim.diff_drive_config import DiffDriveConfig
from spikeloop_sim.event_camera.config import EventCameraConfig, ideal
from spikeloop_sim.event_camera.pictures import PictureEventCamera
from spikeloop_sim.gazebo.bridge import BridgeFileError, bridge_yaml, bridged_topics, check_bridge
from spikeloop_sim.gazebo.export import export
from spikeloop_sim.worlds.catalogue import make_scene
from spikeloop_sim.worlds.mjcf import SEEN, SOLID, to_spec
from spikeloop_sim.worlds.sdf_import import read_world

from spikeloop.launching.description import MissionOptions
from spikeloop.launching.gazebo import gazebo_description, goal_of
from spikeloop.loop.mission import MissionError, load_mission
from spikeloop.loop.slots import TOPICS

MODELS = Path(__file__).parents[1] / "data" / "robot_models"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gazebo")
    export("corridor", 3, folder)
    return folder


def parsed(file: Path) -> str:
    """What SDF's own parser makes of a file, with its defaults filled in."""
    program = shutil.which("ign") or shutil.which("gz")
    assert program, "apt-get install libsdformat-dev ignition-tools, for SDF's own parser"
    checked = subprocess.run([program, "sdf", "-k", file], capture_output=True, text=True)
    assert "Valid." in checked.stdout, checked.stdout + checked.stderr
    printed = subprocess.run([program, "sdf", "-p", file], capture_output=True, text=True)
    assert printed.returncode == 0 and "Warning" not in printed.stderr, printed.stderr
    return printed.stdout


def test_sdf_is_valid_and_read_as_it_was_meant(written: Path) -> None:
    root = ET.fromstring(parsed(written / "world.sdf"))
    assert root.get("version") == "1.9"
    world = root.find("world")
    assert world is not None
    robot = world.find("model[@name='diff_drive']")
    assert robot is not None
    sensors = {s.findtext("topic"): s.get("type") for s in robot.iter("sensor")}
    assert sensors == {
        "imu/data": "imu", "lidar": "gpu_lidar", "camera/image_raw": "camera",
        "event_camera/source": "camera",
    }  # fmt: skip
    masses = [float(m.text or 0) for m in robot.iter("mass")]
    assert sum(masses) == pytest.approx(10.0 + 2 * 0.8)
    for uri in [*root.iter("uri"), *root.iter("albedo_map")]:
        assert (written / (uri.text or "")).is_file()


def test_sdf_and_mujoco_have_the_same_solids(written: Path) -> None:
    scene = make_scene("corridor", 3)
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    made = [s for s in read_world(written / "world.sdf").scene.shapes if s.instance == "scenery"]
    solid = [s for s in made if s.collides]
    chosen = np.flatnonzero((model.geom_group == SOLID) & (model.geom_contype > 0))
    assert len(solid) == len(chosen) > 20
    for shape, geom in zip(solid, chosen, strict=True):
        assert shape.pose.position == pytest.approx(data.geom_xpos[geom], abs=1e-6)
        if shape.kind != "mesh":
            assert shape.size == pytest.approx(model.geom_size[geom][: len(shape.size)], abs=1e-6)
    seen = [s for s in made if s.kind == "mesh" and not s.collides]
    meshes = read_world(written / "world.sdf").scene.meshes
    written_points = np.concatenate([meshes[s.mesh].vertices for s in seen])
    drawn = []
    for geom in np.flatnonzero(model.geom_group == SEEN):
        mesh = model.geom_dataid[geom]
        begin = model.mesh_vertadr[mesh]
        points = model.mesh_vert[begin : begin + model.mesh_vertnum[mesh]]
        drawn.append(points @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom])
    points = np.concatenate(drawn)
    assert len(points) == len(written_points)
    assert points == pytest.approx(written_points, abs=1e-3)


def test_bridge_has_the_topics_of_the_slots_and_passes_the_check() -> None:
    text = bridge_yaml(DiffDriveConfig())
    entries = check_bridge(text, "ours")
    for entry in entries:
        if entry["ros_topic_name"] == "cmd_vel":
            assert entry["direction"] == "ROS_TO_GZ"
        assert TOPICS[entry["ros_topic_name"]].type == entry["ros_type_name"]
    assert {e["ros_topic_name"] for e in entries} >= {"/clock", "odom", "lidar/points", "imu/data"}
    fewer = bridged_topics(DiffDriveConfig(lidar="none", camera=False, event_camera=False))
    assert len(fewer) == len(entries) - 5


def test_the_real_bridge_file_passes_the_check() -> None:
    entries = check_bridge((MODELS / "turtlebot3_waffle_bridge.yaml").read_text(), "theirs")
    assert len(entries) == 7


@pytest.mark.parametrize("change, said", [
    ({"derection": "GZ_TO_ROS"}, "did you mean 'direction'"),
    ({"direction": "GZ_TO_ROZ"}, "did you mean 'GZ_TO_ROS'"),
    ({"ros_type_name": "sensor_msgs/msg/Imo"}, "did you mean 'sensor_msgs/msg/Imu'"),
    ({"gz_type_name": "gz.msgs.Image"}, "goes with gz.msgs.IMU"),
    ({"topic_name": "imu"}, "topic_name alone"),
])  # fmt: skip
def test_faults_of_a_bridge_file_are_named(change: dict[str, str], said: str) -> None:
    entry = {"ros_topic_name": "imu", "ros_type_name": "sensor_msgs/msg/Imu",
             "gz_type_name": "gz.msgs.IMU", "direction": "GZ_TO_ROS"}  # fmt: skip
    with pytest.raises(BridgeFileError, match=said):
        check_bridge(yaml.safe_dump([{**entry, **change}]), "file")


def test_the_launch_has_gazebo_the_bridge_and_the_missions_nodes(tmp_path: Path) -> None:
    options = MissionOptions(seed=4)
    description = gazebo_description("corridor_patrol", {}, options, tmp_path)
    commands: list[Any] = [getattr(action, "cmd", None) for action in description.entities]
    text = " ".join(str(command) for command in commands)
    assert str(tmp_path / "world.sdf") in text and "ros2" in text
    scene = make_scene("corridor", 1_000_004)
    goal = goal_of(load_mission("corridor_patrol"), scene)
    assert goal is not None and scene.goal is not None
    # The corridor starts along x, 1.4 m from the origin.
    assert goal == pytest.approx((scene.goal[0] - 1.4, scene.goal[1]))
    with pytest.raises(MissionError, match="isn't written for Gazebo"):
        gazebo_description("blimp_altitude", {}, options, tmp_path)


def test_a_ramp_of_log_light_makes_one_event_a_threshold() -> None:
    config = ideal(EventCameraConfig(threshold_mismatch=0.0))
    camera = PictureEventCamera(20, 12, config, 1)
    span = 2.0  # in log intensity, over a second
    events = []
    for k in range(11):
        light = np.full((12, 20), np.float32(0.1 * np.exp(span * k / 10)))
        events.append(camera.look(light, 100_000 * k))
    total = sum(len(part) for part in events)
    assert total / 240 == pytest.approx(span / 0.2, abs=0.6)
    assert all((part.p == 1).all() for part in events)
    # Steady change, so the events of all pixels are spread evenly.
    times = np.concatenate([part.t for part in events])
    counts = np.histogram(times, 10, (0, 1_000_000))[0]
    assert counts[1:] == pytest.approx(240, rel=0.03)


def test_a_still_picture_is_silent_and_a_reset_forgets() -> None:
    camera = PictureEventCamera(20, 12, ideal(EventCameraConfig()), 1)
    random = np.random.default_rng(2)
    first, second = random.random((2, 12, 20), np.float32)
    assert [len(camera.look(first, t)) for t in (0, 10_000, 20_000)] == [0, 0, 0]
    made = camera.look(second, 30_000)
    assert len(made) > 100 and made.t.min() >= 20_000 and made.t.max() < 30_000
    camera.reset(1)
    assert len(camera.look(first, 0)) == 0
    again = camera.look(second, 10_000)
    # The same differences; only the part of an event that had built up is new.
    assert len(again) == pytest.approx(len(made), rel=0.1)


def test_impossible_pictures_are_refused() -> None:
    camera = PictureEventCamera(20, 12)
    camera.look(np.ones((12, 20), np.float32), 1000)
    for picture, time_us, said in (
        (np.ones((12, 21), np.float32), 2000, "21 x 12"),
        (np.full((12, 20), np.nan, np.float32), 2000, "finite"),
        (np.ones((12, 20), np.float32), 1000, "0 us after"),
        (np.ones((12, 20), np.float32), 2_000_000, "within a second"),
    ):
        with pytest.raises(ValueError, match=said):
            camera.look(picture, time_us)
