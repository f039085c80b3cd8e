"""Representations against plain sums; none writes into its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikeloop.events.array import Events
from spikeloop.events.representations.accumulator import Accumulator
from spikeloop.events.representations.binary import spike_tensor
from spikeloop.events.representations.group_tokens import group_tokens
from spikeloop.events.representations.histogram import count_picture, histogram, signed_picture
from spikeloop.events.representations.spike_tensor import event_spike_tensor
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.representations.voxel import voxel_grid

W, H = 20, 14


def _random(n: int = 5000, seed: int = 0, *, start: int = 10**15) -> Events:
    rng = np.random.default_rng(seed)
    return Events(
        start + np.sort(rng.integers(0, 100_000, n)),
        rng.integers(0, W, n).astype(np.uint16),
        rng.integers(0, H, n).astype(np.uint16),
        rng.integers(0, 2, n).astype(np.uint8),
        W,
        H,
    )


def _rows(events: Events) -> list[tuple[int, int, int, int]]:
    columns = (events.t, events.x, events.y, events.p)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_counts() -> None:
    events = _random()
    expected = np.zeros((2, H, W), int)
    for _, x, y, p in _rows(events):
        expected[p, y, x] += 1
    assert np.array_equal(histogram(events), expected)
    assert np.array_equal(count_picture(events), expected.sum(axis=0))
    assert np.array_equal(signed_picture(events), expected[1] - expected[0])


@pytest.mark.parametrize("bins", [1, 2, 5, 10])
def test_voxel_grid(bins: int) -> None:
    events = _random()
    expected = np.zeros((bins, H, W))
    first, last = int(events.t[0]), int(events.t[-1])
    for t, x, y, p in _rows(events):
        place = (bins - 1) * (t - first) / (last - first)
        for b in range(bins):
            expected[b, y, x] += (2 * p - 1) * max(0.0, 1.0 - abs(b - place))
    grid = voxel_grid(events, bins)
    assert grid.shape == (bins, H, W) and grid.dtype == np.float32
    assert np.abs(grid - expected).max() < 1e-3
    # The shares of an event add up to its polarity.
    assert grid.sum() == pytest.approx(float((2.0 * events.p - 1.0).sum()), abs=0.05)


def test_voxel_grid_of_a_window_leaves_out_the_rest() -> None:
    events = _random()
    first = int(events.t[0])
    part = events.between(first + 20_000, first + 60_001)
    cut = voxel_grid(events, 4, begin=first + 20_000, end=first + 60_000)
    whole = voxel_grid(part, 4, begin=first + 20_000, end=first + 60_000)
    assert np.array_equal(cut, whole) and cut.any()
    with pytest.raises(ValueError, match=r"end \(1 us\) must not be before begin \(2 us\)"):
        voxel_grid(events, 4, begin=2, end=1)
    with pytest.raises(ValueError, match="bins must be at least 1, not 0"):
        voxel_grid(events, 0)


def test_slices_of_no_length_still_give_a_tensor() -> None:
    one = _random(1)
    assert voxel_grid(one, 3).sum() == 2 * int(one.p[0]) - 1
    assert spike_tensor(one, 1000).shape == (1, 2, H, W) and spike_tensor(one, 1000).sum() == 1
    assert event_spike_tensor(one, 3, measure="count").shape == (6, H, W)
    empty = _random(0)
    for make in (count_picture, histogram, signed_picture):
        assert not make(empty).any()
    assert not voxel_grid(empty, 3).any() and spike_tensor(empty, 5).shape == (1, 2, H, W)
    assert not group_tokens(empty, 2, 4).any()


@pytest.mark.parametrize("by_polarity", [False, True])
def test_time_surface(by_polarity: bool) -> None:
    events, tau = _random(), 7_000.0
    surface = TimeSurface(W, H, by_polarity=by_polarity)
    assert not surface.exponential(tau).any()
    for begin in range(0, len(events), 999):
        surface.add(events[begin : begin + 999])
    last = np.full((2, H, W) if by_polarity else (1, H, W), -np.inf)
    for t, x, y, p in _rows(events):
        last[p if by_polarity else 0, y, x] = t
    now = int(events.t[-1]) + 500
    age = now - last
    exponential = np.exp(-age / tau)
    linear = np.maximum(1 - age / tau, 0.0)
    shape = (2, H, W) if by_polarity else (H, W)
    assert np.abs(surface.exponential(tau, now) - exponential.reshape(shape)).max() < 1e-6
    assert np.abs(surface.linear(tau, now) - linear.reshape(shape)).max() < 1e-6
    surface.reset()
    assert not surface.linear(tau).any()
    with pytest.raises(ValueError, match="tau_us must be at least 1"):
        surface.exponential(0.5)


def test_a_surface_forgets_over_hours_without_false_youth() -> None:
    surface = TimeSurface(W, H)
    surface.add(_random(100, 1, start=0))
    later = _random(1, 2, start=0)
    for quarter in range(1, 18):
        t = later.t + quarter * (1 << 30)
        surface.add(Events(t, later.x, later.y, later.p, W, H))
        assert (surface.exponential(1e6) > 0.5).sum() == 1


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("tau", [0.0, 5_000.0])
def test_accumulator(rectify: bool, tau: float) -> None:
    events = _random(4000)
    accumulator = Accumulator(W, H, step=0.3, limit=2.0, tau_us=tau, rectify=rectify)
    for begin in range(0, 4000, 333):
        accumulator.add(events[begin : begin + 333])
    value, last = np.zeros((H, W)), np.zeros((H, W))
    for t, x, y, p in _rows(events):
        if tau:
            value[y, x] *= np.exp(-(t - last[y, x]) / tau)
        value[y, x] = np.clip(value[y, x] + (0.3 if p or rectify else -0.3), -2.0, 2.0)
        last[y, x] = t
    now = int(events.t[-1]) + 1_000
    if tau:
        value *= np.exp(-(now - last) / tau)
    assert np.abs(accumulator.picture(now) - value).max() < 1e-4
    columns, rows, values = accumulator.touched(now)
    assert values == pytest.approx(value[rows, columns], abs=1e-4)
    accumulator.clear()
    assert not accumulator.picture(now).any() and len(accumulator.touched()[0]) == 0


def test_touched_pixels_are_those_with_events() -> None:
    accumulator = Accumulator(W, H)
    events = _random(5)
    accumulator.add(Events(events.t, events.x, events.y, np.ones(5, np.uint8), W, H))
    columns, rows, _ = accumulator.touched()
    expected = set(zip(events.x.tolist(), events.y.tolist(), strict=True))
    assert set(zip(columns.tolist(), rows.tolist(), strict=True)) == expected
    with pytest.raises(ValueError, match=r"step \(0\)"):
        Accumulator(W, H, step=0)


@pytest.mark.parametrize("measure", ["time", "count", "polarity"])
def test_event_spike_tensor(measure: str) -> None:
    events, bins = _random(2000), 4
    first, last = int(events.t[0]), int(events.t[-1])
    expected = np.zeros((2, bins, H, W))
    for t, x, y, p in _rows(events):
        now = (t - first) / (last - first)
        value = {"time": now, "count": 1.0, "polarity": 2.0 * p - 1.0}[measure]
        for b in range(bins):
            expected[p, b, y, x] += value * max(0.0, 1.0 - abs(b / 3 - now) * 3)
    tensor = event_spike_tensor(events, bins, measure=measure)
    # The kernel is read from a table, whose corners are rounded by a step of it.
    assert np.abs(tensor - expected.reshape(8, H, W)).max() < 2e-3
    flat = event_spike_tensor(events, 2, measure="count", kernel=lambda d: np.ones_like(d))
    assert np.array_equal(flat[0], histogram(events)[0])
    with pytest.raises(ValueError, match="measure must be one of time, count, polarity"):
        event_spike_tensor(events, 2, measure="x")


def test_group_tokens() -> None:
    events, patch, intervals = _random(3000), 4, 3
    first, end = int(events.t[0]), int(events.t[-1]) + 1
    across = 5
    expected = np.zeros((across * 4, 2 * intervals, 2, patch * patch))
    for t, x, y, p in _rows(events):
        token, place = y // patch * across + x // patch, y % patch * patch + x % patch
        group = 2 * ((t - first) * intervals // (end - first)) + p
        expected[token, group, 0, place] += 1
        expected[token, group, 1, place] += (t - first) / (end - first)
    tokens = group_tokens(events, intervals, patch)
    assert np.abs(tokens - expected).max() < 1e-4 and tokens[:, :, 0].sum() == 3000
    assert group_tokens(events, 2, 4, begin=first + 50_000)[:, :, 0].sum() < 3000


def test_binary_spikes() -> None:
    events = _random(500)
    spikes = spike_tensor(events, 10_000)
    expected = np.zeros((10, 2, H, W), np.uint8)
    for t, x, y, p in _rows(events):
        expected[(t - int(events.t[0])) // 10_000, p, y, x] = 1
    assert np.array_equal(spikes, expected)
    assert np.array_equal(spike_tensor(events, 10_000, steps=3), expected[:3])
    with pytest.raises(ValueError, match="are beyond 8 GiB; cut the events"):
        spike_tensor(events, 1, steps=10**9)


MAKERS: dict[str, Callable[[Events], Any]] = {
    "count": count_picture,
    "signed": signed_picture,
    "histogram": histogram,
    "voxel": lambda e: voxel_grid(e, 3),
    "surface": lambda e: TimeSurface(e.width, e.height).add(e),
    "accumulator": lambda e: Accumulator(e.width, e.height).add(e),
    "spike_tensor": lambda e: event_spike_tensor(e, 3),
    "tokens": lambda e: group_tokens(e, 3, 4),
    "binary": lambda e: spike_tensor(e, 10_000),
}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_input_stays_and_wild_events_are_refused(name: str) -> None:
    events = _random(300)
    for column in (events.t, events.x, events.y, events.p):
        column.setflags(write=False)
    MAKERS[name](events)
    for wild in (
        Events(events.t, events.x + np.uint16(W), events.y, events.p, W, H),
        Events(events.t, events.x, events.y + np.uint16(H), events.p, W, H),
        Events(events.t, events.x, events.y, events.p + np.uint8(1), W, H),
    ):
        with pytest.raises(ValueError, match="outside their own sensor"):
            MAKERS[name](wild)
