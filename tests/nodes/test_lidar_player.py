"""Clouds over the wire: organised, with their NaN points, at the figures of their files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import launch_pytest
import numpy as np
import pytest
from launch_pytest.tools.process import wait_for_exit_sync
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Imu, PointCloud2

from spikeloop.loop.slots import IMU
from spikeloop.nodes.messages import qos_profile, stamp_of

DATA = Path(__file__).parents[1] / "data"
OUSTER = {
    "file": str(DATA / "ouster_os0_128" / "OS-0-128-U1_v2.3.0_1024x10.pcap"),
    "readers": 2,
    "now": False,
}
ROUNDS = [
    {"lidar_player": {"file": str(DATA / "pcd" / name), "readers": 1, "loop": True, "period": s}}
    for name, s in (("bun0.pcd", 0.2), ("", 0.05))
]
OFFICE = {"file": str(DATA / "pcd" / "office1.pcd"), "readers": 1, "loop": True}
KINDS = {2: "u1", 4: "<u2", 6: "<u4", 7: "<f4", 8: "<f8"}


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def points(message: Any) -> Any:
    record = np.dtype(
        {
            "names": [f.name for f in message.fields],
            "formats": [KINDS[f.datatype] for f in message.fields],
            "offsets": [f.offset for f in message.fields],
            "itemsize": message.point_step,
        }
    )
    return np.frombuffer(message.data, record).reshape(message.height, message.width)


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"lidar_player": OUSTER}], indirect=True, ids=["ouster"])
def test_a_turn_of_an_ouster_with_its_imu_on_one_clock(nodes: Any, peer: Any) -> None:
    clouds: list[Any] = []
    samples: list[Any] = []
    qos = qos_profile_sensor_data
    imu = peer.node.create_subscription(Imu, "imu/data", samples.append, qos_profile(IMU))
    peer.join("lidar_player", [imu])
    peer.node.create_subscription(PointCloud2, "lidar/points", clouds.append, qos)
    cloud = peer.wait(lambda: clouds and clouds[0])
    assert (cloud.height, cloud.width, cloud.is_dense) == (128, 1024, False)
    got = points(cloud)
    assert int(np.isfinite(got["x"]).sum()) == 97_299
    mean = [float(np.nanmean(got[axis].astype(np.float64))) for axis in "xyz"]
    np.testing.assert_allclose(mean, (-0.4640, 0.8258, 1.2645), atol=6e-5)
    peer.wait(lambda: samples)
    times = [stamp_of(m) for m in samples]
    assert 1_462_559_461_690 <= times[0] <= stamp_of(cloud) + 100_000_000
    assert abs(samples[0].linear_acceleration.z - 9.8) < 1.0


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", [{"lidar_player": OFFICE}], indirect=True, ids=["pcd"])
def test_an_organised_cloud_keeps_rows_columns_and_nan(nodes: Any, peer: Any) -> None:
    clouds: list[Any] = []
    peer.node.create_subscription(
        PointCloud2, "lidar/points", clouds.append, qos_profile_sensor_data
    )
    cloud = peer.wait(lambda: clouds and clouds[0])
    assert (cloud.height, cloud.width, cloud.row_step) == (480, 640, 640 * cloud.point_step)
    got = points(cloud)
    assert int(np.isnan(got["x"]).sum()) == 52_744
    assert got.dtype.names == ("x", "y", "z", "rgb")


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    "nodes", [{"lidar_player": {"file": "/no/such.pcap"}}], indirect=True, ids=["no file"]
)
def test_a_file_that_is_not_there_is_named(nodes: Any, launch_context: Any) -> None:
    player = nodes["lidar_player"]
    assert wait_for_exit_sync(launch_context, player, timeout=15)
    assert player.return_code == 1
    assert "/no/such.pcap: no such file" in player.get_stderr()


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize("nodes", ROUNDS, indirect=True, ids=["one file", "four files"])
def test_a_round_begins_a_period_behind_the_last(
    nodes: Any, peer: Any, request: pytest.FixtureRequest
) -> None:
    period = request.node.callspec.params["nodes"]["lidar_player"]["period"]
    stamps: list[int] = []
    peer.node.create_subscription(
        PointCloud2, "lidar/points", lambda m: stamps.append(stamp_of(m)), qos_profile_sensor_data
    )
    told = peer.diagnostics("lidar_player")
    peer.wait(lambda: int(told.get("messages", "0")) > 8 and len(stamps) > 5)
    gaps = [(b - a) / 1e9 for a, b in itertools.pairwise(stamps)]
    assert min(gaps) > 0.95 * period


TIMED = """VERSION 0.7
FIELDS x y z t
SIZE 4 4 4 8
TYPE F F F U
WIDTH 2
HEIGHT 1
DATA ascii
1 2 3 1700000000000000000
4 5 6 1700000000000000512
"""


@launch_pytest.fixture
def launched_beside(working_folder: Path, description: Any, ros_domain: int) -> Any:
    (working_folder / "timed.pcd").write_text(TIMED)
    return description


@pytest.mark.launch(fixture=launched_beside)
@pytest.mark.parametrize(
    "nodes",
    [{"lidar_player": {"file": "timed.pcd", "readers": 1, "loop": True}}],
    indirect=True,
    ids=["timed"],
)
def test_integers_of_64_bits_go_out_as_float64_and_it_is_told(nodes: Any, peer: Any) -> None:
    clouds: list[Any] = []
    peer.node.create_subscription(
        PointCloud2, "lidar/points", clouds.append, qos_profile_sensor_data
    )
    told = peer.diagnostics("lidar_player")
    cloud = peer.wait(lambda: clouds and clouds[0])
    assert points(cloud)["t"].tolist() == [[1.7e18, 1.7e18 + 512]]
    peer.wait(lambda: any("field 't' goes out as float" in key for key in told))
