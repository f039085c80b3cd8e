"""Pictures of the blimp from MuJoCo's off-screen renderer."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.blimp import Blimp

_EYE_HEIGHT_M = 2.0
_EYE_DISTANCE_M = 6.5


class BlimpPicture:
    """A camera that follows the blimp along the ground, so that its height shows."""

    def __init__(self, blimp: Blimp, width: int, height: int) -> None:
        """Remember what to draw; the renderer is made with the first picture."""
        self._blimp = blimp
        self._size = (height, width)
        self._renderer: mujoco.Renderer | None = None
        self._camera = mujoco.MjvCamera()
        self._camera.distance = _EYE_DISTANCE_M
        self._camera.azimuth = 90.0
        self._camera.elevation = 0.0

    def draw(self, setpoint_m: float) -> NDArray[np.uint8]:
        """The scene now, (height, width, 3) RGB, with a bar at the set-point.

        Raises:
            RuntimeError: this machine has no off-screen renderer; the message says what to do.

        """
        model, data = self._blimp.model, self._blimp.data
        # Not mj_forward: drawing must not touch the solver's warm start, hence the flight.
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        if self._renderer is None:
            self._renderer = make_renderer(model, *self._size)
        x, y = data.qpos[:2].tolist()
        self._camera.lookat[:] = (x, y, _EYE_HEIGHT_M)
        self._renderer.update_scene(data, self._camera)
        scene = self._renderer.scene
        mujoco.mjv_initGeom(
            scene.geoms[scene.ngeom],
            mujoco.mjtGeom.mjGEOM_BOX,
            np.array([1.2, 0.01, 0.015]),
            np.array([x, y + 0.6, setpoint_m]),
            np.eye(3).ravel(),
            np.array([0.1, 0.6, 0.3, 1.0], np.float32),
        )
        scene.ngeom += 1
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def close(self) -> None:
        """Free the renderer; a later picture makes a new one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def make_renderer(model: mujoco.MjModel, height: int, width: int) -> mujoco.Renderer:
    """An off-screen renderer.

    Raises:
        RuntimeError: this machine can't draw off-screen; the message says what to do.

    """
    try:
        return mujoco.Renderer(model, height, width)
    except Exception as error:
        raise RuntimeError(
            f"MuJoCo can't draw off-screen here ({error}); install libegl1 and libgl1-mesa-dri "
            "(apt), or set MUJOCO_GL before Python starts"
        ) from error
