"""Scenes, their MuJoCo models, labels, and the worlds of the catalogue."""

from __future__ import annotations

from dataclasses import fields

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spikeloop_sim.event_camera.optics import Pinhole
from spikeloop_sim.event_camera.optics import Pose as CameraPose
from spikeloop_sim.event_camera.renderer import SceneRenderer
from spikeloop_sim.worlds import catalogue, corridor
from spikeloop_sim.worlds.building import heading
from spikeloop_sim.worlds.catalogue import make_scene, split_of
from spikeloop_sim.worlds.mjcf import SEEN, SOLID, Labels, place_movers, to_spec
from spikeloop_sim.worlds.passage import Disc, Plan, Wall, clearance, passable
from spikeloop_sim.worlds.scene import Light, Material, Mesh, Mover, Pose, Scene, Shape
from spikeloop_sim.worlds.triangles import triangles_of

from spikeloop.parameters import ParameterError

LENS = Pinhole.of_field(80, 60, 1.2)
CHECKER = np.kron(np.array([[250, 10], [10, 250]]), np.ones((4, 4)))[..., None].repeat(3, 2)
TETRAHEDRON = Mesh(
    np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32),
)


def small_scene() -> Scene:
    """A floor, two boxes that are one thing, a mesh, and a mover that goes along x at 1 m/s."""
    path = np.array([[0.0, 5.0, 0.5, 0.0], [10.0, 5.0, 0.5, 0.0]])
    return Scene(
        name="small",
        seed=1,
        shapes=(
            Shape("box", (20, 20, 0.1), "plain", Pose((0, 0, -0.1)), "floor"),
            Shape("box", (0.5, 0.5, 0.5), "check", Pose((3, 0, 0.5)), "table", instance="table 1"),
            Shape("box", (0.1, 0.1, 0.5), "check", Pose((3, 0, 1.5)), "table", instance="table 1"),
            Shape("mesh", (2.0,), "plain", Pose((-4, 0, 0)), "rock", mesh="rock"),
        ),
        movers=(
            Mover("ball", "toy", (Shape("sphere", (0.5,), "check"),), np.array([0.0, 10.0]), path),
        ),
        textures={"check": CHECKER.astype(np.uint8)},
        materials={"plain": Material(grey=0.3, infrared=0.2), "check": Material("check")},
        meshes={"rock": TETRAHEDRON},
        lights=(Light((0, 0, -1), 0.5),),
    )


def test_rays_hit_every_form_where_the_scene_says() -> None:
    scene = small_scene()
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    place_movers(model, data, scene, 4.0)
    mujoco.mj_forward(model, data)
    groups = np.zeros(mujoco.mjNGROUP, np.uint8)
    for group in (SEEN, SOLID):
        groups[:] = 0
        groups[group] = 1
        hit = np.zeros(1, np.int32)

        def cast(begin: list[float], way: list[float], hit: np.ndarray = hit) -> float:
            return float(mujoco.mj_ray(model, data, begin, way, groups, 1, -1, hit))

        assert cast([0, 0, 0.5], [1, 0, 0]) == pytest.approx(2.5, abs=1e-6)
        assert cast([0, 0, 3.0], [0, 0, -1]) == pytest.approx(3.0, abs=1e-6)
        # The sloping face x + y + z = 2 of the rock, which is scaled by 2.
        assert cast([0, 0.25, 0.5], [-1, 0, 0]) == pytest.approx(4.0 - 1.25, abs=1e-6)
        # The ball has gone 4 m; as it is drawn it has corners.
        slack = 1e-3 if group == SOLID else 0.02
        assert cast([4.02, 5.01, 4.0], [0, 0, -1]) == pytest.approx(3.0, abs=slack)
        labels = Labels.of(model, scene)
        assert labels.classes[labels.geom_class[hit[0]]] == "toy"
        assert labels.instances[labels.geom_instance[hit[0]]] == "ball"


def test_labels_name_what_is_drawn() -> None:
    scene = small_scene()
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    pose = CameraPose.looking(np.array([0.0, 0.0, 0.6]), np.array([1.0, 0.0, 0.0]))
    with SceneRenderer(model, LENS, 1, ids=True) as renderer:
        geoms = renderer.geom_ids(data, pose)
    labels = Labels.of(model, scene)
    assert (geoms >= 0).any() and (model.geom_group[geoms[geoms >= 0]] == SEEN).all()
    assert labels.instances[labels.geom_instance[geoms[30, 40]]] == "table 1"
    assert labels.classes[labels.geom_class[geoms[58, 40]]] == "floor"
    # One thing of one material is one geom, though it has two boxes.
    table = labels.geom_class == labels.classes.index("table")
    assert np.count_nonzero(table & (model.geom_group == SEEN)) == 1
    assert labels.geom_infrared[geoms[58, 40]] == pytest.approx(0.2)
    assert labels.moving[model.geom("ball seen 0").id] and not labels.moving[geoms[58, 40]]


