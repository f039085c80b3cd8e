"""Events of the last stretch of time, as a picture of their counts."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.representations.histogram import count_picture

BRIGHT_SHARE = 0.99
"""Part of the pixels that an event picture's full scale is above."""


def event_picture(count: NDArray[np.integer]) -> NDArray[np.float64]:
    """Events of each pixel as a picture of 0 to 1: the root of the count, bright pixels cut off.

    The root makes the noise of bright and dark pixels alike, for a count's variance is its mean.
    """
    root = np.sqrt(np.asarray(count, np.float64))
    full = float(np.quantile(root, BRIGHT_SHARE)) or float(root.max())
    picture: NDArray[np.float64] = np.minimum(root / full, 1.0) if full else root
    return picture


class EventWindow:
    """Gathers events; `picture` is of those in the newest `window_s`. `reset` forgets them."""

    def __init__(self, window_s: float) -> None:
        """Take the length of the window, s, above 0 (LENS: 0.25)."""
        self._window_us = round(1e6 * window_s)
        self.reset()

    def reset(self) -> None:
        """No event yet."""
        self._parts: deque[Events] = deque()
        self._first_us = 0

    def add(self, events: Events) -> None:
        """Take the next events; of another size of sensor, or after time fell, they begin anew."""
        if not len(events):
            return
        newest = int(events.t[-1])
        if self._parts:
            last = self._parts[-1]
            size = (last.width, last.height)
            if size != (events.width, events.height) or newest < int(last.t[-1]):
                self.reset()
        if not self._parts:
            self._first_us = int(events.t[0])
        self._parts.append(events)
        while newest - int(self._parts[0].t[-1]) >= self._window_us:
            self._parts.popleft()

    @property
    def newest_us(self) -> int:
        """Time of the newest event, us; -1 where none has come."""
        return int(self._parts[-1].t[-1]) if self._parts else -1

    @property
    def is_full(self) -> bool:
        """Whether events have come for a whole window."""
        return bool(self._parts) and (
            int(self._parts[-1].t[-1]) - self._first_us >= self._window_us
        )

    def picture(self) -> NDArray[np.float64] | None:
        """(height, width), 0 to 1, see `event_picture`; None where no event has come."""
        if not self._parts:
            return None
        since = int(self._parts[-1].t[-1]) - self._window_us
        first = self._parts[0]
        total = np.zeros((first.height, first.width), np.int64)
        for part in self._parts:
            total += count_picture(part if int(part.t[0]) > since else part[part.t > since])
        return event_picture(total)
