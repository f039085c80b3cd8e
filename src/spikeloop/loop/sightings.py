"""What camera, event camera and LiDAR saw at key moments, from a mission's recording."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikeloop.events.codecs import PacketDecoder
from spikeloop.events.picture import EventPicture
from spikeloop.lidar.packed import unpack
from spikeloop.loop.moments import Moment
from spikeloop.loop.recording import read_messages

IMAGE, EVENTS, POINTS = "/camera/image_raw", "/event_camera/events", "/lidar/points"
START_NS = 1_000_000_000
"""Stamp of a simulated mission's begin."""
EVENT_SPAN_S = 0.05
LIDAR_M, LIDAR_PX = 6.0, 240
_NAMES = {IMAGE: "camera", EVENTS: "events of 50 ms", POINTS: "LiDAR, 12 x 12 m from above"}


def sightings(recording: Path, keys: Sequence[Moment]) -> list[str]:
    """A heading and, for each moment, a row of pictures, as HTML; empty where nothing was recorded.

    Args:
        recording: `recording.mcap` of the mission.
        keys: moments in s since its begin.

    Raises:
        RecordingError: the file can't be read.

    """
    found: dict[tuple[str, int], NDArray[np.uint8]] = {}
    times = [START_NS + round(1e9 * key.time_s) for key in keys]
    events = _EventMoments(times)
    for topic, message in read_messages(recording, (IMAGE, EVENTS, POINTS)):
        at = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
        if topic == EVENTS:
            for index, picture in events.take(message, at):
                found[topic, index] = picture
            continue
        for index, time in enumerate(times):
            # The last one before the moment, or the first one after the start.
            if at <= time or (topic, index) not in found:
                found[topic, index] = grey(message) if topic == IMAGE else _cloud(message)
    if not found:
        return []
    rows = []
    for index, key in enumerate(keys):
        cells = [
            figure(found[topic, index], f"{name}, {key.label}")
            for topic, name in _NAMES.items()
            if (topic, index) in found
        ]
        label = f"{index + 1}: {key.label}, {key.time_s:.1f} s"
        rows.append(f"<h3>{html.escape(label)}</h3><div class='sights'>{''.join(cells)}</div>")
    told = ", ".join(name for topic, name in _NAMES.items() if any(t == topic for t, _ in found))
    return [f"<h2>What was seen: {html.escape(told)}</h2>", *rows]


class _EventMoments:
    """Pictures of the events in a short time before each moment."""

    def __init__(self, times: Sequence[int]) -> None:
        self._times = times
        self._decoder = PacketDecoder()
        self._pictures: dict[int, EventPicture] = {}
        self._done: set[int] = set()
        self._seen: set[int] = set()

    def take(self, message: Any, at: int) -> list[tuple[int, NDArray[np.uint8]]]:
        """The pictures that are complete with this packet: index of the moment and pixels."""
        if message.seq in self._seen:
            return []
        self._seen.add(message.seq)
        events, _ = self._decoder.decode(
            message.encoding,
            message.width,
            message.height,
            message.seq,
            memoryview(message.events),
            big_endian=bool(message.is_bigendian),
            time_base=message.time_base,
        )
        complete = []
        for index, time in enumerate(self._times):
            if index in self._done or at <= time - EVENT_SPAN_S * 1e9:
                continue
            picture = self._pictures.setdefault(index, EventPicture(message.width, message.height))
            picture.add(events)
            if at >= time:
                self._done.add(index)
            complete.append((index, picture.snapshot()))
        return complete


def grey(message: Any) -> NDArray[np.uint8]:
    """Pixels of a picture of one byte a pixel, (h, w)."""
    pixels = np.frombuffer(message.data, np.uint8)[: message.height * message.step]
    return pixels.reshape(message.height, message.step)[:, : message.width].copy()


def _cloud(message: Any) -> NDArray[np.uint8]:
    """From above, forward up, brighter where more light came back; (px, px)."""
    points = unpack(message)
    x, y = points["x"].ravel(), points["y"].ravel()
    seen = np.isfinite(x) & (np.abs(x) < LIDAR_M) & (np.abs(y) < LIDAR_M)
    scale = LIDAR_PX / (2.0 * LIDAR_M)
    row = ((LIDAR_M - x[seen]) * scale).astype(int)
    column = ((LIDAR_M - y[seen]) * scale).astype(int)
    names = points.dtype.names or ()
    light = points["intensity"].ravel()[seen] if "intensity" in names else np.full(seen.sum(), 255)
    out = np.full((LIDAR_PX, LIDAR_PX), 16, np.uint8)
    np.maximum.at(out, (row, column), np.clip(80.0 + 2.0 * light, 0, 255).astype(np.uint8))
    middle = LIDAR_PX // 2
    out[middle - 2 : middle + 3, middle - 2 : middle + 3] = 255
    return out


def figure(pixels: NDArray[np.uint8], text: str) -> str:
    """A picture with its text as HTML."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