@pytest.mark.parametrize("kind, size", [
    ("box", (0.3, 0.2, 0.4)), ("cylinder", (0.3, 0.5)), ("sphere", (0.4,)), ("capsule", (0.2, 0.5)),
])  # fmt: skip
def test_surfaces_are_closed_and_look_outwards(kind: str, size: tuple[float, ...]) -> None:
    scene = Scene("one", 0, (), materials={"m": Material()})
    shape = Shape(kind, size, "m", Pose((1.0, 2.0, 3.0), heading(0.7)))  # type: ignore[arg-type]
    made = triangles_of(shape, scene)
    corners = made.corners - np.array([1.0, 2.0, 3.0])
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.abs(across.sum(axis=0)).max() < 1e-9  # closed
    assert (np.einsum("ij,ij->i", across, corners.mean(axis=1)) > 0).all()
    assert (np.einsum("ij,ikj->ik", across, made.normals) > 0).all()
    assert np.allclose(np.linalg.norm(made.normals, axis=2), 1.0)
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    r, *rest = size
    exact = {
        "box": 8.0 * np.prod(size),
        "sphere": 4 / 3 * np.pi * r**3,
        "cylinder": 2 * np.pi * r**2 * (rest or [0])[0],
        "capsule": 2 * np.pi * r**2 * (rest or [0])[0] + 4 / 3 * np.pi * r**3,
    }[kind]
    assert volume == pytest.approx(exact, rel=0.16 if kind != "box" else 1e-9)


def test_texture_stands_on_the_ground_and_upright() -> None:
    picture = np.full((8, 8, 3), 20, np.uint8)
    picture[:4] = 250  # the upper half is light
    scene = Scene(
        "one", 0, (Shape("box", (0.1, 1, 1), "m", Pose((2, 0, 1))),),
        textures={"m": picture}, materials={"m": Material("m", repeat=0.5)}, ambient=1.0,
    )  # fmt: skip
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    pose = CameraPose.looking(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]))
    with SceneRenderer(model, LENS, 1) as renderer:
        seen = renderer.render(data, pose).luminance
    assert seen[20, 40] == pytest.approx(250 / 255, abs=0.02)
    assert seen[40, 40] == pytest.approx(20 / 255, abs=0.02)


def test_movers_follow_their_path_and_begin_again() -> None:
    mover = Mover(
        "m", "car", (), np.array([0.0, 2.0, 3.0]),
        np.array([[0, 0, 0, 3.0], [4, 0, 0, -3.0], [0, 0, 0, 3.0]]),
    )  # fmt: skip
    assert mover.at(1.0) == pytest.approx([2.0, 0.0, 0.0, np.pi])  # the shorter way round
    assert mover.at(4.0) == pytest.approx(mover.at(1.0))


