"""Slices of one number of events."""

from __future__ import annotations

from spikeloop.events.array import Events
from spikeloop.events.slicing.slicer import Slice, Slicer


class ByCount(Slicer):
    """Cuts behind every `count` events."""

    def __init__(self, count: int) -> None:
        """Choose the number.

        Raises:
            ValueError: it is below 1.

        """
        if count < 1:
            raise ValueError(f"count must be at least 1, not {count}")
        super().__init__()
        self.count = count

    def feed(self, events: Events) -> list[Slice]:
        """The slices that these events complete."""
        slices, start = [], 0
        end = self.count - sum(len(part) for part in self._waiting)
        while end <= len(events):
            part = self._take(events[start:end])
            slices.append(Slice(part, int(part.t.min()), int(part.t.max()) + 1))
            start, end = end, end + self.count
        self._waiting.append(events[start:])
        return slices
