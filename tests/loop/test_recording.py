"""MCAP files hold their definitions and give the same bytes back."""

from __future__ import annotations

from pathlib import Path

from mcap.reader import make_reader

from spikeloop.loop.recording import McapRecording, full_definition

DEFINITIONS = {
    ("a_msgs", "Top"): "b_msgs/Inner[] inner\nfloat64 x  # m\nuint8 KIND=3\nSide side\n",
    ("b_msgs", "Inner"): "string<=10 name\nint32[3] v\n",
    ("a_msgs", "Side"): "b_msgs/Inner other\n",
}


def _find(package: str, name: str) -> str:
    return DEFINITIONS[package, name]


def test_a_definition_holds_all_that_it_contains_once() -> None:
    text = full_definition("a_msgs/msg/Top", _find)
    assert text.startswith("b_msgs/Inner[] inner")
    assert text.count("MSG: b_msgs/Inner") == 1
    assert text.count("MSG: a_msgs/Side") == 1


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.mcap"
    recording = McapRecording(path, _find)
    recording.add_topic("/top", "a_msgs/msg/Top")
    for i in range(3):
        recording.add("/top", 1000 + i, bytes([i, i]))
    recording.close()
    with path.open("rb") as file:
        found = [
            (schema.name, channel.topic, message.log_time, message.data)
            for schema, channel, message in make_reader(file).iter_messages()
            if schema is not None
        ]
    assert found == [("a_msgs/msg/Top", "/top", 1000 + i, bytes([i, i])) for i in range(3)]
