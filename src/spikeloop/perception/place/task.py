"""The task `place` of `spikeloop train` and `spikeloop eval`: visual place recognition.

Examples:
  spikeloop train place --reference day_1 --reference day_2 --out maps/campus
  spikeloop train place --reference drive.mcap --topic event_camera/events --spacing 1.0
  spikeloop train place --reference more --extend maps/campus/place.npz --out maps/larger
  spikeloop eval place --json place.json
  spikeloop eval place --worlds 1 --places 100 --long-places 0 --stdp-networks 0
  spikeloop eval place --first-seed 500001 --worlds 2     # to choose settings on
  spikeloop eval place --data nordland --reference spring --reference fall --query winter
  spikeloop eval place --data brisbane --reference sunset1 --query sunset2 --spacing 20

"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikeloop.parameters import ParameterError
from spikeloop.tasks import TaskError

if TYPE_CHECKING:
    from spikeloop.perception.place.drive import Sampling
    from spikeloop.perception.place.evaluation import Result, Settings, Trial
    from spikeloop.perception.place.pictures import PictureConfig
    from spikeloop.perception.place.place_map import PlaceMap

NAME = "place"
TEXT = "which place of a known route a picture shows"
MAP = "place.npz"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `train` takes beside the usual."""
    from spikeloop.perception.place.temporal_config import TemporalConfig

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
    parser.add_argument("--side", type=int, default=40, help="size of small pictures (default 40)")
    parser.add_argument("--patch", type=int, default=11, help="window of contrast (default 11)")
    parser.add_argument("--networks", type=int, default=5, help="size of the ensemble (default 5)")
    parser.add_argument(
        "--features",
        type=float,
        default=TemporalConfig().features,
        help="feature neurons an input (default %(default)g)",
    )
    parser.add_argument(
        "--module-places",
        type=int,
        default=TemporalConfig().module_places,
        help="places a module at most (default %(default)s)",
    )
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
    _check_contrast(references, args.reference)
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


def _check_contrast(references: Any, names: Sequence[Path]) -> None:
    """Refuse a drive that shows nothing, and tell of pictures that do; (drives, places, h, w)."""
    for seen, name in zip(references, names, strict=True):
        blank = int((~seen.any((1, 2))).sum())
        if blank == len(seen):
            raise TaskError(f"{name}: none of its {blank} pictures has contrast; are they black?")
        if blank:
            text = "have no contrast: their places will be recognised by no picture of this drive"
            print(f"{name}: {blank} of {len(seen)} pictures {text}", file=sys.stderr)


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

        def tell(part: float) -> None:
            # Parts add up to a little more than 1, which tqdm complains about.
            bar.update(min(part, 1.0 - bar.n))

        return make_map(references, poses, picture, config, list(seeds), source, tell)


def _plain(sampling: Sampling) -> dict[str, Any]:
    return asdict(sampling)


def add_eval_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `eval` takes beside the usual."""
    world = parser.add_argument_group("simulated routes (without --data)")
    world.add_argument("--worlds", type=int, default=3, help="how many (default 3)")
    world.add_argument("--places", type=int, default=500, help="of each (default 500)")
    world.add_argument(
        "--long-places", type=int, default=2700, help="of one more; 0: none (default 2700)"
    )
    world.add_argument(
        "--first-seed", type=int, default=1_000_100, help="of the worlds (default 1000100: unseen)"
    )
    world.add_argument(
        "--condition", action="append", metavar="NAME", help="of the queries (default: all)"
    )
    data = parser.add_argument_group("recorded drives (with --data PATH)")
    data.add_argument("--reference", action="append", default=[], metavar="DRIVE")
    data.add_argument("--query", action="append", default=[], metavar="DRIVE")
    data.add_argument("--every", type=int, default=1, help="Nordland: pictures a place (default 1)")
    data.add_argument("--spacing", type=float, default=2.0, help="m between places (default 2)")
    data.add_argument(
        "--within",
        type=float,
        metavar="M",
        help="m from a query within which a place is right (default: of St Lucia 20, of "
        "Brisbane-Event-VPR 70, else only the nearest is)",
    )
    data.add_argument(
        "--topic",
        default="",
        help="pictures or events of a bag that has several; /dvs/image_raw for frames of "
        "Brisbane-Event-VPR instead of its events",
    )
    method = parser.add_argument_group("methods")
    method.add_argument("--networks", type=int, default=5, help="size of the ensemble (default 5)")
    method.add_argument(
        "--stdp-networks", type=int, default=5, help="of the STDP ensemble; 0: none (default 5)"
    )
    method.add_argument(
        "--stdp-places",
        type=int,
        default=500,
        help="first places of each route that the STDP networks get, for their time grows with "
        "the square; 0: all (default 500; none of the long route)",
    )
    method.add_argument("--tolerance", type=int, default=0, help="places off that are still right")
    method.add_argument("--seed", type=int, default=0, help="of the first network")


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure all methods, on worlds that nothing was chosen on or on recorded drives."""
    from spikeloop.datasets.source import DatasetError
    from spikeloop.perception.place.drive import DriveError
    from spikeloop.perception.place.routes import RouteError

    if args.worlds < 1 or args.places < 2 or args.networks < 1:
        raise TaskError("--worlds and --networks are at least 1, --places at least 2")
    if args.quick:
        args.worlds, args.places, args.long_places = 1, min(args.places, 60), 0
        args.stdp_networks = 0
    try:
        return _measured(args)
    except (DatasetError, DriveError, ParameterError, RouteError) as error:
        raise TaskError(str(error)) from error


