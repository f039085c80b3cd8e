"""Launch descriptions of missions and single nodes: the one place that starts our processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from launch.actions import (
    IncludeLaunchDescription,
    RegisterEventHandler,
    SetEnvironmentVariable,
    Shutdown,
)
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node
from spikeloop_sim.preparations import prepared
from spikeloop_sim.robot import Robot
from spikeloop_sim.robots import robot_of

from launch import LaunchDescription, LaunchService
from spikeloop.launching.stopped import StoppedWatch
from spikeloop.loop.criteria import new_flight
from spikeloop.loop.domain import own_domain
from spikeloop.loop.flight import NO_REPORT, write_report
from spikeloop.loop.lockstep import Lockstep
from spikeloop.loop.mission import Mission, MissionError, load_mission, share_directory
from spikeloop.loop.slots import SLOTS, TOPICS
from spikeloop.loop.transport import sweep
from spikeloop.loop.wiring import Member, schedules
from spikeloop.nodes.bridge_config import START_NS, BridgeConfig
from spikeloop.nodes.monitor import MonitorConfig
from spikeloop.nodes.registry import UnknownNodeError, node_type, node_types
from spikeloop.parameters import build_config, parameters_of, suggestion

SIGTERM_AFTER_S = "2.0"
SIGKILL_AFTER_S = "0.5"
SETPOINT_S = 0.1
RESPAWN_AFTER_S = 0.1


@dataclass(frozen=True)
class MissionOptions:
    """How a mission is flown this time."""

    seed: int = 0
    duration: float = 0.0
    realtime: bool = False
    pace: float = 0.0
    """Seconds of the world in one of the clock's; 0 for the mission's own."""
    report: str = ""
    faults: tuple[str, ...] = ()
    respawn: tuple[str, ...] = ()
    record: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of nodes, by slot, beside those of the mission."""


LARGE = ("event_camera_msgs/", "sensor_msgs/msg/Image", "sensor_msgs/msg/PointCloud2")
"""Types of which a message can fill more than a few datagrams."""
RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def environment(topics: Iterable[str]) -> list[SetEnvironmentVariable]:
    """Discovery on this machine only and the transport that suits the topics, unless set already.

    Large messages go by shared memory. Small ones don't need it, and without it no process can
    block another one. On this machine only, that takes a profile that names the interface, for with
    the range LOCALHOST rmw_fastrtps adds shared memory to whatever a profile says.
    """
    large = any(TOPICS[name].type.startswith(LARGE) for name in topics if name in TOPICS)
    has_profile = any(name in os.environ for name in PROFILES)
    wanted_range = os.environ.get(RANGE, "LOCALHOST")
    if large or has_profile:
        profile, discovery = "fastdds.xml", wanted_range
    elif wanted_range == "LOCALHOST":
        profile, discovery = "fastdds_small_local.xml", "SYSTEM_DEFAULT"
    else:
        profile, discovery = "fastdds_small.xml", wanted_range
    values = {RANGE: discovery}
    if not has_profile:
        file = str(share_directory() / "config" / profile)
        values |= dict.fromkeys(PROFILES, file)
    return [SetEnvironmentVariable(name, value) for name, value in values.items()]


def node_action(
    name: str, parameters: Sequence[Mapping[str, Any] | str] = (), **options: Any
) -> Node:
    """The launch action of one of our nodes, with both kill time-outs."""
    return Node(
        package="spikeloop",
        executable=name,
        name=name,
        output="screen",
        parameters=list(parameters),
        sigterm_timeout=SIGTERM_AFTER_S,
        sigkill_timeout=SIGKILL_AFTER_S,
        **options,
    )


def node_description(name: str, parameters_file: str = "") -> LaunchDescription:
    """One node, with its YAML from `config/` unless another is given."""
    kind = node_type(name)
    publishes, reads, _ = kind.wiring(kind.config_type())
    usual = share_directory() / "config" / f"{name}.yaml"
    file = parameters_file or (str(usual) if usual.exists() else "")
    return LaunchDescription(
        [
            *environment((*publishes, *reads)),
            node_action(name, [file] if file else [], on_exit=Shutdown()),
        ]
    )


