"""The blimp in a world of the catalogue, such as `blimp_hall`."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from spikeloop.parameters import build_config, parameter
from spikeloop.rotation import yaw_of
from spikeloop_sim.blimp import MODEL, SENSORS, Blimp
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.robot import Frame, OdometryReading, SensorSpec, Surroundings, random_stream
from spikeloop_sim.worlds.catalogue import TEST, make_scene, world
from spikeloop_sim.worlds.mjcf import place_movers, start_pose, to_spec
from spikeloop_sim.worlds.plan import outlines
from spikeloop_sim.worlds.scene import Scene

_SOLID_GROUP = 3
PREFIX = "blimp/"
_FLOWN_M = (0.2, 8.0)
"""Heights of what the plan of the hall shows."""
ODOMETRY = "odom"
HALL_SENSORS = (*SENSORS, SensorSpec(ODOMETRY, "odometry", 5, "map"))
"""With a localisation that tells where the blimp is in the hall, at 20 Hz."""


@dataclass(frozen=True)
class HallBlimpConfig(BlimpConfig):
    """The blimp, and how well it is told where it is: as by cameras or radio in the hall."""

    place_noise: float = parameter(
        0.02, "Standard deviation of the told x, y and z.", unit="m", low=0.0, high=1.0
    )
    heading_noise: float = parameter(
        0.01, "Standard deviation of the told heading.", unit="rad", low=0.0, high=1.0
    )
    speed_noise: float = parameter(
        0.02, "Standard deviation of the told velocities.", unit="m/s", low=0.0, high=1.0
    )


class HallBlimp(Blimp):
    """`Blimp` among walls, trusses and crates; its world is made by `reset` from the seed.

    Seeds are those of worlds as in `DiffDrive`. The altimeter sees what is below, the floor or a
    stack. Truth has `touching` too: 1 while something is touched. With `HALL_SENSORS` it has a
    localisation, `odom`, in the frame `map`: level, with white noise on place and heading.
    """

    def __init__(
        self,
        config: BlimpConfig | None = None,
        sensors: Sequence[SensorSpec] = SENSORS,
        world_name: str = "blimp_hall",
        world_parameters: dict[str, object] | None = None,
        first_world_seed: int = TEST,
    ) -> None:
        """Describe it, and reset with seed 0.

        Raises:
            ValueError: there is no such world, or it has no such parameter.

        """
        self._world_name, self._world_parameters = world_name, dict(world_parameters or {})
        build_config(world(world_name).Config, self._world_parameters, f"world '{world_name}': ")
        self._first_world_seed = first_world_seed
        self.scene: Scene | None = None
        super().__init__(config or HallBlimpConfig(), sensors)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """None that is fixed: the localisation tells of base_link alone."""
        return ()

    @property
    def description(self) -> str:
        """No URDF."""
        return ""

    @property
    def surroundings(self) -> Surroundings | None:
        """The hall, with its waypoints as a route of x, y, z and yaw."""
        scene = self.scene
        if scene is None:
            return None
        seen = outlines(scene, *_FLOWN_M)
        return Surroundings(scene.name, scene.seed, seen, scene.goal, scene.waypoints)

    def leave_out(self, topics: Collection[str]) -> None:
        """Nothing here takes time."""

    def step(self, command: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """Advance by 10 ms; see `Robot.step`."""
        if self.scene is not None and self.scene.movers:
            place_movers(self.model, self.data, self.scene, self.time_s + self.tick_s)
        super().step(command)

    def truth(self) -> dict[str, float]:
        """The true state now; see `Blimp.truth`, and the class."""
        contacts = self.data.contact
        touching = bool((contacts.dist < 0.0).any()) if len(contacts) else False
        return super().truth() | {"touching": float(touching)}

    def _place(self, seed: int) -> None:
        """A world of its own for each seed, and the start in it."""
        self._told = random_stream(seed, ODOMETRY)
        number = self._first_world_seed + seed
        if self.scene is None or self.scene.seed != number:
            self.scene = make_scene(self._world_name, number, self._world_parameters)
            self._install(_model_of(self.scene), _SOLID_GROUP, PREFIX)
        (x, y, _), quaternion = start_pose(self.scene)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:2] = x, y
        self.data.qpos[3:7] = quaternion
        place_movers(self.model, self.data, self.scene, 0.0)

    def _pose_reading(self, spec: SensorSpec) -> OdometryReading:
        true = self._odometry()
        config = self.config
        if spec.topic != ODOMETRY or not isinstance(config, HallBlimpConfig):
            return true
        noise = self._told.standard_normal(8)
        x, y, z = np.add(true.position, config.place_noise * noise[:3]).tolist()
        yaw = yaw_of(*true.orientation) + config.heading_noise * float(noise[3])
        vx, vy, vz, turn = np.add(
            (*true.linear_velocity, true.angular_velocity[2]), config.speed_noise * noise[4:]
        ).tolist()
        level = (0.0, 0.0, math.sin(0.5 * yaw), math.cos(0.5 * yaw))
        return OdometryReading((x, y, z), level, (vx, vy, vz), (0.0, 0.0, turn), "base_link")


def _model_of(scene: Scene) -> mujoco.MjModel:
    """The blimp of `blimp.xml` in a scene, without what stands around it there."""
    spec, blimp = to_spec(scene), mujoco.MjSpec.from_file(str(MODEL))
    for name in ("timestep", "density", "viscosity", "integrator"):
        setattr(spec.option, name, getattr(blimp.option, name))
    # Only the blimp itself is wanted; names of what stands around it would clash.
    for element in (*blimp.worldbody.geoms, *blimp.worldbody.lights, *blimp.materials,
                    *blimp.textures):  # fmt: skip
        blimp.delete(element)
    spec.worldbody.add_frame().attach_body(blimp.body("envelope"), PREFIX, "")
    return spec.compile()
