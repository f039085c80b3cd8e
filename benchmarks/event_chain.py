"""The chain player, filter, slicer, representation, each a process: how much passes without loss.

A recording with sparse events (no vectors), its time compressed to the wanted rate, lies in a bag;
`event_player` plays ten seconds of it. A rate is held if not one event is missing behind any stage,
the player keeps its pace, and the chain isn't falling behind. The latency is the age of a slice's
end, from the time at which its packet was due to the publishing of its array.

At each stage the packets that were sent to it must be those that it took and those that it tells to
be lost. What is neither, is untold: there must be none, also at rates that aren't held.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from spikeloop.msg import EventRepresentation, StageTrace

from spikeloop.events.array import Events, joined
from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.events.recording import EVENT_PACKET, FIELDS, Recording
from spikeloop.loop.accounting import SENT
from spikeloop.loop.domain import own_domain
from spikeloop.loop.mission import share_directory
from spikeloop.loop.slots import topic
from spikeloop.loop.transport import sweep
from spikeloop.nodes.event_packets import OVERDUE_S
from spikeloop.nodes.messages import qos_profile

SECONDS, PACKET_US, PERIOD_S = 10.0, 4000, 0.02
RATES = (2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 65.0, 80.0)
"""Rates to try, million events a second, up to the first one that isn't held."""
BEHIND_MS = 1000.0
"""Older arrays mean that the chain is falling behind."""
TRIES = 2
NODES: dict[str, dict[str, Any]] = {
    "event_representation": {"kind": "histogram"},
    "event_slicer": {"source": "filtered", "period": PERIOD_S},
    "event_filter": {"filters": ["background_activity"]},
}
STAGES = {
    "event_filter": "event_camera/events",
    "event_slicer": "event_camera/filtered",
    "event_representation": "event_camera/slices",
}
"""Nodes behind the player, and what each reads."""
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
ENVIRONMENT = "SPIKELOOP_EVENT_RECORDING"
PATIENCE_S = 60.0
TOLD_S = 1.2
"""In such a time each node tells its figures at least twice."""
GIVE_UP_S = 3 * OVERDUE_S
"""With nothing new for so long, nothing comes any more and nothing is told any more."""


class Flow(NamedTuple):
    """What one stage got: events that are missing, and packets that were sent, came, were lost."""

    node: str
    missing: int
    sent: int
    came: int
    lost: int

    @property
    def untold(self) -> int:
        """Packets that neither came nor are told to be lost; below 0 where some count twice."""
        return self.sent - self.came - self.lost


@dataclass
class Trial:
    """What came of one rate."""

    rate: float
    packets: int = 0
    events: int = 0
    played_s: float = 0.0
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    latencies_ms: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    died: list[str] = field(default_factory=list)

    def count(self, node: str, name: str) -> int:
        """A figure of a node's diagnostics."""
        return int(self.values.get(node, {}).get(name, "0"))

    def flows(self) -> list[Flow]:
        """What went from each stage to the next."""
        flows, sender, events = [], "event_player", self.events
        for node, name in STAGES.items():
            flows.append(
                Flow(
                    node,
                    events - self.count(node, "events in"),
                    self.count(sender, SENT + name),
                    self.count(node, "packets") + self.count(node, "bad packets"),
                    self.count(node, "lost packets"),
                )
            )
            sender, events = node, self.count(node, "events out")
        return flows

    def missing(self) -> int:
        """Events that are missing behind some stage."""
        return sum(flow.missing for flow in self.flows())

    def lost_packets(self) -> int:
        """Packets that the stages themselves say they missed."""
        return sum(flow.lost for flow in self.flows())

    def unsent(self) -> int:
        """Packets that the player hasn't sent."""
        return self.packets - self.count("event_player", "packets")

    def untold(self) -> int:
        """Missing events of stages where packets are missing that nobody tells of."""
        return sum(flow.missing for flow in self.flows() if flow.untold)

    def accounted(self) -> bool:
        """Whether each packet has come or is told to be lost."""
        return not self.unsent() and not any(flow.untold for flow in self.flows())

    def p99_ms(self) -> float:
        """Age of the arrays, 99th percentile."""
        return float(np.percentile(self.latencies_ms, 99)) if self.latencies_ms else np.inf

    def held(self) -> bool:
        """Whether the rate was held."""
        in_time = self.played_s < 1.05 * SECONDS and self.p99_ms() < BEHIND_MS
        none_missing = self.missing() == 0 and self.lost_packets() == 0
        return in_time and none_missing and self.accounted() and not self.died


