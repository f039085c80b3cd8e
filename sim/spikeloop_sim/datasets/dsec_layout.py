"""Writes the layout of DSEC, with masks and poses beside.

After Gehrig, Aarents, Gehrig and Scaramuzza, DSEC, RA-L 2021, and its page "data format". Optical
flow and boxes are as in DSEC-Flow (Gehrig et al., E-RAFT, 3DV 2021) and DSEC-Detection (Gehrig and
Scaramuzza, Nature 2024). A picture's number is that of the frame of the same time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spikeloop.datasets.dsec import CLASSES, TRACKS, encode_disparity, encode_flow
from spikeloop.events.array import Events, Triggers
from spikeloop.events.files.hdf5_writer import Hdf5Writer
from spikeloop_sim.event_camera.optics import Pose
from spikeloop_sim.objects import Box
from spikeloop_sim.stereo import StereoRig

SIDES = ("left", "right")
FROM_TO = "# from_timestamp_us, to_timestamp_us"
EXPOSURE = "# exposure_start_timestamp_us, exposure_end_timestamp_us"


def save_picture(path: Path, pixels: NDArray[Any]) -> None:
    """Write a PNG of 8 or 16 bits, at once; three channels are red, green, blue.

    Raises:
        OSError: it can't be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels.ndim == 3:
        pixels = pixels[..., ::-1]
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not done:
        raise OSError(f"{path}: can't be coded as PNG")
    save_bytes(path, data.tobytes())


