"""Events and triggers of files that hold them apart, merged by time into pieces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from spikeloop.events.array import Events, Triggers, joined_triggers
from spikeloop.events.files.source import Piece


def merged(
    events: Iterator[Events], triggers: Iterator[Triggers], width: int, height: int
) -> Iterator[Piece]:
    """Each piece of events with the triggers up to its newest time; the rest behind the last.

    Both keep their own order. A format that writes them as one stream needs them side by side, for
    it can't go back in time by far.
    """
    waiting, newest = Triggers.none(), -(1 << 63)
    for piece in events:
        if len(piece):
            newest = max(newest, int(piece.t.max()))
        due = []
        while True:
            later = np.flatnonzero(waiting.t > newest)
            end = int(later[0]) if len(later) else len(waiting)
            due.append(_part(waiting, 0, end))
            waiting = _part(waiting, end, len(waiting))
            if len(waiting):
                break
            following = next(triggers, None)
            if following is None:
                break
            waiting = following
        yield piece, joined_triggers(due)
    none = Events.none(width, height)
    if len(waiting):
        yield none, waiting
    for rest in triggers:
        yield none, rest


def _part(triggers: Triggers, begin: int, end: int) -> Triggers:
    fine = None if triggers.fine is None else triggers.fine[begin:end]
    return Triggers(
        triggers.t[begin:end], triggers.channel[begin:end], triggers.value[begin:end], fine
    )
