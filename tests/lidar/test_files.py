"""The figures of real files, as other readers have them, and files that are broken."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from spikeloop.lidar.cloud import LidarFileError
from spikeloop.lidar.ouster import ImuSample, OusterCapture, Scan
from spikeloop.lidar.pcap import datagrams
from spikeloop.lidar.pcd import read_pcd

DATA = Path(__file__).parents[1] / "data"
PCAP = DATA / "ouster_os0_128" / "OS-0-128-U1_v2.3.0_1024x10.pcap"


@pytest.mark.parametrize(
    ("name", "shape", "nans", "mean"),
    [
        ("bun0", (1, 397), 0, (-0.02908, 0.10265, 0.02730)),
        ("car6", (1, 10_031), 0, (-37.39373, -64.56174, -6.29599)),
        ("colored_cloud", (1000, 1), 0, (-0.21851, -0.51378, 1.21010)),
        ("office1", (480, 640), 52_744, (-0.18206, -0.12017, 4.01020)),
    ],
)
def test_pcd_as_other_readers_have_it(
    name: str, shape: tuple[int, int], nans: int, mean: tuple[float, ...]
) -> None:
    cloud = read_pcd(DATA / "pcd" / f"{name}.pcd")
    points = cloud.points().reshape(-1, 3).astype(np.float64)
    assert cloud.shape == shape
    assert int(np.isnan(points[:, 0]).sum()) == nans
    np.testing.assert_allclose(np.nanmean(points, axis=0), mean, atol=6e-6)


def test_an_ouster_scan_as_the_makers_library_has_it() -> None:
    capture = OusterCapture(PCAP)
    items = list(capture.items())
    (scan,) = [item for item in items if isinstance(item, Scan)]
    assert sum(isinstance(item, ImuSample) for item in items) == 10
    assert not capture.counts
    assert (scan.frame_id, scan.range_mm.shape, scan.columns) == (1491, (128, 1024), 1024)
    assert int((scan.range_mm > 0).sum()) == 97_299
    assert int(scan.range_mm.sum(dtype=np.int64)) == 826_026_376
    assert int(scan.range_mm.max()) == 128_520
    assert scan.first_ns == 1_462_559_461_690
    points = scan.cloud.points().reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(np.nanmean(points, axis=0), (-0.4640, 0.8258, 1.2645), atol=6e-5)
    assert int(np.isfinite(points[:, 0]).sum()) == 97_299


def test_datagrams_in_fragments_are_put_together(tmp_path: Path) -> None:
    whole = list(datagrams(PCAP))
    assert [d.port for d in whole].count(7502) == 64
    path = tmp_path / "fragments.pcap"
    with path.open("wb") as out:
        out.write(PCAP.read_bytes()[:24])
        for number, datagram in enumerate(whole):
            udp = struct.pack(">HHHH", 1, datagram.port, 8 + len(datagram.data), 0) + datagram.data
            pieces = [udp[at : at + 1480] for at in range(0, len(udp), 1480)]
            order = range(len(pieces)) if number % 2 else reversed(range(len(pieces)))
            for k in order:
                place = (k * 1480 // 8) | (0x2000 if k + 1 < len(pieces) else 0)
                head = struct.pack(
                    ">BBHHHBBH", 0x45, 0, 20 + len(pieces[k]), number, place, 64, 17, 0
                )
                frame = bytes(14) + head + bytes(8) + pieces[k]
                seconds, rest = divmod(datagram.captured_ns, 1_000_000_000)
                out.write(struct.pack("<4I", seconds, rest // 1000, len(frame), len(frame)) + frame)
    assert [(d.port, d.data) for d in datagrams(path)] == [(d.port, d.data) for d in whole]


def test_a_cut_capture_gives_what_it_has_and_the_place(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(PCAP.read_bytes()[:200_000])
    shutil.copy(PCAP.with_suffix(".json"), path.with_suffix(".json"))
    got = []
    with pytest.raises(LidarFileError, match=r"cut\.pcap: breaks off at byte \d+"):
        for item in OusterCapture(path).items():
            got.append(item)
    assert got


def test_what_an_ouster_capture_lacks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    with pytest.raises(LidarFileError, match="no such file"):
        OusterCapture(path)
    shutil.copy(PCAP, path)
    with pytest.raises(LidarFileError, match=r"x\.json: the sensor's description can't be read"):
        OusterCapture(path)
    told = json.loads(PCAP.with_suffix(".json").read_text())
    told["data_format"]["udp_profile_lidar"] = "FUSA_DUAL"
    path.with_suffix(".json").write_text(json.dumps(told))
    with pytest.raises(LidarFileError, match="profile FUSA_DUAL isn't known; there are: RNG15"):
        OusterCapture(path)
    del told["beam_altitude_angles"]
    told["data_format"]["udp_profile_lidar"] = "RNG15_RFL8_NIR8"
    path.with_suffix(".json").write_text(json.dumps(told))
    with pytest.raises(LidarFileError, match="lacks 'beam_altitude_angles'"):
        OusterCapture(path)


@pytest.mark.parametrize("name", ["car6", "colored_cloud", "bun0"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_cut_pcd_is_refused_by_name(name: str, part: float, tmp_path: Path) -> None:
    raw = (DATA / "pcd" / f"{name}.pcd").read_bytes()
    path = tmp_path / "cut.pcd"
    path.write_bytes(raw[: int(part * len(raw))])
    with pytest.raises(LidarFileError, match=r"cut\.pcd: "):
        read_pcd(path)


def test_random_bytes_as_compressed_data_stay_within_bounds(tmp_path: Path) -> None:
    raw = (DATA / "pcd" / "car6.pcd").read_bytes()
    begin = raw.index(b"binary_compressed\n") + 18
    rng = np.random.default_rng(3)
    path = tmp_path / "bad.pcd"
    for _ in range(50):
        body = rng.integers(0, 256, len(raw) - begin - 8, dtype=np.uint8).tobytes()
        path.write_bytes(raw[: begin + 8] + body)
        with pytest.raises(LidarFileError, match="damaged"):
            read_pcd(path)


def test_fields_of_several_elements_and_padding(tmp_path: Path) -> None:
    record = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("_", "u1", 4), ("h", "<u2", 3)])
    rows = np.zeros(2, record)
    rows["x"], rows["h"] = [1, 2], [[1, 2, 3], [4, 5, 6]]
    path = tmp_path / "h.pcd"
    path.write_bytes(
        b"VERSION .7\nFIELDS x y z _ h\nSIZE 4 4 4 1 2\nTYPE F F F U U\nCOUNT 1 1 1 4 3\n"
        b"WIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA binary\n" + rows.tobytes()
    )
    cloud = read_pcd(path)
    assert list(cloud.fields) == ["x", "y", "z", "h"]
    assert cloud.fields["h"].tolist() == [[[1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"SIZE 6 4 4", "fields of TYPE F and SIZE 6 aren't known"),
        (b"TYPE O F F", "fields of TYPE O and SIZE 4 aren't known"),
        (b"COUNT 2 1 1", "field 'x' must have a COUNT of 1"),
        (b"WIDTH 99999999999999999999", "states 1 points, but is 9+ wide and 1 high"),
    ],
)
def test_fields_that_no_cloud_has_are_refused(line: bytes, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    head = b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 1\nPOINTS 1\n"
    name = line.split(b" ", 1)[0]
    lines = [line if old.startswith(name) else old for old in head.splitlines()]
    path.write_bytes(b"\n".join([*lines, b"DATA binary", bytes(32)]))
    with pytest.raises(LidarFileError, match=rf"a\.pcd: .*{cause}"):
        read_pcd(path)
