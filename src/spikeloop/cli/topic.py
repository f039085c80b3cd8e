"""Look at topics where there is no ros2 command.

Examples:
  spikeloop topic list
  spikeloop topic echo /altitude --count 3
  spikeloop topic hz /imu/data

"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spikeloop.parameters import suggestion

HELP = "list, print and time topics"
DISCOVERY_S = 1.5
PATIENCE_S = 4.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="all topics with their types and ends")
    for name, text in (("echo", "print messages"), ("hz", "measure the rate")):
        one = actions.add_parser(name, help=text)
        one.add_argument("topic")
        one.add_argument("--count", type=int, default=0, help="end after so many messages")
        one.add_argument("--timeout", type=float, default=0.0, help="end after so many seconds")


def run(args: argparse.Namespace) -> int:
    """0, or 1 if nothing came, or 2 if there is no such topic."""
    with _node() as (node, spin):
        end = time.monotonic() + DISCOVERY_S
        while time.monotonic() < end:
            spin()
        if args.action == "list":
            for name, types in sorted(node.get_topic_names_and_types()):
                ends = f"{node.count_publishers(name)} -> {node.count_subscribers(name)}"
                print(f"{name:40} {', '.join(types):44} {ends}")
            return 0
        return _follow(node, spin, args)


def _follow(node: Any, spin: Callable[[], None], args: argparse.Namespace) -> int:
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    from spikeloop.nodes.messages import message_class

    topic = args.topic if args.topic.startswith("/") else f"/{args.topic}"
    known = dict(node.get_topic_names_and_types())
    # A topic that is asked for by name is worth a longer wait than a list.
    end = time.monotonic() + PATIENCE_S
    while topic not in known and time.monotonic() < end:
        spin()
        known = dict(node.get_topic_names_and_types())
    if topic not in known:
        near = suggestion(topic, known)
        print(f"spikeloop topic: nobody publishes '{topic}'{near}", file=sys.stderr)
        return 2
    arrivals: list[float] = []

    def take(message: Any) -> None:
        arrivals.append(time.monotonic())
        if args.action == "echo":
            print(message, flush=True)

    # Best effort and volatile matches every publisher.
    qos = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(message_class(known[topic][0]), topic, take, qos)
    began = told = time.monotonic()
    while not (args.count and len(arrivals) >= args.count):
        spin()
        now = time.monotonic()
        if args.timeout and now - began > args.timeout:
            break
        if args.action == "hz" and now - told > 1.0:
            told = now
            recent = [at for at in arrivals if at > now - 5.0]
            if len(recent) > 1:
                rate = (len(recent) - 1) / (recent[-1] - recent[0])
                print(f"{rate:.2f} Hz", flush=True)
    return 0 if arrivals else 1


@contextmanager
def _node() -> Iterator[tuple[Any, Callable[[], None]]]:
    """A node, and what spins it once; an interrupt ends it quietly."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    rclpy.init(args=[])
    node = rclpy.create_node("spikeloop_topic")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield node, lambda: executor.spin_once(timeout_sec=0.05)
    except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        sys.exit(0)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
