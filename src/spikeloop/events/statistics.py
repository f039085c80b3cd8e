"""Running statistics of an event stream."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers


@dataclass
class EventStatistics:
    """Totals of all that was given to `add`; sums are exact integers.

    Attributes:
        on, off: numbers of events by polarity.
        first_time, last_time: sensor time of the first and the last event, us.
        time_sum, x_sum, y_sum: sums over all events.
        fine_sum: sum of the parts of the times below 1 us, ns.
        x_max, y_max: largest addresses, -1 without events.
        triggers: number of edges by (channel, value).
        trigger_time_sum: sum over all edges, us.
        packets: number of packets.

    """

    on: int = 0
    off: int = 0
    first_time: int = 0
    last_time: int = 0
    time_sum: int = 0
    fine_sum: int = 0
    x_sum: int = 0
    y_sum: int = 0
    x_max: int = -1
    y_max: int = -1
    triggers: Counter[tuple[int, int]] = field(default_factory=Counter)
    trigger_time_sum: int = 0
    packets: int = 0

    def add(self, events: Events, triggers: Triggers) -> None:
        """Take the content of one packet."""
        self.packets += 1
        if len(events):
            if self.on + self.off == 0:
                self.first_time = int(events.t[0])
            self.last_time = int(events.t[-1])
            on = int(events.p.sum(dtype="int64"))
            self.on += on
            self.off += len(events) - on
            self.time_sum += _exact_sum(events.t)
            if events.fine is not None:
                self.fine_sum += int(events.fine.sum(dtype="int64"))
            self.x_sum += int(events.x.sum(dtype="int64"))
            self.y_sum += int(events.y.sum(dtype="int64"))
            self.x_max = max(self.x_max, int(events.x.max()))
            self.y_max = max(self.y_max, int(events.y.max()))
        if len(triggers):
            pairs = zip(triggers.channel.tolist(), triggers.value.tolist(), strict=True)
            self.triggers.update(pairs)
            self.trigger_time_sum += _exact_sum(triggers.t)

    def triggers_of(self, value: int) -> int:
        """Number of edges of a value (1 rising, 0 falling), over all channels."""
        return sum(count for (_, v), count in self.triggers.items() if v == value)

    @property
    def rate(self) -> float:
        """Mean rate over the sensor's time, events/s."""
        span = self.last_time - self.first_time
        return (self.on + self.off) * 1e6 / span if span > 0 else 0.0


def _exact_sum(times: NDArray[np.int64]) -> int:
    """The sum, also of times since the epoch, of which six thousand overflow 64 bits."""
    first = int(times[0])
    return int((times - first).sum()) + first * len(times)
