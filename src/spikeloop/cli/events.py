"""Event files: what is in them, how healthy they are, pictures of them, and other formats.

Examples:
  spikeloop events info recording/
  spikeloop events info davis.aedat4 --json info.json
  spikeloop events convert camera.raw camera.mcap
  spikeloop events convert old.bag events.h5 --topic /dvs/events
  spikeloop events view camera.raw --out film.gif --period 20
  spikeloop events stats camera.raw --draw stats.svg

Read: rosbag2 (also compressed, split or cut), ROS 1 bags, Prophesee RAW and DAT, AEDAT 4 and 2,
HDF5 (DSEC, Metavision), text, NPZ. Written: rosbag2 (.mcap or a folder), .raw, .h5, .npz.

"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeloop.events.files.source import Piece, Source
    from spikeloop.events.statistics import EventStatistics

HELP = "inspect, convert and show event files"
MODES = ("newest", "count", "signed", "surface")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    info = actions.add_parser("info", help="print what is in files")
    info.add_argument("file", nargs="+", type=Path)
    convert = actions.add_parser("convert", help="write a file in another format")
    convert.add_argument("file", type=Path)
    convert.add_argument("target", type=Path, help=".raw, .h5, .npz, .mcap, or a folder (rosbag2)")
    convert.add_argument("--encoding", default="", help="evt2 or evt3 (.raw), evt3 or mono (bags)")
    convert.add_argument(
        "--shift", type=int, default=0, metavar="US", help="add to every time; it is written down"
    )
    view = actions.add_parser("view", help="make a picture, GIF or MP4")
    view.add_argument("file", type=Path)
    view.add_argument("--out", type=Path, help=".png, .gif or .mp4 (default: FILE's name, .png)")
    view.add_argument("--mode", choices=MODES, default="newest", help="what a pixel shows")
    view.add_argument("--period", type=float, default=20.0, help="sensor time a picture, ms")
    view.add_argument("--rate", type=float, default=25.0, help="pictures a second of the film")
    view.add_argument("--begin", type=float, metavar="S", help="after the first event, s")
    view.add_argument("--end", type=float, metavar="S", help="after the first event, s")
    stats = actions.add_parser("stats", help="rates, activity of pixels, gaps, health of time")
    stats.add_argument("file", type=Path)
    stats.add_argument("--draw", type=Path, metavar="FILE.svg", help="draw them too")
    for action in (info, convert, view, stats):
        action.add_argument("--topic", default="", help="topic of a bag, where there are several")
        action.add_argument(
            "--size", default="", metavar="WxH", help="sensor, if the file lacks it"
        )
    for action in (info, stats):
        action.add_argument("--json", type=Path, help="write the figures (of the last file) here")


def run(args: argparse.Namespace) -> int:
    """0 if all is well, 1 if a file is damaged, 2 if it can't be opened, decoded or written."""
    from spikeloop.events.files.source import unpacked_size

    try:
        size = unpacked_size(args.size) if args.size else (0, 0)
    except ValueError as error:
        return _complain(f"--size: {error}", 2)
    try:
        if args.action == "info":
            return max(_info(path, args, size) for path in args.file)
        return {"convert": _convert, "view": _view, "stats": _stats}[args.action](args, size)
    except OSError as error:
        # What is read has errors of its own: this is what couldn't be written.
        return _complain(f"{error.filename or args.file}: {error.strerror or error}", 2)


def _open(path: Path, args: argparse.Namespace, size: tuple[int, int]) -> Source:
    from spikeloop.events.files.opening import open_source

    return open_source(path, topic=args.topic, width=size[0], height=size[1])


def _bar(pieces: Iterator[Piece]) -> Iterator[Piece]:
    from tqdm import tqdm

    bar = tqdm(pieces, unit="piece", disable=not sys.stderr.isatty(), leave=False)
    yield from bar


def _info(path: Path, args: argparse.Namespace, size: tuple[int, int]) -> int:
    from spikeloop.events.recording import RecordingError
    from spikeloop.events.statistics import EventStatistics

    statistics, damage = EventStatistics(), ""
    try:
        source = _open(path, args, size)
    except RecordingError as error:
        return _complain(str(error), 2)
    try:
        for events, triggers in _bar(source.pieces()):
            statistics.add(events, triggers)
    except RecordingError as error:
        damage = str(error)
        if not statistics.packets:
            return _complain(damage, 2)
    meta = {"file": str(path), "format": source.format, **source.notes}
    meta["sensor"] = _sensor(source, statistics)
    facts = _facts(source, statistics)
    _print(meta, facts)
    _write_json(args.json, meta, facts)
    return _complain(damage, 1) if damage else 0


def _sensor(source: Source, statistics: EventStatistics) -> str:
    if source.width:
        return f"{source.width}x{source.height}"
    return f"{statistics.x_max + 1}x{statistics.y_max + 1} (inferred, the file gives none)"


