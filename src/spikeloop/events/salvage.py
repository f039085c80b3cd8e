"""Reads what is left of a rosbag2 database that was cut short."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path


class CutDatabase:
    """A damaged .db3 file: its messages in the order of recording, up to the break."""

    def __init__(self, path: Path) -> None:
        """Open it for reading only.

        Raises:
            sqlite3.DatabaseError: not even the list of topics is left.

        """
        self._database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        # Without this SQLite refuses a file that is shorter than its header says, whole.
        self._database.execute("PRAGMA writable_schema=ON")
        self.topics: dict[str, tuple[int, str]] = {
            name: (number, kind)
            for number, name, kind in self._database.execute("SELECT id, name, type FROM topics")
        }

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Time of reception, ns, and the raw message.

        Raises:
            sqlite3.DatabaseError: here the file breaks off.

        """
        number, _ = self.topics[topic]
        # By rowid, for the index on times is the first thing that a cut takes away.
        query = "SELECT timestamp, data FROM messages NOT INDEXED WHERE topic_id = ? ORDER BY rowid"
        yield from self._database.execute(query, (number,))