def _recording() -> Path:
    """The recording of the tests, in the source tree or where the environment says."""
    given = os.environ.get(ENVIRONMENT)
    here = Path(__file__).resolve().parents[1] / "tests" / "data" / "evt3_test_events_1"
    path = Path(given) if given else here
    if not path.exists():
        raise FileNotFoundError(
            f"{path}: isn't there; set {ENVIRONMENT} to a recording of an event camera"
        )
    return path


def _events() -> Events:
    decoder = PacketDecoder()
    packets = Recording(_recording()).packets()
    return joined(
        [
            decoder.decode(p.encoding, p.width, p.height, p.seq, p.data, time_base=p.time_base)[0]
            for p in packets
        ]
    )


def write_bag(path: Path, events: Events, rate: float) -> tuple[int, int]:
    """A bag of ten seconds at a rate, million events a second; its packets and events."""
    store: Any = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    kinds = store.types
    encoder = PacketEncoder(events.width, events.height, "evt3")
    # Time compressed so that one pass of the recording has the wanted rate.
    span = len(events) / rate
    t0, length = int(events.t[0]), int(events.t[-1] - events.t[0]) + 1
    squeezed = ((events.t - t0) * (span / length)).astype(np.int64)
    count = total = 0
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connection = bag.add_connection("/event_camera/events", EVENT_PACKET, typestore=store)
        rest = Events.none(events.width, events.height)
        for turn in range(int(np.ceil(1e6 * SECONDS / span))):
            whole = Events(
                squeezed + round(turn * span), events.x, events.y, events.p,
                events.width, events.height,
            )  # fmt: skip
            whole = joined([rest, whole]) if len(rest) else whole
            edges = np.flatnonzero(np.diff(whole.t // PACKET_US)) + 1
            begin = 0
            for end in edges.tolist():
                part = whole[begin:end]
                begin = end
                stamp = 1000 * int(part.t[-1]) + 1
                if stamp > 1e9 * SECONDS:
                    return count, total
                count, total = count + 1, total + len(part)
                time_kind = kinds["builtin_interfaces/msg/Time"]
                message = kinds[EVENT_PACKET](
                    header=kinds["std_msgs/msg/Header"](
                        stamp=time_kind(*divmod(stamp, 1_000_000_000)), frame_id="event_camera"
                    ),
                    height=part.height, width=part.width, seq=count, time_base=0, encoding="evt3",
                    is_bigendian=False, events=encoder.encode(part).data,
                )  # fmt: skip
                bag.write(connection, stamp, store.serialize_cdr(message, EVENT_PACKET))
            rest = whole[begin:]
    return count, total


class Watch:
    """Hears the diagnostics, the latencies and the arrays of the chain."""

    def __init__(self, trial: Trial) -> None:
        """Listen from now on."""
        self.trial = trial
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("watch", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        create = self.node.create_subscription
        create(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        create(StageTrace, "loop/trace", self._on_trace, 100)
        name = "event_camera/representation"
        qos = qos_profile(topic(name).qos)
        create(EventRepresentation, name, lambda data: None, qos, raw=True)
        # From the steady clock of the traces to that of the stamps.
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._first_ns = 0

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            name = status.name.rsplit("/", 1)[-1]
            self.trial.values[name] = {pair.key: pair.value for pair in status.values}
            if "lost" in status.message:
                self.trial.words.add(status.message)

    def _on_trace(self, message: Any) -> None:
        if message.topic == "event_camera/representation":
            for stamp, published in zip(message.stamp, message.published, strict=True):
                self.trial.latencies_ms.append((published + self._offset_ns - stamp) / 1e6)
                self._first_ns = self._first_ns or stamp
                self.trial.played_s = (stamp - self._first_ns) / 1e9

    def until(self, condition: Any, timeout_s: float = PATIENCE_S) -> bool:
        """Spin until a condition holds; False if it doesn't in time."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.05)
        return True

    def settle(self) -> bool:
        """Until every packet is accounted for; False if nothing new came for long before."""
        before: Any = None
        changed = time.monotonic()
        while time.monotonic() - changed < GIVE_UP_S:
            end = time.monotonic() + TOLD_S
            self.until(lambda end=end: time.monotonic() > end)
            now = (self.trial.unsent(), self.trial.flows())
            if now == before and self.trial.accounted():
                return True
            if now != before:
                before, changed = now, time.monotonic()
        return False

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@contextlib.contextmanager
def _started(name: str, parameters: dict[str, Any], folder: Path) -> Iterator[psutil.Process]:
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({name: {"ros__parameters": parameters}}))
    executable = Path(sys.prefix) / "lib" / "spikeloop" / name
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [str(executable), "--ros-args", "--params-file", str(file)], stdout=log, stderr=log
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run_trial(rate: float, events: Events, folder: Path) -> Trial:
    """Play one rate through the chain."""
    trial = Trial(rate)
    bag = folder / "bag"
    shutil.rmtree(bag, ignore_errors=True)
    trial.packets, trial.events = write_bag(bag, events, rate)
    watch = Watch(trial)
    with contextlib.ExitStack() as stack:
        stack.callback(watch.close)
        processes = {n: stack.enter_context(_started(n, p, folder)) for n, p in NODES.items()}
        topics = ("event_camera/events", "event_camera/filtered", "event_camera/slices")
        ready = watch.until(
            lambda: (
                all(watch.node.count_subscribers(name) == 1 for name in topics)
                and all(trial.values.get(n, {}).get("state") == "active" for n in NODES)
                and watch.node.count_publishers("event_camera/representation") == 1
            )
        )
        if not ready:
            raise TimeoutError(f"the chain doesn't come up; see the logs in {folder}")
        before = {n: sum(p.cpu_times()[:2]) for n, p in processes.items()}
        player = {"file": str(bag), "readers": 1}
        processes["event_player"] = stack.enter_context(_started("event_player", player, folder))
        before["event_player"] = 0.0
        watch.settle()
        trial.died = [n for n, p in processes.items() if p.status() == psutil.STATUS_ZOMBIE]
        for name, process in processes.items():
            used = sum(process.cpu_times()[:2]) - before[name]
            trial.cpu[name] = 100.0 * used / SECONDS
    shutil.rmtree(bag, ignore_errors=True)
    print(
        f"  {rate:g} Mev/s: {'held' if trial.held() else 'not held'}, played in "
        f"{trial.played_s:.1f} s, {trial.missing()} of {trial.events} events missing, "
        f"{trial.lost_packets()} packets told lost, {trial.untold()} events untold, "
        f"{trial.unsent()} packets not sent, p99 {trial.p99_ms():.1f} ms, CPU "
        + ", ".join(f"{n.removeprefix('event_')} {v:.0f} %" for n, v in trial.cpu.items())
        + "".join(f"; {node} died" for node in trial.died),
        flush=True,
    )
    return trial


def measure() -> dict[str, float]:
    """All figures of the suite."""
    sweep()
    profile = str(share_directory() / "config" / "fastdds.xml")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.update(dict.fromkeys(PROFILES, profile))
    events = _events()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, own_domain():
        folder = Path(name)
        trials: list[Trial] = []
        best = over = None
        for rate in RATES:
            # Another try for a rate that fails: other processes of the machine disturb.
            for _ in range(TRIES):
                trials.append(trial := run_trial(rate, events, folder))
                if trial.held():
                    break
            if not trial.held():
                over = trial
                break
            best = trial
        figures["chain_mev_s"] = best.rate if best else 0.0
        if best is not None:
            trials.append(half := run_trial(best.rate / 2, events, folder))
            figures["chain_p99_ms"] = half.p99_ms()
            for node, used in half.cpu.items():
                figures[f"chain_cpu_{node.removeprefix('event_')}_pct"] = used
        if over is not None:
            figures |= overload(over)
        figures["chain_untold_events"] = float(sum(trial.untold() for trial in trials))
    sweep()
    return figures


def overload(trial: Trial) -> dict[str, float]:
    """Where events were left at the rate that wasn't held."""
    figures = {
        "chain_overload_mev_s": trial.rate,
        "chain_overload_events_sent": float(trial.events),
        "chain_overload_packets_not_sent": float(trial.unsent()),
        "chain_overload_missing_events": float(trial.missing()),
        "chain_overload_lost_packets_told": float(trial.lost_packets()),
        "chain_overload_p99_ms": trial.p99_ms(),
    }
    for flow in trial.flows():
        stage = f"chain_overload_{flow.node.removeprefix('event_')}"
        figures |= {
            f"{stage}_events_in": float(trial.count(flow.node, "events in")),
            f"{stage}_missing_events": float(flow.missing),
            f"{stage}_packets_sent": float(flow.sent),
            f"{stage}_packets_in": float(flow.came),
            f"{stage}_packets_lost": float(flow.lost),
        }
    return figures