def mission_description(
    name: str,
    swaps: Mapping[str, str],
    options: MissionOptions,
    watch: StoppedWatch | None = None,
) -> LaunchDescription:
    """All processes of a mission.

    Raises:
        MissionError, UnknownNodeError, ParameterError: naming what exists and what is close.

    """
    mission = load_mission(name)
    nodes = mission_nodes(mission, swaps)
    folder = Path(options.report or tempfile.mkdtemp(prefix="spikeloop_"))
    for more in (prepared(mission, options.seed, folder), options.parameters):
        mission = _with_parameters(mission, more)
    for slot_name in options.respawn:
        if slot_name not in nodes:
            raise MissionError(f"respawn: no slot '{slot_name}'{suggestion(slot_name, nodes)}")
    members = [_member(mission, slot_name, node) for slot_name, node in nodes.items()]
    robot = robot_of(mission)
    of_slot, of_bridge = _schedules(mission, robot, members)
    if options.record:
        # Begun before the recorder has found the sensors, a short mission would be half recorded.
        with_recorder = {name: count + 1 for name, count in of_bridge.readers.items()}
        of_bridge = replace(of_bridge, readers=with_recorder)
    topics = [name for member in members for name in (*member.publishes, *member.reads)]
    topics += [spec.topic for spec in robot.sensors]
    actions: list[Any] = [*environment(topics), *(watch or StoppedWatch()).actions()]
    for slot_name, node in nodes.items():
        lockstep = "" if options.realtime else of_slot[slot_name].to_json()
        actions.append(slot_action(mission, slot_name, node, options, lockstep))
    # Who is started again falls silent meanwhile; in lockstep the bridge waits for it.
    watched = [f"/{node}" for slot_name, node in nodes.items() if slot_name not in options.respawn]
    watching = {**_of_helper(mission, "monitor", MonitorConfig), "watch": [*watched, "/bridge"]}
    actions.append(node_action("monitor", [watching], **_ends("monitor")))
    if options.record:
        file = str(Path(options.report) / "recording.mcap")
        actions.append(node_action("recorder", [{"file": file}], **_ends("recorder")))
    if options.pace:
        mission = _with_parameters(mission, {"simulator": {"pace": options.pace}})
    bridge = _of_helper(mission, "simulator", BridgeConfig)
    bridge |= _bridge_parameters(name, nodes, options, of_bridge)
    if unread := _unread(robot, members, options):
        bridge["leave_out"] = unread
    actions.append(node_action("bridge", [bridge], **_ends("bridge")))
    return LaunchDescription(actions)


def _with_parameters(mission: Mission, more: Mapping[str, Mapping[str, Any]]) -> Mission:
    """The mission with more parameters of nodes, all of which its nodes must know."""
    merged = dict(mission.parameters)
    for slot_name, given in more.items():
        merged[slot_name] = {**merged.get(slot_name, {}), **given}
    return replace(mission, parameters=merged)


def _schedules(
    mission: Mission, robot: Robot, members: Sequence[Member]
) -> tuple[dict[str, Lockstep], Lockstep]:
    """Lockstep schedules of the nodes, by slot, and of the bridge."""
    tick_ns = round(robot.tick_s * 1e9)
    specs = [spec for spec in robot.sensors if spec.topic in TOPICS and spec.period_ticks]
    sensors = {spec.topic: spec.period_ticks for spec in specs}
    setpoint_ticks = max(1, round(SETPOINT_S * 1e9 / tick_ns)) if mission.has_setpoints else 0
    return schedules(members, sensors, START_NS, tick_ns, setpoint_ticks)


def _unread(robot: Robot, members: Sequence[Member], options: MissionOptions) -> list[str]:
    """Costly sensors that nobody will read: no node, no recorder, and no onlooker in lockstep."""
    if options.record or options.realtime:
        return []
    read = {name for member in members for name in member.reads}
    return [spec.topic for spec in robot.sensors if spec.costly and spec.topic not in read]


def slot_action(
    mission: Mission, slot_name: str, node: str, options: MissionOptions, lockstep: str
) -> Node:
    """The process of one slot, with what of the mission's parameters its node knows."""
    own = parameters_of(node_type(node).config_type)
    mine = mission.parameters.get(slot_name, {})
    given = {key: value for key, value in mine.items() if key in own}
    given |= {"use_sim_time": True, "lockstep": lockstep}
    usual = share_directory() / "config" / f"{node}.yaml"
    again = {"respawn": True, "respawn_delay": RESPAWN_AFTER_S}
    return node_action(
        node,
        [*([str(usual)] if usual.exists() else []), given],
        **(again if slot_name in options.respawn else _ends(node)),
    )


def _of_helper(mission: Mission, slot_name: str, config_type: type[Any]) -> dict[str, Any]:
    """What a mission wants of simulator or monitor, slots that it doesn't fill; checked."""
    given = dict(mission.parameters.get(slot_name, {}))
    build_config(config_type, given, f"mission '{mission.name}', slot '{slot_name}': ")
    return given


def _bridge_parameters(
    name: str, nodes: Mapping[str, str], options: MissionOptions, schedule: Lockstep
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "mission": name,
        "seed": options.seed,
        "duration": float(options.duration),
        "report": options.report,
        "nodes": [f"{slot_name}={node}" for slot_name, node in nodes.items()],
        "watch": ["/monitor"],
        # Its clock is the one that it publishes.
        "fresh_within": 0.0,
        "lockstep": "" if options.realtime else schedule.to_json(),
        "readers": [f"{topic}={count}" for topic, count in schedule.readers.items() if count],
        "respawn": list(options.respawn),
        "faults": list(options.faults),
    }
    # ROS knows no list without elements.
    return {key: value for key, value in given.items() if value != []}


