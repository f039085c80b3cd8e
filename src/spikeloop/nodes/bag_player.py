"""Plays a bag of any topics and types, with its clock, in the order of recording.

Types that aren't installed are built from the definitions in the bag, once, into a cache. Stamps
stay as recorded: whoever listens follows `/clock`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool

from spikeloop.bags.bag import Bag, BagError, BagTopic
from spikeloop.bags.building import BuildError, build, load, packages_of, split_definition
from spikeloop.bags.storage import Stored
from spikeloop.events.playback import Playback
from spikeloop.loop.health import Level
from spikeloop.loop.slots import Qos
from spikeloop.nodes.messages import message_class, qos_profile, to_time
from spikeloop.nodes.running import run_node
from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import parameter, suggestion

CLOCK = "/clock"
CHECK_S = 0.002
LOOK_S = 1.0
DEPTH = 1000
"""History of a publisher where the bag doesn't state one; a reader may be slow for a while."""


@dataclass(frozen=True)
class BagPlayerConfig:
    """What is played, and how."""

    file: str = parameter(
        "", "Bag: a rosbag2 folder, a .db3 or .mcap file, or a ROS 1 .bag.", fixed=True
    )
    topics: tuple[str, ...] = parameter((), "Topics to play; empty for all.", fixed=True)
    rate: float = parameter(
        1.0, "How many times as fast as recorded.", low=0.001, high=1000.0, fixed=True
    )
    loop: bool = parameter(False, "Begin again at the end.", fixed=True)
    start: float = parameter(
        0.0,
        "Begin so far behind the first message; latched ones before are played at once.",
        unit="s",
        low=0.0,
        high=1e9,
        fixed=True,
    )
    clock_rate: float = parameter(
        100.0, "How often /clock is published; 0 for not at all.", unit="Hz", low=0.0, high=1000.0,
        fixed=True,
    )  # fmt: skip
    readers: int = parameter(
        0, "Wait for so many subscribers, of all topics together.", low=0, high=1000, fixed=True
    )
    build: bool = parameter(
        True, "Build types that aren't installed from the bag's definitions.", fixed=True
    )
    end: bool = parameter(False, "End the process behind the last message.", fixed=True)


