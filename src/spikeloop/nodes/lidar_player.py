"""Plays LiDAR recordings: Ouster packet captures with their IMU, and PCD files (slot `lidar`).

Clouds keep their rows and columns, and their places without a return as NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField

from spikeloop.lidar.cloud import Cloud, LidarFileError
from spikeloop.lidar.ouster import ImuSample, OusterCapture, Scan
from spikeloop.lidar.pcd import read_pcd
from spikeloop.loop.health import Level
from spikeloop.nodes.event_file_player import imu_message
from spikeloop.nodes.event_packets import bytes_of
from spikeloop.nodes.playing import PlayerNode, Timed
from spikeloop.nodes.running import run_node
from spikeloop.parameters import parameter

POINTS, IMU = "lidar/points", "imu/data"
TYPES = {
    "int8": PointField.INT8,
    "uint8": PointField.UINT8,
    "int16": PointField.INT16,
    "uint16": PointField.UINT16,
    "int32": PointField.INT32,
    "uint32": PointField.UINT32,
    "float32": PointField.FLOAT32,
    "float64": PointField.FLOAT64,
}
Item = Cloud | ImuSample


@dataclass(frozen=True)
class LidarPlayerConfig:
    """What is played, and how fast."""

    file: str = parameter(
        "", "Ouster .pcap, a .pcd, or a folder of .pcd files, played by name.", fixed=True
    )
    description: str = parameter(
        "", "JSON of the Ouster sensor; empty for the file called like the capture.", fixed=True
    )
    period: float = parameter(
        0.1, "Time between two PCD files.", unit="s", low=0.001, high=60.0, fixed=True
    )
    rate: float = parameter(
        1.0, "How many times as fast as recorded.", low=0.001, high=1000.0, fixed=True
    )
    loop: bool = parameter(False, "Begin again at the end.", fixed=True)
    readers: int = parameter(
        0, "Wait for so many subscribers, of both topics together.", low=0, high=100, fixed=True
    )
    now: bool = parameter(
        True, "Stamp with the time of playing; false keeps the sensor's clock.", fixed=True
    )
    frame_id: str = parameter("lidar", "Frame of the sensor.", fixed=True)


class LidarPlayerNode(PlayerNode):
    """One cloud a turn or file, and the IMU's samples between."""

    slot = "lidar"
    text = "Plays Ouster packet captures and PCD files, organised, NaN points kept."
    config_type = LidarPlayerConfig
    publishes = (POINTS, IMU)
    config: LidarPlayerConfig

    def open_file(self) -> None:
        """Look what kind of file it is, and at a capture's description."""
        path = Path(self.config.file)
        self._capture: OusterCapture | None = None
        self._clouds: list[Path] = []
        if path.is_dir():
            self._clouds = sorted(path.glob("*.pcd"))
            if not self._clouds:
                raise LidarFileError(f"{path}: holds no .pcd file")
        elif path.suffix == ".pcd":
            self._clouds = [path]
        elif path.suffix in (".pcap", ".cap"):
            told = self.config.description
            self._capture = OusterCapture(path, Path(told) if told else None)
        else:
            raise LidarFileError(f"{path}: must be a .pcap or .pcd file, or a folder of .pcd files")

    def items(self) -> Iterator[Timed[Item]]:
        """Clouds, and samples of a capture's IMU."""
        return self._capture_items() if self._capture else self._pcd_items()

    def _capture_items(self) -> Iterator[Timed[Item]]:
        """Scans and samples by the sensor's time, which is one clock for both."""
        assert self._capture is not None
        for item in self._capture.items():
            if isinstance(item, Scan):
                yield item.cloud.time_ns, item.cloud
            else:
                yield item.time_ns, item
        for reason, count in self._capture.counts.items():
            self.diagnoser.report(Level.WARN, f"{self._capture.path}: {reason}: {count}")
            self.diagnoser.values[reason] = str(count)

    def _pcd_items(self) -> Iterator[Timed[Item]]:
        for number, path in enumerate(self._clouds, 1):
            try:
                yield round(1e9 * self.config.period) * number, read_pcd(path)
            except (LidarFileError, OSError) as error:
                # The others may be whole.
                self.diagnoser.report(Level.ERROR, str(error))

    def give(self, item: Item, stamp_ns: int) -> None:
        """Publish a cloud or a sample."""
        frame_id = self.config.frame_id
        if isinstance(item, Cloud):
            self._tell_inexact(item)
            self.publish(POINTS, cloud_message(item, frame_id), stamp_ns)
        else:
            force, rate = np.array(item.acceleration), np.array(item.rate)
            self.publish(IMU, imu_message(force, rate, frame_id), stamp_ns)
        self.diagnoser.values["messages"] = str(self.player.played + 1)

    def _tell_inexact(self, cloud: Cloud) -> None:
        for name, values in cloud.fields.items():
            if values.dtype.name not in TYPES:
                self.diagnoser.report(
                    Level.WARN,
                    f"{self.config.file}: field '{name}' goes out as float64, exact to 2^53: "
                    f"PointCloud2 has no {values.dtype.name}",
                )


def cloud_message(cloud: Cloud, frame_id: str) -> PointCloud2:
    """A cloud as a message without stamp, with all its fields, row by row.

    Integers of 64 bits, for which PointCloud2 has no type, become float64.
    """
    height, width = cloud.shape
    fields = {
        name: values if values.dtype.name in TYPES else values.astype(np.float64)
        for name, values in cloud.fields.items()
    }
    kinds: list[Any] = [
        (name, values.dtype.newbyteorder("<"), values.shape[2:]) for name, values in fields.items()
    ]
    record = np.dtype(kinds)
    points = np.empty((height, width), record)
    for name, values in fields.items():
        points[name] = values
    message = PointCloud2(
        height=height,
        width=width,
        fields=[
            PointField(
                name=name,
                offset=record.fields[name][1] if record.fields else 0,
                datatype=TYPES[values.dtype.name],
                count=int(np.prod(values.shape[2:])) if values.ndim > 2 else 1,
            )
            for name, values in fields.items()
        ],
        point_step=record.itemsize,
        row_step=record.itemsize * width,
        data=bytes_of(points.reshape(-1).view(np.uint8)),
        is_dense=bool(np.isfinite(cloud.points()).all()),
    )
    message.header.frame_id = frame_id
    return message


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(LidarPlayerNode, args)
