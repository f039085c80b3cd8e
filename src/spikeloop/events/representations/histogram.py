"""Counts of events at each pixel: of all, by polarity, or ON less OFF."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.bounds import check

BLOCK = 1024
"""Events whose places are worked out together."""


def count_picture(events: Events) -> NDArray[np.int32]:
    """(height, width) int32, events at each pixel.

    Raises:
        ValueError: events lie outside their sensor.

    """
    check(events, events.width, events.height)
    counts = np.zeros((events.height, events.width), np.int32)
    _count(counts.reshape(-1), events.x, events.y, events.width)
    return counts


def signed_picture(events: Events) -> NDArray[np.int32]:
    """(height, width) int32, ON less OFF at each pixel.

    Raises:
        ValueError: events lie outside their sensor.

    """
    check(events, events.width, events.height)
    sums = np.zeros((events.height, events.width), np.int32)
    _sum_signs(sums.reshape(-1), events.x, events.y, events.p, events.width)
    return sums


def histogram(events: Events) -> NDArray[np.int32]:
    """(2, height, width) int32, OFF and ON events at each pixel (Maqueda et al. 2018).

    Raises:
        ValueError: events lie outside their sensor.

    """
    check(events, events.width, events.height)
    counts = np.zeros((2, events.height, events.width), np.int32)
    _count_by_polarity(
        counts.reshape(-1), events.x, events.y, events.p, events.width, events.width * events.height
    )
    return counts


@numba.njit(cache=True)
def _count(
    counts: NDArray[np.int32], x: NDArray[np.uint16], y: NDArray[np.uint16], columns: int
) -> None:
    places, row = np.empty(BLOCK, np.uint32), np.uint32(columns)
    for begin in range(0, len(x), BLOCK):
        m = min(BLOCK, len(x) - begin)
        xs, ys = x[begin : begin + m], y[begin : begin + m]
        # The places first, for that is turned into vector code.
        for k in range(m):
            places[k] = np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            counts[np.uint64(places[k])] += np.int32(1)


@numba.njit(cache=True)
def _sum_signs(
    sums: NDArray[np.int32],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    columns: int,
) -> None:
    places, row = np.empty(BLOCK, np.uint32), np.uint32(columns)
    for begin in range(0, len(x), BLOCK):
        m = min(BLOCK, len(x) - begin)
        xs, ys, ps = x[begin : begin + m], y[begin : begin + m], p[begin : begin + m]
        for k in range(m):
            places[k] = np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            sums[np.uint64(places[k])] += np.int32(2) * np.int32(ps[k]) - np.int32(1)


@numba.njit(cache=True)
def _count_by_polarity(
    counts: NDArray[np.int32],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
    columns: int,
    pixels: int,
) -> None:
    places, row, plane = np.empty(BLOCK, np.uint32), np.uint32(columns), np.uint32(pixels)
    for begin in range(0, len(x), BLOCK):
        m = min(BLOCK, len(x) - begin)
        xs, ys, ps = x[begin : begin + m], y[begin : begin + m], p[begin : begin + m]
        for k in range(m):
            places[k] = np.uint32(ps[k]) * plane + np.uint32(ys[k]) * row + np.uint32(xs[k])
        for k in range(m):
            counts[np.uint64(places[k])] += np.int32(1)
