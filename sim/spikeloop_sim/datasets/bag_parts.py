"""A rosbag2 recording in MCAP, written part by part, each a whole file that appears at once.

A part is written to a scratch folder by rosbags and then moved into place, so what is there is
complete, whenever the writing stops. `finish` writes the metadata.yaml of all parts.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rosbags.interfaces import (
    Qos as BagQos,
)
from rosbags.interfaces import (
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from spikeloop.loop.slots import Qos

Message = tuple[str, int, Any]
"""Topic, time of reception in ns, message."""
_NEVER = QosTime(2**63 // 10**9, 2**63 % 10**9)


class BagParts:
    """The folder of a recording."""

    def __init__(self, folder: Path, scratch: Path, store: Any) -> None:
        """Take an empty or a begun folder.

        Args:
            folder: of the recording.
            scratch: another folder of the same file system, for what isn't complete.
            store: rosbags' types of all messages.

        """
        self._folder, self._scratch, self._store = folder, scratch, store
        folder.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)

    @property
    def complete(self) -> int:
        """How many parts are there, counted from the first up to where one is missing."""
        count = 0
        while self._path(count).exists():
            count += 1
        return count

    def write(
        self, part: int, topics: Mapping[str, tuple[str, Qos]], messages: Sequence[Message]
    ) -> None:
        """Write a part.

        Args:
            part: its number.
            topics: type and QoS of all topics, also of those without a message.
            messages: in any order; they are written by time.

        """
        folder = self._scratch / f"part_{part}"
        shutil.rmtree(folder, ignore_errors=True)
        bag = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        bag.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with bag:
            connections = {
                topic: bag.add_connection(
                    topic, kind, typestore=self._store, offered_qos_profiles=[_offered(qos)]
                )
                for topic, (kind, qos) in topics.items()
            }
            for topic, received_ns, message in sorted(messages, key=lambda entry: entry[1]):
                data = self._store.serialize_cdr(message, topics[topic][0])
                bag.write(connections[topic], received_ns, data)
        (folder / "metadata.yaml").replace(self._scratch / f"metadata_{part}.yaml")
        # Last: with this the part counts as written.
        next(folder.glob("*.mcap")).replace(self._path(part))
        shutil.rmtree(folder)

    def finish(self) -> None:
        """Write metadata.yaml of all parts."""
        parts = [
            yaml.safe_load((self._scratch / f"metadata_{k}.yaml").read_text(encoding="utf-8"))
            for k in range(self.complete)
        ]
        content = parts[0]["rosbag2_bagfile_information"]
        infos = [part["rosbag2_bagfile_information"] for part in parts]
        for index, info in enumerate(infos):
            info["files"][0]["path"] = self._path(index).name
        content["files"] = [info["files"][0] for info in infos]
        content["relative_file_paths"] = [self._path(index).name for index in range(len(infos))]
        content["message_count"] = sum(file["message_count"] for file in content["files"])
        begin = content["starting_time"]["nanoseconds_since_epoch"]
        last = content["files"][-1]
        end = last["starting_time"]["nanoseconds_since_epoch"] + last["duration"]["nanoseconds"]
        content["duration"] = {"nanoseconds": end - begin}
        counted = [
            {t["topic_metadata"]["name"]: t["message_count"] for t in topics}
            for topics in [info["topics_with_message_count"] for info in infos]
        ]
        for topic in content["topics_with_message_count"]:
            name = topic["topic_metadata"]["name"]
            topic["message_count"] = sum(counts[name] for counts in counted)
        text = yaml.safe_dump({"rosbag2_bagfile_information": content}, sort_keys=False)
        scratch = self._scratch / "metadata.yaml"
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(self._folder / "metadata.yaml")

    def _path(self, part: int) -> Path:
        return self._folder / f"{self._folder.name}_{part}.mcap"


def _offered(qos: Qos) -> BagQos:
    return BagQos(
        QosHistory.KEEP_LAST,
        qos.depth,
        QosReliability.RELIABLE if qos.reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if qos.transient_local else QosDurability.VOLATILE,
        _NEVER,
        _NEVER,
        QosLiveliness.AUTOMATIC,
        _NEVER,
        False,
    )
