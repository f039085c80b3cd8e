"""The blimp in a world of the catalogue, such as `blimp_hall`."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from spikeloop.parameters import build_config
from spikeloop_sim.blimp import MODEL, SENSORS, Blimp
from spikeloop_sim.blimp_config import BlimpConfig
from spikeloop_sim.robot import SensorSpec
from spikeloop_sim.worlds.catalogue import TEST, make_scene, world
from spikeloop_sim.worlds.mjcf import place_movers, start_pose, to_spec
from spikeloop_sim.worlds.scene import Scene

_SOLID_GROUP = 3
PREFIX = "blimp/"


class HallBlimp(Blimp):
    """`Blimp` among walls, trusses and crates; its world is made by `reset` from the seed.

    Seeds are those of worlds as in `DiffDrive`. The altimeter sees what is below, the floor or a
    stack. Truth has `touching` too: 1 while something is touched.
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
        super().__init__(config, sensors)

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
        number = self._first_world_seed + seed
        if self.scene is None or self.scene.seed != number:
            self.scene = make_scene(self._world_name, number, self._world_parameters)
            self._install(_model_of(self.scene), _SOLID_GROUP, PREFIX)
        (x, y, _), quaternion = start_pose(self.scene)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:2] = x, y
        self.data.qpos[3:7] = quaternion
        place_movers(self.model, self.data, self.scene, 0.0)


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
