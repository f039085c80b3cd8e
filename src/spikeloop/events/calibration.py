"""Cameras as camera_info and Kalibr files describe them: projection, distortion, rectification.

Models: `plumb_bob` (radial-tangential, Brown 1966), `rational_polynomial` (eight coefficients) and
`equidistant` (Kannala and Brandt 2006, four). All lengths in pixels, all points in the camera's
frame with z forward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MODELS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
ALIASES = {
    "radtan": "plumb_bob",
    "radial-tangential": "plumb_bob",
    "fisheye": "equidistant",
    "none": "plumb_bob",
    "": "plumb_bob",
}


class CalibrationError(ValueError):
    """A file describes no camera that is known; the message says what is wrong in it."""


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        width: columns.
        height: rows.
        matrix: (3, 3), focal lengths and principal point.
        model: plumb_bob, rational_polynomial or equidistant.
        distortion: (5,), (8,) or (4,) coefficients of it.
        rotation: (3, 3), R of camera_info: into the rectified frame.
        projection: (3, 4), P of camera_info: of the rectified camera.
        pose: (4, 4), from the frame of the first camera (Kalibr: of the one before) into this one.

    """

    width: int
    height: int
    matrix: Floats
    model: str
    distortion: Floats
    rotation: Floats
    projection: Floats
    pose: Floats

    def distort(self, points: Floats) -> Floats:
        """Where points (n, 2) on the plane z = 1 appear on it after distortion, (n, 2)."""
        x, y = points[:, 0], points[:, 1]
        r2 = x * x + y * y
        k = self.distortion
        if self.model == "equidistant":
            r = np.sqrt(r2)
            angle = np.arctan(r)
            a2 = angle * angle
            bent = angle * (1 + a2 * (k[0] + a2 * (k[1] + a2 * (k[2] + a2 * k[3]))))
            scale = np.where(r > 1e-12, bent / np.maximum(r, 1e-12), 1.0)
            return points * scale[:, None]
        radial = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]))
        if self.model == "rational_polynomial":
            radial /= 1 + r2 * (k[5] + r2 * (k[6] + r2 * k[7]))
        dx = 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x)
        dy = k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y
        return np.stack([x * radial + dx, y * radial + dy], axis=1)

    def undistort(self, points: Floats) -> Floats:
        """The inverse of `distort`, by Newton's method; NaN where there is no inverse nearby."""
        out, step = points.copy(), 1e-6
        right, down = np.array([step, 0.0]), np.array([0.0, step])
        for _ in range(30):
            error = self.distort(out) - points
            if np.nanmax(np.abs(error), initial=0.0) < 1e-12:
                break
            ex = (self.distort(out + right) - self.distort(out - right)) / (2 * step)
            ey = (self.distort(out + down) - self.distort(out - down)) / (2 * step)
            det = ex[:, 0] * ey[:, 1] - ex[:, 1] * ey[:, 0]
            # Beyond the fold of the distortion points would come out at false places.
            det = np.where(det > 1e-6, det, np.nan)
            out = out - np.stack(
                [
                    (ey[:, 1] * error[:, 0] - ey[:, 0] * error[:, 1]) / det,
                    (ex[:, 0] * error[:, 1] - ex[:, 1] * error[:, 0]) / det,
                ],
                axis=1,
            )
        good = np.abs(self.distort(out) - points).max(axis=1) < 1e-6
        return np.where(good[:, None], out, np.nan)

    def rectified_pixels(self) -> Floats:
        """(height, width, 2), where each pixel comes to lie after undistortion, R and P.

        NaN where the distortion has no inverse.
        """
        columns, rows = np.meshgrid(np.arange(self.width), np.arange(self.height))
        pixels = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float64)
        points = (pixels - self.matrix[:2, 2]) / self.matrix[[0, 1], [0, 1]]
        points[:, 0] -= self.matrix[0, 1] / self.matrix[0, 0] * points[:, 1]
        rays = np.column_stack([self.undistort(points), np.ones(len(points))]) @ self.rotation.T
        ahead = np.where(rays[:, 2:] > 0, rays[:, 2:], np.nan)
        out = (rays / ahead) @ self.projection[:, :3].T
        return out[:, :2].reshape(self.height, self.width, 2)


def make_camera(
    width: int,
    height: int,
    intrinsics: tuple[float, float, float, float],
    model: str = "plumb_bob",
    distortion: tuple[float, ...] = (),
    pose: Floats | None = None,
) -> Camera:
    """A camera of fx, fy, cx, cy, with as many coefficients as the model has at most.

    Raises:
        CalibrationError: the size or focal lengths aren't positive, or the model isn't known.

    """
    fx, fy, cx, cy = intrinsics
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=np.float64)
    coefficients = _coefficients(model, distortion)
    projection = np.column_stack([matrix, np.zeros(3)])
    name = ALIASES.get(model, model)
    frame = np.eye(4) if pose is None else pose
    camera = Camera(width, height, matrix, name, coefficients, np.eye(3), projection, frame)
    _check(camera)
    return camera


def _coefficients(model: str, given: tuple[float, ...]) -> Floats:
    name = ALIASES.get(model, model)
    if name not in MODELS:
        raise CalibrationError(
            f"distortion model '{model}' isn't known; there are: {', '.join(MODELS)}"
        )
    if len(given) > MODELS[name]:
        raise CalibrationError(f"{name} has at most {MODELS[name]} coefficients, not {len(given)}")
    return np.array([*given, *[0.0] * (MODELS[name] - len(given))], dtype=np.float64)