def test_a_disc_passes_a_gap_as_wide_as_itself_and_no_narrower() -> None:
    walls = [Wall(0, 0, 6, 0), Wall(0, 2, 6, 2)]
    ends = np.array([0.5, 1.0]), np.array([5.5, 1.0])
    for gap, fits in ((0.95, True), (0.75, False)):
        plan = Plan(walls, [Disc(3.0, 2.0 - (2.0 - gap) / 2, (2.0 - gap) / 2)])
        assert passable(plan, *ends, 0.425) is fits
    assert clearance(Plan(walls, [Disc(3, 1, 0.5)]), np.array([[3.0, 1.0], [1.0, 0.25]])) == (
        pytest.approx([-0.5, 0.25])
    )


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), bend=st.floats(0.0, 60.0), width=st.floats(1.8, 4.0))
def test_every_corridor_lets_the_robot_through(seed: int, bend: float, width: float) -> None:
    config = corridor.Config(length_m=14.0, bend_deg=bend, width_m=width)
    scene = corridor.make(seed, config)
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    # Independent of the plan: distances to the solid geoms that were built.
    body = [g for g in range(model.ngeom) if model.geom_contype[g] and model.geom_group[g] == SOLID]
    labels = Labels.of(model, scene)
    body = [g for g in body if labels.classes[labels.geom_class[g]] in ("wall", "obstacle")]
    low = np.min([data.geom_xpos[g][:2] for g in body], axis=0) - 1.0
    high = np.max([data.geom_xpos[g][:2] for g in body], axis=0) + 1.0
    grid = 0.1
    nx, ny = np.ceil((high - low) / grid).astype(int)
    spots = np.stack(np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"), -1) * grid + low
    free = np.ones((nx, ny), bool)
    for g in body:
        local = (spots - data.geom_xpos[g][:2]) @ data.geom_xmat[g].reshape(3, 3)[:2, :2]
        if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_BOX:
            away = np.hypot(*np.maximum(np.abs(local) - model.geom_size[g][:2], 0).T).T
        else:
            away = np.hypot(*local.T).T - model.geom_size[g][0]
        free &= away > 0.35  # a robot of 0.25 m with 0.1 m to spare
    assert scene.goal is not None
    cells = [np.rint((np.array(p[:2]) - low) / grid).astype(int)
             for p in (scene.start.position, scene.goal)]  # fmt: skip
    seen = np.zeros_like(free)
    seen[tuple(cells[0])] = free[tuple(cells[0])]
    while True:
        wider = seen.copy()
        wider[1:] |= seen[:-1]
        wider[:-1] |= seen[1:]
        wider[:, 1:] |= seen[:, :-1]
        wider[:, :-1] |= seen[:, 1:]
        wider &= free
        if (wider == seen).all():
            break
        seen = wider
    assert seen[tuple(cells[1])]


def same(a: Scene, b: Scene) -> bool:
    """Whether two scenes are equal to the last bit."""

    def equal(x: object, y: object) -> bool:
        if isinstance(x, np.ndarray):
            return np.array_equal(x, np.asarray(y))
        if isinstance(x, dict):
            return list(x) == list(y) and all(equal(x[k], y[k]) for k in x)  # type: ignore
        if isinstance(x, tuple):
            return len(x) == len(y) and all(map(equal, x, y))  # type: ignore
        if hasattr(x, "__dataclass_fields__"):
            return all(equal(getattr(x, f.name), getattr(y, f.name)) for f in fields(x))  # type: ignore
        return x == y

    return equal(a, b)


@pytest.mark.parametrize("name", sorted({*catalogue.worlds()} - {"sdf"}))
def test_worlds_are_fixed_by_their_seed_and_compile(name: str) -> None:
    first, again, other = (make_scene(name, seed) for seed in (3, 3, 4))
    assert same(first, again) and not same(first, other)
    model = to_spec(first).compile()
    data = mujoco.MjData(model)
    place_movers(model, data, first, 1.7)
    mujoco.mj_forward(model, data)
    assert data.ncon == 0
    labels = Labels.of(model, first)
    assert (labels.geom_class > 0).all()
    # There is ground under the start, and room above it for a robot.
    groups = np.zeros(mujoco.mjNGROUP, np.uint8)
    groups[SOLID] = 1
    x, y, z = first.start.position
    hit = np.zeros(1, np.int32)
    down = 0.0
    while True:  # through what is only seen, such as a road's surface on the ground
        down += mujoco.mj_ray(model, data, [x, y, z + 0.5 - down], [0, 0, -1], groups, 1, -1, hit)
        if model.geom_contype[hit[0]]:
            break
        down += 1e-4
    assert 0.4 < down < 3.0
    for angle in np.linspace(0.0, 6.2, 16):
        way = [np.cos(angle), np.sin(angle), 0.0]
        free = mujoco.mj_ray(model, data, [x, y, z + 0.25], way, groups, 1, -1, hit)
        assert free < 0 or free > 0.3


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(catalogue.WorldError, match="did you mean 'corridor'"):
        make_scene("coridor", 1)
    with pytest.raises(ParameterError, match=r"world 'corridor'.*did you mean 'obstacles'"):
        make_scene("corridor", 1, {"obstacle": 3})
    with pytest.raises(catalogue.WorldError, match="at least 0"):
        make_scene("corridor", -1)


def test_seeds_are_split() -> None:
    seeds = (0, 499_999, 500_000, 999_999, 1_000_000)
    assert [split_of(seed) for seed in seeds] == [
        "train", "train", "calibration", "calibration", "test",
    ]  # fmt: skip
    with pytest.raises(catalogue.WorldError):
        split_of(-1)
