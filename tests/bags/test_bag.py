"""Bags of other projects, and what is left of damaged ones."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
import zstandard
from rosbags.typesys import Stores, get_typestore

from spikeloop.bags.bag import Bag, BagError
from spikeloop.bags.building import packages_of, split_definition, uses
from spikeloop.bags.storage import offer
from spikeloop.events import salvage

DATA = Path(__file__).parents[1] / "data"
SMALL = DATA / "rosbag2_small"


def texts(bag: Bag, topic: str) -> list[str]:
    store = get_typestore(Stores.ROS2_JAZZY)
    return [
        store.deserialize_cdr(m.data, "std_msgs/msg/String").data  # type: ignore[attr-defined]
        for m in bag.messages()
        if m.topic == topic
    ]


def test_a_talker_in_zstd_chunks() -> None:
    bag = Bag(SMALL / "talker")
    assert texts(bag, "/topic") == [f"Hello, world! {k}" for k in range(10)]
    assert Counter(m.topic for m in bag.messages()) == {"/topic": 10, "/rosout": 10}
    rosout = next(t for t in bag.topics if t.name == "/rosout")
    assert rosout.latched and rosout.kind == "rcl_interfaces/msg/Log"


@pytest.mark.parametrize("metadata", [True, False])
def test_five_files_in_their_order_with_metadata_or_without(metadata: bool, tmp_path: Path) -> None:
    folder = tmp_path / "wbag"
    shutil.copytree(SMALL / "wbag", folder)
    if not metadata:
        (folder / "metadata.yaml").unlink()
    times = [m.received_ns for m in Bag(folder).messages()]
    assert (len(times), times[0], times[-1]) == (6074, 1000, 2998)
    assert times == sorted(times)


def test_types_that_are_not_installed_have_their_definition_and_hash() -> None:
    topics = {t.name: t for t in Bag(SMALL / "cdr_test").topics}
    assert topics["/test_topic"].type_hash.startswith("RIHS01_")
    definitions = split_definition("test_msgs/msg/Arrays", topics["/array_topic"].definition)
    assert set(packages_of(definitions)) == {"test_msgs"}
    assert set(packages_of(definitions)["test_msgs"]) == {
        "Arrays",
        "BasicTypes",
        "Constants",
        "Defaults",
    }


def test_compressed_files_and_messages_are_unpacked(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    packed = zstandard.ZstdCompressor().compress(
        (DATA / "mono_cd" / "test_data_mono_cd_0.db3").read_bytes()
    )
    (folder / "x_0.db3.zstd").write_bytes(packed)
    plain = [m.data for m in Bag(DATA / "mono_cd").messages()]
    assert [m.data for m in Bag(folder).messages()] == plain and len(plain) == 2
    # The former name of EventPacket, whose bytes are the same.
    assert Bag(folder).topics[0].kind == "event_camera_msgs/msg/EventPacket"

    single = tmp_path / "messages.db3"
    shutil.copy(DATA / "mono_cd" / "test_data_mono_cd_0.db3", single)
    with sqlite3.connect(single) as database:
        for number, data in database.execute("SELECT id, data FROM messages").fetchall():
            squeezed = zstandard.ZstdCompressor().compress(data)
            database.execute("UPDATE messages SET data = ? WHERE id = ?", (squeezed, number))
    assert [m.data for m in Bag(single).messages()] == plain


def test_equal_times_keep_the_order_of_recording(tmp_path: Path) -> None:
    path = tmp_path / "equal.db3"
    shutil.copy(DATA / "mono_cd" / "test_data_mono_cd_0.db3", path)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM messages")
        for k in range(50):
            row = (1, 7, bytes([0, 1, 0, 0, k]))
            database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (?,?,?)", row)
    assert [m.data[4] for m in Bag(path).messages()] == list(range(50))


def test_what_a_cut_file_still_holds_is_given_and_the_break_told(tmp_path: Path) -> None:
    path = tmp_path / "cut.mcap"
    whole = (SMALL / "cdr_test" / "cdr_test_0.mcap").read_bytes()
    all_of_it = list(Bag(SMALL / "cdr_test").messages())
    counts = []
    for cut in range(len(whole) // 4, len(whole), 100):
        path.write_bytes(whole[:cut])
        got = []
        try:
            for message in Bag(path).messages():
                got.append(message)
        except BagError as error:
            assert "cut.mcap" in str(error)
            assert not got or f"breaks off after {len(got)} messages, in cut.mcap" in str(error)
        assert got == all_of_it[: len(got)]
        counts.append(len(got))
    assert counts == sorted(counts)
    assert {3, 7} < set(counts)


def test_types_with_char_have_the_hash_that_rosidl_gives_them() -> None:
    # As in share/test_msgs/msg/BasicTypes.json of ROS 2 Jazzy.
    topics = {t.name: t for t in Bag(SMALL / "cdr_test").topics}
    wanted = "RIHS01_7c300afd4e796798d49bdd6cdaa0fa87fa0ed2ba3217d977e1faa87070d797ab"
    assert topics["/test_topic"].type_hash == wanted


@pytest.mark.parametrize("name", ["no.mcap", "bad.mcap", "bad.bag", "bad.db3", "folder", "x.txt"])
def test_what_is_no_bag_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name != "no.mcap":
        path.write_bytes(b"nothing of the kind" * 40)
    with pytest.raises(BagError, match=name.replace(".", r"\.")):
        Bag(path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", (False, True, 0)),
        ("- durability: 1\n  reliability: 1\n  depth: 3\n", (True, True, 3)),
        ("- durability: volatile\n  reliability: best_effort\n  depth: 5\n", (False, False, 5)),
        ("- durability: 1\n- durability: 2\n", (False, False, 0)),
        (": : :", (False, True, 0)),
        ("- depth: -1\n", (False, False, 0)),
        ("- depth: 2147483647\n", (False, False, 0)),
        ("- depth: 2023-99-99\n", (False, True, 0)),
        ("7", (False, True, 0)),
        ("depth: 1", (False, True, 0)),
        ("[1, x]", (False, True, 0)),
    ],
)
def test_offered_qos_of_old_and_new_bags(text: str, wanted: tuple[bool, bool, int]) -> None:
    assert offer(text) == wanted


def test_packages_that_a_definition_uses() -> None:
    text = "std_msgs/Header header\ngeometry_msgs/msg/Point[3] p\nint32 x # std_srvs/Empty\nFoo f\n"
    assert uses(text) == {"std_msgs", "geometry_msgs"}


def mono(tmp_path: Path) -> Path:
    path = tmp_path / "a.db3"
    shutil.copy(DATA / "mono_cd" / "test_data_mono_cd_0.db3", path)
    return path


@pytest.mark.parametrize("column", ["timestamp", "data"])
def test_a_message_of_a_type_that_none_has_is_where_a_bag_breaks_off(
    column: str, tmp_path: Path
) -> None:
    path = mono(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE messages SET {column} = 'text' WHERE id = 2")
    got = []
    with pytest.raises(BagError, match=r"a\.db3: breaks off after 1 messages.*is damaged.*str"):
        for message in Bag(path).messages():
            got.append(message)
    assert len(got) == 1


@pytest.mark.parametrize("column", ["name", "type"])
def test_a_list_of_topics_that_is_none_is_refused(column: str, tmp_path: Path) -> None:
    path = mono(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE topics SET {column} = x'00ff'")
    with pytest.raises(BagError, match=r"a\.db3: a\.db3: the list of topics is damaged"):
        Bag(path)


def test_a_definition_of_another_type_is_as_good_as_none(tmp_path: Path) -> None:
    path = mono(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS message_definitions (id INTEGER PRIMARY KEY, "
            "topic_type TEXT, encoding TEXT, encoded_message_definition TEXT, "
            "type_description_hash TEXT)"
        )
        kind = database.execute("SELECT type FROM topics").fetchone()[0]
        database.execute(
            "INSERT INTO message_definitions (topic_type, encoding, encoded_message_definition) "
            "VALUES (?, 'ros2msg', x'00ff')",
            (kind,),
        )
    assert len(list(Bag(path).messages())) == 2


def test_a_topic_that_the_list_at_the_end_lacks_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    whole = (SMALL / "cdr_test" / "cdr_test_0.mcap").read_bytes()
    at = whole.rindex(b"/test_topic")
    path.write_bytes(whole[:at] + b"/TEST_TOPIC" + whole[at + 11 :])
    with pytest.raises(BagError, match=r"topic /test_topic isn't in the list of topics"):
        list(Bag(path).messages())


def test_a_chunk_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "LARGEST", 1 << 20)
    packed = zstandard.ZstdCompressor().compress(bytes(2 << 20))
    with pytest.raises(ValueError, match="unpacked data"):
        salvage.unpacked_zstd(packed)
    assert salvage.unpacked_zstd(zstandard.ZstdCompressor().compress(b"a" * 99)) == b"a" * 99