def _measured(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    from spikeloop.perception.place.evaluation import Settings, averaged, key_figures, table
    from spikeloop.perception.place.pictures import PictureConfig

    picture = PictureConfig()
    settings = Settings(
        networks=args.networks, stdp_networks=args.stdp_networks, stdp_places=args.stdp_places,
        tolerance=args.tolerance, seed=args.seed, workers=args.workers, cluster=args.cluster,
    )  # fmt: skip
    meta: dict[str, Any] = {"settings": asdict(settings), "picture": asdict(picture)}
    metrics: dict[str, float] = {}
    if args.data is not None:
        groups = {"": [_recorded(args, settings, meta)]}
    else:
        seeds = range(args.first_seed, args.first_seed + args.worlds)
        groups = {"": [_world(seed, args.places, settings, args) for seed in seeds]}
        meta["worlds"], meta["places"] = list(seeds), args.places
        if args.long_places:
            seed = args.first_seed + args.worlds
            plain = replace(settings, stdp_networks=0)
            groups["long_"] = [_world(seed, args.long_places, plain, args)]
            meta["long_world"], meta["long_places"] = seed, args.long_places
    for name, results in groups.items():
        print(f"\n{name}recall@1 in %, mean and spread over {len(results)} route(s)\n")
        print(table(results))
        metrics |= {name + key: value for key, value in key_figures(results).items()}
        meta[f"{name}figures"] = averaged(results)
    return metrics, meta


def _recorded(args: argparse.Namespace, settings: Settings, meta: dict[str, Any]) -> Result:
    """All methods on recorded drives; what these are is added to `meta`."""
    from tqdm import tqdm

    from spikeloop.perception.place.drive import Sampling
    from spikeloop.perception.place.pictures import PictureConfig
    from spikeloop.perception.place.recorded import Choice, kind_of, recorded_trial, within_of

    if args.within is not None and not args.within >= 0.0:
        raise TaskError(f"--within must be at least 0, not {args.within:g}")
    sampling = Sampling(args.topic, args.spacing)
    choice = Choice(args.reference, args.query, args.every, sampling, args.within)

    @cache
    def read(picture: PictureConfig) -> Trial:
        drives = len(choice.references) + len(choice.queries)
        with tqdm(total=drives, desc=f"reading {args.data.name}", unit="drive") as bar:
            return recorded_trial(args.data, choice, picture, bar.update)

    trial = read(PictureConfig())
    kind = kind_of(args.data)
    meta["data"] = {
        "path": str(args.data),
        "kind": kind or "drives",
        "within_m": within_of(kind, choice),
        "places": trial.references.shape[1],
        "queries": {name: len(away) for name, away in trial.away.items()},
    }
    return _one(read, settings)


def _world(seed: int, places: int, settings: Settings, args: argparse.Namespace) -> Result:
    from tqdm import tqdm

    from spikeloop.perception.place.evaluation import Trial
    from spikeloop.perception.place.routes import LEAST, QUERIES, REFERENCES, load_route

    rendered = max(places, LEAST)
    total = rendered * (len(REFERENCES) + len(args.condition or QUERIES))
    with tqdm(total=total, desc=f"driving {seed}", unit="picture") as bar:
        route = load_route(seed, rendered, args.condition, None, bar.update)
    return _one(lambda picture: Trial.of(route, picture).beginning(places), settings)


def _one(trial_of: Callable[[PictureConfig], Trial], settings: Settings) -> Result:
    """All methods on one route, each on pictures as it takes them."""
    from tqdm import tqdm

    from spikeloop.perception.place.evaluation import measure, measure_stdp, merged
    from spikeloop.perception.place.pictures import PictureConfig

    trial = trial_of(PictureConfig())
    steps = settings.steps + settings.stdp_networks
    with tqdm(total=steps, desc=f"scoring {trial.name}", unit="step") as bar:
        found = measure(trial, settings, bar.update)
        if settings.stdp_networks:
            views = [trial_of(seen) for seen in settings.stdp_pictures[: settings.stdp_networks]]
            found = merged(found, measure_stdp(views, settings, bar.update))
    return found