def _ends(node: str) -> dict[str, Any]:
    return {"on_exit": Shutdown(reason=f"{node} ended")}


def mission_nodes(mission: Mission, swaps: Mapping[str, str]) -> dict[str, str]:
    """Node in each slot, swaps applied, all names checked.

    Raises:
        MissionError, UnknownNodeError: naming what exists and what is close.

    """
    for slot_name in swaps:
        if slot_name not in mission.slots:
            known = mission.slots if slot_name in SLOTS else SLOTS
            raise MissionError(
                f"mission '{mission.name}' has no slot '{slot_name}'"
                f"{suggestion(slot_name, known)}; it has: {', '.join(mission.slots)}"
            )
    nodes = dict(mission.slots) | dict(swaps)
    types = node_types()
    for slot_name, node in nodes.items():
        if node not in types and f"{slot_name}_{node}" in types:
            # `place:=sad` means place_sad.
            node = nodes[slot_name] = f"{slot_name}_{node}"
        kind = node_type(node)
        if slot_name not in (kind.slot, *getattr(kind, "other_slots", ())):
            raise UnknownNodeError(f"node '{node}' fills slot '{kind.slot}', not '{slot_name}'")
    return nodes


def _member(mission: Mission, slot_name: str, node: str) -> Member:
    kind = node_type(node)
    own = parameters_of(kind.config_type)
    given = mission.parameters.get(slot_name, {})
    # Parameters of a slot are for the node that the mission names; a swapped one takes what fits.
    if node == mission.slots[slot_name]:
        build_config(kind.config_type, given, f"mission '{mission.name}', slot '{slot_name}': ")
    config = build_config(kind.config_type, {k: v for k, v in given.items() if k in own})
    wiring = kind.wiring(config)
    return Member(slot_name, node, *wiring, period_s=float(getattr(config, "period", 0.0)))


def run(description: LaunchDescription) -> int:
    """Run a description to its end; SIGTERM ends it like SIGINT, whichever launch it is."""

    def end_like_interrupt(number: int, frame: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    # Without a terminal nobody else passes an interrupt on to the children.
    service = LaunchService(argv=sys.argv[1:], noninteractive=not sys.stdin.isatty())
    service.include_launch_description(description)
    previous = signal.signal(signal.SIGTERM, end_like_interrupt)
    try:
        return int(service.run())
    finally:
        signal.signal(signal.SIGTERM, previous)


def fly(name: str, swaps: Mapping[str, str], options: MissionOptions) -> dict[str, Any]:
    """Fly a mission to its end; returns what `report.json` in `options.report` says.

    A process that dies is named in the report, even if it was the one that writes it.

    Raises:
        MissionError, UnknownNodeError, ParameterError: naming what exists and what is close.

    """
    watch = StoppedWatch()
    description = mission_description(name, swaps, options, watch)
    mission = load_mission(name)
    folder = Path(options.report)
    file = folder / "report.json"
    file.unlink(missing_ok=True)
    deaths: list[str] = []
    last_error: dict[str, str] = {}

    def hear(event: Any) -> None:
        for line in event.text.decode(errors="replace").splitlines():
            if "[ERROR]" in line or "Error: " in line:
                last_error[event.process_name] = line.split("]: ", 1)[-1].strip()

    def note(event: Any, context: Any) -> None:
        # launch names a process NAME-NUMBER.
        who = event.process_name.rsplit("-", 1)[0]
        respawned = who in (mission_nodes(mission, swaps)[s] for s in options.respawn)
        if not file.exists() and not respawned and not context.is_shutdown:
            said = last_error.get(event.process_name)
            cause = f" after saying: {said}" if said else ""
            deaths.append(f"process '{who}' ended with exit code {event.returncode}{cause}")

    description.add_action(RegisterEventHandler(OnProcessExit(on_exit=note)))
    description.add_action(RegisterEventHandler(OnProcessIO(on_stderr=hear)))
    sweep()
    with own_domain() as domain:
        if domain:
            print(f"mission {name}: ROS_DOMAIN_ID={domain}", flush=True)
        run(description)
    sweep()
    if file.exists():
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    else:
        nodes = mission_nodes(mission, swaps)
        flight = new_flight(mission.name, options.seed, nodes, mission.criteria)
        report = flight.report([], complete=False)
        report["failure"] = NO_REPORT
    cause = watch.cause or "".join(deaths[:1])
    if cause and not report["success"]:
        report["failure"] = f"{cause}; {report['failure']}"
    write_report(folder, report)
    return report


def launch_file(path: Path, arguments: Mapping[str, str]) -> LaunchDescription:
    """Another launch file with arguments, as `ros2 launch` would start it."""
    source = PythonLaunchDescriptionSource(str(path))
    return LaunchDescription(
        [IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))]
    )
