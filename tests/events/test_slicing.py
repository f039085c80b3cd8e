"""Slicers: every event in exactly one slice, whatever the pieces."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.events.array import Events, joined
from spikeloop.events.slicing.by_area import ByArea
from spikeloop.events.slicing.by_count import ByCount
from spikeloop.events.slicing.by_time import ByTime
from spikeloop.events.slicing.slicer import Slice, Slicer

W, H = 40, 30
SLICERS: dict[str, Callable[[], Slicer]] = {
    "time": lambda: ByTime(1_000),
    "count": lambda: ByCount(37),
    "area": lambda: ByArea(W, H, area=10, count=9),
}


def _events(times: list[int], seed: int = 0) -> Events:
    rng, n = np.random.default_rng(seed), len(times)
    return Events(
        np.array(times, np.int64),
        rng.integers(0, W, n).astype(np.uint16),
        rng.integers(0, H, n).astype(np.uint16),
        rng.integers(0, 2, n).astype(np.uint8),
        W,
        H,
        np.arange(n, dtype=np.uint16),
    )


def _sliced(slicer: Slicer, events: Events, cuts: list[int]) -> list[Slice]:
    edges = [0, *sorted(min(c, len(events)) for c in cuts), len(events)]
    slices = [s for a, b in itertools.pairwise(edges) for s in slicer.feed(events[a:b])]
    return slices + slicer.finish()


@pytest.mark.parametrize("name", sorted(SLICERS))
@settings(max_examples=50)
@given(
    steps=st.lists(st.integers(-300, 900), max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=6),
)
def test_every_event_is_in_exactly_one_slice(name: str, steps: list[int], cuts: list[int]) -> None:
    events = _events(np.maximum(np.cumsum([0, *steps]), 0).tolist())
    whole, parts = (_sliced(SLICERS[name](), events, c) for c in ([], cuts))
    assert joined([s.events for s in whole]).fine.tolist() == list(range(len(events)))  # type: ignore[union-attr]
    assert [(s.begin, s.end, len(s.events)) for s in whole] == [
        (s.begin, s.end, len(s.events)) for s in parts
    ]
    assert joined([s.events for s in parts]).t.tolist() == events.t.tolist()


def test_slices_of_time_are_whole_multiples_also_where_nothing_happens() -> None:
    slicer = ByTime(1_000, begin=200)
    slices = _sliced(slicer, _events([250, 1_100, 1_200, 4_300]), [])
    assert [(s.begin, s.end, len(s.events)) for s in slices] == [
        (200, 1_200, 2),
        (1_200, 2_200, 1),
        (2_200, 3_200, 0),
        (3_200, 4_200, 0),
        (4_200, 5_200, 1),
    ]


def test_time_goes_on_without_events() -> None:
    slicer = ByTime(1_000)
    assert slicer.feed(_events([100, 500])) == []
    assert [len(s.events) for s in slicer.advance(2_000)] == [2, 0]
    assert slicer.advance(2_500) == []
    assert [s.begin for s in slicer.feed(_events([3_100]))] == [2_000]


def test_a_late_event_isnt_lost() -> None:
    slicer = ByTime(1_000)
    slices = _sliced(slicer, _events([100, 1_500, 900, 1_600, 2_100]), [])
    assert [s.events.t.tolist() for s in slices] == [[100], [1_500, 900, 1_600], [2_100]]


def test_a_jump_of_the_clock_is_an_error() -> None:
    slicer = ByTime(1)
    slicer.feed(_events([0]))
    with pytest.raises(ValueError, match="the time jumps from slice 0 to 1000000"):
        slicer.feed(_events([1_000_000]))


def test_slices_by_area_end_where_one_area_is_full() -> None:
    slicer = ByArea(W, H, area=10, count=3)
    x = np.array([1, 11, 2, 12, 3, 13, 14], np.uint16)
    zeros = np.zeros(7, np.uint16)
    events = Events(np.arange(7), x, zeros, zeros.astype(np.uint8), W, H)
    assert [s.events.x.tolist() for s in _sliced(slicer, events, [])] == [
        [1, 11, 2, 12, 3],
        [13, 14],
    ]


def test_impossible_parameters_are_refused() -> None:
    for make, message in (
        (lambda: ByTime(0), "length_us must be at least 1, not 0"),
        (lambda: ByCount(0), "count must be at least 1, not 0"),
        (lambda: ByArea(W, H, area=0), r"area \(0\)"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
