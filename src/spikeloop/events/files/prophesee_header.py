"""The text at the start of Prophesee's RAW and DAT files: lines that begin with a percent sign."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from spikeloop.events.files.source import FileError

LONGEST = 65_536
"""A header isn't longer, nor is a line of it longer than 4096 bytes."""
LONGEST_LINE = 4096
# Sensors by the generation that a header names, where it doesn't give the size.
GENERATIONS = {
    "3.0": (640, 480), "3.1": (640, 480), "gen3": (640, 480), "gen31": (640, 480),
    "4.0": (1280, 720), "4.1": (1280, 720), "4.2": (1280, 720), "gen41": (1280, 720),
    "imx636": (1280, 720), "320": (320, 320), "genx320": (320, 320),
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What a header says.

    Attributes:
        fields: name to text, names in lower case.
        length: bytes before the data.
        width: columns, 0 where it isn't said.
        height: rows, 0 likewise.

    """

    fields: dict[str, str]
    length: int
    width: int
    height: int


def read_header(path: Path) -> Header:
    """Read the header of a file.

    Raises:
        FileError: the file ends within it, or it can't be opened.

    """
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST)
    except OSError as error:
        raise FileError(f"{path}: can't be opened: {error.strerror}") from error
    fields: dict[str, str] = {}
    at = 0
    while start[at : at + 1] == b"%":
        end = start.find(b"\n", at, at + LONGEST_LINE)
        if end < 0:
            if len(start) - at < LONGEST_LINE and start[at:].isascii():
                raise FileError(f"{path}: ends at byte {len(start)}, within its header")
            break
        line = start[at:end].rstrip(b"\r")
        if not re.fullmatch(rb"%[\x20-\x7e\x80-\xff\t]*", line):
            # Data may begin with a percent sign too.
            break
        at = end + 1
        name, _, text = line[1:].decode("latin-1").strip().partition(" ")
        fields[name.lower()] = text.strip()
        if name.lower() == "end":
            break
    width, height = _size(fields)
    return Header(fields, at, width, height)


def _size(fields: dict[str, str]) -> tuple[int, int]:
    options = dict(
        part.partition("=")[::2] for part in fields.get("format", "").split(";") if "=" in part
    )
    for width, height in (
        (options.get("width", ""), options.get("height", "")),
        tuple(fields.get("geometry", "").partition("x")[::2]),
        (fields.get("width", ""), fields.get("height", "")),
    ):
        if width.strip().isdecimal() and height.strip().isdecimal():
            return int(width), int(height)
    generation = fields.get("sensor_generation", fields.get("generation", ""))
    if generation in GENERATIONS:
        return GENERATIONS[generation]
    for name, size in GENERATIONS.items():
        if name in fields.get("plugin_name", "").split("_"):
            return size
    return 0, 0


def option(fields: dict[str, str], name: str) -> str:
    """An option of the header's format line, such as the order of bytes, or a line of that name."""
    for part in fields.get("format", "").split(";")[1:]:
        key, _, value = part.partition("=")
        if key == name:
            return value
    return fields.get(name, "")
