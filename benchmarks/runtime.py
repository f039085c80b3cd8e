"""What the runtime costs: our node against a bare rclpy one, both as processes, in turns.

Ratios are of medians, over rounds in which both sides alternate on the same machine. Round trips
go from this process to the echo and back.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import rclpy
from event_camera_msgs.msg import EventPacket
from rclpy.experimental import EventsExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Imu

from spikeloop.launching.description import MissionOptions, fly
from spikeloop.loop.mission import share_directory
from spikeloop.loop.transport import sweep

ROUNDS, IMU_TRIPS, EVENT_TRIPS = 5, 400, 60
EVENT_BYTES = 2_000_000
IMU_HZ, IMU_S = 1000, 60
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
OURS = [str(Path(sys.prefix) / "lib" / "spikeloop" / "echo")]
BARE = [sys.executable, "-m", "spikeloop_benchmarks.bare_echo"]


class Pinger:
    """One end of the round trip, in this process."""

    def __init__(self) -> None:
        """Announce both topics and listen to both answers."""
        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("pinger", context=self.context)
        imu = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
        events = QoSProfile(depth=1000)
        self.back = 0
        self.imu = self.node.create_publisher(Imu, "imu/data", imu)
        self.events = self.node.create_publisher(EventPacket, "event_camera/events", events)
        self.node.create_subscription(Imu, "echo/imu", self._note, imu)
        self.node.create_subscription(EventPacket, "echo/events", self._note, events)
        self.executor = EventsExecutor(context=self.context)
        self.executor.add_node(self.node)

    def _note(self, message: Any) -> None:
        self.back += 1

    def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Spin until a condition holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the echo doesn't answer")
            self.executor.spin_once(timeout_sec=0.05)

    def trips(self, publisher: Any, message: Any, count: int) -> list[float]:
        """Times of `count` round trips, ms."""
        times = []
        for _ in range(count):
            expected = self.back + 1
            began = time.perf_counter()
            publisher.publish(message)
            self.until(lambda n=expected: self.back >= n)  # type: ignore[misc]
            times.append(1e3 * (time.perf_counter() - began))
        return times

    def warm_up(self) -> None:
        """Until both topics answer: best effort loses what is sent before both ends match."""
        for publisher, message in ((self.imu, Imu()), (self.events, EventPacket())):
            first, end = self.back, time.monotonic() + 20.0
            while self.back < first + 5 and time.monotonic() < end:
                publisher.publish(message)
                self.executor.spin_once(timeout_sec=0.1)
        # What is still on its way isn't to count as a later answer.
        quiet = time.monotonic() + 0.5
        self.until(lambda: time.monotonic() > quiet)

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@contextlib.contextmanager
def echo(command: list[str], pinger: Pinger) -> Iterator[subprocess.Popen[bytes]]:
    """An echo process that is connected both ways."""
    process = subprocess.Popen(command)
    try:
        pinger.until(
            lambda: all(
                publisher.get_subscription_count() == 1 and pinger.node.count_publishers(answer)
                for publisher, answer in (
                    (pinger.imu, "echo/imu"),
                    (pinger.events, "echo/events"),
                )
            )
        )
        pinger.warm_up()
        yield process
    finally:
        process.terminate()
        process.wait(10)
        pinger.until(lambda: pinger.imu.get_subscription_count() == 0)


def _round_trips() -> dict[str, float]:
    packet = EventPacket(events=array("B", bytes(EVENT_BYTES)))
    times: dict[str, list[float]] = {}
    pinger = Pinger()
    for _ in range(ROUNDS):
        for side, command in (("ours", OURS), ("bare", BARE)):
            with echo(command, pinger):
                imu = pinger.trips(pinger.imu, Imu(), IMU_TRIPS)
                events = pinger.trips(pinger.events, packet, EVENT_TRIPS)
            times.setdefault(f"imu_{side}", []).extend(imu)
            times.setdefault(f"events_{side}", []).extend(events)
    pinger.close()
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        "imu_rtt_ratio": median["imu_ours"] / median["imu_bare"],
        "imu_rtt_ms": median["imu_ours"],
        "events2mb_rtt_ratio": median["events_ours"] / median["events_bare"],
        "events2mb_rtt_ms": median["events_ours"],
    }


def _plain_transport_ms() -> float:
    """Median round trip of 2 MB without our transport profile, on both ends, ms."""
    code = (
        "from spikeloop_benchmarks.runtime import *\n"
        "pinger = Pinger()\n"
        "with echo(OURS, pinger):\n"
        "    packet = EventPacket(events=array('B', bytes(EVENT_BYTES)))\n"
        "    print(statistics.median(pinger.trips(pinger.events, packet, EVENT_TRIPS)))\n"
        "pinger.close()\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in PROFILES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def _imu_lost_and_idle() -> dict[str, float]:
    pinger = Pinger()
    with echo(OURS, pinger) as process:
        watched = psutil.Process(process.pid)
        before = sum(watched.cpu_times()[:2])
        began = time.monotonic()
        pinger.until(lambda: time.monotonic() - began > 10.0)
        idle = 100.0 * (sum(watched.cpu_times()[:2]) - before) / (time.monotonic() - began)
        sent, first = 0, pinger.back
        began = time.monotonic()
        while sent < IMU_HZ * IMU_S:
            while sent < (time.monotonic() - began) * IMU_HZ:
                pinger.imu.publish(Imu())
                sent += 1
            pinger.executor.spin_once(timeout_sec=0.0005)
        settled = time.monotonic()
        pinger.until(lambda: pinger.back - first >= sent or time.monotonic() - settled > 3.0)
        lost = sent - (pinger.back - first)
    pinger.close()
    return {"imu_1khz_lost": float(lost), "idle_node_cpu_pct": idle}


def _start_s() -> float:
    """Process start to first answer, median of five."""
    times = []
    pinger = Pinger()
    for _ in range(5):
        process = subprocess.Popen(OURS)
        began, first = time.monotonic(), pinger.back
        while pinger.back == first:
            pinger.imu.publish(Imu())
            pinger.executor.spin_once(timeout_sec=0.005)
        times.append(time.monotonic() - began)
        process.terminate()
        process.wait(10)
        pinger.until(lambda: pinger.imu.get_subscription_count() == 0)
    pinger.close()
    return statistics.median(times)


def _tick_ms() -> float:
    """Lockstep of the bridge, a controller and the gate: wall time of one decision's round."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"spikeloop_tick_{os.getpid()}"
    report = fly("blimp_altitude", {}, MissionOptions(duration=200.0, report=str(folder)))
    return statistics.median(report["timing"]["round_trip_ms"])


def measure() -> dict[str, float]:
    """All figures of the suite."""
    sweep()
    profile = str(share_directory() / "config" / "fastdds.xml")
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    os.environ.update(dict.fromkeys(PROFILES, profile))
    figures = _round_trips()
    figures["events2mb_gain"] = _plain_transport_ms() / figures["events2mb_rtt_ms"]
    figures |= _imu_lost_and_idle()
    figures["node_start_s"] = _start_s()
    figures["tick_ms"] = _tick_ms()
    sweep()
    return figures
