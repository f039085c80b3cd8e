"""Somebody's SDF becomes a robot: known places, numbers and notes; it drives; errors name it."""

from __future__ import annotations

import math
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from spikeloop_sim.diff_drive import DiffDrive
from spikeloop_sim.model_files.meshes import triangles
from spikeloop_sim.model_files.parts import ModelFileError
from spikeloop_sim.robot_file import read_robot
from spikeloop_sim.robots import make_robot
from spikeloop_sim.worlds.sdf_import import read_world

from spikeloop.cli.main import main

DATA = Path(__file__).parents[1] / "data"
COURIER = DATA / "sdf_robot" / "courier.sdf"
BLIND = {"event_camera": False, "camera": False, "lidar_rows": 2, "lidar_columns": 90}


def test_all_that_the_file_says_is_where_it_says() -> None:
    body, model = read_robot(COURIER)
    assert body.root == "chassis" and body.lift == pytest.approx(0.16)
    assert body.track == pytest.approx(0.34) and body.radius == pytest.approx(0.1)
    left, right = body.wheels
    assert (left.joint, right.joint) == ("left_hub", "right_hub")
    # The right one has no shape to collide, so its radius is the plugin's.
    assert left.position == pytest.approx((0.05, 0.17, -0.06))
    assert right.position == pytest.approx((0.05, -0.17, -0.06))
    assert body.mass == pytest.approx(6.3)
    assert body.centre == pytest.approx(((6 * -0.02 + 0.3 * 0.1) / 6.3, 0, 0.3 * 0.16 / 6.3))
    frames = {frame.name: frame for frame in body.frames}
    assert frames["lidar_link"].position == pytest.approx((0.1, 0.0, 0.06 + 0.1 + 0.12))
    assert frames["imu_link"].orientation == pytest.approx((0, 0, math.sqrt(0.5), math.sqrt(0.5)))
    eye = frames["camera_optical_frame"]
    other = frames["event_camera_optical_frame"]
    assert (eye.position, eye.orientation) == (other.position, other.orientation)
    assert eye.position == pytest.approx((0.13, 0.0, 0.21))
    # Its optical axis looks 0.3 rad down.
    axis = Rotation.from_quat(eye.orientation).apply([0.0, 0.0, 1.0])
    assert axis == pytest.approx((math.cos(0.3), 0.0, -math.sin(0.3)))
    caster = next(shape for shape in body.shapes if len(shape[1]) == 1)
    assert caster[2] == pytest.approx((-0.15, 0.0, -0.13))
    assert model.settings == pytest.approx({
        "lidar_rows": 4, "lidar_columns": 360, "lidar_up_deg": math.degrees(0.2),
        "lidar_down_deg": math.degrees(-0.1), "field_deg": math.degrees(1.2), "camera_width": 320,
        "camera_height": 200, "speed": 0.7, "speed_back": 0.2,
    })  # fmt: skip


def test_what_is_left_out_or_replaced_is_told() -> None:
    told = "\n".join(read_robot(COURIER)[1].told)
    for words in (
        "bumper.stl isn't there and is replaced by a box",
        "shell.dae isn't drawn",
        "'nose': of type 'air_pressure', is left out",
        "<wheel_separation> 0.4 isn't that of the wheels as they are in the file, 0.34",
        "<max_linear_acceleration> isn't taken over",
    ):
        assert words in told
    urdf = ET.fromstring(read_robot(COURIER)[0].description)
    assert {link.get("name") for link in urdf.findall("link")} == {
        "chassis", "left", "right", "tower/pole",
    }  # fmt: skip


def test_it_drives_as_told_and_its_turned_imu_feels_it() -> None:
    robot = make_robot(str(COURIER), BLIND)
    assert isinstance(robot, DiffDrive) and robot.config.speed == 0.7
    robot.reset(0)
    start = robot.truth()
    command = np.zeros(6)
    command[0] = 0.3
    forces = []
    for _ in range(150):
        robot.step(command)
        forces.append(robot.read("imu/data").linear_acceleration)  # type: ignore[union-attr]
    truth = robot.truth()
    assert truth["x"] - start["x"] == pytest.approx(0.045 + 0.36, abs=0.03)
    assert abs(truth["yaw"]) < 0.05
    # Its x looks to the left, so starting is felt along -y of its own.
    assert np.mean(forces[5:25], axis=0) == pytest.approx((0.0, -1.0, 9.81), abs=0.25)
    assert robot.read("odom").position[0] == pytest.approx(truth["x"], abs=0.02)  # type: ignore[union-attr]
    robot.close()