def save_bytes(path: Path, data: bytes) -> None:
    """Write a file at once: it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_bytes(data)
    scratch.replace(path)


class DsecFolder:
    """One sequence."""

    def __init__(self, folder: Path) -> None:
        """Write into this folder."""
        self.folder = folder

    def disparity(self, number: int, disparity: NDArray[np.float32]) -> None:
        """Of the left event camera, (h, w) px; NaN where it isn't known."""
        path = self.folder / f"disparity/event/{number:06d}.png"
        save_picture(path, encode_disparity(disparity))

    def flow(
        self, way: str, number: int, flow: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> None:
        """Displacement, (h, w, 2) px; `way` is forward or backward."""
        save_picture(self.folder / f"flow/{way}/{number:06d}.png", encode_flow(flow, valid))

    def frame(self, side: str, number: int, pixels: NDArray[np.uint8]) -> None:
        """A frame, (h, w)."""
        save_picture(self.folder / f"images/{side}/rectified/{number:06d}.png", pixels)

    def masks(
        self, number: int, instances: NDArray[np.uint16], independent: NDArray[np.bool_]
    ) -> None:
        """What each pixel of the left event camera shows, and whether it moves by itself."""
        save_picture(self.folder / f"instances/left/{number:06d}.png", instances)
        moving = independent.astype(np.uint8) * 255
        save_picture(self.folder / f"motion_mask/left/{number:06d}.png", moving)

    def calibration(self, rig: StereoRig) -> None:
        """cam_to_cam.yaml: 0 and 3 are the event cameras, 1 and 2 the frame cameras with them."""
        lens, far = rig.lens, np.eye(4)
        far[0, 3] = -rig.baseline_m
        camera: dict[str, Any] = {
            "camera_matrix": [lens.fx, lens.fy, lens.cx, lens.cy],
            "camera_model": "pinhole",
            "resolution": [lens.width, lens.height],
        }
        bent = {"distortion_coeffs": [0.0] * 4, "distortion_model": "radtan"}
        same, turn = np.eye(4).tolist(), np.eye(3).tolist()
        depth = [
            [1.0, 0.0, 0.0, -lens.cx],
            [0.0, 1.0, 0.0, -lens.cy],
            [0.0, 0.0, 0.0, lens.fx],
            [0.0, 0.0, 1.0 / rig.baseline_m, 0.0],
        ]
        content = {
            "intrinsics": {
                **{f"cam{k}": camera | bent for k in range(4)},
                **{f"camRect{k}": camera for k in range(4)},
            },
            "extrinsics": {
                "T_10": same,
                "T_21": far.tolist(),
                "T_32": same,
                **{f"R_rect{k}": turn for k in range(4)},
            },
            "disparity_to_depth": {"cams_03": depth, "cams_12": depth},
        }
        plain = _Plain.dump(content)
        save_bytes(self.folder / "calibration/cam_to_cam.yaml", plain.encode())

    def rectify_map(self, side: str, width: int, height: int) -> None:
        """The pictures are rectified as they are, so each pixel stays where it is."""
        columns, rows = np.meshgrid(np.arange(width), np.arange(height))
        path = self.folder / f"events/{side}/rectify_map.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.part")
        with h5py.File(scratch, "w") as file:
            table = np.stack([columns, rows], axis=-1).astype(np.float32)
            file.create_dataset("rectify_map", data=table)
        scratch.replace(path)

    def events(self, side: str, parts: Iterable[Events], width: int, height: int) -> int:
        """All events of a camera; returns how many."""
        path = self.folder / f"events/{side}/events.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.part")
        count = 0
        with Hdf5Writer(scratch, width, height, {}) as writer:
            for part in parts:
                writer.write(part, Triggers.none())
                count += len(part)
        scratch.replace(path)
        return count

    def times(
        self,
        truth: Sequence[int],
        frames: Sequence[int],
        exposures: Sequence[tuple[int, int]],
    ) -> None:
        """The lists of times, us: of truth, of the frames' middles, and of their exposures."""
        pairs = list(itertools.pairwise(truth))
        self._text("disparity/timestamps.txt", [str(t) for t in truth])
        self._text("flow/forward_timestamps.txt", [FROM_TO, *(f"{a}, {b}" for a, b in pairs)])
        self._text("flow/backward_timestamps.txt", [FROM_TO, *(f"{b}, {a}" for a, b in pairs)])
        if frames:
            self._text("images/timestamps.txt", [str(t) for t in frames])
            lines = [EXPOSURE, *(f"{a}, {b}" for a, b in exposures)]
            self._text("images/left/exposure_timestamps.txt", lines)

    def poses(self, times: Sequence[int], poses: Sequence[Pose]) -> None:
        """Of the left camera in the world, a line each: s, x, y, z, quaternion x, y, z, w (TUM)."""
        lines = ["# timestamp_s tx ty tz qx qy qz qw"]
        for time, pose in zip(times, poses, strict=True):
            turn = Rotation.from_matrix(pose.rotation).as_quat()
            numbers = " ".join(f"{value:.9f}" for value in (*pose.position, *turn))
            lines.append(f"{time * 1e-6:.6f} {numbers}")
        self._text("pose/left.txt", lines)

    def tracks(self, found: Sequence[tuple[int, Sequence[Box]]]) -> None:
        """Boxes of all times, us, as DSEC-Detection has them; classes it lacks get new numbers."""
        labels = sorted({box.label for _, boxes in found for box in boxes} - set(CLASSES))
        number = {label: k for k, label in enumerate((*CLASSES, *labels))}
        rows = [
            (time, box.x + 0.5, box.y + 0.5, box.width, box.height, number[box.label], 1.0,
             box.number)
            for time, boxes in found
            for box in boxes
        ]  # fmt: skip
        path = self.folder / "object_detections/left/tracks.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(".tracks.part.npy")
        np.save(scratch, np.array(rows, TRACKS))
        scratch.replace(path)
        self._text("object_detections/classes.txt", list(number))

    def _text(self, name: str, lines: Sequence[str]) -> None:
        save_bytes(self.folder / name, ("\n".join(lines) + "\n").encode())


class _Plain(yaml.SafeDumper):
    """Matrices by rows, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    @staticmethod
    def dump(content: Any) -> str:
        return str(yaml.dump(content, Dumper=_Plain, sort_keys=False, default_flow_style=None))
