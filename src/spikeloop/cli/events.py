"""Event files: what is in them.

Examples:
  spikeloop events info recording/
  spikeloop events info recording/ --topic /event_camera/events --json info.json

"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikeloop.events.array import Events, Triggers
    from spikeloop.events.codecs import PacketDecoder
    from spikeloop.events.recording import Packet
    from spikeloop.events.statistics import EventStatistics

HELP = "inspect event files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    info = actions.add_parser("info", help="print what is in recordings")
    info.add_argument("file", nargs="+", type=Path)
    info.add_argument("--topic", default="", help="topic, where there are several")
    info.add_argument("--json", type=Path, help="write the figures of the last file here")


def run(args: argparse.Namespace) -> int:
    """0 if all is well, 1 if a file is damaged, 2 if it can't be opened or decoded."""
    return max(_info(path, args.topic, args.json) for path in args.file)


def _info(path: Path, topic: str, json_file: Path | None) -> int:
    from tqdm import tqdm

    from spikeloop.events.codecs import PacketDecoder
    from spikeloop.events.recording import EVENT_PACKET, Recording, RecordingError
    from spikeloop.events.statistics import EventStatistics

    statistics, decoder = EventStatistics(), PacketDecoder()
    first: Packet | None = None
    last: Packet | None = None
    damage = ""
    try:
        recording = Recording(path, topic)
    except RecordingError as error:
        return _complain(str(error), 2)
    bar = tqdm(
        recording.packets(),
        total=recording.count or None,
        unit="packet",
        disable=not sys.stderr.isatty(),
        leave=False,
    )
    try:
        for packet in bar:
            events, triggers = _decode(decoder, packet)
            statistics.add(events, triggers)
            first, last = first or packet, packet
    except RecordingError as error:
        damage = str(error)
    except ValueError as error:
        return _complain(f"{path}: packet {statistics.packets + 1}: {error}", 2)
    meta = {"file": str(path), "topic": recording.topic, "type": EVENT_PACKET}
    facts = _facts(statistics, decoder.lost)
    if first is not None and last is not None:
        meta |= {"encoding": last.encoding, "sensor": _sensor(last, statistics)}
        facts["duration, s"] = (last.received_ns - first.received_ns) / 1e9
    facts |= decoder.counts | {"restarts of the sequence": decoder.restarts}
    _print(meta, facts)
    if json_file:
        json_file.write_text(json.dumps(facts | {"meta": meta}, indent=1) + "\n", encoding="utf-8")
    return _complain(damage, 1) if damage else 0


def _decode(decoder: PacketDecoder, packet: Packet) -> tuple[Events, Triggers]:
    return decoder.decode(
        packet.encoding,
        packet.width,
        packet.height,
        packet.seq,
        packet.data,
        big_endian=packet.is_bigendian,
        time_base=packet.time_base,
    )


def _sensor(packet: Packet, statistics: EventStatistics) -> str:
    if packet.width or packet.height:
        return f"{packet.width}x{packet.height}"
    return f"{statistics.x_max + 1}x{statistics.y_max + 1} (inferred, the packets give none)"


def _facts(statistics: EventStatistics, lost: int) -> dict[str, int | float]:
    facts: dict[str, int | float] = {
        "packets": statistics.packets,
        "lost packets": lost,
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
    for (channel, value), count in sorted(statistics.triggers.items()):
        facts[f"triggers of channel {channel}, value {value}"] = count
    return facts


def _print(meta: dict[str, str], facts: dict[str, int | float]) -> None:
    for name, text in meta.items():
        print(f"{name:32}{text:>24}" if len(text) < 24 else f"{name:32}{text}")
    for name, number in facts.items():
        print(f"{name:32}{number:>24,}")


def _complain(text: str, code: int) -> int:
    print(f"spikeloop events: {text}", file=sys.stderr)
    return code
