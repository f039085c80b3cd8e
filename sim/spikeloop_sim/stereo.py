"""A pair of equal cameras side by side: poses, calibration, disparity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import yaml
from numpy.typing import NDArray

from spikeloop.events.calibration import Camera
from spikeloop_sim.event_camera.optics import Pinhole, Pose, Twist

_HIDDEN = 0.03
"""A point that lies this much deeper, relative, than what the other camera sees is hidden."""


@dataclass(frozen=True)
class StereoRig:
    """Two cameras of one lens, looking the same way, the right one `baseline_m` to the right.

    Since the lenses don't distort and the optical axes are parallel, the pictures are rectified as
    they are: a point has the same row in both.

    Attributes:
        lens: of both.
        baseline_m: from the left to the right optical centre, m.

    """

    lens: Pinhole
    baseline_m: float

    def __post_init__(self) -> None:
        """Refuse cameras at one place."""
        if not self.baseline_m > 0.0:
            raise ValueError(f"baseline_m must be above 0, not {self.baseline_m}")

    def right(self, left: Pose) -> Pose:
        """Pose of the right optical frame."""
        return Pose(left.position + self.baseline_m * left.rotation[:, 0], left.rotation)

    def right_twist(self, left: Pose, twist: Twist) -> Twist:
        """Velocities of the right optical frame."""
        arm = self.baseline_m * left.rotation[:, 0]
        return Twist(twist.linear + np.cross(twist.angular, arm), twist.angular)

    def disparity(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Left column less right column of each point, F B / z, px, for depths (h, w), m."""
        out: NDArray[np.float32] = np.float32(self.lens.fx * self.baseline_m) / depth
        return out

    def seen_by_both(
        self, depth: NDArray[np.float32], right_depth: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """(h, w), whether the right camera sees the point of each of the left one's pixels.

        Args:
            depth: (h, w) m, of the left camera.
            right_depth: (h, w) m, of the right one at the same time.

        """
        rows, columns = np.indices(depth.shape)
        there = np.round(columns - self.disparity(depth)).astype(np.int64)
        inside = there >= 0
        other = right_depth[rows, np.maximum(there, 0)]
        seen: NDArray[np.bool_] = inside & (depth < (1.0 + _HIDDEN) * other)
        return seen

    def cameras(self) -> tuple[Camera, Camera]:
        """Left and right as camera_info has them: P[0, 3] of the right one is -fx B."""
        lens = self.lens
        matrix = np.array([[lens.fx, 0.0, lens.cx], [0.0, lens.fy, lens.cy], [0.0, 0.0, 1.0]])
        shift = np.eye(4)
        shift[0, 3] = -self.baseline_m
        cameras = []
        for pose, column in ((np.eye(4), 0.0), (shift, -lens.fx * self.baseline_m)):
            projection = np.column_stack([matrix, [column, 0.0, 0.0]])
            cameras.append(
                Camera(
                    lens.width, lens.height, matrix, "plumb_bob", np.zeros(5), np.eye(3),
                    projection, pose,
                )
            )  # fmt: skip
        return cameras[0], cameras[1]

    def kalibr(self) -> str:
        """A Kalibr camchain of both, as YAML; `T_cn_cnm1` leads from the left into the right."""
        left, right = self.cameras()
        content = {}
        for name, camera in (("cam0", left), ("cam1", right)):
            entry = {
                "camera_model": "pinhole",
                "intrinsics": [self.lens.fx, self.lens.fy, self.lens.cx, self.lens.cy],
                "distortion_model": "radtan",
                "distortion_coeffs": [0.0, 0.0, 0.0, 0.0],
                "resolution": [camera.width, camera.height],
                "rostopic": f"/event_camera/{'left' if name == 'cam0' else 'right'}/events",
            }
            if name == "cam1":
                entry["T_cn_cnm1"] = camera.pose.tolist()
            content[name] = entry
        return yaml.safe_dump(content, sort_keys=False)
