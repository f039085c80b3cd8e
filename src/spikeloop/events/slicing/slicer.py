"""What slicers have in common: events go in piece by piece, whole slices come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from spikeloop.events.array import Events, joined


@dataclass(frozen=True)
class Slice:
    """Events that belong together.

    Attributes:
        events: in the order of the stream; there may be none.
        begin: us, the slice's first time.
        end: us, just behind its last time.

    """

    events: Events
    begin: int
    end: int


class Slicer(ABC):
    """Cuts one sensor's stream. Whatever the pieces, the slices are the same."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._waiting: list[Events] = []

    @abstractmethod
    def feed(self, events: Events) -> list[Slice]:
        """The slices that these events complete."""

    def finish(self) -> list[Slice]:
        """The last slice, of what is left; afterwards the slicer is as fresh."""
        left = [part for part in self._waiting if len(part)]
        self.reset()
        if not left:
            return []
        events = joined(left)
        return [Slice(events, int(events.t.min()), int(events.t.max()) + 1)]

    def reset(self) -> None:
        """Forget what waits."""
        self._waiting = []

    def _take(self, events: Events) -> Events:
        """All that waits, with these behind it."""
        parts = [part for part in [*self._waiting, events] if len(part)] or [events]
        self._waiting = []
        return joined(parts) if len(parts) > 1 else events
