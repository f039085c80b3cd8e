"""Undistortion and rectification: each event moves to the nearest pixel of the rectified camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.calibration import Camera
from spikeloop.events.filters.filter import Filter

NOWHERE = np.iinfo(np.int32).max


class Rectify(Filter):
    """Moves events by a table of all pixels; those that leave the picture are left out."""

    def __init__(self, camera: Camera) -> None:
        """Work the table out from the camera's distortion, R and P."""
        super().__init__(camera.width, camera.height)
        places = camera.rectified_pixels()
        inside: NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=2))
        rounded = np.rint(np.where(inside[..., None], places, -1.0))
        inside &= (rounded >= 0).all(axis=2)
        inside &= (rounded[..., 0] < camera.width) & (rounded[..., 1] < camera.height)
        rounded[~inside] = 0
        self._x, self._y = rounded[..., 0].astype(np.uint16), rounded[..., 1].astype(np.uint16)
        self._inside = inside

    def _apply(self, events: Events) -> Events:
        kept = events[self._inside[events.y, events.x]]
        x, y = self._x[kept.y, kept.x], self._y[kept.y, kept.x]
        return Events(kept.t, x, y, kept.p, self.width, self.height, kept.fine)
