"""Files of every kind: exact figures, and clear errors where one is damaged or foreign."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zstandard
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.array import Events, joined
from spikeloop.events.files.aedat4 import Aedat4Source
from spikeloop.events.files.converting import convert
from spikeloop.events.files.opening import open_source
from spikeloop.events.recording import RecordingError
from spikeloop.events.statistics import EventStatistics

DATA = Path(__file__).parents[1] / "data"
PEERS, BAG = DATA / "peers", DATA / "evt3_test_events_1"


def _statistics(path: Path) -> EventStatistics:
    statistics = EventStatistics()
    for events, triggers in open_source(path).pieces():
        statistics.add(events, triggers)
    return statistics


def _events(path: Path, **options: Any) -> Events:
    return joined([events for events, _ in open_source(path, **options).pieces()])


@pytest.mark.parametrize(
    "name",
    ["evt2.raw", "evt21.raw", "evt3.raw", "cd.dat", "dsec.h5", "dv_lz4.aedat4", "dv_zstd.aedat4"],
)
def test_files_of_other_writers(name: str) -> None:
    expected, events = np.load(PEERS / "expected.npz"), _events(PEERS / name)
    for column in "txyp":
        assert np.array_equal(getattr(events, column), expected[column]), column
    assert (events.width, events.height) == (320, 240)


def test_metavisions_filter_in_all_its_kinds() -> None:
    expected, events = np.load(PEERS / "metavision_ecf.npz"), _events(PEERS / "metavision_ecf.h5")
    for column in "txyp":
        assert np.array_equal(getattr(events, column), expected[column]), column
    assert (events.width, events.height) == (1280, 720)


def test_the_davis_gives_its_exact_figures() -> None:
    path = DATA / "aedat4_davis346" / "davis.aedat4"
    totals, source = _statistics(path), open_source(path)
    assert isinstance(source, Aedat4Source)
    first = 1_633_953_690_975_950
    assert (totals.on, totals.off) == (72_363, 45_304)
    assert (totals.first_time, totals.last_time) == (first, 1_633_953_691_105_949)
    assert totals.time_sum - first * 117_667 == 7_327_758_848
    assert (totals.x_sum, totals.y_sum) == (17_676_033, 10_498_046)
    assert sum(totals.triggers.values()) == 15 and {c for c, _ in totals.triggers} == {6, 7, 8, 9}
    frames = list(source.frames())
    assert [int(f.pixels.sum()) for f in frames] == [4_587_151, 4_603_536, 4_618_543]
    assert [f.t % 1_000_000_000 for f in frames] == [690_978_904, 691_018_904, 691_058_904]
    assert frames[0].pixels.shape == (260, 346)
    samples = list(source.inertial())
    acceleration = np.concatenate([s.acceleration for s in samples]).mean(axis=0) / 9.80665
    rate = np.degrees(np.concatenate([s.rate for s in samples]).mean(axis=0))
    assert len(np.concatenate([s.t for s in samples])) == 130
    assert acceleration == pytest.approx([-0.060137, -0.987626, -0.105126], abs=1e-6)
    assert rate == pytest.approx([5.712069, 1.747131, -1.032433], abs=1e-5)


def test_mono_gives_its_exact_figures() -> None:
    totals = _statistics(DATA / "mono_cd")
    assert (totals.on, totals.off) == (50, 50)
    assert (totals.time_sum * 1000 + totals.fine_sum, totals.x_sum, totals.y_sum) == (
        4_950_000,
        34_450,
        26_450,
    )


EVENT_ARRAY = "std_msgs/Header header\nuint32 height\nuint32 width\n{}/Event[] events\n"
EVENT = "uint16 x\nuint16 y\n{} ts\nbool polarity\n"
STAMPS = [(1_700_000_000, 123), (1_700_000_000, 999_999_999), (1_700_000_007, 5)]


@pytest.mark.parametrize("package", ["dvs_msgs", "prophesee_event_msgs"])
@pytest.mark.parametrize("ros", [1, 2])
def test_older_messages_of_both_ros(package: str, ros: int, tmp_path: Path) -> None:
    store = get_typestore(Stores.ROS1_NOETIC if ros == 1 else Stores.ROS2_JAZZY)
    name, event = f"{package}/msg/EventArray", f"{package}/msg/Event"
    time = "time" if ros == 1 else "builtin_interfaces/Time"
    store.register(get_types_from_msg(EVENT.format(time), event))
    store.register(get_types_from_msg(EVENT_ARRAY.format(package), name))
    kinds: Any = store.types
    stamp = kinds["builtin_interfaces/msg/Time"]
    number = {"seq": 7} if ros == 1 else {}
    header = kinds["std_msgs/msg/Header"](stamp=stamp(1_700_000_000, 5), frame_id="eye", **number)
    rows = [kinds[event](k, 2 * k, stamp(*s), k % 2 == 1) for k, s in enumerate(STAMPS)]
    messages = [kinds[name](header, 480, 640, rows), kinds[name](header, 480, 640, [])]
    if ros == 1:
        path = tmp_path / "a.bag"
        with Ros1Writer(path) as writer:
            connection = writer.add_connection("/dvs/events", name, typestore=store)
            for k, message in enumerate(messages):
                writer.write(connection, k + 1, store.serialize_ros1(message, name))
    else:
        path = tmp_path / "a"
        with Ros2Writer(path, version=9) as writer:
            connection = writer.add_connection("/dvs/events", name, typestore=store)
            for k, message in enumerate(messages):
                writer.write(connection, k + 1, store.serialize_cdr(message, name))
    events = _events(path)
    assert events.nanoseconds().tolist() == [s * 1_000_000_000 + ns for s, ns in STAMPS]
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == (
        [0, 1, 2],
        [0, 2, 4],
        [0, 1, 0],
    )
    assert (events.width, events.height) == (640, 480)
    convert(open_source(path), tmp_path / "b.mcap")
    again = _events(tmp_path / "b.mcap")
    assert again.nanoseconds().tolist() == events.nanoseconds().tolist()


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags(mode: CompressionMode, tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    source = open_source(BAG)
    store = get_typestore(Stores.ROS2_JAZZY)
    writer = Ros2Writer(folder, version=8)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer, sqlite3.connect(next(BAG.glob("*.db3"))) as database:
        from spikeloop.events.recording import EVENT_PACKET, FIELDS

        store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
        connection = writer.add_connection("/event_camera/events", EVENT_PACKET, typestore=store)
        for stamp, data in database.execute("SELECT timestamp, data FROM messages ORDER BY id"):
            writer.write(connection, stamp, data)
    assert source.width == 640
    totals = _statistics(folder)
    assert (totals.on, totals.off, totals.time_sum) == (125_183, 218_291, 2_851_601_611_994)


def test_a_compressed_storage_file_alone(tmp_path: Path) -> None:
    convert(open_source(BAG), tmp_path / "a.mcap")
    packed = tmp_path / "b.mcap.zstd"
    packed.write_bytes(zstandard.compress((tmp_path / "a.mcap").read_bytes()))
    assert _statistics(packed).on == 125_183


def test_a_split_bag_without_metadata(tmp_path: Path) -> None:
    packets = list(open_source(BAG).recording.packets())  # type: ignore[attr-defined]
    from spikeloop.events.files.mcap_writer import McapWriter

    folder = tmp_path / "split"
    folder.mkdir()
    for k, begin in enumerate(range(0, 517, 50)):
        with McapWriter(folder / f"split_{k}.mcap", 640, 480, {}) as writer:
            assert isinstance(writer, McapWriter)
            for packet in packets[begin : begin + 50]:
                writer.put(packet)
    assert _statistics(folder).time_sum == 2_851_601_611_994


def test_several_topics_must_be_told_apart(tmp_path: Path) -> None:
    from spikeloop.events.files.mcap_writer import McapWriter

    for name in ("left", "right"):
        with McapWriter(tmp_path / f"{name}.mcap", 320, 240, {}, topic=f"/{name}/events") as writer:
            writer.write(_events(PEERS / "cd.dat"), joined_none())
    with pytest.raises(RecordingError, match=r"exactly one topic .* /left/events .* /right/events"):
        open_source(tmp_path)
    assert len(_events(tmp_path, topic="/right/events")) == 3_000


def joined_none() -> Any:
    from spikeloop.events.array import Triggers

    return Triggers.none()


TEXTS = {
    "a.txt": "240 180\n0.003811000 96 133 0\n0.003820001 3 4 1\n",
    "b.csv": "x,y,p,t\n96,133,0,3811\n3,4,1,3820\n",
    "c.csv": "96,133,0,3811\n3,4,1,3820\n",
    "d.txt": "# t x y p\n3811 96 133 -1\n\n3820 3 4 1",
    "e.csv": "timestamp;x;y;polarity\r\n3811;96;133;0\r\n3820;3;4;1\r\n",
    "f.txt": "3.811000000000000000e-03 9.6e+01 1.33e+02 0.0\n3.820001e-3 3 4 1.0\n",
}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_text_in_every_layout(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(TEXTS[name], newline="")
    events = _events(tmp_path / name)
    fine = 1 if name in ("a.txt", "f.txt") else 0
    assert events.nanoseconds().tolist() == [3_811_000, 3_820_000 + fine]
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == ([96, 3], [133, 4], [0, 1])


def test_long_text_in_pieces_is_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spikeloop.events.files.text.BYTES", 1000)
    lines = [f"1633953690.{k:06d} {k % 640} {k % 480} {k % 2}\n" for k in range(5000)]
    (tmp_path / "a.txt").write_text("".join(lines))
    events = _events(tmp_path / "a.txt")
    assert events.t.tolist() == [1_633_953_690_000_000 + k for k in range(5000)]
    lines[3456] = "1633953690.1 4 x 1\n"
    (tmp_path / "a.txt").write_text("".join(lines))
    with pytest.raises(RecordingError, match=r"a\.txt: line 3457 is not four numbers"):
        _events(tmp_path / "a.txt")


def test_a_davis_and_a_dvs128_in_aedat2(tmp_path: Path) -> None:
    head = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    rows = [(10, 3, 5, 1), (20, 7, 9, 0), (0xFFFFFFFF, 1, 1, 1), (30, 239, 179, 1)]
    words = [struct.pack(">II", y << 22 | x << 12 | p << 11, t) for t, x, y, p in rows]
    words.insert(1, struct.pack(">II", 1 << 31 | 55, 11))
    words.insert(2, struct.pack(">II", 1 << 10, 12))
    (tmp_path / "a.aedat").write_bytes(head + b"".join(words))
    source = open_source(tmp_path / "a.aedat")
    ((events, triggers),) = source.pieces()
    assert events.t.tolist() == [10, 20, 0xFFFFFFFF, 0x100000000 + 30]
    assert (events.x.tolist(), events.y.tolist(), events.p.tolist()) == (
        [3, 7, 1, 239],
        [5, 9, 1, 179],
        [1, 0, 1, 1],
    )
    assert triggers.t.tolist() == [12]
    assert source.counts["words of frames and inertial data"] == 1
    head = head.replace(b"eu.seebetter.ini.chips.davis.DAVIS240C", b"ch.unizh.ini.jaer.DVS128")
    (tmp_path / "b.aedat").write_bytes(head + struct.pack(">II", 9 << 8 | 7 << 1 | 1, 4))
    events = _events(tmp_path / "b.aedat")
    assert (events.x[0], events.y[0], events.p[0], events.width) == (7, 9, 0, 128)


def test_dsec_times_are_absolute(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in (("t", [5, 6]), ("x", [1, 2]), ("y", [3, 4]), ("p", [0, 1])):
            file[f"events/{name}"] = np.array(values)
        file["t_offset"] = 49_599_300_523
    source = open_source(tmp_path / "a.h5", width=640, height=480)
    assert _events(tmp_path / "a.h5").t.tolist() == [49_599_300_528, 49_599_300_529]
    assert "t_offset of 49599300523 us is added" in source.notes["clock"]


def test_an_unknown_filter_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "xyp":
            file[f"events/{name}"] = np.zeros(8)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((8,))
        plist.set_filter(40_000, h5py.h5z.FLAG_OPTIONAL)
        space, kind = h5py.h5s.create_simple((8,)), h5py.h5t.NATIVE_INT64
        h5py.h5d.create(file["events"].id, b"t", kind, space, plist)
    with pytest.raises(RecordingError, match="events/t is compressed by filter 40000"):
        open_source(tmp_path / "a.h5")


def _broken(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def test_damage_is_named_with_its_place(tmp_path: Path) -> None:
    raw, davis = (PEERS / "evt3.raw").read_bytes(), (PEERS / "dv_lz4.aedat4").read_bytes()
    ecf = bytearray((PEERS / "metavision_ecf.h5").read_bytes())
    at = ecf.index(struct.pack("<I", 2000 << 2 | 2)[:4])
    ecf[at + 12 : at + 2000] = b"\xff" * 1988
    cases = {
        "header.raw": (raw[:100], "header.raw: ends at byte 100, within its header"),
        "kind.raw": (b"% evt 4.0\n% end\n" + raw[-100:], "2.0, 2.1 or 3.0.*it says 4.0"),
        "a.aedat4": (davis[:60], "a.aedat4: ends at byte"),
        "b.aedat4": (davis[:9000], "breaks off after . packets, at byte"),
        "a.npz": (b"PK\x03\x04nonsense", "a.npz: can't be read as NPZ"),
        "a.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "a.h5: can't be read as HDF5"),
        "b.h5": (bytes(ecf), "CD/events, event 0: a chunk of 9842 bytes ends within its 2000"),
        "a.txt": (b"hello\nworld\n", "a.txt: holds no lines of four numbers"),
        "b.txt": (b"1 2 3 4\n5 6 7 8\n", "neither the third nor the fourth column is a polarity"),
        "a.dat": (b"% Version 2\n% end\n\x28\x18", "records of type 40 and 24 bytes"),
        "a.bin": (b"\0" * 50, "neither what it begins with nor its name is known"),
        "a.aedat": (b"#!AER-DAT3.1\r\n", "is no AEDAT 2.0 file but"),
    }
    for name, (content, message) in cases.items():
        path = _broken(tmp_path, name, content)
        with pytest.raises(RecordingError, match=message):
            list(open_source(path).pieces())
    with pytest.raises(RecordingError, match="absent: no such file"):
        open_source(tmp_path / "absent")


def test_pickles_are_refused(tmp_path: Path) -> None:
    values = {name: np.array([1, 2]) for name in "xyp"}
    np.savez(tmp_path / "a.npz", t=np.array([{}, {}], dtype=object), **values)
    with pytest.raises(RecordingError, match="can't be read as NPZ"):
        list(open_source(tmp_path / "a.npz").pieces())


@pytest.mark.parametrize(
    "name",
    [
        "evt2.raw",
        "evt21.raw",
        "evt3.raw",
        "cd.dat",
        "dv_lz4.aedat4",
        "metavision_ecf.h5",
        "dsec.h5",
    ],
)
def test_cut_and_corrupt_files_end_in_an_error_or_fewer_events(name: str, tmp_path: Path) -> None:
    content = bytearray((PEERS / name).read_bytes())
    rng = np.random.default_rng(3)
    for _ in range(40):
        damaged = bytearray(content[: int(rng.integers(1, len(content)))])
        for at in rng.integers(0, len(damaged), 5):
            damaged[at] = int(rng.integers(0, 256))
        path = _broken(tmp_path, name, bytes(damaged))
        try:
            for events, _ in open_source(path).pieces():
                assert (events.x < events.width).all() and (events.y < events.height).all()
        except RecordingError as error:
            assert str(path) in str(error)


def test_dat_rolls_over(tmp_path: Path) -> None:
    words = b"".join(struct.pack("<II", t, 1 << 28 | 2 << 14 | 3) for t in (2**32 - 1, 4, 5))
    path = _broken(tmp_path, "a.dat", b"% Version 2\n\x0c\x08" + words + b"xyz")
    source = open_source(path)
    events = joined([e for e, _ in source.pieces()])
    assert events.t.tolist() == [2**32 - 1, 2**32 + 4, 2**32 + 5]
    assert (events.x[0], events.y[0], events.p[0]) == (3, 2, 1)
    assert source.counts == {"bytes of a cut record at the end": 3}


def test_reading_again_gives_the_same(tmp_path: Path) -> None:
    shutil.copy(PEERS / "evt3.raw", tmp_path)
    source = open_source(tmp_path / "evt3.raw")
    first, second = (joined([e for e, _ in source.pieces()]) for _ in range(2))
    assert np.array_equal(first.t, second.t)


def test_npz_is_read_piece_by_piece_in_every_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikeloop.events.files.npz.PIECE", 1000)
    expected = np.load(PEERS / "expected.npz")
    columns = {name: expected[name] for name in "txyp"}
    edges = {"trigger_t": columns["t"][::40].copy(), "trigger_channel": np.arange(75)}
    edges["trigger_value"] = np.arange(75) % 2
    records = np.zeros(3_000, [("x", "<i2"), ("y", ">u2"), ("t", "<i4"), ("p", "?")])
    for name in "txyp":
        records[name] = columns[name]
    np.savez(tmp_path / "a.npz", **columns, **edges, width=320, height=240)  # type: ignore[arg-type]
    np.savez_compressed(tmp_path / "b.npz", events=records)
    for name in ("a.npz", "b.npz"):
        pieces = list(open_source(tmp_path / name).pieces())
        assert [len(events) for events, _ in pieces] == [1000, 1000, 1000]
        events = joined([events for events, _ in pieces])
        assert all(np.array_equal(getattr(events, c), columns[c]) for c in "txyp")
    # The triggers come with the events of their time, so that a stream can hold both.
    for events, triggers in open_source(tmp_path / "a.npz").pieces():
        assert len(triggers) > 20 and triggers.t[-1] <= events.t[-1]
        assert events.t[0] <= triggers.t[0]


def _npz(path: Path, **columns: Any) -> Path:
    np.savez(path, **columns)
    return path


def test_npz_that_cant_be_read_says_why(tmp_path: Path) -> None:
    some = np.arange(4)
    good = dict.fromkeys("txyp", some)
    cases = {
        "columns must be of one length": _npz(tmp_path / "a", **(good | {"x": np.arange(3)})),
        "of one length and dimension": _npz(tmp_path / "b", **(good | {"x": np.ones((4, 1), int)})),
        "t must be whole numbers .* not float64": _npz(tmp_path / "c", **(good | {"t": some / 2})),
        "p holds Python objects": _npz(tmp_path / "d", **(good | {"p": np.array([1, "a", 2, {}])})),
        "must hold t, x, y, p, not t, x": _npz(tmp_path / "e", t=some, x=some),
        "width must be a single value": _npz(tmp_path / "f", **good, width=some, height=some),
    }
    for message, path in cases.items():
        with pytest.raises(RecordingError, match=message):
            list(open_source(path.with_suffix(".npz") if not path.exists() else path).pieces())


def test_a_line_without_end_isnt_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1 2 3 1\n" + b"7" * 9_000_000)
    with pytest.raises(RecordingError, match=r"a\.txt: line 2 is longer than 65536 bytes"):
        _events(tmp_path / "a.txt")


NPZ = {"t": np.arange(3), "x": np.zeros(3, "u2"), "y": np.zeros(3, "u2"), "p": np.zeros(3, "u1")}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"p": np.array(["a", "b", "c"])}, "p must be"),
        ({"fine": np.array([0.5, 0.5, 0.5])}, "fine must be"),
        ({"fine": np.array(3, "u2")}, "must be of one length"),
        (
            {"trigger_t": np.arange(2), "trigger_channel": np.arange(3), "trigger_value": [1]},
            "must be of one length",
        ),
    ],
)
def test_archives_of_other_types_are_refused(
    changed: dict[str, Any], cause: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **NPZ | changed)
    with pytest.raises(RecordingError, match=rf"a\.npz: .*{cause}"):
        _events(path)


def test_an_archive_with_any_byte_changed_reads_or_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **NPZ)
    whole = path.read_bytes()
    for k in range(0, len(whole), 3):
        path.write_bytes(whole[:k] + bytes([whole[k] ^ 0x41]) + whole[k + 1 :])
        try:
            _events(path)
        except RecordingError as error:
            assert str(path) in str(error)
