"""Ground truth on the wire: with every second packet of events, and true by geometry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from mcap.reader import make_reader
from scipy.spatial.transform import Rotation
from spikeloop_sim.datasets.messages import make_store
from spikeloop_sim.true_view import TRUTH

from spikeloop.loop.mission import missions
from spikeloop.nodes.bridge_config import START_NS

SIZE = (64, 48)


def _messages(folder: Path) -> dict[str, list[Any]]:
    """By topic, in order; what lockstep sent again counts once."""
    store, found = make_store(), dict[str, dict[int, Any]]()
    wanted = {f"/{name}" for name in TRUTH} | {"/event_camera/events", "/event_camera/camera_info"}
    with (folder / "recording.mcap").open("rb") as file:
        for schema, channel, message in make_reader(file).iter_messages():
            if channel.topic in wanted and schema is not None:
                decoded = store.deserialize_cdr(message.data, schema.name)
                found.setdefault(channel.topic.lstrip("/"), {})[_stamp(decoded)] = decoded
    return {name: [each[stamp] for stamp in sorted(each)] for name, each in found.items()}


def _stamp(message: Any) -> int:
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def _pose(message: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    at, turn = message.pose.position, message.pose.orientation
    rotation = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).as_matrix()
    return np.array([at.x, at.y, at.z]), rotation


def test_truth_goes_out_with_the_packets_and_agrees_with_the_camera(
    fly: Any, tmp_path: Path
) -> None:
    data = yaml.safe_load(missions()["corridor_patrol"].read_text())
    data["world_parameters"] = {"people": 2}
    data["robot_parameters"] = {
        "event_width": SIZE[0], "event_height": SIZE[1], "camera": False, "truth": 2,
    }  # fmt: skip
    file = tmp_path / "true.yaml"
    file.write_text(yaml.safe_dump(data))
    mission = fly(str(file), "--seed", "2", "--duration", "1")
    mission.end()
    assert mission.report["failure"] == ""
    found = _messages(mission.folder)
    packets = {_stamp(message) for message in found["event_camera/events"]}
    for name in TRUTH:
        # The recorder may come too late for the first ones.
        stamps = [stamp for message in found[name] if (stamp := _stamp(message)) > START_NS + 10**8]
        assert len(stamps) >= 20 and np.all(np.diff(stamps) == 40_000_000)
        assert set(stamps) <= packets
        assert found[name][0].header.frame_id == (
            "map" if name == "truth/camera_pose" else "event_camera_optical_frame"
        )
    info, at = found["event_camera/camera_info"][0], -3
    depth, flow = (
        found[f"truth/{name}"][at].data.view(np.float32).reshape(SIZE[1], SIZE[0], -1)
        for name in ("depth", "flow")
    )
    image = found["truth/disparity"][at]
    disparity = image.image.data.view(np.float32).reshape(SIZE[1], SIZE[0])
    known = np.isfinite(disparity)
    assert known.mean() > 0.5 and abs(image.f - info.k[0]) < 1e-4
    assert np.allclose(disparity[known] * depth[known, 0], image.f * image.t, rtol=1e-5)
    # Where the points of one time are at the next one, by the camera's poses alone.
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    rays = np.stack([(columns - info.k[2]) / info.k[0], (rows - info.k[5]) / info.k[4],
                     np.ones(columns.shape)], axis=-1)  # fmt: skip
    (p0, r0), (p1, r1) = (_pose(message) for message in found["truth/camera_pose"][-3:-1])
    moved = ((rays * depth) @ r0.T + p0 - p1) @ r1
    there = info.k[0] * moved[..., 0] / moved[..., 2] + info.k[2] - columns
    mask = found["truth/motion_mask"][at].data.reshape(SIZE[1], SIZE[0])
    error = np.abs(there - 0.04 * flow[..., 0])[(mask == 0) & (depth[..., 0] > 1.0)]
    assert np.linalg.norm(p1 - p0) > 0.02 and np.median(error) < 0.02
    instances = found["truth/instances"][at].data.view(np.uint16)
    numbers = {int(box.id) for box in found["truth/objects"][at].detections}
    assert numbers == set(np.unique(instances).tolist()) - {0}
