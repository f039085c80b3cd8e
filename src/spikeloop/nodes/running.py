"""The one place where nodes start, spin and end.

rclpy's own signal handlers shut the context down at once, so a last safe command could no longer be
published; and an untimed spin of the EventsExecutor hangs. Hence own handlers and timed spins.
"""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.signals import SignalHandlerOptions

from spikeloop.nodes.slot import SlotNode
from spikeloop.parameters import ParameterError

SPIN_S = 0.1


def run_node(node_type: type[SlotNode], args: Sequence[str] | None = None) -> int:
    """Run one node until a signal or its own end; returns the exit code of the process."""
    return run_nodes([node_type], args)


def run_nodes(node_types: Sequence[Callable[[], SlotNode]], args: Sequence[str] | None) -> int:
    """Run several nodes in one process and one executor.

    Returns:
        0 after a signal or a node's own quiet end, 1 after an exception or failure, 2 for wrong
        parameters.

    """
    ended = _EndBySignal()
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        print(f"[ERROR] arguments after --ros-args: {error}", file=sys.stderr, flush=True)
        return 2
    nodes: list[SlotNode] = []
    code = 0
    try:
        executor = EventsExecutor()
        for node_type in node_types:
            node = node_type()
            nodes.append(node)
            executor.add_node(node)
        for node in nodes:
            node.start()
        while not ended.signalled and rclpy.ok() and all(n.exit_code is None for n in nodes):
            executor.spin_once(timeout_sec=SPIN_S)
    except ParameterError as error:
        print(f"[ERROR] {error}", file=sys.stderr, flush=True)
        code = 2
    except ExternalShutdownException:
        pass
    except Exception:
        # A context that dies under the spin raises too; that is no fault of the node.
        if rclpy.ok():
            traceback.print_exc()
            code = 1
    finally:
        for node in nodes:
            node.end()
            node.destroy_node()
        rclpy.try_shutdown()
    # What is left is the interpreter's to drop; looking for cycles in all of torch takes it 1 s.
    gc.freeze()
    # A node can fail at its end too, as where a disk is full.
    return max([code, *(node.exit_code or 0 for node in nodes)])


class _EndBySignal:
    """Notes SIGINT and SIGTERM; a second one changes nothing, for the end is under way."""

    def __init__(self) -> None:
        self.signalled = False
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signalled = True
