"""Ouster LiDARs: scans and inertial samples from a packet capture and its JSON description.

Layouts and the equations of a point: Ouster, "Firmware user manual", chapters on the data format
and the coordinate frames. Own code rather than ouster-sdk, whose pinned requirements (rosbags
0.9.23 and others) can't be met beside ours; its figures of the shared capture are in the tests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.lidar.cloud import Cloud, LidarFileError
from spikeloop.lidar.pcap import datagrams

HEADER = FOOTER = 32
GRAVITY = 9.80665
IMU_BYTES = 48
# Pixel of each profile: type, mask of the range, mm of one step of it.
PROFILES: dict[str, tuple[np.dtype[Any], int, int]] = {
    "RNG15_RFL8_NIR8": (
        np.dtype([("range", "<u2"), ("reflectivity", "u1"), ("near_ir", "u1")]),
        0x7FFF,
        8,
    ),
    "RNG19_RFL8_SIG16_NIR16": (
        np.dtype(
            {
                "names": ["range", "reflectivity", "signal", "near_ir"],
                "formats": ["<u4", "u1", "<u2", "<u2"],
                "offsets": [0, 4, 6, 8],
                "itemsize": 12,
            }
        ),
        0x7FFFF,
        1,
    ),
}


@dataclass(frozen=True)
class Scan:
    """One turn.

    Attributes:
        frame_id: number that the sensor gave it.
        captured_ns: when its last packet was captured, ns since the epoch.
        range_mm: (height, width) uint32; 0 where there was no return.
        cloud: its points in the sensor's frame, with `intensity` (reflectivity) and `t`, ns after
            the first column; rows are beams from above, columns turn as the sensor does.
        first_ns: sensor time of its first column.
        columns: how many of its columns came.

    """

    frame_id: int
    captured_ns: int
    range_mm: NDArray[np.uint32]
    cloud: Cloud
    first_ns: int
    columns: int


@dataclass(frozen=True)
class ImuSample:
    """Acceleration in m/s^2, rate in rad/s, at a sensor time in ns."""

    captured_ns: int
    time_ns: int
    acceleration: tuple[float, float, float]
    rate: tuple[float, float, float]


class OusterCapture:
    """A capture; iterate `items` any number of times, one scan in memory at a time.

    Attributes:
        counts: what the last reading left out, by reason.

    """

    def __init__(self, path: Path, description: Path | None = None) -> None:
        """Read the description; without its name, the JSON file that is called like the capture.

        Raises:
            LidarFileError: it isn't there, or lacks something, or is of a profile that isn't known.

        """
        self.path = path
        file = description or path.with_suffix(".json")
        self.counts: Counter[str] = Counter()
        if not path.exists():
            raise LidarFileError(f"{path}: no such file")
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            self._describe(_flat(told))
        except OSError as error:
            raise LidarFileError(
                f"{file}: the sensor's description can't be read: {error.strerror}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            cause = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise LidarFileError(f"{file}: {cause}") from error

    def _describe(self, told: dict[str, Any]) -> None:
        layout = told["data_format"]
        self.height, self.width = int(layout["pixels_per_column"]), int(layout["columns_per_frame"])
        profile = layout.get("udp_profile_lidar", "LEGACY")
        if profile not in PROFILES:
            raise ValueError(f"profile {profile} isn't known; there are: {', '.join(PROFILES)}")
        pixel, self._mask, self._step_mm = PROFILES[profile]
        self._column = np.dtype(
            [("t", "<u8"), ("id", "<u2"), ("status", "<u2"), ("pixel", pixel, (self.height,))]
        )
        self._per_packet = int(layout["columns_per_packet"])
        self._bytes = HEADER + self._per_packet * self._column.itemsize + FOOTER
        self._shift = np.array(layout["pixel_shift_by_row"], dtype=np.int64)
        self._ports = (int(told.get("udp_port_lidar", 7502)), int(told.get("udp_port_imu", 7503)))
        self._directions(told)

    def _directions(self, told: dict[str, Any]) -> None:
        """For each pixel, where a point at range r lies: r * direction + offset, m."""
        altitude = np.radians(np.array(told["beam_altitude_angles"], dtype=np.float64))[:, None]
        azimuth = -np.radians(np.array(told["beam_azimuth_angles"], dtype=np.float64))[:, None]
        if len(altitude) != self.height or len(azimuth) != self.height:
            raise ValueError(f"{len(altitude)} beam angles for {self.height} beams")
        encoder = (2 * np.pi * (1 - np.arange(self.width) / self.width))[None, :]
        centre = float(told.get("lidar_origin_to_beam_origin_mm", 0.0))
        flat = np.cos(altitude)
        direction = np.stack(
            [
                np.cos(encoder + azimuth) * flat,
                np.sin(encoder + azimuth) * flat,
                np.sin(altitude) + 0 * encoder,
            ],
            axis=-1,
        )
        offset = np.stack([np.cos(encoder), np.sin(encoder), 0 * encoder], axis=-1) - direction
        into = np.array(told.get("lidar_to_sensor_transform", np.eye(4).ravel())).reshape(4, 4)
        self._direction = direction @ into[:3, :3].T
        self._offset = (centre * offset) @ into[:3, :3].T + into[:3, 3]

    def items(self) -> Iterator[Scan | ImuSample]:
        """Scans and inertial samples in the order of the capture; a scan when it is complete.

        Raises:
            LidarFileError: here the capture breaks off; what came before was given out.

        """
        self.counts.clear()
        columns = np.zeros(self.width, self._column)
        there = np.zeros(self.width, np.bool_)
        frame, captured = -1, 0
        for packet in datagrams(self.path):
            if packet.port == self._ports[1] and len(packet.data) == IMU_BYTES:
                yield _imu(packet.captured_ns, packet.data)
                continue
            if packet.port != self._ports[0] or len(packet.data) != self._bytes:
                self.counts["datagrams of another kind"] += 1
                continue
            number = int.from_bytes(packet.data[2:4], "little")
            if number != frame and there.any():
                yield self._scan(frame, captured, columns, there)
                there[:] = False
            frame, captured = number, packet.captured_ns
            part = np.frombuffer(packet.data, self._column, self._per_packet, HEADER)
            good = part[(part["status"] & 1 == 1) & (part["id"] < self.width)]
            columns[good["id"]], there[good["id"]] = good, True
        if there.any():
            yield self._scan(frame, captured, columns, there)

    def _scan(
        self, frame: int, captured: int, columns: NDArray[Any], there: NDArray[np.bool_]
    ) -> Scan:
        missing = int((~there).sum())
        if missing:
            self.counts["columns missing in scans"] += missing
        pixel = columns["pixel"]
        steps = pixel["range"].T.astype(np.uint32) & np.uint32(self._mask)
        far = np.where(there, steps * np.uint32(self._step_mm), np.uint32(0))
        points = (far[..., None] * self._direction + self._offset) / 1000.0
        points[far == 0] = np.nan
        times = columns["t"].astype(np.int64)
        first, last = int(times[there].min()), int(times[there].max())
        since = np.where(there, np.clip(times - first, 0, 0xFFFFFFFF), 0).astype(np.uint32)
        fields: dict[str, NDArray[Any]] = {
            axis: points[..., i].astype(np.float32) for i, axis in enumerate("xyz")
        }
        fields["intensity"] = pixel["reflectivity"].T.astype(np.float32)
        fields["t"] = np.broadcast_to(since, far.shape).copy()
        # Beams look to different sides; shifted, neighbours in the picture are neighbours outside.
        source = (np.arange(self.width)[None, :] - self._shift[:, None]) % self.width
        rows = np.arange(self.height)[:, None]
        fields = {name: values[rows, source] for name, values in fields.items()}
        return Scan(
            frame, captured, far[rows, source], Cloud(fields, last), first, int(there.sum())
        )


def _flat(told: dict[str, Any]) -> dict[str, Any]:
    """The description with the groups that newer firmware has put on one level."""
    flat = {key: value for key, value in told.items() if key != "config_params"}
    for group in ("beam_intrinsics", "lidar_intrinsics", "imu_intrinsics", "sensor_info"):
        flat |= told.get(group, {})
    flat |= {"data_format": told.get("lidar_data_format", told.get("data_format"))}
    if flat["data_format"] is None:
        raise KeyError("data_format")
    flat |= told.get("config_params", {})
    return flat


def _imu(captured_ns: int, data: bytes) -> ImuSample:
    times = np.frombuffer(data, "<u8", 3)
    values = np.frombuffer(data, "<f4", 6, 24).astype(np.float64)
    force, rate = values[:3] * GRAVITY, np.radians(values[3:])
    return ImuSample(
        captured_ns,
        int(times[1]),
        (float(force[0]), float(force[1]), float(force[2])),
        (float(rate[0]), float(rate[1]), float(rate[2])),
    )