class BagPlayerNode(SlotNode):
    """Each message out as its bytes lie in the bag; none is decoded."""

    slot = "player"
    text = "Plays a bag: any topics and types, with clock, rate, loop, pause and start."
    config_type = BagPlayerConfig
    publishes = (CLOCK,)
    config: BagPlayerConfig

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the bag, see to its types, and offer `~/pause` (data: true pauses)."""
        self._outputs: dict[str, Publisher] = {}
        try:
            if not self.config.file:
                raise BagError("parameter 'file' names no bag")
            self.bag = Bag(Path(self.config.file))
            for topic in self._provided(self._chosen()):
                self._announce(topic)
        except BagError as error:
            self.diagnoser.report(Level.ERROR, str(error))
            return TransitionCallbackReturn.FAILURE
        if not self._outputs:
            self.diagnoser.report(Level.ERROR, f"{self.config.file}: no topic of it can be played")
            return TransitionCallbackReturn.FAILURE
        self.offer(SetBool, "~/pause", self._on_pause)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Play from the start."""
        self.playback = Playback(self.config.rate)
        self.played = self.loops = 0
        self._messages: Iterator[Stored] = iter(())
        self._next: Stored | None = None
        self._breaks_off = False
        self._started, self._clock_ns, self._looked_at = False, 0, 0.0
        self._timer = self.create_timer(CHECK_S, self._on_timer, clock=self._steady)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop playing."""
        self.destroy_timer(self._timer)
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Take the publishers back."""
        for publisher in self._outputs.values():
            self.destroy_publisher(publisher)
        self._outputs.clear()
        return super().on_cleanup(state)

    # --- topics and types ----------------------------------------------------------------------

    def _chosen(self) -> list[BagTopic]:
        known = [topic.name for topic in self.bag.topics]
        for name in self.config.topics:
            if name not in known:
                raise BagError(
                    f"{self.bag.path}: has no topic '{name}'{suggestion(name, known)}; "
                    f"there are: {', '.join(known)}"
                )
        wanted = self.config.topics or tuple(known)
        return [t for t in self.bag.topics if t.name in wanted and t.name != CLOCK]

    def _provided(self, topics: list[BagTopic]) -> list[BagTopic]:
        """Those whose types are there, or could be built; the others are named."""
        lacking = [topic for topic in topics if not _is_installed(topic.kind)]
        cause: dict[str, str] = {}
        if self.config.build:
            cause = self._build([topic for topic in lacking if topic.definition])
        playable = []
        for topic in topics:
            if not _is_installed(topic.kind):
                package = topic.kind.split("/")[0]
                why = cause.get(topic.kind) or (
                    "parameter 'build' is false" if topic.definition
                    else "the bag holds no definition"
                )  # fmt: skip
                self._refuse(
                    topic,
                    f"its type {topic.kind} isn't installed, and {why}; on a robot: "
                    f"apt install ros-$ROS_DISTRO-{package.replace('_', '-')}",
                )
            elif topic.type_hash and _installed_hash(topic.kind) not in ("", topic.type_hash):
                self._refuse(
                    topic,
                    f"its type {topic.kind} is another one here than it was when recording; "
                    "convert the bag where both are installed",
                )
            else:
                playable.append(topic)
        return playable

    def _build(self, topics: list[BagTopic]) -> dict[str, str]:
        """Build the types of these topics; why a type couldn't be built."""
        definitions: dict[str, str] = {}
        for topic in topics:
            definitions |= split_definition(topic.kind, topic.definition)
        packages = [p for p in packages_of(definitions) if not _has_package(p)]
        if not packages:
            why = "its package is, without it"
            return {topic.kind: why for topic in topics}
        self.get_logger().info(f"building {', '.join(packages)} from the bag's definitions")
        try:
            there = [p for p in packages_of(definitions) if p not in packages]
            load(build(definitions, there), packages)
        except (BuildError, OSError) as error:
            return {topic.kind: f"can't be built: {error}" for topic in topics}
        return {}

    def _refuse(self, topic: BagTopic, why: str) -> None:
        self.diagnoser.report(Level.ERROR, f"topic {topic.name} isn't played: {why}")

    def _announce(self, topic: BagTopic) -> None:
        if topic.name in self._outputs:
            return
        depth = topic.depth or (1 if topic.latched else DEPTH)
        qos = Qos(depth if topic.latched else max(depth, DEPTH), topic.reliable, topic.latched)
        kind = message_class(topic.kind)
        self._outputs[topic.name] = self.create_publisher(kind, topic.name, qos_profile(qos))

    # --- playing -------------------------------------------------------------------------------

    def _on_timer(self) -> None:
        if not self._started:
            readers = sum(p.get_subscription_count() for p in self._outputs.values())
            if readers < self.config.readers:
                return
            self._started = True
            self._begin()
            if self._next is None:
                self._on_end()
        now = time.monotonic()
        self._tell_clock(now)
        while self._next is not None and self.playback.is_due(self._due_ns, now):
            self._set_clock(self._due_ns)
            self._emit(self._next)
            self._advance()
            if self._next is None:
                self._on_end()
        if now - self._looked_at > LOOK_S:
            self._looked_at = now
            self._look_for_other_clocks()

    def _begin(self) -> None:
        """Take the first message, which begins the recording's time; it may be one farther on."""
        self._messages = self.bag.messages()
        self._next, self._due_ns = None, 0
        first = self._read()
        if first is None:
            return
        offset_ns = first.received_ns + round(1e9 * self.config.start)
        latched: dict[str, Stored] = {}
        while first is not None and first.received_ns < offset_ns:
            if first.topic in self._latched():
                latched[first.topic] = first
            first = self._read()
        if first is None:
            length = f"{self.config.start:g} s"
            self.fail(f"parameter 'start': {self.bag.path} is not longer than {length}")
            return
        self._next = first
        self._due_ns = first.received_ns
        self.playback.start(self._due_ns, time.monotonic())
        self._clock_ns, self._clock_told_at = 0, 0.0
        for message in latched.values():
            self._emit(message)

    def _latched(self) -> set[str]:
        return {topic.name for topic in self.bag.topics if topic.latched}

    def _read(self) -> Stored | None:
        """The next message that is played; the fault is told where the bag breaks off."""
        try:
            for stored in self._messages:
                if stored.topic in self._outputs:
                    return stored
        except BagError as error:
            self._breaks_off = True
            self.diagnoser.report(Level.ERROR, str(error))
        return None

    def _advance(self) -> None:
        self._next = self._read()
        if self._next is not None:
            # The order of recording counts, also where a time is earlier than the one before.
            self._due_ns = max(self._due_ns, self._next.received_ns)

    def _emit(self, message: Stored) -> None:
        self._outputs[message.topic].publish(message.data)
        self.sent[message.topic] += 1
        self.played += 1
        self.diagnoser.values["messages"] = str(self.played)

    def _on_end(self) -> None:
        self.get_logger().info(f"played {self.played} messages of {self.bag.path}")
        if self.config.loop and self.played:
            ended, self.loops = self._due_ns, self.loops + 1
            self._begin()
            if self._next is not None:
                back = (ended - self._due_ns) / 1e9
                self.diagnoser.values["loops"] = str(self.loops)
                self.diagnoser.report(
                    Level.WARN, f"the bag begins again: time jumps back by {back:.3f} s"
                )
        elif self.config.end and self.exit_code is None:
            self.exit_code = int(self._breaks_off)

    # --- clock and pause -----------------------------------------------------------------------

    def _tell_clock(self, now: float) -> None:
        """Between messages time goes on too, but never beyond the next one."""
        if self._next is None or not self.config.clock_rate:
            return
        if now - self._clock_told_at < 1.0 / self.config.clock_rate:
            return
        self._set_clock(min(self.playback.position_ns(now), self._due_ns))

    def _set_clock(self, time_ns: int) -> None:
        now = time.monotonic()
        if not self.config.clock_rate or time_ns <= self._clock_ns:
            return
        self._clock_ns, self._clock_told_at = time_ns, now
        self.emit(CLOCK, Clock(clock=to_time(time_ns)))

    def _look_for_other_clocks(self) -> None:
        if not self.config.clock_rate:
            return
        own = (self.get_name(), self.get_namespace())
        for end in self.get_publishers_info_by_topic(CLOCK):
            if (end.node_name, end.node_namespace) != own:
                other = f"{end.node_namespace.rstrip('/')}/{end.node_name}"
                self.diagnoser.report(
                    Level.ERROR, f"{other} publishes {CLOCK} too: time jumps between both"
                )

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if request.data:
            self.playback.pause(time.monotonic())
        else:
            self.playback.resume(time.monotonic())
        response.success = True
        response.message = "paused" if request.data else "playing"
        return response


def _is_installed(kind: str) -> bool:
    try:
        message_class(kind)
    except (ImportError, ValueError):
        return False
    return True


def _has_package(package: str) -> bool:
    try:
        get_package_share_directory(package)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _installed_hash(kind: str) -> str:
    """RIHS01 hash of an installed type; empty where its package doesn't tell."""
    package, _, name = kind.split("/")
    try:
        file = Path(get_package_share_directory(package)) / "msg" / f"{name}.json"
        told: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["type_hashes"]
    except (PackageNotFoundError, OSError, ValueError, KeyError):
        return ""
    return next((str(e["hash_string"]) for e in told if e["type_name"] == kind), "")


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run_node(BagPlayerNode, args)
