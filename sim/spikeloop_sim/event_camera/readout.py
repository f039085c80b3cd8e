"""From the pixels' requests to time-stamped events: random delay, one bus of limited rate.

Requests come in at any time; the arbiter takes them one after another, each a bus cycle long, and
stamps them with the sensor's microsecond. Those that would wait too long are lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop_sim.event_camera.chance import exponential
from spikeloop_sim.event_camera.config import EventCameraConfig


@dataclass
class _Waiting:
    """Requests that are due after the last interval: time from its end, us, and pixel code."""

    when: NDArray[np.float32]
    what: NDArray[np.int32]


class Readout:
    """The arbiter and the bus of one sensor."""

    def __init__(self, config: EventCameraConfig, width: int, height: int) -> None:
        """Start idle.

        Args:
            config: latency, jitter, rate and longest wait.
            width: columns.
            height: rows.

        """
        self._config, self._size = config, (width, height)
        self.reset()

    def reset(self) -> None:
        """Forget all requests."""
        self._waiting = _Waiting(np.empty(0, np.float32), np.empty(0, np.int32))
        self._free_us = 0.0
        self.lost = 0

    def state(self) -> dict[str, NDArray[Any]]:
        """All that later events depend on; see `restore`."""
        return {
            "waiting_when": self._waiting.when,
            "waiting_what": self._waiting.what,
            "bus": np.array([self._free_us, self.lost], np.float64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where `state` was taken."""
        self._waiting = _Waiting(state["waiting_when"].copy(), state["waiting_what"].copy())
        self._free_us, self.lost = float(state["bus"][0]), int(state["bus"][1])

    def read(
        self,
        when: NDArray[np.float32],
        what: NDArray[np.int32],
        begin_us: int,
        span_us: int,
        random: NDArray[np.uint64],
    ) -> Events:
        """Events of one interval.

        Args:
            when: (n,) float32, requests, us after `begin_us`, in any order.
            what: (n,) int32, 2 (row width + column) + polarity.
            begin_us: sensor time, us.
            span_us: length of the interval; what is stamped later comes with a later one.
            random: state of the random numbers; it moves on.

        Returns:
            events in the order of time, begin_us <= t < begin_us + span_us.

        """
        config = self._config
        due = when + np.float32(config.latency_us)
        if config.jitter_us > 0.0:
            _delay(due, np.float32(config.jitter_us), random)
        due = np.concatenate([self._waiting.when, due])
        what = np.concatenate([self._waiting.what, what])
        order = _sort(due, span_us)
        cycle = 1e6 / config.bus_rate_hz if config.bus_rate_hz > 0.0 else 0.0
        stamps = np.empty(len(due), np.int64)
        taken = np.empty(len(due), np.int32)
        count, used, free, lost = _serve(
            due, order, cycle, self._free_us, config.bus_wait_us, span_us, stamps, taken
        )
        rest = order[used:]
        self._waiting = _Waiting(due[rest] - np.float32(span_us), what[rest])
        self._free_us = free - span_us
        self.lost += lost
        width, height = self._size
        t, x, y, p = _unpack(what, taken[:count], stamps[:count], begin_us, width)
        return Events(t, x, y, p, width, height)


@njit(cache=True, error_model="numpy")
def _delay(due: Any, mean: Any, random: Any) -> None:
    for k in range(len(due)):
        due[k] += mean * exponential(random)


@njit(cache=True, error_model="numpy")
def _sort(due: Any, span: Any) -> Any:
    """Order of the requests by whole us; those of the same one keep theirs."""
    starts = np.zeros(span + 2, np.int64)
    for t in due:
        starts[min(max(int(t), 0), span) + 1] += 1
    for k in range(span + 1):
        starts[k + 1] += starts[k]
    order = np.empty(len(due), np.int64)
    for k in range(len(due)):
        at = min(max(int(due[k]), 0), span)
        order[starts[at]] = k
        starts[at] += 1
    return order


@njit(cache=True, error_model="numpy")
def _serve(
    due: Any, order: Any, cycle: Any, free: Any, patience: Any, span: Any, stamps: Any, taken: Any
) -> Any:
    """Stamps in order; returns events, requests used, when the bus is free, and the lost."""
    count = lost = 0
    for k in range(len(order)):
        t = max(due[order[k]], 0.0)
        begin = max(t, free)
        if begin + cycle >= span:
            return count, k, free, lost
        if begin - t > patience:
            lost += 1
            continue
        free = begin + cycle
        stamps[count], taken[count] = int(free), order[k]
        if count and stamps[count] < stamps[count - 1]:
            stamps[count] = stamps[count - 1]
        count += 1
    return count, len(order), free, lost


@njit(cache=True, error_model="numpy")
def _unpack(what: Any, taken: Any, stamps: Any, begin: Any, width: Any) -> Any:
    n = len(taken)
    t, x, y = np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)
    p = np.empty(n, np.uint8)
    for k in range(n):
        code = what[taken[k]]
        t[k], p[k] = begin + stamps[k], code & 1
        y[k], x[k] = (code >> 1) // width, (code >> 1) % width
    return t, x, y, p
