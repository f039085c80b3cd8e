"""Writers: what goes in comes out, bit for bit, and what a format can't hold is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.events.array import Events, Triggers, joined, joined_triggers
from spikeloop.events.codecs import make_decoder
from spikeloop.events.encoder import EncodingError, EvtEncoder
from spikeloop.events.evt2_encoder import Evt2Encoder
from spikeloop.events.evt3_encoder import Evt3Encoder
from spikeloop.events.files.converting import convert
from spikeloop.events.files.hdf5_writer import Hdf5Writer
from spikeloop.events.files.mcap_writer import McapWriter
from spikeloop.events.files.npz_writer import NpzWriter
from spikeloop.events.files.opening import open_source
from spikeloop.events.files.raw_writer import RawWriter
from spikeloop.events.files.source import FileError

DATA = Path(__file__).parents[1] / "data"
BAG = DATA / "evt3_test_events_1"


def _read(path: Path) -> tuple[Events, Triggers]:
    pieces = list(open_source(path).pieces())
    return joined([events for events, _ in pieces]), joined_triggers([t for _, t in pieces])


def _same(a: tuple[Events, Triggers], b: tuple[Events, Triggers]) -> None:
    for name in ("t", "x", "y", "p", "fine"):
        assert np.array_equal(getattr(a[0], name), getattr(b[0], name)), name
    for name in ("t", "channel", "value", "fine"):
        assert np.array_equal(getattr(a[1], name), getattr(b[1], name)), name
    assert (a[0].width, a[0].height) == (b[0].width, b[0].height)


def _events(t: list[int], rows: int = 200, *, seed: int = 0, fine: bool = False) -> Events:
    rng, n = np.random.default_rng(seed), len(t)
    return Events(
        np.array(t, dtype=np.int64),
        rng.integers(0, 300, n).astype(np.uint16),
        rng.integers(0, rows, n).astype(np.uint16),
        rng.integers(0, 2, n).astype(np.uint8),
        300,
        rows,
        rng.integers(0, 1000, n).astype(np.uint16) if fine else None,
    )


def _triggers(t: list[int], *, fine: bool = False) -> Triggers:
    n = len(t)
    return Triggers(
        np.array(t, dtype=np.int64),
        (np.arange(n) % 12).astype(np.uint16),
        (np.arange(n) % 2).astype(np.uint8),
        np.full(n, 7, np.uint16) if fine else None,
    )


@pytest.mark.parametrize("name", ["a.raw", "a.h5", "a.npz", "a.mcap", "folder"])
def test_a_recording_converts_there_and_back(name: str, tmp_path: Path) -> None:
    done = convert(open_source(BAG), tmp_path / name)
    assert (done.events, done.triggers, done.dropped) == (343_474, 4_157, {})
    original = _read(BAG)
    _same(_read(tmp_path / name), original)
    back = tmp_path / "back.mcap"
    convert(open_source(tmp_path / name), back)
    _same(_read(back), original)


def test_bags_are_copied_with_stamps_and_numbers(tmp_path: Path) -> None:
    convert(open_source(BAG), tmp_path / "b.mcap")
    first, again = (open_source(p) for p in (BAG, tmp_path / "b.mcap"))
    for one, other in zip(first.recording.packets(), again.recording.packets(), strict=True):  # type: ignore[attr-defined]
        assert one == other


@pytest.mark.parametrize("encoding", ["evt2", "evt3"])
def test_raw_in_both_encodings(encoding: str, tmp_path: Path) -> None:
    convert(open_source(BAG), tmp_path / "a.raw", encoding=encoding)
    _same(_read(tmp_path / "a.raw"), _read(BAG))
    assert encoding in open_source(tmp_path / "a.raw").format


TIMES = [
    [0],
    [5, 5, 5, 4, 9000, 8000, 9000],
    [16_777_215, 16_777_216, 33_554_431, 33_554_432],
    [10, 60_000_000, 60_000_001, 400_000_000],
    [1_633_953_690_975_950 + k * 977 for k in range(300)],
    [k * 20_000_000 for k in range(1, 60)],
    [30_000_000 - k * 400_000 for k in range(25)],
]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", ["evt3.raw", "evt2.raw", "a.h5", "a.npz", "a.mcap"])
def test_times_of_every_kind(times: list[int], name: str, tmp_path: Path) -> None:
    events, triggers = _events(times), _triggers(times[: len(times) // 2 : 3])
    path = tmp_path / name
    writer = {
        "evt3.raw": lambda: RawWriter(path, 300, 200, {}, "evt3"),
        "evt2.raw": lambda: RawWriter(path, 300, 200, {}, "evt2"),
        "a.h5": lambda: Hdf5Writer(path, 300, 200, {}),
        "a.npz": lambda: NpzWriter(path, 300, 200, {}),
        "a.mcap": lambda: McapWriter(path, 300, 200, {}),
    }[name]()
    with writer:
        half = len(times) // 2
        writer.write(events[:half], triggers)
        writer.write(events[half:], Triggers.none())
    assert not writer.dropped
    _same(_read(path), (events, triggers))


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.mcap"])
def test_nanoseconds_are_kept_where_they_can_be(name: str, tmp_path: Path) -> None:
    whole = (_events(list(range(0, 9000, 7)), fine=True), _triggers([5, 6], fine=True))
    with NpzWriter(tmp_path / "first.npz", 300, 200, {}) as writer:
        writer.write(*whole)
    convert(open_source(tmp_path / "first.npz"), tmp_path / name)
    _same(_read(tmp_path / name), whole)


def test_raw_says_that_it_cuts_nanoseconds(tmp_path: Path) -> None:
    with NpzWriter(tmp_path / "a.npz", 300, 200, {}) as writer:
        writer.write(_events(list(range(100)), fine=True), Triggers.none())
    done = convert(open_source(tmp_path / "a.npz"), tmp_path / "a.raw")
    assert 90 < done.dropped["times of events cut to whole us"] <= 100


@pytest.mark.parametrize("name", ["a.mcap", "folder"])
def test_times_that_fall_keep_their_order_in_bags(name: str, tmp_path: Path) -> None:
    falling = [0, 60_000_000, 20_000_000, 60_000_000, 1_000, 30_000_000, 30_000_000]
    whole = (_events([t + k for t in falling for k in range(3)]), _triggers([59_000_000, 1_000]))
    with McapWriter(tmp_path / name, 300, 200, {}) as writer:
        for k in range(7):
            edges = whole[1] if k == 6 else Triggers.none()
            writer.write(whole[0][3 * k : 3 * k + 3], edges)
    assert not writer.dropped
    _same(_read(tmp_path / name), whole)
    # One that was asked for is kept to.
    with pytest.raises(EncodingError, match="evt3 holds times"):
        McapWriter(tmp_path / "b.mcap", 300, 200, {}, "evt3").write(*whole)


def test_a_shift_is_written_down(tmp_path: Path) -> None:
    for name in ("a.raw", "a.h5", "a.npz"):
        convert(open_source(BAG), tmp_path / name, shift_us=1_000)
        assert open_source(tmp_path / name).notes["time_shift_us"] == "1000"
        assert _read(tmp_path / name)[0].t[0] == 7_139_845 + 1_000


def test_a_size_that_nothing_states_is_inferred(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("0.000001 3 4 1\n0.000002 639 10 0\n")
    done = convert(open_source(text), tmp_path / "a.npz")
    assert done.inferred and (done.width, done.height) == (640, 11)


@pytest.mark.parametrize("middle", ["a.h5", "a.npz"])
@pytest.mark.parametrize("name", ["b.raw", "b.mcap"])
def test_triggers_that_lie_apart_come_back_into_the_stream(
    middle: str, name: str, tmp_path: Path
) -> None:
    whole = (
        _events(list(range(0, 60_000_000, 500))),
        _triggers(list(range(9, 60_000_000, 77_777))),
    )
    with (Hdf5Writer if middle == "a.h5" else NpzWriter)(tmp_path / middle, 300, 200, {}) as writer:
        writer.write(*whole)
    convert(open_source(tmp_path / middle), tmp_path / name)
    _same(_read(tmp_path / name), whole)


def test_the_file_that_is_read_isnt_written_over(tmp_path: Path) -> None:
    convert(open_source(BAG), tmp_path / "a.raw")
    before = (tmp_path / "a.raw").read_bytes()
    with pytest.raises(
        FileError, match=r"a\.raw: is the file that is read; another name is needed"
    ):
        convert(open_source(tmp_path / "a.raw"), tmp_path / "." / "a.raw", encoding="evt2")
    assert (tmp_path / "a.raw").read_bytes() == before


def test_what_cant_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"'.xyz' can't be written; there are: .raw"):
        convert(open_source(BAG), tmp_path / "a.xyz")
    with pytest.raises(FileError, match="has no encoding"):
        convert(open_source(BAG), tmp_path / "a.h5", encoding="evt3")
    with pytest.raises(FileError, match="RAW is written in evt2 or evt3, not in 'mono'"):
        convert(open_source(BAG), tmp_path / "a.raw", encoding="mono")
    (tmp_path / "there").mkdir()
    with pytest.raises(FileError, match="is there already"):
        convert(open_source(BAG), tmp_path / "there")
    with pytest.raises(EncodingError, match="event 0 at -1 us: evt3 holds times from 0 on"):
        Evt3Encoder(300, 200).encode(_events([-1]), Triggers.none())
    with pytest.raises(EncodingError, match=r"event 1 at 0 us: .* fall by at most 4 s"):
        Evt3Encoder(300, 200).encode(_events([50_000_000, 0]), Triggers.none())
    with pytest.raises(EncodingError, match="2048x2048"):
        Evt2Encoder(3000, 200)


def test_a_source_that_breaks_off_is_written_as_far_as_it_goes(tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(BAG, cut)
    database = next(cut.glob("*.db3"))
    database.write_bytes(database.read_bytes()[:1_400_000])
    with pytest.raises(ValueError, match=r"breaks off .*a\.raw holds what came before"):
        convert(open_source(cut), tmp_path / "a.raw")
    events, _ = _read(tmp_path / "a.raw")
    assert 10_000 < len(events) < 343_474 and events.t[0] == 7_139_845


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(-900, 60_000)), max_size=60),
    st.integers(0, 1000),
    st.sampled_from([("evt2", Evt2Encoder), ("evt3", Evt3Encoder)]),
    st.integers(1, 40),
)
def test_encoders_and_decoders_agree(
    steps: list[tuple[int, int]], start: int, kind: tuple[str, type[EvtEncoder]], piece: int
) -> None:
    rows = [start]
    for big, small in steps:
        rows.append(max(0, rows[-1] + small + (big if big % 3 == 0 else 0)))
    events = _events(rows, seed=len(rows))
    # Runs in a row of one time, for vectors.
    for k in range(0, len(rows) - 6, 9):
        events.t[k : k + 6], events.y[k : k + 6], events.p[k : k + 6] = rows[k], 3, 1
        events.x[k : k + 6] = np.arange(6) * (k % 7) + 5
    encoder, decoder = kind[1](300, 200), make_decoder(kind[0], 300, 200)
    parts = [
        encoder.encode(events[k : k + piece], Triggers.none()).tobytes()
        for k in range(0, len(rows), piece)
    ]
    got, _ = decoder.decode(b"".join(parts))
    _same((got, Triggers.none()), (events, Triggers.none()))
