"""Files of others as worlds: known counts and places, what is told, and clear errors."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spikeloop_sim.model_files.parts import ModelFileError
from spikeloop_sim.model_files.transforms import quaternion_of, roll_pitch_yaw, transform
from spikeloop_sim.worlds.catalogue import make_scene
from spikeloop_sim.worlds.mjcf import to_spec
from spikeloop_sim.worlds.sdf_import import read_world
from spikeloop_sim.worlds.triangles import rotation

from spikeloop.parameters import ParameterError

MODELS = Path(__file__).parents[1] / "data" / "robot_models"


def test_the_turtlebot_world_has_its_fifteen_shapes() -> None:
    imported = read_world(MODELS / "turtlebot3_world.sdf")
    solid = [shape for shape in imported.scene.shapes if shape.collides]
    assert len(solid) == 15
    assert sum(shape.kind == "cylinder" for shape in solid) == 9
    pillar = next(s for s in solid if s.kind == "cylinder")
    assert pillar.pose.position == pytest.approx((-1.1, -1.1, 0.25))
    assert pillar.size == pytest.approx((0.15, 0.25))
    meshes = [t for t in imported.told if "replaced by a box" in t]
    assert len(meshes) == sum(shape.kind == "box" for shape in solid) == 6
    to_spec(imported.scene).compile()


def test_a_file_is_a_world_of_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(MODELS / "turtlebot3_world.sdf")
    scene = make_scene("sdf", 3, {"file": file, "start_x": -2.0, "start_y": -0.5})
    assert scene.start.position == (-2.0, -0.5, 0.0)
    assert len([shape for shape in scene.shapes if shape.collides]) == 15
    assert "replaced by a box" in capsys.readouterr().err
    for parameters, words in (
        ({}, "must name an SDF or URDF file"),
        ({"file": "/no/such.sdf"}, "No such file"),
        ({"file": __file__}, "not XML"),
    ):
        with pytest.raises(ParameterError, match=words):
            make_scene("sdf", 3, parameters)


def test_turned_links_stand_where_sdf_puts_them() -> None:
    imported = read_world(MODELS / "double_pendulum.sdf")
    assert sum(shape.collides for shape in imported.scene.shapes) == 7
    assert any("<joint> is left out" in text for text in imported.told)
    model = to_spec(imported.scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    pole = [g for g in range(model.ngeom) if model.geom(g).name == "solid 1"]
    assert data.geom_xpos[pole[0]] == pytest.approx([1.0 - 0.275, 0.0, 1.1])
    # The upper link's cylinder: 0.5 m along its z, which is turned by -pi/2 about x, so along +y.
    at = [s.pose.position for s in imported.scene.shapes if s.collides]
    assert min(np.linalg.norm(np.subtract(p, (1.0, 0.5, 2.1))) for p in at) < 1e-4


def test_a_urdf_is_a_world_and_missing_meshes_are_told() -> None:
    imported = read_world(MODELS / "turtlebot3_waffle.urdf")
    assert sum(shape.collides for shape in imported.scene.shapes) == 7
    to_spec(imported.scene).compile()
    assert any("joint 'wheel_left_joint' is taken as fixed" in text for text in imported.told)


def test_meshes_of_both_kinds_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1//1 2 3/4/5 -1\n")
    triangle = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    (tmp_path / "b.stl").write_bytes(bytes(80) + (1).to_bytes(4, "little") + triangle + bytes(2))
    parts = "".join(
        f"<collision name='{n}'><geometry><mesh><uri>model://x/{n}</uri><scale>2 2 2</scale></mesh>"
        "</geometry></collision>"
        for n in ("a.obj", "b.stl", "c.dae")
    )
    file = tmp_path / "w.sdf"
    file.write_text(
        f"<sdf version='1.9'><model name='m'><link name='l'>{parts}</link></model></sdf>"
    )
    imported = read_world(file)
    kinds = [shape.kind for shape in imported.scene.shapes]
    assert kinds == ["mesh", "mesh", "box"]
    first, second = (imported.scene.meshes[s.mesh] for s in imported.scene.shapes[:2])
    assert len(first.faces) == 2 and first.vertices.max() == 2.0
    assert len(second.faces) == 1
    assert "c.dae" in imported.told[0]


@pytest.mark.parametrize("text, said", [
    ("<sdf", "not XML"),
    ("<house/>", "neither <sdf> nor <robot>"),
    ("<sdf version='1.9'/>", "no <model>"),
    ("<sdf><model name='m'><link name='l'><collision name='c'/></link></model></sdf>", "no geometry"),
    ("<sdf><model name='m'><pose>1 2</pose></model></sdf>", "isn't 6 numbers"),
    ("<sdf><model name='m'><pose>a b c d e f</pose></model></sdf>", "could not convert"),
])  # fmt: skip
def test_broken_files_are_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "w.sdf"
    file.write_text(text)
    with pytest.raises(ModelFileError, match=said) as caught:
        read_world(file)
    assert str(file) in str(caught.value)


@given(
    st.lists(st.floats(-1.0, 1.0), min_size=4, max_size=4).filter(lambda q: sum(map(abs, q)) > 0.1)
)
def test_quaternions_survive_a_turn_to_matrices(values: list[float]) -> None:
    turn = rotation(tuple(values))
    assert np.allclose(rotation(quaternion_of(turn)), turn, atol=1e-9)
    assert np.allclose(transform((0, 0, 0, *roll_pitch_yaw(turn)))[:3, :3], turn, atol=1e-6)
