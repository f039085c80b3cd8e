"""The figures by which a distribution of times is told."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def distribution(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile (the nearest rank) and greatest of values, in their unit.

    Raises:
        ValueError: there are none.

    """
    if not values:
        raise ValueError("a distribution needs at least one value")
    ordered = sorted(values)
    rank = min(len(ordered) - 1, int(0.99 * len(ordered)))
    return {
        "median": round(statistics.median(ordered), 4),
        "p99": round(ordered[rank], 4),
        "max": round(ordered[-1], 4),
    }
