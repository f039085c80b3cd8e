"""The task `place` of `spikeloop train` and `spikeloop eval`: visual place recognition.

Examples:
  spikeloop train place --reference day_1 --reference day_2 --out maps/campus
  spikeloop train place --reference drive.mcap --topic event_camera/events --spacing 1.0
  spikeloop train place --reference more --extend maps/campus/place.npz --out maps/larger
  spikeloop eval place --json place.json
  spikeloop eval place --quick
  spikeloop eval place --data nordland --reference spring --reference fall --query winter

"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.parameters import ParameterError
from spikeloop.tasks import TaskError

if TYPE_CHECKING:
    from spikeloop.perception.place.drive import Sampling
    from spikeloop.perception.place.place_map import PlaceMap

NAME = "place"
TEXT = "which place of a known route a picture shows"
MAP = "place.npz"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    parser.add_argument(
        "--reference",
        type=Path,
        action="append",
        required=True,
        metavar="BAG_OR_FOLDER",
        help="a drive along the route; give several of the same route for a better map",
    )
    parser.add_argument("--topic", default="", help="pictures or events of a bag that has several")
    parser.add_argument("--spacing", type=float, default=2.0, help="m between places (default 2)")
    parser.add_argument(
        "--period", type=float, default=1.0, help="s between places, without odometry (default 1)"
    )
    parser.add_argument("--side", type=int, default=28, help="size of small pictures (default 28)")
    parser.add_argument("--patch", type=int, default=7, help="window of contrast (default 7)")
    parser.add_argument("--networks", type=int, default=5, help="size of the ensemble (default 5)")
    parser.add_argument(
        "--features", type=int, default=2, help="feature neurons a pixel (default 2)"
    )
    parser.add_argument("--module-places", type=int, default=500, help="places a module at most")
    parser.add_argument(
        "--extend", type=Path, metavar="MAP", help="add the places to this map; it stays as it is"
    )


def train(args: argparse.Namespace) -> int:
    """Learn a route and write its map."""
    from spikeloop.perception.place.aligning import aligned
    from spikeloop.perception.place.drive import DriveError, Sampling, load_drive
    from spikeloop.perception.place.pictures import PictureConfig
    from spikeloop.perception.place.place_map import MapError, load_map, save_map
    from spikeloop.perception.place.temporal_config import TemporalConfig

    out: Path = args.out or Path("out") / "train_place"
    try:
        known = load_map(args.extend) if args.extend else None
        picture = known.picture if known else PictureConfig(side=args.side, patch=args.patch)
        config = TemporalConfig(features=args.features, module_places=args.module_places)
        sampling = Sampling(args.topic, args.spacing, args.period)
        drives = [load_drive(path, picture, sampling) for path in args.reference]
        references, poses = aligned(drives, [str(path) for path in args.reference], args.spacing)
    except (DriveError, MapError, ParameterError, ValueError) as error:
        raise TaskError(str(error)) from error
    if known and known.source != drives[0].source:
        raise TaskError(f"{args.extend}: was made of {known.source}s, not of {drives[0].source}s")
    began = time.perf_counter()
    place_map = _learned(args, known, references, poses, picture, config, drives[0].source)
    save_map(place_map, out / MAP)
    about = {
        "places": place_map.places,
        "traversals": len(references),
        "networks": len(place_map.networks),
        "seed": args.seed,
        "train_s": round(time.perf_counter() - began, 2),
        "sampling": _plain(sampling),
        "references": [path.name for path in args.reference],
        "threshold": place_map.threshold,
    }
    (out / "place.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{out / MAP}: {place_map.places} places, learned in {about['train_s']} s")
    return 0


def _learned(
    args: argparse.Namespace,
    known: PlaceMap | None,
    references: Any,
    poses: Any,
    picture: Any,
    config: Any,
    source: str,
) -> PlaceMap:
    from tqdm import tqdm

    from spikeloop.perception.place.recogniser import extended, make_map

    if known:
        try:
            return extended(known, references, poses, config, args.seed)
        except ValueError as error:
            raise TaskError(f"{args.extend}: {error}") from error
    seeds = range(args.seed, args.seed + (1 if args.quick else args.networks))
    with tqdm(total=1.0, unit="map", bar_format="learning |{bar}| {percentage:3.0f} %") as bar:
        return make_map(references, poses, picture, config, list(seeds), source, bar.update)


def _plain(sampling: Sampling) -> dict[str, Any]:
    return asdict(sampling)
