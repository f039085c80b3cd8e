"""Conversion of event files, which says what the target couldn't hold."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from spikeloop.events.encoder import EncodingError
from spikeloop.events.files.bag import BagSource
from spikeloop.events.files.source import FileError, Piece, Source
from spikeloop.events.files.writer import Writer
from spikeloop.events.recording import RecordingError

SHIFT = "time_shift_us"
# By suffix; a name without one is the folder of a rosbag2 recording.
WRITERS = {
    ".raw": ("raw_writer", "RawWriter"),
    ".h5": ("hdf5_writer", "Hdf5Writer"),
    ".hdf5": ("hdf5_writer", "Hdf5Writer"),
    ".npz": ("npz_writer", "NpzWriter"),
    ".mcap": ("mcap_writer", "McapWriter"),
    "": ("mcap_writer", "McapWriter"),
}
ENCODED = ("raw_writer", "mcap_writer")


@dataclass
class Conversion:
    """What was done.

    Attributes:
        events, triggers: how many were written.
        width, height: of the sensor.
        inferred: whether the size comes from the largest addresses, for nothing states it.
        dropped: what the target couldn't hold, by reason.
        others: what the source has beside events and triggers, which isn't written.
        left_out: what the reader couldn't use, by reason.

    """

    events: int = 0
    triggers: int = 0
    width: int = 0
    height: int = 0
    inferred: bool = False
    dropped: dict[str, int] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)


def convert(
    source: Source,
    path: Path,
    *,
    encoding: str = "",
    shift_us: int = 0,
    progress: Callable[[Iterator[Piece]], Iterator[Piece]] = lambda pieces: pieces,
) -> Conversion:
    """Write all events and triggers of a source into a file of the kind that its name says.

    Args:
        source: where they come from.
        path: `.raw`, `.h5`, `.npz`, `.mcap`, or a folder for a rosbag2 recording.
        encoding: evt2, evt3 or mono, for RAW and bags; empty for what holds most.
        shift_us: added to every time and written down in the file.
        progress: wraps the pieces, such as a progress bar.

    Raises:
        FileError: the kind of file can't be written, or the target can't hold the events.
        RecordingError: the source breaks off; what came before is written.

    """
    module, name = _kind(path)
    if path.exists() and path.samefile(source.path):
        raise FileError(f"{path}: is the file that is read; another name is needed")
    done = Conversion(width=source.width, height=source.height)
    if not done.width:
        done.width, done.height = largest_addresses(source)
        done.inferred = True
    notes = {SHIFT: str(shift_us)} if shift_us else {}
    writer = _writer(path, module, name, done, notes, encoding)
    try:
        with writer:
            as_it_is = module == "mcap_writer" and not shift_us and not encoding
            if as_it_is and isinstance(source, BagSource):
                _copy(source, writer, done, progress)
            else:
                _write(source, writer, done, shift_us, progress)
    except EncodingError as error:
        others = "evt2 or mono" if module == "mcap_writer" else "evt2, .h5, .npz or .mcap"
        raise FileError(
            f"{path}: piece behind event {done.events}: {error}; {others} may hold it"
        ) from error
    except RecordingError as error:
        raise FileError(f"{error}; {path} holds what came before") from error
    finally:
        done.dropped, done.others = dict(writer.dropped), source.others
        done.left_out = {reason: n for reason, n in source.counts.items() if n}
    return done


def _kind(path: Path) -> tuple[str, str]:
    if path.suffix.lower() not in WRITERS:
        listed = ", ".join(suffix or "a folder" for suffix in WRITERS)
        raise FileError(f"{path}: '{path.suffix}' can't be written; there are: {listed}")
    return WRITERS[path.suffix.lower()]


def _writer(
    path: Path, module: str, name: str, done: Conversion, notes: dict[str, str], encoding: str
) -> Writer:
    """The target, begun."""
    kind = getattr(importlib.import_module(f"spikeloop.events.files.{module}"), name)
    options = {"encoding": encoding} if encoding and module in ENCODED else {}
    if encoding and not options:
        raise FileError(f"{path}: this kind of file has no encoding, so not '{encoding}' either")
    try:
        writer: Writer = kind(path, done.width, done.height, notes, **options)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else ""
        raise FileError(f"{path}: can't be written: {cause or error}") from error
    return writer


def _write(
    source: Source,
    writer: Writer,
    done: Conversion,
    shift_us: int,
    progress: Callable[[Iterator[Piece]], Iterator[Piece]],
) -> None:
    for events, triggers in progress(source.pieces()):
        if (events.width, events.height) != (done.width, done.height):
            events = replace(events, width=done.width, height=done.height)
        if shift_us:
            events = replace(events, t=events.t + shift_us)
            triggers = replace(triggers, t=triggers.t + shift_us)
        writer.write(events, triggers)
        done.events += len(events)
        done.triggers += len(triggers)


def _copy(
    source: BagSource,
    writer: Writer,
    done: Conversion,
    progress: Callable[[Iterator[Piece]], Iterator[Piece]],
) -> None:
    """From bag to bag the packets go as they are, with stamps, numbers and frame."""
    from spikeloop.events.files.mcap_writer import McapWriter

    assert isinstance(writer, McapWriter)
    for packet in source.recording.packets():
        writer.put(packet)
    for events, triggers in progress(source.pieces()):
        done.events += len(events)
        done.triggers += len(triggers)


def largest_addresses(source: Source) -> tuple[int, int]:
    """Width and height that hold every event."""
    width = height = 1
    for events, _ in source.pieces():
        if len(events):
            width = max(width, int(events.x.max()) + 1)
            height = max(height, int(events.y.max()) + 1)
    return width, height
