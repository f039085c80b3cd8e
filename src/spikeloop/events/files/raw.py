"""Prophesee RAW files: a header of text, then one stream of EVT2, EVT2.1 or EVT3 words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spikeloop.events.array import Events, Triggers
from spikeloop.events.codecs import make_decoder
from spikeloop.events.decoder import Decoder
from spikeloop.events.evt21 import LegacyEvt21Decoder, PresentEvt21Decoder
from spikeloop.events.files.prophesee_header import option, read_header
from spikeloop.events.files.source import FileError, Piece, Source

BYTES = 1 << 20
WORD = {"evt2": 4, "evt21": 8, "evt3": 2}
ORIGIN = "spikeloop_time_origin"
"""Line of the header with the part of the time, us, that the format's bits can't hold."""
VERSIONS = {"2.0": "evt2", "2.1": "evt21", "3.0": "evt3"}


class RawSource(Source):
    """A RAW file."""

    def __init__(self, path: Path, width: int = 0, height: int = 0) -> None:
        """Read the header.

        Raises:
            FileError: it is no RAW file, or in an encoding that isn't known.

        """
        super().__init__(path, width, height)
        header = read_header(path)
        fields = header.fields
        name = fields.get("format", "").split(";")[0].strip().lower()
        self.encoding = VERSIONS.get(fields.get("evt", "").split(" ")[0], name)
        if self.encoding not in VERSIONS.values():
            stated = fields.get("evt") or fields.get("format") or "nothing"
            raise FileError(
                f"{path}: the header must say `% evt` 2.0, 2.1 or 3.0, or `% format` EVT2, EVT21 "
                f"or EVT3; it says {stated}"
            )
        if header.width:
            self.width, self.height = header.width, header.height
        self.format = f"Prophesee RAW, {self.encoding}"
        self._start, self._order = header.length, option(fields, "endianness")
        origin = fields.get(ORIGIN, "0")
        if not origin.isdecimal():
            raise FileError(f"{path}: the header's {ORIGIN} must be a number of us, not '{origin}'")
        self._origin = int(origin)
        try:
            self._decoder()
        except ValueError as error:
            raise FileError(f"{path}: {error}") from error
        for key in ("serial_number", "date", "integrator_name", ORIGIN, "spikeloop_time_shift_us"):
            if fields.get(key):
                self.notes[key.removeprefix("spikeloop_")] = fields[key]

    def _decoder(self) -> Decoder:
        width, height = self.room
        if self.encoding == "evt21" and self._order == "legacy":
            return LegacyEvt21Decoder(width, height)
        if self.encoding == "evt21" and self._order == "little":
            return PresentEvt21Decoder(width, height)
        big_endian = self._order == "big"
        return make_decoder(self.encoding, width, height, big_endian=big_endian)

    def pieces(self) -> Iterator[Piece]:
        """All events and triggers from the start."""
        decoder = self._decoder()
        with self.path.open("rb") as file:
            file.seek(self._start)
            while data := file.read(BYTES):
                events, triggers = decoder.decode(data)
                self._counts = type(self._counts)(decoder.counts)
                yield _shifted(events, triggers, self._origin)
        left = (self.path.stat().st_size - self._start) % WORD[self.encoding]
        if left:
            self._counts["bytes of a cut word at the end"] = left


def _shifted(events: Events, triggers: Triggers, by: int) -> Piece:
    if not by:
        return events, triggers
    return replace(events, t=events.t + by), replace(triggers, t=triggers.t + by)
