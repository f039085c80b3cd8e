"""Records topics to an MCAP file with their definitions inside (slot `recorder`)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from spikeloop.loop.health import Level
from spikeloop.loop.recording import McapRecording, RecordingError, next_path
from spikeloop.loop.slots import TOPICS
from spikeloop.nodes.messages import message_class
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter

LOOK_S = 0.1
DEPTH = 5000


@dataclass(frozen=True)
class RecorderConfig:
    """What is recorded, and where."""

    file: str = parameter("recording.mcap", "MCAP file.", fixed=True)
    topics: tuple[str, ...] = parameter(
        (), "Topics of the slot table; empty for all that are published.", fixed=True
    )


class RecorderNode(SlotNode):
    """Takes every topic of the table as soon as it is published, without decoding it."""

    slot = "recorder"
    text = "Records topics to an MCAP file that opens in Foxglove."
    config_type = RecorderConfig
    config: RecorderConfig
    _has_recorded = False

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the file and look for topics.

        A file of an earlier run is replaced, as a mission flown again does; one of this node not,
        for it was only paused.
        """
        path = Path(self.config.file)
        if self._has_recorded and path.exists():
            path = next_path(path)
            self.get_logger().warning(f"{self.config.file} is kept; this recording is {path}")
        try:
            self.recording = McapRecording(path, _definition)
        except OSError as error:
            self.diagnoser.report(Level.ERROR, f"{path}: can't be written: {error}")
            return TransitionCallbackReturn.FAILURE
        self._has_recorded = True
        self._taken: dict[str, Any] = {}
        self._look = self.create_timer(LOOK_S, self._on_look, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Finish the file."""
        self._take_no_more()
        with self._ended_by_error():
            self.recording.close()
        if self.exit_code is None:
            total = sum(self.recording.counts.values())
            self.get_logger().info(f"recorded {total} messages to {self.recording.path}")
        return super().on_deactivate(state)

    def _take_no_more(self) -> None:
        self.destroy_timer(self._look)
        for subscription in self._taken.values():
            self.destroy_subscription(subscription)
        self._taken.clear()

    @contextlib.contextmanager
    def _ended_by_error(self) -> Iterator[None]:
        """End the node where the file can't be written, at once, so that it is told once."""
        try:
            yield
        except RecordingError as error:
            self._take_no_more()
            self.fail(f"{error}; make room, or set parameter 'file' to another disk")

    def _on_look(self) -> None:
        with self._ended_by_error():
            for name in self.config.topics or tuple(TOPICS):
                if name in self._taken:
                    continue
                infos = self.get_publishers_info_by_topic(self.resolve_topic_name(name))
                if infos:
                    self._take(name, infos)

    def _take(self, name: str, infos: list[Any]) -> None:
        """Subscribe with what every present publisher offers."""
        kind = infos[0].topic_type
        reliable = all(i.qos_profile.reliability == ReliabilityPolicy.RELIABLE for i in infos)
        latched = all(i.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for i in infos)
        qos = QoSProfile(
            depth=DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        resolved = self.resolve_topic_name(name)
        try:
            self.recording.add_topic(resolved, kind)
            message_type = message_class(kind)
        except (ImportError, OSError, PackageNotFoundError) as error:
            self.diagnoser.report(Level.ERROR, f"{resolved}: {kind} can't be recorded: {error}")
            self._taken[name] = None
            return

        def keep(data: bytes) -> None:
            with self._ended_by_error():
                self.recording.add(resolved, time.time_ns(), data)

        self._taken[name] = self.create_subscription(message_type, name, keep, qos, raw=True)


def _definition(package: str, name: str) -> str:
    share = Path(get_package_share_directory(package))
    return (share / "msg" / f"{name}.msg").read_text(encoding="utf-8")


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(RecorderNode, args)
