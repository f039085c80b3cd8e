"""A world that can be seen at any time: its MuJoCo model, what moves in it, and what it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spikeloop.parameters import suggestion
from spikeloop_sim.datasets.path import Ground
from spikeloop_sim.event_camera.optics import Twist
from spikeloop_sim.objects import Thing, Things
from spikeloop_sim.true_view import mover_twists, things_of
from spikeloop_sim.worlds import mjcf, room
from spikeloop_sim.worlds.catalogue import WorldError, make_scene, worlds
from spikeloop_sim.worlds.scene import Scene

ROOM = "room"


def stages() -> dict[str, str]:
    """Worlds that can be recorded: name and one sentence."""
    return {ROOM: "A furnished room in which a box moves, for tests.", **worlds()}


class Stage:
    """A world without a robot; things move by time alone.

    Attributes:
        model: for the renderers.
        data: of the last time that was set.
        things: the objects that are numbered.
        infrared: (ngeom,) float32, reflectances for a LiDAR.
        lux: illuminance of a white surface in full light.
        visibility_m: distance at which haze leaves 5 % of a contrast; inf in clear air.
        air: luminance of the haze, of the sky above the horizon.
        is_solid: whether LiDARs see anything.
        ground: where a path may lead.

    """

    model: mujoco.MjModel
    data: mujoco.MjData
    things: Things
    infrared: NDArray[np.float32]
    lux: float
    visibility_m: float
    air: float
    is_solid: bool
    ground: Ground

    def at(self, time_s: float) -> mujoco.MjData:
        """The state at a time, s; the same object each time."""
        self._place(time_s)
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)
        return self.data

    def twists(self, time_s: float) -> dict[int, Twist]:
        """Velocities of the bodies that move by themselves, by id."""
        raise NotImplementedError

    def _place(self, time_s: float) -> None:
        raise NotImplementedError


class SceneStage(Stage):
    """A scene of the catalogue."""

    def __init__(self, scene: Scene) -> None:
        """Build the model."""
        self.scene, self.lux, self.is_solid = scene, scene.lux, True
        self.visibility_m = scene.visibility_m
        self.air = 0.5 if scene.sky is None else _horizon(scene.sky)
        self.model = mjcf.to_spec(scene).compile()
        self.data = mujoco.MjData(self.model)
        labels = mjcf.Labels.of(self.model, scene)
        self.infrared = labels.geom_infrared
        self.things = things_of(self.model, labels)
        yaw = Rotation.from_quat(scene.start.orientation).as_euler("ZYX")[0]
        route = np.asarray(scene.route, float)
        self.ground = Ground(np.array([*scene.start.position, yaw]), route.reshape(-1, 3)[:, :2])

    def twists(self, time_s: float) -> dict[int, Twist]:
        """Velocities of the movers, by id of their bodies."""
        return mover_twists(self.model, self.scene, time_s)

    def _place(self, time_s: float) -> None:
        mjcf.place_movers(self.model, self.data, self.scene, time_s)


def _horizon(sky: NDArray[np.uint8]) -> float:
    """Mean luminance of the sides of a sky's cube just above the middle."""
    height = sky.shape[1]
    sides = sky[[0, 1, 4, 5], height // 4 : height // 2]
    return float((sides.mean(axis=(0, 1, 2)) / 255.0) @ np.array([0.2126, 0.7152, 0.0722]))


class RoomStage(Stage):
    """The room of `worlds/room.py`; its box swings to and fro."""

    def __init__(self, seed: int) -> None:
        """Build it."""
        self.model = room.textured_room(seed)
        self.data = mujoco.MjData(self.model)
        self._body = self.model.body(room.MOVER).id
        self._slot = int(self.model.body(room.MOVER).mocapid[0])
        self._home = self.data.mocap_pos[self._slot].copy()
        geoms = np.flatnonzero(self.model.geom_bodyid == self._body).tolist()
        self.things = Things([Thing("box", "box", tuple(geoms))], self.model.ngeom)
        self.infrared = np.full(self.model.ngeom, 0.5, np.float32)
        self.lux, self.is_solid = 300.0, False
        self.visibility_m, self.air = math.inf, 0.5
        self.ground = Ground(np.array([0.0, 0.0, 0.0, 0.0]), np.zeros((0, 2)))

    def twists(self, time_s: float) -> dict[int, Twist]:
        """Of the box."""
        return {self._body: Twist(np.array([0.0, 0.64 * np.cos(0.8 * time_s), 0.0]), np.zeros(3))}

    def _place(self, time_s: float) -> None:
        swing = np.array([0.0, 0.8 * np.sin(0.8 * time_s), 0.0])
        self.data.mocap_pos[self._slot] = self._home + swing


def make_stage(world: str, seed: int, parameters: Mapping[str, Any] | None = None) -> Stage:
    """The world of that name.

    Raises:
        WorldError: unknown world, or a negative seed; the nearest is named.
        ParameterError: a parameter that the world doesn't have.

    """
    if world != ROOM:
        if world not in worlds():
            # Refused with all names, this room's included.
            known = stages()
            raise WorldError(
                f"unknown world '{world}'{suggestion(world, known)}; there are: {', '.join(known)}"
            )
        return SceneStage(make_scene(world, seed, parameters))
    if parameters:
        raise WorldError(f"world '{ROOM}' has no parameters, not even '{next(iter(parameters))}'")
    if seed < 0:
        raise WorldError(f"world '{ROOM}': seed must be at least 0, not {seed}")
    return RoomStage(seed)