def wheels(names: str, drive: str = "") -> str:
    """A model with a wheel of radius 0.1 m at each corner that is named, and a plugin."""
    places = {"fl": (0.2, 0.2), "fr": (0.2, -0.2), "rl": (-0.2, 0.2), "rr": (-0.2, -0.2)}
    parts = [
        f"<link name='{n}'><pose>{places[n][0]} {places[n][1]} 0.1 -1.5707963 0 0</pose><inertial>"
        "<mass>1</mass></inertial><collision name='c'><geometry><cylinder><radius>0.1</radius>"
        "<length>0.05</length></cylinder></geometry></collision></link>"
        f"<joint name='{n}_j' type='continuous'><parent>base</parent><child>{n}</child>"
        "<axis><xyz>0 0 1</xyz></axis></joint>"
        for n in names.split()
    ]
    return (
        "<sdf version='1.9'><model name='m'><link name='base'><inertial><mass>9</mass></inertial>"
        "<collision name='c'><pose>0 0 0.2 0 0 0</pose><geometry><box><size>.6 .3 .1</size></box>"
        f"</geometry></collision></link>{''.join(parts)}{drive}</model></sdf>"
    )


FOUR = (
    "<plugin filename='libgz-sim-diff-drive-system.so'><left_joint>fl_j</left_joint><left_joint>rl_j"
    "</left_joint><right_joint>fr_j</right_joint><right_joint>rr_j</right_joint></plugin>"
)


def test_four_driven_wheels_count_as_two_in_the_middle(tmp_path: Path) -> None:
    file = tmp_path / "four.sdf"
    file.write_text(wheels("fl fr rl rr", FOUR))
    body, model = read_robot(file)
    assert body.wheels[0].position == pytest.approx((0.0, 0.2, 0.1))
    assert body.mass + sum(wheel.mass for wheel in body.wheels) == pytest.approx(13.0)
    assert len(body.shapes) == 5
    assert any("4 driven wheels count as two" in text for text in model.told)
    robot = make_robot("sdf", {"file": str(file), **BLIND})
    robot.reset(1)
    for _ in range(100):
        robot.step(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.8]))
    truth = robot.truth()
    assert truth["yaw"] == pytest.approx(0.72, abs=0.12) and abs(truth["y"]) < 0.05


BAD = {
    "no SDF": ("<model/>", "is no URDF"),
    "two robots": ("<sdf><model name='a'/><model name='b'/></sdf>", "which model is the robot"),
    "no wheels": (wheels(""), "needs a wheel at the left"),
    "no such joint": (wheels("fl fr", FOUR.replace("<left_joint>rl_j</left_joint>", "")
                             .replace("fl_j", "fl_")), "<left_joint> 'fl_'.*did you mean 'fl_j'"),
    "no frame": (wheels("fl fr").replace("<pose>0 0 0.2", "<pose relative_to='bas'>0 0 0.2"),
                 r"no frame 'bas' \(did you mean 'base'\?\)"),
    "a ring": (wheels("fl fr").replace("<link name='base'>", "<link name='base'><pose "
               "relative_to='fl_j'>0 0 0 0 0 0</pose>").replace("<pose>0.2 0.2",
               "<pose relative_to='base'>0.2 0.2"), "frames in a ring: "),
    "wrong axis": (wheels("fl fr").replace("<xyz>0 0 1", "<xyz>1 0 0"), "must turn about y"),
    "no include": (wheels("fl fr", "<include><uri>model://nose</uri></include>"),
                   "<include> of model://nose in <model>: it isn't there"),
    "xacro": ("<robot xmlns:xacro='http://ros.org/wiki/xacro'><xacro:include/></robot>",
              "expanded first"),
    "broken number": (wheels("fl fr").replace("<radius>0.1", "<radius>wide"),
                      "collision 'c' of link 'fl': cylinder radius: could not convert"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_errors_name_file_and_element(tmp_path: Path, kind: str) -> None:
    text, message = BAD[kind]
    file = tmp_path / "r.sdf"
    file.write_text(text)
    with pytest.raises(ModelFileError, match=message) as caught:
        read_robot(file)
    assert "r.sdf" in str(caught.value)


def test_an_include_can_merge_and_must_not_include_itself(tmp_path: Path) -> None:
    shutil.copytree(COURIER.parent, tmp_path / "r")
    file = tmp_path / "r" / "courier.sdf"
    text = COURIER.read_text().replace("<include>", "<include merge='true'>")
    file.write_text(text.replace("tower::pole", "pole"))
    frames = {frame.name: frame for frame in read_robot(file)[0].frames}
    assert frames["lidar_link"].position == pytest.approx((0.1, 0.0, 0.28))
    mast = tmp_path / "r" / "mast" / "mast.sdf"
    mast.write_text(mast.read_text().replace(
        "</model>", "<include><uri>mast.sdf</uri></include></model>"))  # fmt: skip
    with pytest.raises(ModelFileError, match="includes itself"):
        read_robot(file)


def test_an_included_model_stands_in_a_world(tmp_path: Path) -> None:
    shutil.copytree(COURIER.parent / "mast", tmp_path / "mast")
    file = tmp_path / "w.sdf"
    one = "<include><uri>model://{}</uri><pose>{} 2 0 0 0 0</pose></include>"
    file.write_text(
        f"<sdf><world name='w'>{one.format('mast', 1)}{one.format('x', 2)}</world></sdf>"
    )
    imported = read_world(file)
    assert [s.pose.position for s in imported.scene.shapes] == [pytest.approx((1.0, 2.0, 0.1))]
    assert any("model://x isn't there" in text for text in imported.told)


def test_the_command_tells_what_it_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "robot", str(COURIER)]) == 0
    told = capsys.readouterr().out
    assert "left_hub" in told and "0.34 m apart" in told and "lidar_rows=4" in told
    assert "bumper.stl isn't there" in told
    assert main(["sim", "robot", str(COURIER), "--model", "curier"]) == 2
    assert "did you mean 'courier'" in capsys.readouterr().err


