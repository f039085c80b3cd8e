"""Pictures of a moving body from behind and above, from MuJoCo's off-screen renderer."""

from __future__ import annotations

import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.picture import make_renderer

DISTANCE_M, ELEVATION_DEG = 2.5, -35.0


class ChasePicture:
    """A camera that follows a body, and looks where the body looks."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        body: str,
        width: int,
        height: int,
        distance_m: float = DISTANCE_M,
    ) -> None:
        """Remember what to draw; the renderer is made with the first picture."""
        self._model, self._data = model, data
        self._body = model.body(body).id
        self._size = (height, width)
        self._renderer: mujoco.Renderer | None = None
        self._camera = mujoco.MjvCamera()
        self._camera.distance, self._camera.elevation = distance_m, ELEVATION_DEG

    def draw(self) -> NDArray[np.uint8]:
        """The scene now, (height, width, 3) RGB; its kinematics must be up to date.

        Raises:
            RuntimeError: this machine has no off-screen renderer; the message says what to do.

        """
        if self._renderer is None:
            self._renderer = make_renderer(self._model, *self._size)
        rotation = self._data.xmat[self._body]
        self._camera.azimuth = math.degrees(math.atan2(rotation[3], rotation[0]))
        self._camera.lookat[:] = self._data.xpos[self._body]
        self._renderer.update_scene(self._data, self._camera)
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def close(self) -> None:
        """Free the renderer; a later picture makes a new one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
