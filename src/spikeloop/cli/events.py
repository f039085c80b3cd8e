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
from typing import Any

HELP = "inspect event files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    info = actions.add_parser("info", help="print what is in recordings")
    info.add_argument("file", nargs="+", type=Path)
    info.add_argument("--topic", default="", help="topic, where there are several")
    info.add_argument("--json", type=Path, help="write the figures of the last file here")


def run(args: argparse.Namespace) -> int:
    """0 if all is well, 1 if a file is damaged, 2 if it can't be opened."""
    return max(_info(path, args.topic, args.json) for path in args.file)


def _info(path: Path, topic: str, json_file: Path | None) -> int:
    from tqdm import tqdm

    from spikeloop.events.codecs import make_decoder
    from spikeloop.events.recording import Recording, RecordingError
    from spikeloop.events.statistics import EventStatistics

    try:
        recording = Recording(path, topic)
    except RecordingError as error:
        print(f"spikeloop events: {error}", file=sys.stderr)
        return 2
    statistics, decoder, packet, damage = EventStatistics(), None, None, ""
    try:
        for packet in tqdm(
            recording.packets(),
            total=recording.count,
            unit="packet",
            disable=not sys.stderr.isatty(),
            leave=False,
        ):
            if decoder is None:
                decoder = make_decoder(packet.encoding, packet.width, packet.height)
            statistics.add(packet.seq, *decoder.decode(packet.data))
    except ValueError as error:
        damage = str(error)
    facts: dict[str, Any] = {
        "packets": statistics.packets,
        "lost packets": statistics.lost_packets,
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
    facts |= decoder.counts if decoder else {}
    meta = {"file": str(path), "topic": recording.topic}
    if packet is not None:
        meta |= {"encoding": packet.encoding, "sensor": f"{packet.width}x{packet.height}"}
    for name, text in meta.items():
        print(f"{name:32}{text:>24}" if len(text) < 24 else f"{name:32}{text}")
    for name, number in facts.items():
        print(f"{name:32}{number:>24,}")
    if json_file:
        json_file.write_text(json.dumps(facts | {"meta": meta}, indent=1) + "\n", encoding="utf-8")
    if damage:
        print(f"spikeloop events: {damage}", file=sys.stderr)
        return 1
    return 0
