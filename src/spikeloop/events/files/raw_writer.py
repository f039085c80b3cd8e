"""Writes Prophesee RAW files of EVT3 or EVT2.

The formats' bits hold 16.8 s and 4.8 h; what the first time has beyond that is written into the
header, which our reader adds again and others pass over.
"""

from __future__ import annotations

from pathlib import Path

from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import EvtEncoder, time_origin
from spikeloop.events.evt2_encoder import Evt2Encoder
from spikeloop.events.evt3_encoder import Evt3Encoder
from spikeloop.events.files.raw import ORIGIN
from spikeloop.events.files.writer import Writer

ENCODERS: dict[str, type[EvtEncoder]] = {"evt2": Evt2Encoder, "evt3": Evt3Encoder}
VERSIONS = {"evt2": "2.0", "evt3": "3.0"}


class RawWriter(Writer):
    """A RAW file."""

    def __init__(
        self, path: Path, width: int, height: int, notes: dict[str, str], encoding: str = "evt3"
    ) -> None:
        """Begin it; the header is written with the first piece, which gives the time's origin.

        Raises:
            ValueError: the encoding isn't one of evt2 and evt3, or the sensor is too large for it.
            OSError: it can't be written.

        """
        super().__init__(path, width, height, notes)
        if encoding not in ENCODERS:
            raise ValueError(f"RAW is written in {' or '.join(ENCODERS)}, not in '{encoding}'")
        self._encoding, self._encoder = encoding, ENCODERS[encoding](width, height)
        self.channels = 16 if encoding == "evt3" else 32
        self._file = path.open("wb")
        self._origin: int | None = None

    def _write(self, events: Events, triggers: Triggers) -> None:
        if self._origin is None:
            first = min(int(part.t[0]) for part in (events, triggers) if len(part))
            self._origin = time_origin(first, self._encoder.time_bits)
            self._write_header()
        if self._origin:
            events = Events(
                events.t - self._origin, events.x, events.y, events.p, self.width, self.height
            )
            triggers = Triggers(triggers.t - self._origin, triggers.channel, triggers.value)
        self._file.write(self._encoder.encode(events, triggers).data)

    def _write_header(self) -> None:
        lines = [
            f"evt {VERSIONS[self._encoding]}",
            f"format {self._encoding.upper()};height={self.height};width={self.width}",
            f"geometry {self.width}x{self.height}",
            "integrator_name spikeloop",
            *(f"spikeloop_{name} {text}" for name, text in self.notes.items()),
        ]
        if self._origin:
            lines.append(f"{ORIGIN} {self._origin}")
        self._file.write("".join(f"% {line}\n" for line in [*lines, "end"]).encode("latin-1"))

    def close(self) -> None:
        """Finish the file."""
        if self._origin is None:
            self._origin = 0
            self._write_header()
        self._file.close()
