"""A LiDAR's message as points, refused where it shows nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop.lidar.packed import PackedError, points_of
from spikeloop.nodes.messages import Message
from spikeloop.nodes.slot import InputError


def scan_of(name: str, message: Message) -> NDArray[np.float64]:
    """(n, 3) of a scan, NaN where nothing came back.

    Raises:
        InputError: it can't be read, or nothing came back at all: the ground always answers.

    """
    try:
        points = points_of(message)
    except PackedError as error:
        raise InputError(f"{name}: {error}") from error
    if not np.isfinite(points).all(axis=1).any():
        raise InputError(f"{name}: no point is finite")
    return points