def test_gazebo_elements_of_a_urdf_count_too(tmp_path: Path) -> None:
    more = (
        "<gazebo><plugin filename='libgazebo_ros_diff_drive.so'><left_joint>wheel_left_joint"
        "</left_joint><right_joint>wheel_right_joint</right_joint><wheel_diameter>0.066"
        "</wheel_diameter><max_wheel_torque>20</max_wheel_torque></plugin></gazebo><gazebo "
        "reference='base_scan'><sensor type='ray' name='scan'><ray><scan><horizontal><samples>181"
        "</samples><min_angle>-1.5708</min_angle><max_angle>1.5708</max_angle></horizontal></scan>"
        "</ray></sensor></gazebo></robot>"
    )
    file = tmp_path / "waffle.urdf"
    waffle = DATA / "robot_models" / "turtlebot3_waffle.urdf"
    file.write_text(waffle.read_text().replace("</robot>", more))
    _, model = read_robot(file)
    assert model.settings["motor_torque"] == 20.0 and model.settings["lidar_columns"] == 362
    assert model.settings["lidar_up_deg"] == 0.0
    assert any("looks all around, not over 180 degrees" in text for text in model.told)


COLLADA = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><unit meter="0.01"/><up_axis>Y_UP</up_axis></asset>
<library_geometries><geometry id="g"><mesh><source id="p"><float_array id="a" count="12">
0 0 0 100 0 0 0 200 0 0 0 300</float_array><technique_common><accessor source="#a" count="4"
stride="3"><param name="X" type="float"/><param name="Y" type="float"/><param name="Z" type="float"/>
</accessor></technique_common></source><vertices id="v"><input semantic="POSITION" source="#p"/>
</vertices><triangles count="2"><input semantic="VERTEX" source="#v" offset="0"/><p>0 1 2 0 2 3</p>
</triangles></mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node id="n"><translate>0 0 100</translate>
<instance_geometry url="#g"/></node></visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


def test_collada_is_read_in_metres_and_upright(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.dae"
    file.write_text(COLLADA)
    found = triangles(file)
    # x, y up, z of the file are y, z and x of ours; the node moves it by 1 m along the file's z.
    assert found[0] == pytest.approx(np.array([[1, 0, 0], [1, 1, 0], [1, 0, 2]]))
    assert found.reshape(-1, 3).max(axis=0) == pytest.approx((4.0, 1.0, 2.0))
    file.write_text("<COLLADA/>")
    with pytest.raises(ValueError, match="no COLLADA that can be read"):
        triangles(file)
    monkeypatch.setitem(__import__("sys").modules, "collada", None)
    with pytest.raises(ValueError, match=r"pip install spikeloop\[meshes\]"):
        triangles(file)
