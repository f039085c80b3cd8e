"""Key moments of a way: start, the tightest place, the sharpest turn, the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

APART_S = 1.0


@dataclass(frozen=True)
class Moment:
    """An instant worth a picture: what it is, its time in s, and its row in the series."""

    label: str
    time_s: float
    index: int


def moments(series: Mapping[str, Any]) -> list[Moment]:
    """Start, nearest approach, sharpest turn and end, in the order of time.

    Args:
        series: with `time`, `clearance` and `turn_rate`, two instants at least.

    """
    time = np.array(series["time"])
    last = len(time) - 1
    # The start as soon as sensors have something to show.
    first = int(np.searchsorted(time, min(time[0] + 0.5, time[-1])))
    found = {first: "start", last: "end"}
    clearance = np.array(series["clearance"])
    turn = np.abs(np.array(series["turn_rate"]))
    for label, worth in (("nearest approach", -clearance), ("sharpest turn", turn)):
        order = np.argsort(-worth, kind="stable")
        for index in order.tolist():
            if all(abs(time[index] - time[other]) >= APART_S for other in found):
                found[index] = label
                break
    return [Moment(found[index], float(time[index]), index) for index in sorted(found)]
