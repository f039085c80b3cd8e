"""Group tokens: events as tokens of patches, grouped by time and polarity.

Peng et al., "GET: Group Event Transformer" (2023), section 3.1: time is cut into K intervals, the
sensor into patches of P x P pixels. Each patch is a token; its features count the events of each
(interval, polarity, place in the patch), and sum their relative times, so that a group is an
interval and a polarity.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check


def group_tokens(
    events: Events,
    intervals: int,
    patch: int,
    *,
    begin: int | None = None,
    end: int | None = None,
) -> NDArray[np.float32]:
    """The tokens of all the events.

    Args:
        events: of any order.
        intervals: K, at least 1.
        patch: P, at least 1; at the right and lower border patches may be cut.
        begin: us, of the first interval; the first event's time if None.
        end: us, of the last interval, not included; just behind the last event if None.

    Returns:
        (tokens, 2 * intervals, 2, patch * patch) float32: patches row by row; groups
        (interval, polarity); counts, and sums of the times from 0 at `begin` to 1 at `end`; places
        in the patch row by row. Events outside the intervals count nowhere.

    Raises:
        ValueError: intervals or patch below 1, or events outside their sensor.

    """
    if intervals < 1 or patch < 1:
        raise ValueError(f"intervals ({intervals}) and patch ({patch}) must be at least 1")
    check(events, events.width, events.height)
    across, down = -(-events.width // patch), -(-events.height // patch)
    tokens = np.zeros((across * down, 2 * intervals, 2, patch * patch), np.float32)
    if len(events):
        first = int(events.t.min()) if begin is None else begin
        last = int(events.t.max()) + 1 if end is None else end
        if last <= first:
            raise ValueError(f"end ({last} us) must be after begin ({first} us)")
        _embed(
            tokens, events.t, events.x, events.y, events.p, first, last, intervals, patch, across
        )
    return tokens


@numba.njit(cache=True)
def _embed(
    tokens: NDArray[np.float32],
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    begin: int,
    end: int,
    intervals: int,
    patch: int,
    across: int,
) -> None:
    for i in range(len(t)):
        if t[i] < begin or t[i] >= end:
            continue
        since = t[i] - begin
        interval = since * intervals // (end - begin)
        token = (y[i] // patch) * across + x[i] // patch
        place = (y[i] % patch) * patch + x[i] % patch
        group = 2 * interval + p[i]
        tokens[token, group, 0, place] += np.float32(1.0)
        tokens[token, group, 1, place] += np.float32(since / (end - begin))
