"""What players of sensor files have in common: items with times, paced, stamped on one clock."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

from spikeloop.events.playback import Playback
from spikeloop.events.recording import RecordingError
from spikeloop.loop.health import Level
from spikeloop.nodes.slot import SlotNode

CHECK_S = 0.002
PERIOD_S = 0.1
"""Between two rounds of a file of one item, where its player has no parameter `period`."""
Item = TypeVar("Item")
Timed = tuple[int, Item]
"""Time in ns on the file's clock, and what it is of."""


class Player(Generic[Item]):
    """Gives out the items of a file at their times, with rate, loop and pause.

    Attributes:
        played: how many went out.
        loops: how often it began again.

    """

    def __init__(
        self,
        node: SlotNode,
        items: Callable[[], Iterator[Timed[Item]]],
        give: Callable[[Item, int], None],
        *,
        rate: float,
        loop: bool,
        readers: Callable[[], bool],
        now: bool,
        period: float = PERIOD_S,
    ) -> None:
        """Begin once `readers` says that all are there.

        Args:
            node: on whose clock and timer it runs.
            items: begins the file anew.
            give: takes an item and its stamp, ns.
            rate: how many times as fast as recorded.
            loop: whether to begin again at the end.
            readers: whether everybody is there.
            now: whether stamps are times of playing, else the file's own.
            period: between two rounds of a single item, s; else it is that of the last two.

        """
        self._node, self._items, self._give = node, items, give
        self._rate, self._loop, self._readers, self._now = rate, loop, readers, now
        self.playback = Playback(rate)
        self.played = self.loops = 0
        self._next: Timed[Item] | None = None
        self._stream: Iterator[Timed[Item]] = iter(())
        self._started = False
        self._first_ns = self._began_ns = self._due_ns = 0
        self._period_ns = round(1e9 * period)
        self._paused_ns: int | None = None
        self._timer = node.create_timer(CHECK_S, self._on_timer, clock=node._steady)

    def close(self) -> None:
        """Give nothing any more."""
        self._node.destroy_timer(self._timer)

    def on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """The service `~/pause` (data: true pauses, false goes on)."""
        clock_ns = self._node.get_clock().now().nanoseconds
        if request.data:
            self.playback.pause(time.monotonic())
            self._paused_ns = clock_ns if self._paused_ns is None else self._paused_ns
        else:
            self.playback.resume(time.monotonic())
            if self._paused_ns is not None:
                # What goes out from now on isn't older for the pause.
                self._began_ns += clock_ns - max(self._paused_ns, self._began_ns)
                self._paused_ns = None
        response.success = True
        response.message = "paused" if request.data else "playing"
        return response

    def _on_timer(self) -> None:
        if not self._started:
            if not self._readers():
                return
            self._started = True
            self._begin()
        now = time.monotonic()
        while self._next is not None and self.playback.is_due(self._due_ns, now):
            self._give(self._next[1], self._stamp(self._next[0]))
            self.played += 1
            self._advance()
            if self._next is None:
                self._on_end()

    def _stamp(self, time_ns: int) -> int:
        if not self._now:
            return max(1, time_ns)
        return self._began_ns + round((time_ns - self._first_ns) / self._rate)

    def _begin(self, gap_ns: int = 0) -> None:
        """Begin a round, so long before its first item."""
        self._stream = self._items()
        self._next = self._read()
        if self._next is not None:
            self._due_ns = self._next[0]
            self._first_ns = self._due_ns - gap_ns
            # A clock of the node's own, so that all topics of the file keep theirs in common.
            self._began_ns = self._node.get_clock().now().nanoseconds
            self.playback.start(self._first_ns, time.monotonic())

    def _advance(self) -> None:
        self._next = self._read()
        if self._next is not None:
            before_ns, self._due_ns = self._due_ns, max(self._due_ns, self._next[0])
            self._period_ns = (self._due_ns - before_ns) or self._period_ns

    def _read(self) -> Timed[Item] | None:
        try:
            return next(self._stream, None)
        except RecordingError as error:
            self._node.diagnoser.report(Level.ERROR, str(error))
            return None

    def _on_end(self) -> None:
        if not self.loops:
            again = ", and begins again" if self._loop and self.played else ""
            self._node.get_logger().info(f"played {self.played} messages{again}")
        if self._loop and self.played:
            self.loops += 1
            self._begin(self._period_ns)


class PlayerNode(SlotNode):
    """A node that plays a file; its config has `file`, `rate`, `loop`, `readers` and `now`.

    Where it has `period` too, that is between two rounds of a single item.

    Attributes:
        player: what paces it, while it is active.

    """

    player: Player[Any]

    @abstractmethod
    def open_file(self) -> None:
        """Look at the file, so that what is wrong with it is known before anything is played.

        Raises:
            RecordingError: it can't be played; the message says why.

        """

    @abstractmethod
    def items(self) -> Iterator[Timed[Any]]:
        """What the file holds, from its start.

        Raises:
            RecordingError: here it breaks off; what came before is played.

        """

    @abstractmethod
    def give(self, item: Any, stamp_ns: int) -> None:
        """Publish an item with this stamp."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the file, and offer `~/pause` (data: true pauses, false goes on)."""
        try:
            if not self.config.file:
                raise RecordingError("parameter 'file' names no recording")
            self.open_file()
        except RecordingError as error:
            self.diagnoser.report(Level.ERROR, str(error))
            return TransitionCallbackReturn.FAILURE
        self.offer(SetBool, "~/pause", self._on_pause)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Play from the start."""
        result = super().on_activate(state)
        c = self.config
        self.player = Player(
            self,
            self.items,
            self.give,
            rate=c.rate,
            loop=c.loop,
            readers=lambda: all_there(self, self.publishes, c.readers),
            now=c.now,
            period=getattr(c, "period", PERIOD_S),
        )
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop playing."""
        self.player.close()
        return super().on_deactivate(state)

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        return self.player.on_pause(request, response)


def all_there(node: SlotNode, topics: tuple[str, ...], wanted: int) -> bool:
    """Whether so many subscribers are there, of all these topics together."""
    publishers: list[Any] = [node._publishers_by_topic[name] for name in topics]
    return bool(sum(p.get_subscription_count() for p in publishers) >= wanted)