def _check(camera: Camera) -> None:
    if camera.width <= 0 or camera.height <= 0:
        raise CalibrationError(f"size {camera.width}x{camera.height} must be positive")
    numbers = (camera.matrix, camera.distortion, camera.rotation, camera.projection, camera.pose)
    if not all(np.isfinite(array).all() for array in numbers):
        raise CalibrationError("all numbers must be finite")
    if camera.matrix[0, 0] <= 0 or camera.matrix[1, 1] <= 0:
        raise CalibrationError(
            f"focal lengths {camera.matrix[0, 0]:g}, {camera.matrix[1, 1]:g} must be positive"
        )


def load_cameras(path: Path) -> list[Camera]:
    """The cameras of a camera_info file (one), a Kalibr camchain, or a file in rpg's layout.

    Raises:
        CalibrationError: it describes none; the message names the file.
        OSError: it can't be read.

    """
    text = path.read_text(encoding="utf-8")
    # OpenCV's files begin with a line that isn't YAML, and tag their matrices.
    text = text.removeprefix("%YAML:1.0").replace("!!opencv-matrix", "")
    try:
        content = yaml.safe_load(text)
        if not isinstance(content, dict):
            raise CalibrationError("holds no mapping")
        if "camera_matrix" in content:
            return [_camera_info(content)]
        if "cameras" in content:
            cameras = [_rpg(entry["camera"]) for entry in content["cameras"]]
            # Their poses are those in the body's frame.
            first = cameras[0].pose
            return [replace(c, pose=np.linalg.inv(c.pose) @ first) for c in cameras]
        names = sorted(name for name in content if str(name).startswith("cam"))
        if names:
            return [_kalibr(content[name]) for name in names]
        raise CalibrationError("has neither camera_matrix nor cameras nor cam0")
    except (yaml.YAMLError, KeyError, TypeError, IndexError, ValueError) as error:
        cause = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise CalibrationError(f"{path}: {cause}") from error


def _camera_info(content: dict[str, Any]) -> Camera:
    def matrix(name: str, rows: int, columns: int, default: Floats) -> Floats:
        if name not in content:
            return default
        return np.array(content[name]["data"], dtype=np.float64).reshape(rows, columns)

    k = matrix("camera_matrix", 3, 3, np.eye(3))
    model = str(content.get("distortion_model", "plumb_bob"))
    given = tuple(float(v) for v in content["distortion_coefficients"]["data"])
    projection = matrix("projection_matrix", 3, 4, np.column_stack([k, np.zeros(3)]))
    rotation = matrix("rectification_matrix", 3, 3, np.eye(3))
    camera = Camera(
        int(content["image_width"]), int(content["image_height"]), k, ALIASES.get(model, model),
        _coefficients(model, given), rotation, projection, np.eye(4),
    )  # fmt: skip
    _check(camera)
    return camera


def _kalibr(entry: dict[str, Any]) -> Camera:
    if entry.get("camera_model", "pinhole") != "pinhole":
        raise CalibrationError(f"camera_model {entry['camera_model']} isn't known; pinhole is")
    width, height = entry["resolution"]
    pose = np.array(entry.get("T_cn_cnm1", np.eye(4)), dtype=np.float64).reshape(4, 4)
    model, given = str(entry.get("distortion_model", "")), entry.get("distortion_coeffs", ())
    # Kalibr's radtan is k1, k2, p1, p2, the first four of plumb_bob.
    fx, fy, cx, cy = (float(v) for v in entry["intrinsics"])
    coefficients = tuple(float(v) for v in given)
    return make_camera(int(width), int(height), (fx, fy, cx, cy), model, coefficients, pose)


def _rpg(entry: dict[str, Any]) -> Camera:
    fx, fy, cx, cy = (float(v) for v in entry["intrinsics"]["data"])
    bent = entry.get("distortion") or {}
    given = tuple(float(v) for v in (bent.get("parameters") or {}).get("data", ()))
    width, height = int(entry["image_width"]), int(entry["image_height"])
    frame = entry.get("T_B_C", {}).get("data", np.eye(4))
    pose = np.array(frame, dtype=np.float64).reshape(4, 4)
    return make_camera(width, height, (fx, fy, cx, cy), str(bent.get("type", "")), given, pose)


def stereo_rectified(left: Camera, right: Camera) -> tuple[Camera, Camera]:
    """Both cameras with R and P such that a point has the same row in both.

    `right.pose` leads from the left camera's frame into the right one's. The new x axis is the
    baseline, the new z axis as near as possible to the mean of the old ones (Fusiello et al. 2000);
    both keep the mean focal length and the left principal point.

    Raises:
        CalibrationError: the cameras are at one place.

    """
    turn, shift = right.pose[:3, :3], right.pose[:3, 3]
    centre = -turn.T @ shift
    length = float(np.linalg.norm(centre))
    if length < 1e-9:
        raise CalibrationError("the cameras are at one place, so there is no baseline")
    x = centre / length
    if x[0] < 0:
        x = -x
    forward = np.array([0.0, 0.0, 1.0]) + turn.T @ np.array([0.0, 0.0, 1.0])
    y = np.cross(forward, x)
    y /= np.linalg.norm(y)
    rotation = np.stack([x, y, np.cross(x, y)])
    focal = float(np.mean([c.matrix[i, i] for c in (left, right) for i in (0, 1)]))
    cx, cy = left.matrix[0, 2], left.matrix[1, 2]
    base = np.array([[focal, 0, cx, 0], [0, focal, cy, 0], [0, 0, 1, 0]], dtype=np.float64)
    other = base.copy()
    other[0, 3] = -focal * float(rotation[0] @ centre)
    return (
        replace(left, rotation=rotation, projection=base),
        replace(right, rotation=rotation @ turn.T, projection=other),
    )