def _facts(source: Source, statistics: EventStatistics) -> dict[str, float]:
    from spikeloop.events.files.aedat4 import Aedat4Source
    from spikeloop.events.files.bag import BagSource

    facts: dict[str, float] = {}
    if isinstance(source, BagSource):
        facts = {"packets": source.packets, "lost packets": source.counts.get("lost packets", 0)}
    facts |= {
        "ON events": statistics.on,
        "OFF events": statistics.off,
        "first time, us": statistics.first_time,
        "last time, us": statistics.last_time,
        "sum of times, us": statistics.time_sum,
        "sum of x": statistics.x_sum,
        "sum of y": statistics.y_sum,
        "mean rate, events/s": round(statistics.rate),
        "triggers": sum(statistics.triggers.values()),
        "sum of trigger times, us": statistics.trigger_time_sum,
    }
    if statistics.fine_sum:
        facts["sum of times, ns"] = 1000 * statistics.time_sum + statistics.fine_sum
    for (channel, value), count in sorted(statistics.triggers.items()):
        facts[f"triggers of channel {channel}, value {value}"] = count
    if isinstance(source, BagSource):
        facts["duration, s"] = (source.last_ns - source.first_ns) / 1e9
    if isinstance(source, Aedat4Source):
        facts["frames"] = sum(1 for _ in source.frames())
        facts["inertial samples"] = sum(len(part.t) for part in source.inertial())
    return facts | source.counts


def _convert(args: argparse.Namespace, size: tuple[int, int]) -> int:
    from spikeloop.events.files.converting import convert
    from spikeloop.events.recording import RecordingError

    try:
        source = _open(args.file, args, size)
        done = convert(
            source, args.target, encoding=args.encoding, shift_us=args.shift, progress=_bar
        )
    except RecordingError as error:
        return _complain(str(error), 2)
    inferred = " (inferred, the file gives none)" if done.inferred else ""
    print(
        f"{args.target}: {done.events:,} events and {done.triggers:,} triggers of a sensor of "
        f"{done.width}x{done.height}{inferred}"
    )
    for other in done.others:
        print(f"not written: {other}, for which the format has no place")
    for reason, count in done.dropped.items():
        print(f"not kept: {reason}: {count:,}")
    for reason, count in done.left_out.items():
        print(f"not usable in {args.file}: {reason}: {count:,}")
    return 0


def _sized(args: argparse.Namespace, size: tuple[int, int]) -> Source:
    """The source, with the size inferred if neither the file nor the caller states it."""
    from spikeloop.events.files.converting import largest_addresses

    source = _open(args.file, args, size)
    if not source.width:
        width, height = largest_addresses(source)
        print(f"sensor: {width}x{height} (inferred, the file gives none)", file=sys.stderr)
        source = _open(args.file, args, (width, height))
    return source


def _view(args: argparse.Namespace, size: tuple[int, int]) -> int:
    from spikeloop.events.recording import RecordingError
    from spikeloop.events.view import (
        FILMS,
        STILLS,
        ViewError,
        pictures,
        whole_picture,
        write_film,
        write_still,
    )

    out = args.out or Path(args.file.with_suffix(".png").name)
    if out.suffix.lower() not in STILLS + FILMS:
        return _complain(f"{out}: must end in one of {', '.join(STILLS + FILMS)}", 2)
    if not (args.period > 0 and args.rate > 0):
        return _complain(f"--period ({args.period}) and --rate ({args.rate}) must be above 0", 2)
    window: dict[str, Any] = {
        name: None if value is None else round(value * 1e6)
        for name, value in (("begin_us", args.begin), ("end_us", args.end))
    }
    try:
        source = _sized(args, size)
        if out.suffix.lower() in STILLS:
            write_still(whole_picture(source, args.mode, progress=_bar, **window), out)
            print(f"{out}: {source.width}x{source.height}")
            return 0
        period = max(1, round(args.period * 1000))
        frames = pictures(source, period, args.mode, progress=_bar, **window)
        count = write_film(frames, out, args.rate)
    except (RecordingError, ViewError) as error:
        return _complain(str(error), 2)
    print(f"{out}: {count} pictures of {args.period:g} ms, {source.width}x{source.height}")
    return 0


def _stats(args: argparse.Namespace, size: tuple[int, int]) -> int:
    from spikeloop.events.health import StreamHealth
    from spikeloop.events.recording import RecordingError

    damage = ""
    try:
        source = _sized(args, size)
    except RecordingError as error:
        return _complain(str(error), 2)
    health = StreamHealth(source.width, source.height)
    try:
        for events, _ in _bar(source.pieces()):
            health.add(events)
    except RecordingError as error:
        damage = str(error)
    meta = {"file": str(args.file), "format": source.format, **source.notes}
    meta["sensor"] = f"{source.width}x{source.height}"
    facts = health.facts() | source.counts
    _print(meta, facts)
    _write_json(args.json, meta, facts)
    if args.draw:
        from spikeloop.events.health_drawing import draw

        args.draw.write_text(draw(health, args.file.name), encoding="utf-8")
    return _complain(damage, 1) if damage else 0


def _print(meta: dict[str, str], facts: dict[str, float]) -> None:
    for name, text in meta.items():
        print(f"{name:38}{text:>24}" if len(text) < 24 else f"{name:38}{text}")
    for name, number in facts.items():
        text = f"{number:,}" if isinstance(number, int) else f"{number:,.6g}"
        print(f"{name:38}{text:>24}")


def _write_json(path: Path | None, meta: dict[str, str], facts: dict[str, float]) -> None:
    if path:
        path.write_text(json.dumps(facts | {"meta": meta}, indent=1) + "\n", encoding="utf-8")


def _complain(text: str, code: int) -> int:
    print(f"spikeloop events: {text}", file=sys.stderr)
    return code
