"""The recorder keeps what it has, and tells once where it can't go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import launch_pytest
import pytest
from launch_pytest.tools.process import wait_for_exit_sync
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, Imu

from spikeloop.loop.recording import read_messages
from spikeloop.nodes.recorder import RecorderNode

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
"""So that the recorder, whenever it has found the topic, gets all."""


def test_a_pause_destroys_nothing_but_a_new_run_replaces(
    host: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.mcap"
    file.write_text("of an earlier run")
    (tmp_path / "run_2.mcap").write_text("somebody else's")
    hosted = host(RecorderNode, file=str(file), topics=["imu/data"])
    out = hosted.node.create_publisher(Imu, "imu/data", LATCHED)
    hosted.change("configure")
    for count in (1, 2):
        out.publish(Imu())
        hosted.change("activate")
        hosted.wait(lambda wanted=count: hosted.node.recording.counts.get("/imu/data") == wanted)
        hosted.change("deactivate")
    assert len(list(read_messages(file, ["/imu/data"]))) == 1
    assert len(list(read_messages(tmp_path / "run_3.mcap", ["/imu/data"]))) == 2
    assert (tmp_path / "run_2.mcap").read_text() == "somebody else's"
    assert f"{file} is kept; this recording is {tmp_path / 'run_3.mcap'}" in capfd.readouterr().err


@launch_pytest.fixture
def launched(working_folder: Path, description: Any, ros_domain: int) -> Any:
    """Beside a full disk, as /dev/full shows it, behind a name of our own."""
    (working_folder / "full.mcap").symlink_to("/dev/full")
    return description


FULL = pytest.mark.parametrize(
    "nodes", [{"recorder": {"file": "full.mcap"}}], indirect=True, ids=["full"]
)


def assert_told_once(recorder: Any) -> None:
    said = recorder.get_stderr()
    assert recorder.return_code == 1
    assert said.count("full.mcap: can't be written any more: No space left on device") == 1
    assert "Traceback" not in said and "exception" not in said


@pytest.mark.launch(fixture=launched)
@FULL
def test_a_disk_that_fills_up_ends_the_node(nodes: Any, peer: Any, launch_context: Any) -> None:
    out = peer.node.create_publisher(Image, "camera/image_raw", LATCHED)
    for _ in range(3):
        # Noise, for what can be packed would lie in memory until the end.
        out.publish(Image(data=os.urandom(2 << 20)))
    assert wait_for_exit_sync(launch_context, nodes["recorder"], timeout=30)
    assert_told_once(nodes["recorder"])


@pytest.mark.launch(fixture=launched)
@FULL
def test_an_end_that_finds_no_room_is_a_failure(nodes: Any, peer: Any, launch_context: Any) -> None:
    change = peer.node.create_client(ChangeState, "recorder/change_state")
    peer.wait(change.service_is_ready)
    request = ChangeState.Request(transition=Transition(label="deactivate"))
    done = change.call_async(request)
    peer.wait(done.done)
    assert wait_for_exit_sync(launch_context, nodes["recorder"], timeout=15)
    assert_told_once(nodes["recorder"])


@pytest.mark.launch(fixture=launched)
@FULL
def test_an_end_by_a_signal_that_finds_no_room_is_one_too(
    nodes: Any, peer: Any, launch_context: Any
) -> None:
    told = peer.diagnostics("recorder")
    peer.wait(lambda: told.get("state") == "active")
    os.kill(nodes["recorder"].process_details["pid"], signal.SIGINT)
    assert wait_for_exit_sync(launch_context, nodes["recorder"], timeout=15)
    assert_told_once(nodes["recorder"])
