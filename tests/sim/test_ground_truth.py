"""Ground truth against the geometry of known points: disparity, displacement, boxes, own motion."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
import yaml
from spikeloop_sim.evcam.evaluation import truth_errors
from spikeloop_sim.evcam.scenes import Scene
from spikeloop_sim.event_camera.geometry import Placement
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.truth import Truth, TruthRenderer, displacement
from spikeloop_sim.objects import Thing, Things
from spikeloop_sim.stereo import StereoRig
from spikeloop_sim.worlds.room import MOVER

from spikeloop.events.calibration import load_cameras

LENS = Pinhole(96, 72, 60.0, 62.0, 50.0, 33.0)
RIG = StereoRig(LENS, 0.2)
# A ball of radius 0.1 m at (2, 0.3, 1), a wall 4 m away.
BALL = """
<mujoco>
  <visual><map znear="0.01" zfar="30"/></visual>
  <worldbody>
    <geom name="wall" type="box" size="0.1 9 9" pos="4.1 0 1"/>
    <body name="ball" mocap="true" pos="2 0.3 1"><geom name="ball" type="sphere" size="0.1"/></body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def ball() -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_string(BALL)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    return model, data


def ahead(y: float = 0.0) -> Pose:
    return Pose.looking(np.array([0.0, y, 1.0]), np.array([1.0, 0.0, 0.0]))


def look(
    ball: tuple[mujoco.MjModel, mujoco.MjData],
    pose: Pose,
    twist: Twist | None = None,
    twists: dict[int, Twist] | None = None,
) -> Truth:
    model, data = ball
    with TruthRenderer(model, LENS) as renderer:
        return renderer.look(data, pose, twist or Twist.none(), twists)


def test_disparity_flow_and_depth_agree_with_rays_and_finite_differences() -> None:
    for motion in ("mixed", "object"):
        errors = truth_errors(motion, 5, 150)
        assert errors["points_pct"] > 90.0
        assert errors["disparity_error_pct"] < 1.0
        assert errors["flow_error_pct"] < 1.0 and errors["depth_error_pct"] < 1.0


