"""What every event file gives: pieces of events and triggers, the size, what is left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from spikeloop.events.array import Events, Triggers
from spikeloop.events.recording import RecordingError

Piece = tuple[Events, Triggers]
PIECE = 1 << 18
"""Events that are handed out at once, where the format leaves it open."""
LARGEST = 2048
"""Columns and rows that are read where nothing states the sensor's size."""


class FileError(RecordingError):
    """A file can't be read; the message names it, the place and the cause."""


class Source(ABC):
    """An event file, read piece by piece, any number of times.

    Attributes:
        path: where it is.
        format: what it is, in words.
        width: columns of the sensor; 0 where neither file nor caller says.
        height: rows of the sensor; 0 likewise.
        notes: what else the file says, such as the camera's serial number or its clock.
        others: what it holds beside events and triggers.

    """

    format: str
    width: int
    height: int

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Open a file; a size that is given is taken where the file states none.

        Raises:
            FileError: it can't be read.

        """
        self.path, self.width, self.height = path, width, height
        self.notes: dict[str, str] = {}
        self.others: tuple[str, ...] = ()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """What the last reading left out, by reason."""
        return dict(self._counts)

    @property
    def room(self) -> tuple[int, int]:
        """Width and height that the events are given with: the sensor's, or the largest."""
        return (self.width, self.height) if self.width else (LARGEST, LARGEST)

    @abstractmethod
    def pieces(self) -> Iterator[Piece]:
        """All events and triggers from the start, in the order of the file.

        Raises:
            FileError: here the file breaks off; what came before was given out.

        """

    def _outside(self, events: Events) -> Events:
        """Only the events within the sensor; the others are counted."""
        width, height = self.room
        inside = (events.x < width) & (events.y < height)
        if inside.all():
            return events
        self._counts["events outside"] += int((~inside).sum())
        return events[inside]


def unpacked_size(text: str) -> tuple[int, int]:
    """Width and height of a text such as "640x480".

    Raises:
        ValueError: it isn't of that form.

    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"size '{text}' must be of the form 640x480")
    return int(width), int(height)
