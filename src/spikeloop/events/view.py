"""Pictures and films of event files: one picture for each period of the sensor's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.files.source import FileError, Piece, Source
from spikeloop.events.picture import GREY, OFF_RGB, ON_RGB, EventPicture
from spikeloop.events.representations.histogram import count_picture, signed_picture
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.slicing.by_time import ByTime

Picture = NDArray[np.uint8]
STILLS = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
FILMS = (".gif", ".mp4")


class ViewError(ValueError):
    """A picture can't be made; the message says why."""


def _newest(events: Events) -> Picture:
    """Each pixel's newest event, ON blue, OFF red."""
    picture = EventPicture(events.width, events.height)
    picture.add(events)
    return picture.take()


def _count(events: Events) -> Picture:
    """Number of events, white for the 99th percentile of those that have some."""
    counts = count_picture(events)
    return _as_rgb(_grey(counts, counts))


def _signed(events: Events) -> Picture:
    """ON less OFF events, from red over grey to blue."""
    sums = signed_picture(events)
    share = np.abs(_grey(np.abs(sums), np.abs(sums)).astype(np.float32) / 255.0)[:, :, None]
    colour = np.where((sums > 0)[:, :, None], np.array(ON_RGB), np.array(OFF_RGB))
    mixed: NDArray[np.float64] = GREY + share * (colour - GREY)
    return mixed.astype(np.uint8)


def _surface(events: Events) -> Picture:
    """Exponential time surface with a third of the slice as its time constant."""
    surface = TimeSurface(events.width, events.height)
    surface.add(events)
    span = int(events.t[-1] - events.t[0]) if len(events) else 0
    values = surface.exponential(max(1.0, span / 3.0))
    return _as_rgb((255.0 * values).astype(np.uint8))


def _as_rgb(grey: Picture) -> Picture:
    return np.stack([grey, grey, grey], axis=2)


def _grey(values: NDArray[np.int32], of: NDArray[np.int32]) -> Picture:
    used = of[of > 0]
    top = float(np.percentile(used, 99)) if len(used) else 1.0
    scaled: NDArray[np.float64] = np.minimum(values * (255.0 / max(top, 1.0)), 255.0)
    return scaled.astype(np.uint8)


MODES: dict[str, Callable[[Events], Picture]] = {
    "newest": _newest,
    "count": _count,
    "signed": _signed,
    "surface": _surface,
}


def pictures(
    source: Source,
    period_us: int,
    mode: str = "newest",
    *,
    begin_us: int | None = None,
    end_us: int | None = None,
    progress: Callable[[Iterator[Piece]], Iterator[Piece]] = lambda pieces: pieces,
) -> Iterator[Picture]:
    """A picture (height, width, 3) RGB of each period, also of those without events.

    Args:
        source: whose sensor's size is known.
        period_us: of sensor time.
        mode: one of MODES.
        begin_us: where to begin, after the first event; there if None.
        end_us: where to end, after the first event; at the last event if None.
        progress: wraps the pieces, such as a progress bar.

    """
    slicer: ByTime | None = None
    draw = MODES[mode]
    limit: int | None = None
    for events, _ in progress(source.pieces()):
        if not len(events):
            continue
        if slicer is None:
            begin = int(events.t[0]) + (begin_us or 0)
            limit = None if end_us is None else int(events.t[0]) + end_us
            slicer = ByTime(period_us, begin=begin)
        for slice_ in slicer.feed(events):
            if slice_.begin >= slicer.begin and (limit is None or slice_.begin < limit):
                yield draw(slice_.events)
        if limit is not None and int(events.t[-1]) >= limit:
            return
    if slicer is not None:
        yield from (draw(s.events) for s in slicer.finish() if s.begin >= slicer.begin)


def whole_picture(
    source: Source,
    mode: str = "newest",
    *,
    begin_us: int | None = None,
    end_us: int | None = None,
    progress: Callable[[Iterator[Piece]], Iterator[Piece]] = lambda pieces: pieces,
) -> Picture:
    """One picture (height, width, 3) RGB of a window; as `pictures`."""
    from spikeloop.events.array import joined

    parts = [Events.none(*source.room)]
    first: int | None = None
    for events, _ in progress(source.pieces()):
        if not len(events):
            continue
        first = int(events.t[0]) if first is None else first
        since = events.t - first
        low = 0 if begin_us is None else begin_us
        inside = since >= low
        if end_us is not None:
            inside &= since < end_us
        parts.append(events if inside.all() else events[inside])
        if end_us is not None and int(since[-1]) >= end_us:
            break
    return MODES[mode](joined(parts))


def write_still(picture: Picture, path: Path) -> None:
    """Write a picture.

    Raises:
        OSError: it can't be written.

    """
    from PIL import Image

    Image.fromarray(picture).save(path)


def write_film(frames: Iterator[Picture], path: Path, rate_hz: float) -> int:
    """Write a GIF or an MP4; returns the number of its pictures.

    Raises:
        ViewError: there are no pictures, or what writes MP4 isn't installed.
        OSError: it can't be written.

    """
    first = next(frames, None)
    if first is None:
        raise ViewError(f"{path}: there are no events to show")
    if path.suffix.lower() == ".gif":
        return _write_gif(first, frames, path, rate_hz)
    return _write_mp4(first, frames, path, rate_hz)


def _write_gif(first: Picture, frames: Iterator[Picture], path: Path, rate_hz: float) -> int:
    from PIL import Image

    count = 1

    def rest() -> Iterator[Image.Image]:
        nonlocal count
        for frame in frames:
            count += 1
            yield Image.fromarray(frame).quantize(64)

    Image.fromarray(first).quantize(64).save(
        path, save_all=True, append_images=rest(), duration=max(20, round(1000 / rate_hz)), loop=0
    )
    return count


def _write_mp4(first: Picture, frames: Iterator[Picture], path: Path, rate_hz: float) -> int:
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise ViewError(
            f"{path}: MP4 needs the extra `video`: pip install 'spikeloop[video]'; "
            "GIF works without"
        ) from error
    height, width, _ = first.shape
    # The codec needs even sizes; the last column or row is doubled where it is odd.
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    size = (width + width % 2, height + height % 2)
    film = imageio_ffmpeg.write_frames(
        str(path), size, fps=rate_hz, macro_block_size=2, quality=8, ffmpeg_log_level="error"
    )
    film.send(None)
    count = 0
    try:
        for frame in (f for part in ([first], frames) for f in part):
            film.send(np.ascontiguousarray(np.pad(frame, padding, mode="edge")))
            count += 1
    except OSError as error:
        raise FileError(f"{path}: can't be written: {error}") from error
    finally:
        film.close()
    return count
