"""Decoders by the name of their encoding, as EventPacket has it."""

from __future__ import annotations

from spikeloop.events.evt3 import Evt3Decoder

DECODERS = {"evt3": Evt3Decoder}


def make_decoder(encoding: str, width: int, height: int) -> Evt3Decoder:
    """A fresh decoder.

    Raises:
        ValueError: the encoding isn't known, or the sensor's size is impossible.

    """
    if encoding not in DECODERS:
        raise ValueError(
            f"encoding '{encoding}' isn't known; there are: {', '.join(sorted(DECODERS))}"
        )
    return DECODERS[encoding](width, height)