def test_disparity_of_a_wall_is_f_b_over_z(ball: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
    disparity = RIG.disparity(look(ball, ahead()).depth)
    assert disparity[5, 5] == pytest.approx(60.0 * 0.2 / 4.0, rel=1e-3)


def test_what_the_ball_hides_from_the_right_camera_is_seen_by_one_only(
    ball: tuple[mujoco.MjModel, mujoco.MjData],
) -> None:
    left, right = look(ball, ahead()), look(ball, RIG.right(ahead()))
    both = RIG.seen_by_both(left.depth, right.depth)
    # The ball, 2 m away, is seen at x = 50 - 60 * 0.3 / 2 = 41 and 6 px farther left on the right;
    # the wall that it hides there, 3 px of disparity, is in the left picture 3 px left of it.
    assert left.geoms[33, 41] == 1 and both[33, 41]
    assert left.geoms[33, 37] == 0 and not both[33, 37]
    assert both[33, 47]
    assert not both[33, 1]  # beyond the right picture's edge


def test_calibration_says_the_same_in_all_its_forms(tmp_path: Path) -> None:
    left, right = RIG.cameras()
    assert right.projection[0, 3] == pytest.approx(-60.0 * 0.2)
    assert left.projection[0, 3] == 0.0
    path = tmp_path / "camchain.yaml"
    path.write_text(RIG.kalibr())
    read = load_cameras(path)
    assert np.allclose(read[1].pose, right.pose) and np.allclose(read[1].matrix, right.matrix)
    assert yaml.safe_load(path.read_text())["cam1"]["resolution"] == [96, 72]
    # A point in front of the pair, projected by P of both, is apart by its disparity.
    point = np.array([0.3, -0.2, 2.5, 1.0])
    seen = [c.projection @ point for c in (left, right)]
    apart = seen[0][0] / seen[0][2] - seen[1][0] / seen[1][2]
    assert apart == pytest.approx(float(RIG.disparity(np.float32([[2.5]]))[0, 0]), rel=1e-5)


def test_rig_refuses_no_baseline() -> None:
    with pytest.raises(ValueError, match="baseline_m must be above 0, not 0"):
        StereoRig(LENS, 0.0)


def test_right_camera_turns_about_the_left_one() -> None:
    spin = RIG.right_twist(ahead(), Twist(np.zeros(3), np.array([0.0, 0.0, 1.0])))
    # To the right is -y; turning left about z moves the right camera forward.
    assert np.allclose(spin.linear, [0.2, 0.0, 0.0])


def test_only_what_moves_by_itself_is_in_the_mask(
    ball: tuple[mujoco.MjModel, mujoco.MjData],
) -> None:
    driving = Twist(np.array([1.0, 0.2, 0.0]), np.array([0.0, 0.0, 0.3]))
    body = ball[0].body("ball").id
    still = look(ball, ahead(), driving)
    assert not still.independent.any()
    rolling = look(ball, ahead(), driving, {body: Twist(np.array([0.0, 0.5, 0.0]), np.zeros(3))})
    assert np.array_equal(rolling.independent, rolling.geoms == 1)
    # Flow by hand at the ball's centre: depth 2 m less its radius.
    own = rolling.flow[33, 41] - still.flow[33, 41]
    assert own[0] == pytest.approx(-60.0 * 0.5 / rolling.depth[33, 41], rel=1e-3)


def test_displacement_leads_known_points_to_where_they_are_seen_later() -> None:
    scene = Scene("mixed", 3)
    data, pose = scene.at(0.1)
    mover = scene.model.body(MOVER).id
    with TruthRenderer(scene.model, LENS) as renderer:
        truth = renderer.look(data, pose, scene.twist(0.1), scene.box_twists())
    before = Placement.of(data, pose)
    box = (data.xpos[mover].copy(), data.xmat[mover].reshape(3, 3).copy())
    data.mocap_pos[0] += np.array([0.1, -0.3, 0.05])
    mujoco.mj_kinematics(scene.model, data)
    later = scene.pose(0.2)
    moves, valid = displacement(truth, LENS, before, Placement.of(data, later))
    assert valid.all()
    rays = np.concatenate([LENS.rays(), np.ones((72, 96, 1))], axis=-1)
    points = (rays * truth.depth[..., None]) @ pose.rotation.T + pose.position
    own = scene.model.geom_bodyid[truth.geoms] == mover
    assert own.any() and not own.all()
    turn = data.xmat[mover].reshape(3, 3) @ box[1].T
    points[own] = (points[own] - box[0]) @ turn.T + data.xpos[mover]
    seen = LENS.project(((points - later.position) @ later.rotation).reshape(-1, 3))
    columns, rows = np.meshgrid(np.arange(96), np.arange(72))
    expected = seen.reshape(72, 96, 2) - np.stack([columns, rows], axis=-1)
    assert np.abs(moves - expected).max() < 0.01


def test_boxes_are_around_what_is_seen(ball: tuple[mujoco.MjModel, mujoco.MjData]) -> None:
    things = Things([Thing("ball", "toy", (1,))], ball[0].ngeom)
    truth = look(ball, ahead())
    instances = things.instances(truth.geoms)
    (box,) = things.boxes(instances, truth.depth)
    assert (box.number, box.label) == (1, "toy")
    assert box.x + 0.5 * box.width == pytest.approx(41.0, abs=0.6)
    assert box.width == pytest.approx(60.0 * 0.2 / 2.0, abs=1.1)
    assert box.pixels == (instances == 1).sum()
    assert box.depth == pytest.approx(1.93, abs=0.05)
    assert things.boxes(instances, truth.depth, least=1000) == []


def test_nothing_is_no_thing() -> None:
    things = Things([Thing("a", "b", (0,))], 2)
    assert things.instances(np.array([[-1, 0, 1]], np.int32)).tolist() == [[0, 1, 0]]


def test_a_geom_of_two_things_is_refused() -> None:
    with pytest.raises(ValueError, match="geom 1 belongs to 'a' and to 'b'"):
        Things([Thing("a", "x", (1,)), Thing("b", "x", (1,))], 3)
