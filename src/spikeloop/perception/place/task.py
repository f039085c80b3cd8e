"""The task `place` of `spikeloop train` and `spikeloop eval`: visual place recognition.

Examples:
  spikeloop train place --reference day_1 --reference day_2 --out maps/campus
  spikeloop train place --reference drive.mcap --topic event_camera/events --spacing 1.0
  spikeloop train place --reference more --extend maps/campus/place.npz --out maps/larger
  spikeloop eval place --json place.json
  spikeloop eval place --worlds 1 --places 100 --long-places 0 --stdp-networks 0
  spikeloop eval place --first-seed 500001 --worlds 2     # to choose settings on
  spikeloop eval place --data nordland --reference spring --query winter --every 8
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
    _add_sampling(parser)
    parser.add_argument(
        "--extend", type=Path, metavar="MAP", help="add the places to this map; it stays as it is"
    )
    parser.add_argument(
        "--module-places",
        type=int,
        default=TemporalConfig().module_places,
        help="places a module at most (default %(default)s)",
    )
    new = parser.add_argument_group("of a new map (one that is extended has them)")
    for name, (kind, default, text) in _of_new_maps().items():
        new.add_argument(f"--{name}", type=kind, help=f"{text} (default {default:g})")


def _of_new_maps() -> dict[str, tuple[type, float, str]]:
    """Type, default and text of the options that a map which is extended has decided."""
    from spikeloop.perception.place.temporal_config import TemporalConfig

    return {
        "side": (int, 40, "size of small pictures, pixels"),
        "patch": (int, 11, "window of contrast, pixels"),
        "networks": (int, 5, "size of the ensemble; 0: a map for `place_sad` only"),
        "features": (float, TemporalConfig().features, "feature neurons an input"),
    }


def _add_sampling(parser: argparse._ActionsContainer) -> None:
    """Declare what is read of a drive, and where places are taken."""
    parser.add_argument("--topic", default="", help="pictures or events of a bag that has several")
    parser.add_argument("--odometry", default="", help="odometry of a bag that has several")
    parser.add_argument(
        "--spacing",
        type=float,
        default=2.0,
        help="m between places, where positions are known (default 2)",
    )
    parser.add_argument(
        "--period",
        type=float,
        default=1.0,
        help="s between places of a bag without odometry (default 1)",
    )


def _sampling_of(args: argparse.Namespace) -> Sampling:
    from spikeloop.parameters import build_config, parameters_of
    from spikeloop.perception.place.drive import Sampling

    given = vars(args)
    return build_config(Sampling, {n: given[n] for n in parameters_of(Sampling) if n in given})


def train(args: argparse.Namespace) -> int:
    """Learn a route and write its map."""
    from spikeloop.datasets.source import DatasetError
    from spikeloop.parameters import build_config
    from spikeloop.perception.place.aligning import aligned
    from spikeloop.perception.place.drive import SOURCE_WORDS, DriveError, load_drive
    from spikeloop.perception.place.pictures import PictureConfig
    from spikeloop.perception.place.place_map import MapError, load_map, save_map
    from spikeloop.perception.place.temporal_config import TemporalConfig

    out: Path = args.out or Path("out") / "train_place"
    _check_training(args, out)
    options = vars(args)
    try:
        known = load_map(args.extend) if args.extend else None
        chosen = {name: options[name] for name in ("side", "patch")}
        picture = known.picture if known else build_config(PictureConfig, chosen)
        config = build_config(
            TemporalConfig, {name: options[name] for name in ("features", "module_places")}
        )
        sampling = _sampling_of(args)
        drives = [load_drive(path, picture, sampling) for path in args.reference]
        references, poses = aligned(drives, [str(path) for path in args.reference], args.spacing)
    except (DatasetError, DriveError, MapError, ParameterError) as error:
        raise TaskError(str(error)) from error
    _check_contrast(references, args.reference)
    source = drives[0].source
    if known and known.source != source:
        made, new = SOURCE_WORDS[known.source], SOURCE_WORDS[source]
        raise TaskError(f"{args.extend}: was made of {made}, not of {new}")
    if known and known.placed != drives[0].placed:
        raise TaskError(
            f"{args.extend}: has {'' if known.placed else 'no '}positions, unlike the new drives"
        )
    if known and not known.placed:
        poses[:, 0] += known.places
    began = time.perf_counter()
    place_map = _learned(args, known, references, poses, picture, config, source)
    place_map = replace(place_map, placed=drives[0].placed)
    save_map(place_map, out / MAP)
    about = {
        "places": place_map.places,
        "traversals": len(references),
        "networks": len(place_map.networks),
        "seed": args.seed,
        "train_s": round(time.perf_counter() - began, 2),
        "sampling": asdict(sampling),
        "references": [path.name for path in args.reference],
    }
    (out / "place.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    print(f"{out / MAP}: {place_map.places} places, learned in {about['train_s']} s")
    return 0


def _check_training(args: argparse.Namespace, out: Path) -> None:
    """Refuse options that nothing else checks, and fill in what a new map has by default."""
    decided = _of_new_maps()
    given = [name for name in decided if getattr(args, name) is not None]
    if args.extend and given:
        raise TaskError(f"--{given[0]} can't be chosen with --extend: {args.extend} has its own")
    for name, (_, default, _) in decided.items():
        if name not in given:
            setattr(args, name, default)
    if args.networks < 0 or args.seed < 0:
        raise TaskError("--networks and --seed are at least 0")
    if out.exists() and not out.is_dir():
        raise TaskError(f"--out {out}: is a file; a folder is needed")


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
    data = parser.add_argument_group(
        "recorded drives (with --data PATH)",
        "Of Brisbane-Event-VPR events are read; frames with --topic /dvs/image_raw.",
    )
    data.add_argument("--reference", action="append", default=[], metavar="DRIVE")
    data.add_argument("--query", action="append", default=[], metavar="DRIVE")
    data.add_argument("--every", type=int, default=1, help="Nordland: pictures a place (default 1)")
    _add_sampling(data)
    data.add_argument(
        "--within",
        type=float,
        metavar="M",
        help="m from a query within which a place is right (default: of St Lucia 20, of "
        "Brisbane-Event-VPR 70, else only the nearest is)",
    )
    data.add_argument(
        "--shift",
        type=float,
        default=0.0,
        metavar="S",
        help="s added to the times of tracks of Brisbane-Event-VPR (default 0)",
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


_LEAST = {
    "worlds": 1, "places": 2, "long_places": 0, "first_seed": 0, "every": 1, "networks": 1,
    "stdp_networks": 0, "stdp_places": 0, "tolerance": 0, "seed": 0,
}  # fmt: skip
"""Least values of the options of `eval`."""


def evaluate(args: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure all methods, on worlds that nothing was chosen on or on recorded drives."""
    from spikeloop.datasets.source import DatasetError
    from spikeloop.perception.place.drive import DriveError
    from spikeloop.perception.place.recorded import USUAL
    from spikeloop.perception.place.routes import RouteError

    for name, least in _LEAST.items():
        if not getattr(args, name) >= least:
            option = name.replace("_", "-")
            raise TaskError(f"--{option} is at least {least}, not {getattr(args, name)}")
    if args.data is None:
        for name, usual in {"reference": [], "query": [], **USUAL}.items():
            if getattr(args, name, usual) != usual:
                raise TaskError(f"--{name} needs --data, the folder of recorded drives")
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

    from spikeloop.perception.place.pictures import PictureConfig
    from spikeloop.perception.place.recorded import Choice, kind_of, recorded_trial, within_of

    if args.within is not None and not args.within >= 0.0:
        raise TaskError(f"--within must be at least 0, not {args.within:g}")
    choice = Choice(args.reference, args.query, args.every, _sampling_of(args), args.within)

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
        "within_m": None if kind == "nordland" else within_of(kind, choice),
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
