"""Ground truth at the pixels' centres: depth, geoms, optical flow, and what moves by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.event_camera import geometry
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist
from spikeloop_sim.event_camera.renderer import SceneRenderer

INDEPENDENT_PX_S = 1.0
"""Flow that differs by more from that of the same view at rest is motion of the thing itself."""


@dataclass(frozen=True)
class Truth:
    """What is where, and how it moves in the picture.

    Attributes:
        depth: (h, w) float32, m along the optical axis; the far plane where nothing is.
        geoms: (h, w) int32, ids of the geoms, -1 where there is none.
        flow: (h, w, 2) float32, px/s along columns and rows.
        independent: (h, w) bool, where the flow isn't that of the camera's motion alone.

    """

    depth: NDArray[np.float32]
    geoms: NDArray[np.int32]
    flow: NDArray[np.float32]
    independent: NDArray[np.bool_]


class TruthRenderer:
    """Draws one sample at each pixel's centre, for the lens of an event camera."""

    def __init__(self, model: mujoco.MjModel, lens: Pinhole) -> None:
        """Make the off-screen context; errors as `SceneRenderer`."""
        self._model, self._lens = model, lens
        self._renderer = SceneRenderer(model, lens, 1, ids=True)

    def look(
        self,
        data: mujoco.MjData,
        pose: Pose,
        twist: Twist,
        twists: Mapping[int, Twist] | None = None,
    ) -> Truth:
        """The truth now.

        Args:
            data: state of the world, kinematics and lights up to date.
            pose: of the optical frame.
            twist: of the optical frame.
            twists: of bodies, by id, where `data` doesn't have them: those of mocap bodies.

        """
        depth = self._renderer.render(data, pose).depth
        geoms = self._renderer.geom_ids(data, pose)
        moving = _body_twists(self._model, data) | dict(twists or {})
        flow, static = (
            optical_flow(depth, geoms, self._lens, pose, twist, movers)
            for movers in (self._by_geom(data, moving), {})
        )
        own = np.linalg.norm(flow - static, axis=-1) > INDEPENDENT_PX_S
        return Truth(depth, geoms, flow, own)

    def depth(self, data: mujoco.MjData, pose: Pose) -> NDArray[np.float32]:
        """Only the depth from a pose, (h, w) float32, m."""
        return self._renderer.render(data, pose).depth

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def __enter__(self) -> TruthRenderer:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _by_geom(
        self, data: mujoco.MjData, twists: Mapping[int, Twist]
    ) -> dict[int, tuple[NDArray[np.float64], Twist]]:
        """Origin and twist of each geom that moves."""
        out = {}
        for geom, body in enumerate(self._model.geom_bodyid):
            if int(body) in twists:
                out[geom] = (data.xpos[body].copy(), twists[int(body)])
        return out


def optical_flow(
    depth: NDArray[np.float32],
    geoms: NDArray[np.int32],
    lens: Pinhole,
    pose: Pose,
    twist: Twist,
    moving: Mapping[int, tuple[NDArray[np.float64], Twist]],
) -> NDArray[np.float32]:
    """Velocity of each pixel's point in the picture (Longuet-Higgins and Prazdny, 1980).

    Args:
        depth: (h, w) m.
        geoms: (h, w) ids of the geoms.
        lens: intrinsics.
        pose: of the optical frame.
        twist: of the optical frame.
        moving: origin (3,) m and twist of the geoms that move, in the world.

    Returns:
        (h, w, 2) float32, px/s along columns and rows.

    """
    rays = lens.rays()
    points = np.concatenate([rays, np.ones((*depth.shape, 1))], axis=-1) * depth[..., None]
    arms = points @ pose.rotation.T
    velocity = -twist.linear - np.cross(twist.angular, arms)
    for geom, (origin, own) in moving.items():
        seen = geoms == geom
        if seen.any():
            at = arms[seen] + pose.position - origin
            velocity[seen] += own.linear + np.cross(own.angular, at)
    local = velocity @ pose.rotation
    flow = (local[..., :2] - rays * local[..., 2:]) / depth[..., None]
    flow *= np.array([lens.fx, lens.fy])
    return flow.astype(np.float32)


def displacement(
    truth: Truth, lens: Pinhole, before: geometry.Placement, after: geometry.Placement
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where the points that are seen go until another time, before or after.

    Args:
        truth: at the first time.
        lens: intrinsics.
        before: poses of camera and geoms at the first time.
        after: the same at the other time.

    Returns:
        (h, w, 2) float32, px along columns and rows; (h, w) bool, where there is a point which is
        before the camera at the other time as well.

    """
    moved = geometry.moved_geoms(before, after)
    # One entry more for geom -1, which is nothing and moves with the world at rest.
    label = np.zeros(len(before.positions) + 1, np.int16)
    label[moved] = np.arange(1, len(moved) + 1)
    k = np.array([lens.fx, lens.fy, lens.cx, lens.cy], np.float32)
    motions = geometry.transforms(before, after, moved)
    moves = geometry.displacements(truth.depth, label[truth.geoms], k, motions)
    return moves[..., :2].copy(), (truth.geoms >= 0) & (moves[..., 2] > 0.01)


def _body_twists(model: mujoco.MjModel, data: mujoco.MjData) -> dict[int, Twist]:
    """Twists of the bodies that joints move, as `data` has them."""
    out, velocity = {}, np.zeros(6)
    for body in range(1, model.nbody):
        if model.body_weldid[body] == 0:
            continue
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
        if velocity.any():
            out[body] = Twist(velocity[3:].copy(), velocity[:3].copy())
    return out
