"""EVT3 against a plain decoder, any cut of the stream, and bytes that mean nothing."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloop.events.codecs import PacketDecoder, make_decoder
from spikeloop.events.evt3 import Evt3Decoder

WIDTH, HEIGHT = 640, 480


def _bytes(words: list[int]) -> bytes:
    return np.array(words, dtype="<u2").tobytes()


def _random_stream(seed: int, length: int) -> list[int]:
    """Valid words of every kind, over several roll-overs of the time."""
    rng = random.Random(seed)
    words, high = [0x8000, 0x6000, 0x0000, 0x3000], 0
    for _ in range(length):
        kind = rng.choice("xxxyvVBhltoc")
        if kind == "x":
            words.append(0x2000 | rng.getrandbits(1) << 11 | rng.randrange(700))
        elif kind == "y":
            words.append(rng.randrange(500))
        elif kind == "B":
            words.append(0x3000 | rng.getrandbits(1) << 11 | rng.randrange(660))
        elif kind == "v":
            words.append(0x4000 | rng.getrandbits(12))
        elif kind == "V":
            words.append(0x5000 | rng.getrandbits(8))
        elif kind == "h":
            high = (high + rng.randrange(1, 1500)) % 4096
            words.append(0x8000 | high)
        elif kind == "l":
            words.append(0x6000 | rng.getrandbits(12))
        elif kind == "t":
            words.append(0xA000 | rng.randrange(16) << 8 | rng.getrandbits(1))
        elif kind == "o":
            words.append(0xE000 | rng.getrandbits(12))
        else:
            words.append(rng.choice((0x7000, 0xF000)) | rng.getrandbits(4))
    return words


def _plain(words: list[int]) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The format's definition, word by word, for streams that begin with time, row and base."""
    events: list[tuple[int, ...]] = []
    triggers: list[tuple[int, ...]] = []
    high = low = over = row = base = polarity = 0
    for word in words:
        kind, value = word >> 12, word & 0xFFF
        now = over * 2**24 + high * 4096 + low
        if kind == 0x0:
            row = value & 0x7FF
        elif kind == 0x2:
            events.append((now, value & 0x7FF, row, value >> 11))
        elif kind == 0x3:
            base, polarity = value & 0x7FF, value >> 11
        elif kind in (0x4, 0x5):
            length = 12 if kind == 0x4 else 8
            events += [(now, base + i, row, polarity) for i in range(length) if value >> i & 1]
            base += length
        elif kind == 0x6:
            low = value
        elif kind == 0x8:
            if value < high and high - value > 2048:
                over += 1
            if value != high:
                low = 0
            high = value
        elif kind == 0xA:
            triggers.append((now, value >> 8, value & 1))
    return [e for e in events if e[1] < WIDTH and e[2] < HEIGHT], triggers


def _decoded(pieces: list[bytes]) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    decoder = Evt3Decoder(WIDTH, HEIGHT)
    events: list[tuple[int, ...]] = []
    triggers: list[tuple[int, ...]] = []
    for piece in pieces:
        e, t = decoder.decode(piece)
        events += zip(e.t.tolist(), e.x.tolist(), e.y.tolist(), e.p.tolist(), strict=True)
        triggers += zip(t.t.tolist(), t.channel.tolist(), t.value.tolist(), strict=True)
    return events, triggers


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_the_plain_decoder(seed: int) -> None:
    words = _random_stream(seed, 3000)
    events, triggers = _decoded([_bytes(words)])
    assert (events, triggers) == _plain(words)
    assert len(events) > 1000 and len(triggers) > 100
    assert events[-1][0] > 2**24


def test_a_vector_by_hand() -> None:
    words = [0x8001, 0x6002, 0x0005, 0x3000 | 1 << 11 | 100, 0x4000 | 0b100000000001, 0x5000 | 0x81]
    events, _ = _decoded([_bytes(words)])
    now = 4096 + 2
    assert events == [(now, 100, 5, 1), (now, 111, 5, 1), (now, 112, 5, 1), (now, 119, 5, 1)]


@given(st.integers(0, 100), st.lists(st.integers(0, 1200), max_size=8))
def test_any_cut_of_the_stream_gives_the_same(seed: int, cuts: list[int]) -> None:
    data = _bytes(_random_stream(seed, 500))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert _decoded(pieces) == _decoded([data])


@given(st.binary(max_size=2000), st.integers(1, 2048), st.integers(1, 2048))
def test_no_bytes_give_an_event_outside_the_sensor(data: bytes, width: int, height: int) -> None:
    decoder = Evt3Decoder(width, height)
    events, _ = decoder.decode(data)
    assert not len(events) or (int(events.x.max()) < width and int(events.y.max()) < height)
    backward = int((np.diff(events.t) < 0).sum())
    assert backward <= decoder.counts["steps back in time"]


def test_what_is_left_out_is_counted() -> None:
    decoder = Evt3Decoder(10, 10)
    words = [0x2001, 0xA001, 0x8001, 0x6000, 0x0003, 0x4007, 0x200B, 0x1000, 0x2001]
    events, triggers = decoder.decode(_bytes(words))
    counts = decoder.counts
    assert len(events) == 1 and len(triggers) == 0
    # One event and one trigger before any time, three of a vector without a base.
    assert counts["events without time or place"] == 5
    assert counts["events outside"] == 1
    assert counts["unknown words"] == 1


