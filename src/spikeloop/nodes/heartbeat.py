"""Signs of life while a node does one long thing, such as building a world."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from spikeloop.nodes.slot import SlotNode

PERIOD_S = 0.5


@contextmanager
def heartbeat(node: SlotNode) -> Iterator[None]:
    """Tell the node's diagnostics twice a second until the block is left.

    The node's own thread must be in the block all the while, for both use the same diagnoser.
    """
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(PERIOD_S):
            node.diagnoser.flush()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
