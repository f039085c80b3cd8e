"""Recordings of simulated worlds: complete, readable by others' rules, the same after a kill."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rosbags.rosbag2 import Reader
from spikeloop_sim.datasets.body_sensors import BodySensors
from spikeloop_sim.datasets.config import RecordConfig
from spikeloop_sim.datasets.messages import VISION, make_store
from spikeloop_sim.datasets.path import CARRIED_BY, GRAVITY, Ground, RigPath
from spikeloop_sim.datasets.recorder import Order, SimRecordingError, record
from spikeloop_sim.datasets.stage import Stage, make_stage

from spikeloop.bags.bag import Bag
from spikeloop.cli.main import main
from spikeloop.datasets.dsec import DsecSequence
from spikeloop.events.calibration import load_cameras
from spikeloop.events.files.opening import open_source

RIG = {"width": 64, "height": 48, "segment": 1}
SECONDS = 0.5


def order(out: Path, **changes: Any) -> Order:
    return Order(
        **{"world": "room", "seed": 5, "seconds": SECONDS, "out": out, "rig": RIG} | changes
    )


def digests(folder: Path) -> dict[str, str]:
    """Of all files, but for the name of the folder itself."""
    return {
        str(path.relative_to(folder)).replace(folder.name, "NAME"): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that was never interrupted."""
    out = tmp_path_factory.mktemp("whole") / "rec"
    outcome = record(order(out))
    assert (outcome.parts, outcome.resumed) == (5, 0)
    return out


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One camera, and truth every 10 ms."""
    out = tmp_path_factory.mktemp("quick") / "quick"
    rig = RIG | {"stereo": False, "frames": False, "rate": 100, "segment": 5}
    assert set(record(order(out, seconds=0.05, rig=rig)).events) == {"left"}
    return out


def messages(folder: Path, topic: str) -> list[Any]:
    store = make_store()
    with Reader(folder / "bag") as reader:
        chosen = [c for c in reader.connections if c.topic == topic]
        assert len(chosen) == 1, topic
        return [
            store.deserialize_cdr(data, connection.msgtype)
            for connection, _, data in reader.messages(connections=chosen)
        ]


def test_killed_and_started_again_it_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec"
    command = [
        sys.executable, "-m", "spikeloop.cli.main", "sim", "record", "room", str(out),
        "--seconds", str(SECONDS), "--seed", "5", "--size", "64x48", "--rig", "segment=1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    second = out / "bag/bag_1.mcap"
    while not second.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert process.wait(0.01) is None, process.stderr and process.stderr.read().decode()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (out / "bag/metadata.yaml").exists()
    outcome = record(order(out))
    assert 2 <= outcome.resumed < 5
    assert digests(out) == digests(whole)
    # Once more finds nothing to do.
    assert record(order(out)).resumed == 5
    assert digests(out) == digests(whole)


def test_interrupted_at_every_part_it_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "rec"

    class Stop(Exception):
        pass

    for part in range(5):
        told: list[float] = []

        def stop(done: float, of: float, told: list[float] = told) -> None:
            assert 0.0 <= done <= of == pytest.approx(SECONDS)
            told.append(done)
            if len(told) == 2:
                raise Stop

        with contextlib.suppress(Stop):
            outcome = record(order(out), stop)
            assert part == 4 and outcome.resumed == 4
    assert digests(out) == digests(whole)


def test_events_in_bag_and_hdf5_are_the_same(whole: Path) -> None:
    sequence = DsecSequence(whole / "dsec/rec")
    for side in ("left", "right"):
        source = open_source(whole / "bag", topic=f"/event_camera/{side}/events")
        stored = [events for events, _ in source.pieces() if len(events)]
        found = sequence.events(side)  # type: ignore[arg-type]
        assert sum(len(part) for part in stored) == len(found) > 3000
        for name in "txyp":
            both = np.concatenate([getattr(part, name) for part in stored])
            assert np.array_equal(both, getattr(found, name))
        assert found.t[0] >= 1_000_000 and (np.diff(found.t) >= 0).all()
    left, right = sequence.events("left"), sequence.events("right")
    assert len(left) != len(right)  # each sensor has pixels and noise of its own


def test_truth_of_the_layout_is_that_of_the_bag(whole: Path) -> None:
    sequence = DsecSequence(whole / "dsec/rec")
    times = [time for time, _ in sequence.disparities]
    assert times == [1_000_000 + 100_000 * k for k in range(6)]
    disparities = messages(whole, "/truth/disparity")
    depths = messages(whole, "/truth/depth")
    focal, baseline = sequence.focal_and_baseline
    for index, (message, depth) in enumerate(zip(disparities, depths, strict=True)):
        stamp = message.header.stamp
        assert stamp.sec * 1_000_000 + stamp.nanosec // 1000 == times[index]
        stored = sequence.disparity(index)
        exact = np.frombuffer(message.image.data, np.float32).reshape(48, 64)
        assert np.array_equal(np.isnan(stored), np.isnan(exact))
        assert np.nanmax(np.abs(stored - exact)) <= 0.5 / 256 + 1e-6
        metres = np.frombuffer(depth.data, np.float32).reshape(48, 64)
        assert np.nanmax(np.abs(focal * baseline / exact - metres)) < 1e-3
        assert (message.f, message.t) == pytest.approx((focal, baseline))


def test_forward_and_backward_flow_undo_each_other(whole: Path) -> None:
    sequence = DsecSequence(whole / "dsec/rec")
    forward, backward = sequence.flows("forward"), sequence.flows("backward")
    assert [(i.begin_us, i.end_us) for i in forward] == [(i.end_us, i.begin_us) for i in backward]
    for there, back in zip(forward, backward, strict=True):
        ahead, _ = sequence.flow(there)
        behind, _ = sequence.flow(back)
        rows, columns = np.indices((48, 64))
        u = np.nan_to_num(columns + ahead[..., 0], nan=-9.0)
        v = np.nan_to_num(rows + ahead[..., 1], nan=-9.0)
        x, y = np.round(u).astype(int), np.round(v).astype(int)
        inside = (x >= 0) & (x < 64) & (y >= 0) & (y < 48)
        rest = ahead[inside] + behind[y[inside], x[inside]]
        assert np.median(np.linalg.norm(rest, axis=-1)) < 0.3
        assert np.median(np.linalg.norm(ahead[inside], axis=-1)) > 0.3


def test_flow_in_px_a_second_agrees_with_displacement(quick: Path) -> None:
    rates = messages(quick, "/truth/flow")
    sequence = DsecSequence(quick / "dsec/quick")
    forward, backward = sequence.flows("forward"), sequence.flows("backward")
    for index in range(1, len(forward)):
        speed = np.frombuffer(rates[index].data, np.float32).reshape(48, 64, 2)
        ahead, _ = sequence.flow(forward[index])
        behind, _ = sequence.flow(backward[index - 1])
        apart = np.linalg.norm(0.01 * speed - 0.5 * (ahead - behind), axis=-1)
        assert np.nanmax(apart) < 0.02  # two steps of the code, and a third derivative


def test_mono_without_frames_has_plain_names(quick: Path) -> None:
    names = {topic.name for topic in Bag(quick / "bag").topics}
    assert "/event_camera/events" in names and not any("camera/left" in n for n in names)
    assert not (quick / "dsec/quick/images").exists()


def test_the_box_is_boxed_masked_and_moves(whole: Path) -> None:
    boxes = messages(whole, "/truth/objects")
    masks = messages(whole, "/truth/instances")
    moving = messages(whole, "/truth/motion_mask")
    seen = 0
    for box, mask, own in zip(boxes, masks, moving, strict=True):
        pixels = np.frombuffer(mask.data, np.uint16).reshape(48, 64)
        independent = np.frombuffer(own.data, np.uint8).reshape(48, 64)
        assert set(np.unique(pixels)) <= {0, 1} and set(np.unique(independent)) <= {0, 255}
        assert not (independent[pixels == 0]).any()
        assert len(box.detections) == int((pixels == 1).any())
        for detection in box.detections:
            seen += 1
            assert detection.results[0].hypothesis.class_id == "box" and detection.id == "1"
            rows, columns = np.nonzero(pixels == 1)
            assert detection.bbox.size_x == columns.max() - columns.min() + 1
            assert detection.bbox.center.position.y == (rows.max() + rows.min()) / 2.0
    tracks = DsecSequence(whole / "dsec/rec").boxes()
    assert len(tracks) == seen > 0


def test_bag_is_whole_for_our_reader_and_holds_what_slots_expect(whole: Path) -> None:
    bag = Bag(whole / "bag")
    kinds = {topic.name: topic.kind for topic in bag.topics}
    assert kinds["/camera/left/image_raw"] == "sensor_msgs/msg/Image"
    assert all(topic.definition and topic.type_hash for topic in bag.topics)
    latched = {topic.name for topic in bag.topics if topic.latched}
    assert "/event_camera/right/camera_info" in latched and "/tf_static" in latched
    stored = list(bag.messages())
    counts = {name: sum(m.topic == name for m in stored) for name in kinds}
    assert counts["/event_camera/left/events"] == 5 and counts["/truth/depth"] == 6
    assert counts["/imu/data"] == 100 and counts["/truth/pose"] == 100
    assert counts["/camera/left/image_raw"] in (10, 11)
    received = [m.received_ns for m in stored]
    assert received == sorted(received)


def test_calibration_in_its_forms(whole: Path) -> None:
    (info,) = messages(whole, "/event_camera/right/camera_info")
    assert info.p[3] == pytest.approx(-info.k[0] * 0.12)
    left, right = load_cameras(whole / "camchain.yaml")
    assert left.matrix[0, 0] == pytest.approx(info.k[0]) and right.pose[0, 3] == -0.12


def test_poses_and_imu_are_of_one_motion(whole: Path) -> None:
    rows = np.loadtxt(whole / "dsec/rec/pose/left.txt")
    assert rows.shape == (6, 8)
    assert np.linalg.norm(rows[:, 4:], axis=1) == pytest.approx(1.0)
    poses = messages(whole, "/truth/pose")
    assert poses[0].header.frame_id == "map"
    forces = [m.linear_acceleration for m in messages(whole, "/imu/data")]
    norm = np.mean([np.sqrt(f.x**2 + f.y**2 + f.z**2) for f in forces])
    assert norm == pytest.approx(GRAVITY, abs=0.5)


def test_another_order_in_the_same_folder_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(SimRecordingError, match=r"another 'seed' \(5, not 6\)"):
        record(order(whole, seed=6))
    with pytest.raises(SimRecordingError, match=r"another 'rig' \(segment 1, not 2\)"):
        record(order(whole, rig=RIG | {"segment": 2}))
    (tmp_path / "file").touch()
    with pytest.raises(SimRecordingError, match="isn't empty and holds no recording"):
        record(order(tmp_path))
    with pytest.raises(SimRecordingError, match="seconds must be above 0"):
        record(order(tmp_path / "x", seconds=0.0))


def test_two_processes_dont_record_into_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "rec"

    def meanwhile(done: float, of: float) -> None:
        with pytest.raises(SimRecordingError, match="another process is recording"):
            record(order(out, seconds=0.1))

    record(order(out, seconds=0.1), meanwhile)


def test_vision_messages_have_the_original_fields() -> None:
    folder = Path(__file__).parents[2] / "msg/external/vision_msgs/msg"
    for name, text in VISION.items():
        lines = (folder / f"{name}.msg").read_text().splitlines()
        fields = [line.split("#")[0].split() for line in lines]
        wanted = [words for words in fields if words]
        ours = [line.split() for line in text.splitlines()]
        plain = [[kind.removeprefix("vision_msgs/"), field] for kind, field in ours]
        assert [[k.removeprefix("vision_msgs/"), f] for k, f in wanted] == plain, name


@pytest.mark.parametrize("carrier", list(CARRIED_BY))
def test_paths_are_smooth_and_keep_to_their_route(carrier: str) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    loop = np.stack([20.0 * np.cos(turn), 12.0 * np.sin(turn)], axis=1)
    ground = Ground(np.zeros(4), loop)
    path = RigPath(ground, CARRIED_BY[carrier], 60.0, 3)
    times = np.linspace(0.0, 60.0, 3000)
    at = np.array([path.pose(t).position for t in times])
    nearest = np.min(np.linalg.norm(at[:, None, :2] - loop[None], axis=2), axis=1)
    assert nearest.max() < 1.3
    steps = np.linalg.norm(np.diff(at, axis=0), axis=1) / np.diff(times)
    assert steps.max() < 2.0 * path.speed + 1.0
    twist = path.twist(7.0)
    ahead = (path.pose(7.01).position - path.pose(6.99).position) / 0.02
    assert np.allclose(twist.linear, ahead, atol=0.02)


def test_an_open_route_is_not_left_at_its_end() -> None:
    line = np.stack([np.linspace(0.0, 10.0, 11), np.zeros(11)], axis=1)
    path = RigPath(Ground(np.zeros(4), line), CARRIED_BY["car"], 20.0, 1)
    assert path.speed < 0.6
    assert path.pose(20.0).position[0] <= 10.01


def test_an_imu_at_rest_on_the_path_feels_gravity() -> None:
    path = RigPath(Ground(np.zeros(4), np.zeros((0, 2))), CARRIED_BY["rover"], 5.0, 1)
    forces = np.array([path.inertial(t)[1] for t in np.linspace(0.0, 5.0, 300)])
    assert forces.mean(axis=0)[2] == pytest.approx(GRAVITY, abs=0.05)


def test_stages_say_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "worlds"]) == 0
    listed = capsys.readouterr().out
    assert "room" in listed and "corridor" in listed
    assert main(["sim", "record", "corridr", "/nonexistent/x"]) == 2
    assert "unknown world 'corridr' (did you mean 'corridor'?)" in capsys.readouterr().err
    assert main(["sim", "record", "room", "/nonexistent/x", "--rig", "speeed=2"]) == 2
    assert "unknown parameter 'speeed' (did you mean 'speed'?)" in capsys.readouterr().err
    assert main(["sim", "record", "room", "/nonexistent/x", "--camera", "noise"]) == 2
    assert "--camera takes NAME=VALUE, not 'noise'" in capsys.readouterr().err
    assert main(["sim", "record", "room", "/nonexistent/x", "--condition", "night"]) == 2
    assert "world 'room' has no condition 'night'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def corridor() -> Stage:
    return make_stage("corridor", 3)


def test_a_catalogued_world_has_things_and_a_route(corridor: Stage) -> None:
    assert len(corridor.ground.route) > 1
    corridor.at(1.0)
    assert corridor.lux > 0.0 and len(corridor.infrared) == corridor.model.ngeom


def test_imu_and_lidar_go_on_as_if_never_interrupted(corridor: Stage) -> None:
    config = RecordConfig(lidar_rate=20)
    path = RigPath(corridor.ground, CARRIED_BY["rover"], 5.0, 3)

    def take(begin: int, end: int, sensors: BodySensors) -> tuple[list[Any], list[bytes]]:
        scans = [scan.tobytes() for _, scan in sensors.scans(begin, end)]
        return list(sensors.inertial(begin, end)), scans

    once = take(0, 200_000, BodySensors(corridor, path, config, 3))
    begun, later = (BodySensors(corridor, path, config, 3) for _ in range(2))
    first, second = take(0, 100_000, begun), take(100_000, 200_000, later)
    assert [a + b for a, b in zip(first, second, strict=True)] == list(once)
    assert len(once[0]) == 40 and len(once[1]) == 4
    other = take(0, 100_000, BodySensors(corridor, path, config, 4))
    assert other[1] != first[1]


def test_lidar_points_lie_on_the_floor_and_walls(corridor: Stage) -> None:
    config = RecordConfig()
    path = RigPath(corridor.ground, CARRIED_BY["rover"], 5.0, 3)
    ((time_us, scan),) = BodySensors(corridor, path, config, 3).scans(0, 100_000)
    assert time_us == 100_000 and scan.shape == (16, 512)
    seen = np.isfinite(scan["z"])
    assert seen.mean() > 0.9
    # The sensor is 0.35 + 0.15 m above the floor.
    assert np.percentile(scan["z"][seen], 1) == pytest.approx(-0.5, abs=0.08)


def test_a_worlds_recording_has_lidar_and_latched_mounts(tmp_path: Path) -> None:
    out = tmp_path / "rec"
    rig = RIG | {"stereo": False, "frames": False}
    record(order(out, world="corridor", seconds=0.1, rig=rig))
    (cloud,) = messages(out, "/lidar/points")
    assert (cloud.height, cloud.width, cloud.header.frame_id) == (16, 512, "lidar_link")
    (mounts,) = messages(out, "/tf_static")
    names = {transform.child_frame_id for transform in mounts.transforms}
    assert names == {"camera_optical", "imu_link", "lidar_link"}
