"""Ground truth of an event camera at one time: what recordings hold and the bridge publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop.loop.slots import TOPICS
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.truth import Truth, TruthRenderer
from spikeloop_sim.objects import Box, Thing, Things
from spikeloop_sim.stereo import StereoRig
from spikeloop_sim.worlds.mjcf import Labels
from spikeloop_sim.worlds.scene import Mover, Scene

TRUTH = tuple(name for name in TOPICS if name.startswith("truth/"))
"""Relative names of all topics of ground truth."""
_H = 1e-4
_FASTEST = 60.0
"""Movers that loop jump from their path's end to its beginning; that is no velocity, m/s."""


@dataclass(frozen=True)
class TrueView:
    """What a camera would tell if it knew.

    Attributes:
        truth: depth, geoms, flow in px/s, own motion.
        disparity: (h, w) float32 px, NaN where the right camera doesn't see the point.
        instances: (h, w) uint16, numbers of the things.
        boxes: around the things.
        pose: of the optical frame in the world.
        stereo: the camera and the one to its right that disparity is for.

    """

    truth: Truth
    disparity: NDArray[np.float32]
    instances: NDArray[np.uint16]
    boxes: list[Box]
    pose: Pose
    stereo: StereoRig


class TrueEye:
    """Looks at a world for ground truth."""

    def __init__(self, model: mujoco.MjModel, stereo: StereoRig, things: Things) -> None:
        """Make the off-screen context; errors as `SceneRenderer`."""
        self._renderer, self._stereo, self._things = (
            TruthRenderer(model, stereo.lens),
            stereo,
            things,
        )

    @property
    def lens(self) -> Pinhole:
        """Of the camera."""
        return self._stereo.lens

    def look(
        self, data: mujoco.MjData, pose: Pose, twist: Twist, twists: Mapping[int, Twist]
    ) -> TrueView:
        """The truth now; arguments as of `TruthRenderer.look`."""
        truth = self._renderer.look(data, pose, twist, twists)
        disparity = self._stereo.disparity(truth.depth)
        other = self._renderer.depth(data, self._stereo.right(pose))
        both = self._stereo.seen_by_both(truth.depth, other)
        disparity[~both | (truth.geoms < 0)] = np.nan
        instances = self._things.instances(truth.geoms)
        boxes = self._things.boxes(instances, truth.depth)
        return TrueView(truth, disparity, instances, boxes, pose, self._stereo)

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()


def things_of(model: mujoco.MjModel, labels: Labels) -> Things:
    """The numbered objects of a scene's model."""
    things = []
    for number, name in enumerate(labels.instances[1:], 1):
        geoms = np.flatnonzero(labels.geom_instance == number)
        label = labels.classes[int(labels.geom_class[geoms[0]])]
        things.append(Thing(name, label, tuple(geoms.tolist()), bool(labels.moving[geoms[0]])))
    return Things(things, model.ngeom)


def mover_twists(model: mujoco.MjModel, scene: Scene, time_s: float) -> dict[int, Twist]:
    """Velocities at a time of what moves by itself, by id of the bodies."""
    return {model.body(mover.name).id: _twist(mover, time_s) for mover in scene.movers}


def _twist(mover: Mover, time_s: float) -> Twist:
    here = mover.at(time_s)
    for begin, end in ((time_s - _H, time_s + _H), (time_s - _H, time_s), (time_s, time_s + _H)):
        step = mover.at(end) - mover.at(begin)
        step[3] = (step[3] + np.pi) % (2.0 * np.pi) - np.pi
        rate = step / (end - begin)
        if np.linalg.norm(rate[:3]) < _FASTEST:
            return Twist(rate[:3], np.array([0.0, 0.0, rate[3]]))
    raise ValueError(f"mover '{mover.name}' moves faster than {_FASTEST} m/s at {here}")