def _steady_stream(steps: int, first: int = 0) -> list[int]:
    """One event a step of the high time, its column counting the steps modulo 100."""
    return [
        word
        for step in range(first, first + steps)
        for word in (0x8000 | step & 0xFFF, 0x6000, 0x0001, 0x2000 | step % 100)
    ]


def test_time_rises_over_many_roll_overs() -> None:
    events, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(_steady_stream(5 * 4096)))
    assert np.array_equal(events.t, np.arange(5 * 4096) * 4096)


@pytest.mark.parametrize("seed", range(10))
def test_time_is_exact_again_after_corrupt_bytes(seed: int) -> None:
    noise = np.random.default_rng(seed).bytes(2000)
    before, after = _steady_stream(5000), _steady_stream(5000, first=5000)
    decoder = Evt3Decoder(WIDTH, HEIGHT)
    events, _ = decoder.decode(_bytes(before) + noise + _bytes(after))
    whole, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(before + after))
    lost = len(whole) - len(events)
    # It takes 64 valid words, 16 events here, to believe the stream again.
    assert -8 <= lost <= 24
    assert events.t[:5000].tolist() == whole.t[:5000].tolist()
    assert events.t[-4900:].tolist() == whole.t[-4900:].tolist()
    assert decoder.counts["unknown words"] > 200


@pytest.mark.parametrize("bit", range(12))
def test_one_wrong_high_time_moves_nothing_behind_it(bit: int) -> None:
    words = _steady_stream(9000)
    words[4 * 4500] ^= 1 << bit
    events, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(words))
    wrong = np.flatnonzero(events.t != np.arange(9000) * 4096)
    assert wrong.tolist() == [4500]


@pytest.mark.parametrize("steps", [20, 300, 2500])
def test_a_quiet_time_is_taken_as_it_is(steps: int) -> None:
    words = _steady_stream(10) + _steady_stream(10, first=10 + steps)
    events, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(words))
    expected = [*range(10), *range(10 + steps, 20 + steps)]
    assert (events.t // 4096).tolist() == expected


def test_big_endian_words() -> None:
    words = _random_stream(3, 300)
    swapped = make_decoder("evt3", WIDTH, HEIGHT, big_endian=True)
    events, _ = swapped.decode(np.array(words, dtype=">u2").tobytes())
    expected, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(words))
    assert events.t.tolist() == expected.t.tolist() and events.x.tolist() == expected.x.tolist()


def test_lost_packets_leave_no_event_at_an_old_row() -> None:
    decoder = PacketDecoder()
    decoder.decode("evt3", WIDTH, HEIGHT, 1, _bytes([0x8001, 0x6000, 0x0005, 0x2001]))
    events, _ = decoder.decode(
        "evt3", WIDTH, HEIGHT, 4, _bytes([0x2002, 0x8003, 0x6001, 0x2003, 0x0007, 0x2004])
    )
    assert (events.t.tolist(), events.x.tolist(), events.y.tolist()) == ([3 * 4096 + 1], [4], [7])
    assert decoder.lost == 2 and decoder.counts["events without time or place"] == 2


def test_gaps_in_the_sequence_are_lost_packets() -> None:
    decoder = PacketDecoder()
    for seq in (5, 6, 9, 3, 4):
        decoder.decode("evt3", WIDTH, HEIGHT, seq, b"")
    assert (decoder.lost, decoder.restarts) == (2, 1)


def test_a_loop_turns_sensor_time_back_without_a_roll_over() -> None:
    decoder = PacketDecoder()
    long = _bytes(_steady_stream(4000))
    for _ in range(3):
        for seq in (7, 8):
            piece = long[: len(long) // 2] if seq == 7 else long[len(long) // 2 :]
            events, _ = decoder.decode("evt3", WIDTH, HEIGHT, seq, piece)
            assert events.t[0] == (0 if seq == 7 else 2000 * 4096)
    assert decoder.restarts == 2 and decoder.lost == 0


def test_packets_without_numbers_are_one_stream() -> None:
    decoder = PacketDecoder()
    decoder.decode("evt3", WIDTH, HEIGHT, 0, _bytes([0x8001, 0x6000, 0x0005, 0x2001]))
    events, _ = decoder.decode("evt3", WIDTH, HEIGHT, 0, _bytes([0x2002]))
    assert events.y.tolist() == [5] and decoder.restarts == 0


def test_reset_forgets() -> None:
    decoder = Evt3Decoder(WIDTH, HEIGHT)
    data = _bytes(_random_stream(1, 200))
    first, _ = decoder.decode(data)
    decoder.reset()
    again, _ = decoder.decode(data)
    assert first.t.tolist() == again.t.tolist()


def test_impossible_sizes_and_unknown_encodings_are_refused() -> None:
    with pytest.raises(ValueError, match="0x480"):
        Evt3Decoder(0, 480)
    with pytest.raises(ValueError, match="encoding 'evt9' isn't known; there are: evt2, "):
        make_decoder("evt9", 640, 480)


def test_slices_are_views() -> None:
    events, _ = Evt3Decoder(WIDTH, HEIGHT).decode(_bytes(_random_stream(2, 500)))
    part = events[10:20]
    assert len(part) == 10
    assert np.shares_memory(part.t, events.t)
