"""Events of the last stretch of time, as a picture of their counts."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.representations.histogram import count_picture
from spikeloop.perception.place.drive import event_picture


class EventWindow:
    """Gathers events; `picture` is of those in the newest `window_s`. `reset` forgets them."""

    def __init__(self, window_s: float) -> None:
        """Take the length of the window, s, above 0 (LENS: 0.25)."""
        self._window_us = round(1e6 * window_s)
        self.reset()

    def reset(self) -> None:
        """No event yet."""
        self._parts: deque[Events] = deque()

    def add(self, events: Events) -> None:
        """Take the next events; of another size of sensor they begin anew."""
        if self._parts and (events.width, events.height) != (
            self._parts[-1].width,
            self._parts[-1].height,
        ):
            self.reset()
        if not len(events):
            return
        self._parts.append(events)
        # Time that falls means a new stream.
        while len(self._parts) > 1 and not (
            0 <= int(events.t[-1]) - int(self._parts[0].t[-1]) < self._window_us
        ):
            self._parts.popleft()

    def picture(self) -> NDArray[np.float64] | None:
        """(height, width), 0 to 1, see `drive.event_picture`; None where no event has come."""
        if not self._parts:
            return None
        since = int(self._parts[-1].t[-1]) - self._window_us
        first = self._parts[0]
        total = np.zeros((first.height, first.width), np.int64)
        for part in self._parts:
            total += count_picture(part if int(part.t[0]) > since else part[part.t > since])
        return event_picture(total)
