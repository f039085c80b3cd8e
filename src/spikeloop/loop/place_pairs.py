"""What a robot saw at key moments beside the map's picture of the place that it was taken for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.codecs import PacketDecoder
from spikeloop.loop.moments import Moment
from spikeloop.loop.recording import read_messages
from spikeloop.loop.sightings import EVENTS, IMAGE, START_NS, figure, grey
from spikeloop.perception.place.event_window import EventWindow

VIEWS = "place_views.npz"
"""Beside the recording: `pictures` (places, h, w) uint8 of the map's first drive, and `source`,
"image" or "events"."""
WINDOW_S = 0.25
"""Events of so long are one picture."""


def place_pairs(recording: Path, keys: Sequence[Moment], series: Mapping[str, Any]) -> list[str]:
    """A heading and a pair of pictures for each moment, as HTML; empty where nothing was recorded.

    Args:
        recording: `recording.mcap` of the mission.
        keys: moments of the series.
        series: with `place`, `told_place` and `told_new`.

    Raises:
        RecordingError: the file can't be read.

    """
    views, by_events = _views(recording.with_name(VIEWS))
    times = [START_NS + round(1e9 * key.time_s) for key in keys]
    seen = (_counts if by_events else _pictures)(recording, times)
    if not seen:
        return []
    rows = []
    for index, key in enumerate(keys):
        true, told = series["place"][key.index], int(series["told_place"][key.index])
        new = series["told_new"][key.index] > 0.5
        says = "none" if told < 0 else f"new (most like {told})" if new else str(told)
        label = f"{index + 1}: {key.label}, {key.time_s:.1f} s: place {true:.1f}, told {says}"
        # A sensor may have been silent, or a recording cut off.
        cells = [figure(seen[index], f"seen, {key.label}")] if index in seen else []
        if views is not None and 0 <= told < len(views):
            cells.append(figure(views[told], f"place {told} of the map"))
        rows.append(f"<h3>{html.escape(label)}</h3><div class='sights'>{''.join(cells)}</div>")
    return ["<h2>What was seen, and the place of the map that it was taken for</h2>", *rows]


def _pictures(recording: Path, times: Sequence[int]) -> dict[int, NDArray[np.uint8]]:
    """Of the camera, by number of the moment."""
    seen: dict[int, NDArray[np.uint8]] = {}
    for _, message in read_messages(recording, (IMAGE,)):
        at = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        for index, time in enumerate(times):
            if at <= time or index not in seen:
                seen[index] = grey(message)
    return seen


def _counts(recording: Path, times: Sequence[int]) -> dict[int, NDArray[np.uint8]]:
    """Of events before each moment, as the map's pictures of them are."""
    seen: dict[int, NDArray[np.uint8]] = {}
    window, decoder = EventWindow(WINDOW_S), PacketDecoder()
    for _, message in read_messages(recording, (EVENTS,)):
        at = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        events, _ = decoder.decode(
            message.encoding, message.width, message.height, message.seq,
            memoryview(message.events), big_endian=bool(message.is_bigendian),
            time_base=message.time_base,
        )  # fmt: skip
        window.add(events)
        for index, time in enumerate(times):
            if index not in seen and at >= time and (picture := window.picture()) is not None:
                seen[index] = np.rint(255.0 * picture).astype(np.uint8)
    return seen


def _views(path: Path) -> tuple[NDArray[np.uint8] | None, bool]:
    """The map's pictures, if there are any, and whether they are of events."""
    if not path.exists():
        return None, False
    with np.load(path, allow_pickle=False) as archive:
        pictures: NDArray[np.uint8] = archive["pictures"]
        return pictures, str(archive["source"]) == "events"
