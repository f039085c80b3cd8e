"""Simulated worlds and robots: which there are, and recordings with ground truth.

Examples:
  spikeloop sim worlds
  spikeloop sim record room --seconds 10 --seed 7 out/room
  spikeloop sim record corridor --seconds 60 --seed 1 --seeds 20 --workers 4 out/corridors
  spikeloop sim record road --seconds 30 --seed 3 --robot car --condition night out/night
  spikeloop sim gazebo corridor --seed 1 out/gazebo
  spikeloop sim robot my_robot.sdf                  # what of a URDF or SDF can be simulated
  spikeloop sim record corridor --seconds 5 --mono --size 640x480 --camera noise=0.1 out/clean

A recording that was interrupted goes on when the same command is given again.

"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from spikeloop_sim.datasets.recorder import Order, Outcome

HELP = "simulated worlds and robots, and recordings of them"
CONDITION = "condition"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verbs.add_parser("worlds", help="list the worlds").set_defaults(go=_worlds)
    record = verbs.add_parser(
        "record",
        help="record a world: rosbag2 and DSEC's layout, with all ground truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    record.set_defaults(go=_record)
    _add_record_arguments(record)
    gazebo = verbs.add_parser("gazebo", help="write a world with a robot for Gazebo (SDF)")
    gazebo.set_defaults(go=_gazebo)
    gazebo.add_argument("world", help="see `spikeloop sim worlds`")
    gazebo.add_argument("out", type=Path, help="folder of world.sdf, meshes and bridge.yaml")
    gazebo.add_argument("--seed", type=int, default=1, help="of the world")
    _add_parameter(gazebo, "world", "the world")
    robot = verbs.add_parser(
        "robot",
        help="read a URDF or SDF file as a robot, and tell what of it is simulated",
        description="Reads a file as the robot of a mission: `robot: FILE` in its YAML.",
    )
    robot.set_defaults(go=_robot)
    robot.add_argument("file", type=Path, help="URDF (expanded, not xacro) or SDF")
    robot.add_argument("--model", default="", help="which one, where an SDF file has several")


def _add_record_arguments(record: argparse.ArgumentParser) -> None:
    record.add_argument("world", help="see `spikeloop sim worlds`")
    record.add_argument("out", type=Path, help="folder of the recording; with --seeds, of all")
    record.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    record.add_argument("--seed", type=int, default=1, help="of world, path and sensors")
    record.add_argument(
        "--seeds", type=int, default=0, metavar="COUNT", help="record so many seeds, from --seed on"
    )
    record.add_argument("--robot", default="", help="rover, handheld, flyer or car")
    record.add_argument("--speed", type=float, default=0.0, help="m/s; 0 for the robot's own")
    record.add_argument(
        "--condition", default="", help="of the world, such as night, if it has any"
    )
    record.add_argument("--mono", action="store_true", help="only the left cameras")
    record.add_argument("--size", default="", help="of the cameras (default 346x260)")
    record.add_argument("--rate", type=int, default=0, help="packets and truths a second")
    record.add_argument("--frame-rate", type=int, default=0, help="frames a second")
    record.add_argument("--no-frames", action="store_true", help="without frame cameras")
    record.add_argument("--no-lidar", action="store_true", help="without a LiDAR")
    for name, what in (("world", "the world"), ("camera", "the event cameras"),
                       ("frame", "the frame cameras"), ("rig", "the rig")):  # fmt: skip
        _add_parameter(record, name, what)
    from spikeloop.parallel import add_arguments as add_parallel

    add_parallel(record)


def _add_parameter(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    parser.add_argument(
        f"--{name}",
        dest=f"{name}_parameters",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a parameter of {what}",
    )


def run(args: argparse.Namespace) -> int:
    """Do what the verb says; 2 for what a user has to mend."""
    try:
        return int(args.go(args))
    except ModuleNotFoundError as error:
        print(f"spikeloop sim: {error}; `pip install spikeloop[sim]` brings it", file=sys.stderr)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"spikeloop sim: {error}", file=sys.stderr)
    return 2


def _worlds(_: argparse.Namespace) -> int:
    from spikeloop_sim.datasets.stage import ROOM, stages
    from spikeloop_sim.worlds.catalogue import world

    from spikeloop.parameters import parameters_of

    for name, text in stages().items():
        print(f"{name:14}{text}")
        if name == ROOM:
            continue
        for parameter in parameters_of(world(name).Config).values():
            choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
            print(f"{'':14}  {parameter.name}={parameter.default}{choices}  {parameter.text}")
    return 0


def _gazebo(args: argparse.Namespace) -> int:
    from spikeloop_sim.gazebo.export import export

    file = export(args.world, args.seed, args.out, _values(args.world_parameters, "--world"))
    print(f"{file}; to start it: gz sim -r {file}")
    return 0


def _robot(args: argparse.Namespace) -> int:
    from spikeloop_sim.robot_file import read_robot

    body, model = read_robot(args.file, args.model)
    left, right = body.wheels
    print(
        f"{args.file}: root link '{body.root}', {body.mass + left.mass + right.mass:.3g} kg, "
        f"{2 * body.hull[0]:.2f} x {2 * body.hull[1]:.2f} m\n"
        f"wheels: '{left.joint}' and '{right.joint}', radius {body.radius:.4g} m, "
        f"{body.track:.4g} m apart"
    )
    for frame in body.frames[1:]:
        place = " ".join(f"{value:.3f}" for value in frame.position)
        print(f"{frame.name}: at {place} m in '{frame.parent}'")
    if model.settings:
        wants = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in model.settings.items()
        )
        print(f"robot_parameters from the file: {wants}")
    for text in model.told:
        print(f"note: {text}")
    return 0


def _record(args: argparse.Namespace) -> int:
    from spikeloop_sim.datasets.recorder import record

    from spikeloop.parallel import run_all

    if args.seeds < 0:
        raise ValueError(f"--seeds must be at least 1, not {args.seeds}")
    orders = _orders(args)
    if len(orders) == 1 and not args.cluster:
        _tell(_with_bar(orders[0]))
        return 0
    from tqdm import tqdm

    with tqdm(total=len(orders), unit="recording", disable=None) as bar:

        def done(_: int, outcome: Outcome) -> None:
            bar.update()
            bar.write(_summary(outcome))

        run_all(
            record,
            [(order,) for order in orders],
            workers=args.workers,
            cluster=args.cluster,
            tell=done,
        )
    return 0


def _with_bar(order: Order) -> Outcome:
    from spikeloop_sim.datasets.recorder import record
    from tqdm import tqdm

    with tqdm(
        total=0.0, unit="s", disable=None, bar_format="{l_bar}{bar}| {n:.1f} of {total:.1f} s"
    ) as bar:

        def tell(done: float, of: float) -> None:
            bar.total = of
            bar.update(done - bar.n)

        return record(order, tell)


def _orders(args: argparse.Namespace) -> list[Order]:
    from spikeloop_sim.datasets.recorder import Order

    world = _values(args.world_parameters, "--world")
    if args.condition:
        world[_condition_of(args.world, args.condition)] = args.condition
    rig = _rig(args)
    seeds = range(args.seed, args.seed + (args.seeds or 1))
    return [
        Order(
            args.world,
            seed,
            args.seconds,
            args.out / f"{args.world}_{seed}" if args.seeds else args.out,
            world,
            _values(args.camera_parameters, "--camera"),
            _values(args.frame_parameters, "--frame"),
            rig,
        )
        for seed in seeds
    ]


def _rig(args: argparse.Namespace) -> dict[str, Any]:
    rig = _values(args.rig_parameters, "--rig")
    for name, value in (("carrier", args.robot), ("speed", args.speed), ("rate", args.rate),
                        ("frame_rate", args.frame_rate)):  # fmt: skip
        if value:
            rig[name] = value
    for name, off in (("stereo", args.mono), ("frames", args.no_frames), ("lidar", args.no_lidar)):
        if off:
            rig[name] = False
    if args.size:
        from spikeloop.events.files.source import unpacked_size

        rig["width"], rig["height"] = unpacked_size(args.size)
    return rig


def _condition_of(name: str, condition: str) -> str:
    """The parameter of a world that has this among its choices."""
    from spikeloop_sim.datasets.stage import ROOM
    from spikeloop_sim.worlds.catalogue import world

    from spikeloop.parameters import parameters_of

    known = {} if name == ROOM else parameters_of(world(name).Config)
    for parameter in known.values():
        if condition in parameter.choices:
            return str(parameter.name)
    there = [choice for parameter in known.values() for choice in parameter.choices]
    raise ValueError(
        f"--condition: world '{name}' has no condition '{condition}'; "
        f"there are: {', '.join(there) or 'none'}"
    )


def _values(texts: Sequence[str], option: str) -> dict[str, Any]:
    """NAME=VALUE, the values as in YAML."""
    found = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ValueError(f"{option} takes NAME=VALUE, not '{text}'")
        found[name] = yaml.safe_load(value)
    return found


def _tell(outcome: Outcome) -> None:
    print(_summary(outcome))


def _summary(outcome: Outcome) -> str:
    events = ", ".join(f"{count} events {side}" for side, count in outcome.events.items())
    resumed = f", {outcome.resumed} of them from before" if outcome.resumed else ""
    return f"{outcome.out}: {outcome.parts} parts{resumed}; {events}"
