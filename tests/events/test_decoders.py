"""All decoders: bytes of other projects' encoders, known answers, any cut, any bytes."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers, joined, joined_triggers
from spikeloop.events.codecs import DECODERS, PacketDecoder, make_decoder
from spikeloop.events.decoder import Decoder
from spikeloop.events.evt21 import LegacyEvt21Decoder, PresentEvt21Decoder
from spikeloop.events.files.prophesee_header import read_header

PEERS = Path(__file__).parents[1] / "data" / "peers"


def _columns(events: Events, triggers: Triggers) -> list[list[int]]:
    arrays = (events.nanoseconds(), events.x, events.y, events.p)
    edges = (triggers.t, triggers.channel, triggers.value)
    return [column.tolist() for column in (*arrays, *edges)]


def _in_pieces(decoder: Decoder, data: bytes, cuts: list[int]) -> list[list[int]]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder.begin_packet(1_000_000_123)
    pieces = [decoder.decode(data[a:b]) for a, b in itertools.pairwise(edges)]
    return _columns(joined([e for e, _ in pieces]), joined_triggers([t for _, t in pieces]))


def _body(name: str) -> bytes:
    return (PEERS / name).read_bytes()[read_header(PEERS / name).length :]


@pytest.mark.parametrize("encoding", ["evt2", "evt21", "evt3"])
def test_bytes_of_another_encoder(encoding: str) -> None:
    expected = np.load(PEERS / "expected.npz")
    decoder = make_decoder(encoding, 320, 240)
    events, _ = decoder.decode(_body(f"{encoding}.raw"))
    for name in "txyp":
        assert np.array_equal(getattr(events, name), expected[name]), name
    assert not any(decoder.counts.values())


def test_both_forms_of_evt21_give_the_same() -> None:
    legacy = np.frombuffer(_body("evt21.raw"), "<u4").reshape(-1, 2)
    present = np.ascontiguousarray(legacy[:, ::-1]).tobytes()
    expected = np.load(PEERS / "expected.npz")
    for decoder in (make_decoder("evt21", 320, 240), PresentEvt21Decoder(320, 240)):
        events, _ = decoder.decode(present)
        assert np.array_equal(events.t, expected["t"]) and np.array_equal(events.x, expected["x"])
    known = LegacyEvt21Decoder(320, 240).decode(_body("evt21.raw"))[0]
    assert np.array_equal(known.t, expected["t"])
    swapped = make_decoder("evt21", 320, 240, big_endian=True)
    events, _ = swapped.decode(np.frombuffer(present, "<u8").astype(">u8").tobytes())
    assert np.array_equal(events.t, expected["t"])


def test_packed_libcaer_of_its_drivers_encoder() -> None:
    whole = np.load(PEERS / "libcaer_cmp.npz")
    ends = np.cumsum(whole["length"])
    decoder, parts = PacketDecoder(), []
    for seq, (base, end, length) in enumerate(
        zip(whole["time_base"], ends, whole["length"], strict=True)
    ):
        data = whole["data"][end - length : end]
        parts.append(decoder.decode("libcaer_cmp", 346, 260, seq, data, time_base=int(base))[0])
    events = joined(parts)
    # 400 ms in one packet, though the driver's high time rolls over every 65 ms; ns exact.
    assert np.array_equal(events.nanoseconds(), whole["t_ns"])
    assert np.array_equal(events.x, whole["x"]) and np.array_equal(events.p, whole["p"])
    wrong = np.flatnonzero(events.y != whole["y"])
    assert len(wrong) < 50 and (whole["y"][wrong] // 8 == whole["y"][wrong - 1] // 8).all()


def test_libcaer_rolls_over_within_a_packet() -> None:
    rows = [(2**31 - 2, 5, 7, 1), (2**31 - 1, 6, 8, 0), (0, 345, 259, 1), (1, 346, 0, 1)]
    data = b"".join(struct.pack("<II", x << 17 | y << 2 | p << 1 | 1, low) for low, x, y, p in rows)
    decoder = make_decoder("libcaer", 346, 260)
    base = 1_700_000_000_000_000_456
    decoder.begin_packet(base)
    events, _ = decoder.decode(data)
    assert events.nanoseconds().tolist() == [base + 1000 * t for t in (2**31 - 2, 2**31 - 1, 2**31)]
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == (
        [5, 6, 345],
        [7, 8, 259],
        [1, 0, 1],
    )
    assert decoder.counts["events outside"] == 1
    decoder.begin_packet(base + 1000 * 2**31)
    events, _ = decoder.decode(struct.pack("<IIII", 1, 5, 2, 2**31))
    assert events.nanoseconds().tolist() == [base + 1000 * (2**31 + 5)]
    assert decoder.counts["events of negative time"] == 1


def test_mono_and_trigger_by_hand() -> None:
    word = struct.pack("<Q", 1_500 | 320 << 32 | 240 << 48 | 1 << 63)
    mono = make_decoder("mono", 640, 480)
    mono.begin_packet(10_000_000_000_300)
    events, _ = mono.decode(word)
    assert events.nanoseconds().tolist() == [10_000_000_001_800] and events.t[0] == 10_000_000_001
    assert (events.x[0], events.y[0], events.p[0]) == (320, 240, 1)
    trigger = make_decoder("trigger", 640, 480)
    trigger.begin_packet(2_000)
    _, triggers = trigger.decode(struct.pack("<Q", 7_000 | 300 << 48))
    assert (triggers.t[0], triggers.channel[0], triggers.value[0]) == (9, 300, 0)


@pytest.mark.parametrize("base", [0, 999, 1_700_000_000_000_000_001])
def test_mono_splits_every_time_exactly_and_keeps_what_is_inside(base: int) -> None:
    rng = np.random.default_rng(base % 7)
    borders = [0, 999, 1_000, 1_001, 124_999, 125_000, 2**31, 2**32 - 1_000, 2**32 - 1]
    low = np.concatenate([borders, rng.integers(0, 2**32, 9_000)])
    x, y, p = rng.integers(0, 70, len(low)), rng.integers(0, 50, len(low)), low & 1
    x[2_000:], y[2_000:] = x[2_000:] % 64, y[2_000:] % 48
    words = low.astype("<u8") | (x | y << 16).astype("<u8") << 32 | p.astype("<u8") << 63
    decoder = make_decoder("mono", 64, 48)
    decoder.begin_packet(base)
    events, _ = decoder.decode(words.tobytes())
    inside = (x < 64) & (y < 48)
    times = [base + int(ns) for ns in low[inside]]
    assert events.t.tolist() == [ns // 1000 for ns in times]
    assert events.fine is not None and events.fine.tolist() == [ns % 1000 for ns in times]
    assert np.array_equal(events.x, x[inside]) and np.array_equal(events.p, p[inside])
    assert np.array_equal(events.y, y[inside])
    assert decoder.counts["events outside"] == int((~inside).sum()) > 0
    assert decoder.counts["steps back in time"] == int((np.diff(low[inside]) < 0).sum())


def test_a_word_doesnt_go_on_in_the_next_packet() -> None:
    decoder = PacketDecoder()
    whole = struct.pack("<Q", 1_000 | 3 << 32 | 4 << 48)
    decoder.decode("mono", 640, 480, 1, whole + b"\1\2\3")
    events, _ = decoder.decode("mono", 640, 480, 2, whole, time_base=5_000)
    assert events.t.tolist() == [6] and decoder.counts["bytes of cut words"] == 3


def _evt2(*rows: tuple[int, ...]) -> bytes:
    return np.array([row[0] << 28 | row[1] for row in rows], "<u4").tobytes()


def test_evt2_time_over_many_roll_overs_and_triggers() -> None:
    decoder = make_decoder("evt2", 640, 480)
    times, high = [], 0
    words: list[tuple[int, int]] = []
    for _ in range(40):
        high += 1 << 26
        # A camera repeats the high time all the time; two of them confirm it.
        words += [(8, high & 0xFFFFFFF), (8, high + 1 & 0xFFFFFFF), (1, 5 << 22 | 10 << 11 | 20)]
        times.append((high + 1) << 6 | 5)
    words.append((0xA, 7 << 22 | 3 << 8 | 1))
    events, triggers = decoder.decode(_evt2(*words))
    assert (events.t - events.t[0]).tolist() == [t - times[0] for t in times]
    assert events.t[-1] > 2**36
    assert (triggers.t[0] - events.t[-1], triggers.channel[0], triggers.value[0]) == (2, 3, 1)


@pytest.mark.parametrize("bit", range(28))
def test_one_wrong_high_time_of_evt2_moves_nothing_behind_it(bit: int) -> None:
    high = np.arange(1_000, 3_000, dtype=np.uint32)
    words = np.stack([0x80000000 | high, np.full(2_000, 1 << 28, np.uint32)], axis=1).reshape(-1)
    words[2_000] ^= np.uint32(1 << bit)
    events, _ = make_decoder("evt2", 640, 480).decode(words.astype("<u4").tobytes())
    wrong = np.flatnonzero(events.t != high.astype(np.int64) << 6)
    assert wrong.tolist() in ([1_000], [])


@pytest.mark.parametrize("encoding", ["evt2", "evt21"])
@pytest.mark.parametrize("seed", range(5))
def test_time_is_exact_again_after_noise(encoding: str, seed: int) -> None:
    high = np.arange(100_000, 110_000, dtype=np.uint64)
    kind, shift = ("<u4", 0) if encoding == "evt2" else ("<u8", 32)
    words = np.stack(
        [(8 << 28 | high) << shift, np.full(10_000, (1 << 28) << shift | (shift and 1), "u8")]
    )
    data = words.T.reshape(-1).astype(kind).tobytes()
    noise = np.random.default_rng(seed).bytes(4_000)
    half = len(data) // 2
    decoder = make_decoder(encoding, 640, 480)
    events, _ = decoder.decode(data[:half] + noise + data[half:])
    expected = high.astype(np.int64) << 6
    assert np.array_equal(events.t[:5_000], expected[:5_000])
    assert np.array_equal(events.t[-4_900:], expected[-4_900:])
    assert decoder.counts["unknown words"] > 100


@pytest.mark.parametrize("encoding", sorted(DECODERS))
@settings(max_examples=60)
@given(data=st.binary(max_size=1500), cuts=st.lists(st.integers(0, 1500), max_size=8))
def test_no_bytes_crash_and_no_cut_matters(encoding: str, data: bytes, cuts: list[int]) -> None:
    for raw in (data, _seasoned(encoding, data)):
        whole = make_decoder(encoding, 320, 240)
        parts = make_decoder(encoding, 320, 240)
        assert _in_pieces(whole, raw, []) == _in_pieces(parts, raw, cuts)
        assert whole.counts == parts.counts
        x, y, p = _in_pieces(make_decoder(encoding, 320, 240), raw, cuts)[1:4]
        assert not x or (max(x) < 320 and max(y) < 240 and set(p) <= {0, 1})


@pytest.mark.parametrize("encoding", sorted(DECODERS))
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31), cuts=st.lists(st.integers(0, 90_000), min_size=3, max_size=9))
def test_cuts_at_odd_bytes_of_a_stream_longer_than_any_block(
    encoding: str, seed: int, cuts: list[int]
) -> None:
    raw = _seasoned(encoding, np.random.default_rng(seed).bytes(90_001))
    whole, parts = (make_decoder(encoding, 2048, 2048) for _ in range(2))
    assert _in_pieces(whole, raw, []) == _in_pieces(parts, raw, [cut | 1 for cut in cuts])
    assert whole.counts == parts.counts


def test_evt21_by_hand_of_its_specification() -> None:
    rows = [
        (8 << 60 | 5 << 32),  # time 5 * 64 us
        (1 << 60 | 7 << 54 | 64 << 43 | 9 << 32 | 0x80000001),  # ON at columns 64 and 95 of row 9
        (0xA << 60 | 8 << 54 | 3 << 40 | 1 << 32),  # rising edge of channel 3
        (0xE << 60 | 1 << 40),  # others: passed over
        (0 << 60 | 9 << 54 | 32 << 43 | 10 << 32 | 2),  # OFF at column 33
    ]
    for order in ("<u8", ">u8"):
        decoder = make_decoder("evt21", 640, 480, big_endian=order == ">u8")
        events, triggers = decoder.decode(np.array(rows, order).tobytes())
        assert events.t.tolist() == [327, 327, 329] and events.p.tolist() == [1, 1, 0]
        assert (events.x.tolist(), events.y.tolist()) == ([64, 95, 33], [9, 9, 10])
        assert (triggers.t.tolist(), triggers.channel.tolist()) == ([328], [3])
        assert not any(decoder.counts.values())


def _seasoned(encoding: str, data: bytes) -> bytes:
    """The bytes with a high time before them, so that more of them means something."""
    high: dict[str, NDArray[np.unsignedinteger]] = {
        "evt2": np.array([8 << 28 | 3], "<u4"),
        "evt21": np.array([(8 << 28 | 3) << 32], "<u8"),
        "evt3": np.array([0x8003, 0x6001, 0x0002, 0x3005], "<u2"),
        "libcaer_cmp": np.array([0x2003, 0x4001], "<u2"),
    }
    return high[encoding].tobytes() + data if encoding in high else data


@pytest.mark.parametrize("encoding", sorted(DECODERS))
def test_sizes_that_cant_be_are_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match="sensor size 0x480 must be between 1x1 and"):
        make_decoder(encoding, 0, 480)
    assert len(make_decoder(encoding, 640, 480).decode(b"")[0]) == 0


@pytest.mark.parametrize("encoding", sorted(DECODERS))
def test_a_decoder_that_was_reset_is_like_a_fresh_one(encoding: str) -> None:
    data = np.random.default_rng(1).bytes(4_000)
    decoder = make_decoder(encoding, 320, 240)
    first = _in_pieces(decoder, data, [])
    decoder.reset()
    assert _in_pieces(decoder, data, []) == first
