"""Binary spike tensor: whether a pixel had an event of a polarity in each time step."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

MOST_BYTES = 1 << 33


def spike_tensor(
    events: Events, step_us: int, *, begin: int | None = None, steps: int | None = None
) -> NDArray[np.uint8]:
    """Spikes for networks of discrete time.

    Args:
        events: of any order.
        step_us: length of a time step, us.
        begin: us, of the first step; the first event's time if None.
        steps: T; as many as the last event needs, at least one, if None.

    Returns:
        (steps, 2, height, width) uint8 of 0 and 1. Events outside the steps count nowhere.

    Raises:
        ValueError: a step or number of steps below 1, a tensor beyond 8 GiB, or events outside
            their sensor.

    """
    if step_us < 1 or (steps is not None and steps < 1):
        raise ValueError(f"step_us ({step_us}) and steps ({steps}) must be at least 1")
    check(events, events.width, events.height)
    first = begin
    if first is None:
        first = int(events.t.min()) if len(events) else 0
    if steps is None:
        last = int(events.t.max()) if len(events) else first
        steps = max(1, (last - first) // step_us + 1)
    if steps * 2 * events.width * events.height > MOST_BYTES:
        raise ValueError(
            f"{steps} steps of {step_us} us for {events.width}x{events.height} are beyond 8 GiB; "
            "cut the events into slices first"
        )
    spikes = np.zeros((steps, 2, events.height, events.width), np.uint8)
    _mark(spikes, events.t, events.x, events.y, events.p, first, step_us)
    return spikes


@numba.njit(cache=True)
def _mark(
    spikes: NDArray[np.uint8],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    step: int,
) -> None:
    for i in range(len(t)):
        at = (t[i] - begin) // step
        if 0 <= at < len(spikes):
            spikes[at, p[i], y[i], x[i]] = 1
