"""Packets of events: back as they went in, each by itself, whatever the cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.events.array import Events, Triggers, joined, joined_triggers
from spikeloop.events.codecs import make_decoder
from spikeloop.events.encoder import EncodingError
from spikeloop.events.packet_encoder import PacketEncoder

WIDTH, HEIGHT = 70, 50


def stream(steps: list[int], seed: int) -> Events:
    rng, n = np.random.default_rng(seed), len(steps)
    return Events(
        np.cumsum(np.array(steps, np.int64)),
        rng.integers(0, WIDTH, n).astype(np.uint16),
        rng.integers(0, HEIGHT, n).astype(np.uint16),
        rng.integers(0, 2, n).astype(np.uint8),
        WIDTH,
        HEIGHT,
    )


def edges(times: list[int]) -> Triggers:
    t = np.sort(np.array(times, np.int64))
    return Triggers(t, np.full(len(t), 6, np.uint16), (t % 2).astype(np.uint8))


def assert_equal(one: Events, other: Events) -> None:
    for column in "txyp":
        assert np.array_equal(getattr(one, column), getattr(other, column))


steps = st.lists(st.sampled_from([0, 0, 1, 300, 5_000, 9_000_000, 40_000_000]), max_size=60)


@settings(max_examples=60)
@given(steps, st.integers(0, 2**31), st.integers(1, 20), st.lists(st.integers(0, 30_000_000)))
def test_a_stream_comes_back_from_packets_of_any_size(
    steps: list[int], seed: int, size: int, trigger_times: list[int]
) -> None:
    events, triggers = stream(steps, seed), edges(trigger_times)
    encoder = PacketEncoder(WIDTH, HEIGHT, "evt3")
    decoder = make_decoder("evt3", WIDTH, HEIGHT)
    given, got, got_edges = 0, [Events.none(WIDTH, HEIGHT)], []
    for begin in range(0, max(len(events), 1), size):
        part = events[begin : begin + size]
        is_last = begin + size >= len(events)
        until = len(triggers)
        if not is_last:
            until = max(given, int(np.searchsorted(triggers.t, int(part.t[-1]))))
        some = Triggers(*(getattr(triggers, c)[given:until] for c in ("t", "channel", "value")))
        given = until
        out, out_edges = decoder.decode(encoder.encode(part, some).data.tobytes())
        got.append(out)
        got_edges.append(out_edges)
    back, back_edges = joined(got), joined_triggers(got_edges)
    # A reader's clock begins with the 24 bits that it sees first.
    firsts = [int(part.t[0]) for part in (events, triggers) if len(part)]
    shift = min(firsts) >> 24 << 24 if firsts else 0
    assert_equal(back, Events(events.t - shift, events.x, events.y, events.p, WIDTH, HEIGHT))
    assert np.array_equal(back_edges.t, triggers.t - shift)
    assert np.array_equal(back_edges.value, triggers.value)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 20_000), min_size=2, max_size=60), st.integers(0, 2**31))
@pytest.mark.parametrize("encoding", ["evt3", "mono"])
def test_each_packet_can_be_read_by_itself(encoding: str, steps: list[int], seed: int) -> None:
    events = stream(steps, seed)
    encoder = PacketEncoder(WIDTH, HEIGHT, encoding)
    for begin in range(0, len(events), 7):
        part = events[begin : begin + 7]
        base, data = encoder.encode(part)
        alone = make_decoder(encoding, WIDTH, HEIGHT)
        alone.begin_packet(base)
        assert_equal(alone.decode(data.tobytes())[0], part)


def test_mono_keeps_nanoseconds() -> None:
    fine = np.array([999, 0], np.uint16)
    events = stream([5, 7], 1)
    events = Events(events.t, events.x, events.y, events.p, WIDTH, HEIGHT, fine)
    base, data = PacketEncoder(WIDTH, HEIGHT, "mono").encode(events)
    decoder = make_decoder("mono", WIDTH, HEIGHT)
    decoder.begin_packet(base)
    back = decoder.decode(data.tobytes())[0]
    assert back.fine is not None and back.fine.tolist() == [999, 0]


@pytest.mark.parametrize("t", [[-1], [9_000_000, 1_000]])
def test_times_that_evt3_cannot_hold_are_refused_and_change_nothing(t: list[int]) -> None:
    encoder = PacketEncoder(WIDTH, HEIGHT, "evt3")
    some = stream([1] * len(t), 0)
    bad = Events(np.array(t, np.int64), some.x, some.y, some.p, WIDTH, HEIGHT)
    with pytest.raises(
        EncodingError,
        match=r"event \d at -?\d+ us: evt3 holds times from 0 on that fall by at most 4 s",
    ):
        encoder.encode(bad)
    assert_equal(
        make_decoder("evt3", WIDTH, HEIGHT).decode(encoder.encode(some).data.tobytes())[0], some
    )


def test_what_no_packet_holds_is_refused() -> None:
    with pytest.raises(EncodingError, match="one of evt3, mono"):
        PacketEncoder(10, 10, "evt2")
    with pytest.raises(EncodingError, match="up to 2048x2048"):
        PacketEncoder(4000, 10, "evt3")
    with pytest.raises(EncodingError, match=r"within 4\.29 s"):
        PacketEncoder(WIDTH, HEIGHT, "mono").encode(stream([1, 5_000_000], 0))
    with pytest.raises(EncodingError, match="can't hold triggers"):
        PacketEncoder(WIDTH, HEIGHT, "mono").encode(stream([1], 0), edges([3]))
