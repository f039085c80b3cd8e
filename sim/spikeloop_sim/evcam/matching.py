"""How well two streams of events agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.events.array import Events

NEAR_PX = 1.0
LEAST_US, MOST_US = 1_000.0, 20_000.0


def agreement(ours: Events, reference: Events, speed: NDArray[np.float32]) -> dict[str, float]:
    """Compare event by event.

    Events of the same pixel and polarity are paired in the order of time, each once, if what the
    picture moves by between them is at most `NEAR_PX`, with bounds of 1 and 20 ms.

    Args:
        ours: to be judged.
        reference: to judge by.
        speed: (h, w) float32, px/s, of what passes at each pixel.

    Returns:
        count_error_pct (excess of events, signed), f1, time_error_px and time_error_ms (means of
        the absolute values over the pairs).

    """
    window = np.clip(1e6 * NEAR_PX / np.maximum(speed, 1e-3), LEAST_US, MOST_US)
    pairs = _pairs(*_sorted(ours), *_sorted(reference), window.reshape(-1))
    apart, pixels = pairs[:, 0], pairs[:, 1].astype(np.int64)
    hits = len(pairs)
    total = max(len(ours) + len(reference), 1)
    found = {
        "count_error_pct": 100.0 * (len(ours) / max(len(reference), 1) - 1.0),
        "f1": 2.0 * hits / total,
        "time_error_px": float(np.mean(apart * speed.reshape(-1)[pixels]) * 1e-6) if hits else 0.0,
        "time_error_ms": float(np.mean(apart) * 1e-3) if hits else 0.0,
    }
    return found


def _sorted(events: Events) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixel code and time, by code, then time."""
    code = 2 * (events.y.astype(np.int64) * events.width + events.x) + events.p
    order = np.lexsort((events.t, code))
    return code[order], events.t[order]


@njit(cache=True)
def _pairs(codes: Any, times: Any, codes_b: Any, times_b: Any, window: Any) -> Any:
    """(n, 2): time between the two of each pair, us, and their pixel."""
    out = np.empty((min(len(codes), len(codes_b)), 2))
    n = i = j = 0
    while i < len(codes) and j < len(codes_b):
        if codes[i] != codes_b[j]:
            if codes[i] < codes_b[j]:
                i += 1
            else:
                j += 1
            continue
        apart = times[i] - times_b[j]
        if abs(apart) <= window[codes[i] // 2]:
            out[n, 0], out[n, 1] = abs(apart), codes[i] // 2
            n, i, j = n + 1, i + 1, j + 1
        elif apart < 0:
            i += 1
        else:
            j += 1
    return out[:n]
