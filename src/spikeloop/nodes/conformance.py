"""Checks that a node keeps the contract of its slot: ours, and other people's.

It judges the contract, never taste. The node runs as a process of its own, in a ROS domain of its
own, so a robot that runs beside it notices nothing.
"""

from __future__ import annotations

import math
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from spikeloop.loop.health import Level
from spikeloop.loop.lockstep import Lockstep, Timing
from spikeloop.loop.slots import OF_EVERY_NODE, TOPICS, slot
from spikeloop.loop.wiring import Member, schedules
from spikeloop.nodes.bridge_config import START_NS
from spikeloop.nodes.feeding import Commander, Feeder, Wires, stimuli
from spikeloop.nodes.messages import (
    Message,
    is_finite,
    message_class,
    numbers_of,
    qos_profile,
    to_time,
)
from spikeloop.nodes.slot import SlotNode
from spikeloop.nodes.stimulus import spoiled
from spikeloop.nodes.trial import (
    PATIENCE_S,
    Examiner,
    NodeProcess,
    TrialError,
    examined,
)
from spikeloop.parameters import build_config, parameters_of

QUIET_END_S = 1.5
NAMED_WITHIN_S = 5.0
TICK_NS = 10_000_000
COMMAND_TICKS = 10
UNASKED = ("stop", "/clock")
"""Topics that the checks leave alone: a stop would end the trial, a clock may lose ticks."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: what must hold.
        held: whether it does; None where it doesn't apply to this node.
        detail: figures, or what is wrong, or why it doesn't apply.

    """

    check: str
    held: bool | None
    detail: str


class _DoesNotApplyError(Exception):
    """The check has nothing to judge in this node."""


def check_node(
    kind: type[SlotNode],
    parameters: Mapping[str, Any],
    domain: int | None = None,
    checks: Mapping[str, Callable[[Any], str]] | None = None,
) -> Iterator[Finding]:
    """Run the checks, one finding after the other.

    Args:
        kind: class of the node; its module has the `main` of its executable.
        parameters: what it needs to run, such as the file of a player.
        domain: ROS_DOMAIN_ID of the trial; None draws one.
        checks: some of `CHECKS`; None for all.

    Raises:
        ParameterError: `parameters` are none of the node's, or bad.

    """
    config = build_config(kind.config_type, parameters, f"node '{kind.__module__}': ")
    trial = _Trial(kind, parameters, config, domain or random.SystemRandom().randint(1, 100))
    for title, check in (CHECKS if checks is None else checks).items():
        try:
            yield Finding(title, True, check(trial) or "")
        except _DoesNotApplyError as reason:
            yield Finding(title, None, str(reason))
        except TrialError as error:
            yield Finding(title, False, str(error))


class _Trial:
    """The node, its parameters and its topics."""

    def __init__(
        self, kind: type[SlotNode], parameters: Mapping[str, Any], config: Any, domain: int
    ) -> None:
        self.kind, self.parameters, self.config, self.domain = kind, parameters, config, domain
        self.slot = slot(getattr(config, "slot", kind.slot))
        self.publishes, self.reads, self.joins = kind.wiring(config)
        self.due = tuple(name for name in self.publishes if name in self.slot.due)
        self.fed = tuple(name for name in self.reads if name not in UNASKED)
        self.length = int(getattr(config, "size", 3))

    def type_of(self, name: str) -> str:
        """ROS type of a topic; one of the user's own has the type of what stands for it."""
        if name in TOPICS:
            return TOPICS[name].type
        return next(TOPICS[n].type for n in self.slot.subscribes if n in TOPICS)

    def examined(self, **more: Any) -> Any:
        return examined(self.kind, self.domain, {**self.parameters, **more})

    def process(self, **parameters: Any) -> NodeProcess:
        return NodeProcess(self.kind, self.domain, {**self.parameters, **parameters})

    def wires(self) -> Wires:
        return Wires(
            {name: self.type_of(name) for name in self.fed},
            {n: self.type_of(n) for n in self.due or self.publishes if n not in UNASKED},
            self.length,
        )

    def lockstep(self) -> Lockstep:
        """The schedule as a mission would give it, with us as the one reader of each output."""
        if self.slot.name == "simulator":
            readers = {name: 1 for name in self.publishes if name != "/clock"}
            inputs = {name: Timing(COMMAND_TICKS) for name in self.fed}
            return Lockstep(START_NS, TICK_NS, inputs=inputs, readers=readers)
        member = Member(
            self.slot.name,
            "trial",
            self.publishes,
            self.reads,
            self.joins,
            float(getattr(self.config, "period", 0.0)),
        )
        ticks = round(member.period_s * 1e9 / TICK_NS) or self.slot.period_ticks
        sensors = {name: ticks for name in self.fed if name != "setpoint"}
        of_slot, _ = schedules([member], sensors, START_NS, TICK_NS, ticks)
        return of_slot[self.slot.name]


# --- the checks, each a sentence with its function ------------------------------------------------


def _contract(trial: _Trial) -> str:
    free = trial.slot.name == "gate"  # its sources may have names of the user's
    for what, names, allowed in (
        ("publishes", trial.publishes, (*trial.slot.publishes, *OF_EVERY_NODE)),
        ("subscribes to", () if free else trial.reads, trial.slot.subscribes),
    ):
        for name in names:
            if name not in allowed:
                raise TrialError(
                    f"{what} '{name}', but slot '{trial.slot.name}' has: "
                    f"{', '.join(allowed) or 'none'}"
                )
    if trial.due and not trial.reads:
        raise TrialError(f"owes {', '.join(trial.due)}, but reads nothing that could oblige it")
    parameters_of(trial.kind.config_type)
    if not trial.kind.text:
        raise TrialError("has no `text`")
    return f"slot {trial.slot.name}"


def _lifecycle(trial: _Trial) -> str:
    with trial.examined(autostart=False) as (process, examiner):
        _expect_state(examiner, process, "unconfigured")
        if examiner.change(process, "activate"):
            raise TrialError("granted 'activate' in state 'unconfigured'")
        _change(examiner, process, {"configure": "inactive"})
        for _ in range(2):
            _change(examiner, process, {"activate": "active", "deactivate": "inactive"})
        _change(examiner, process, {"cleanup": "unconfigured", "configure": "inactive"})
    with trial.examined(autostart=False) as (process, examiner):
        _change(examiner, process, {"configure": "inactive", "shutdown": "finalized"})
    return "configured, activated twice, cleaned up, configured again; shut down when never active"


def _change(examiner: Examiner, process: NodeProcess, transitions: Mapping[str, str]) -> None:
    """Run transitions, each with the state that must follow."""
    for label, state in transitions.items():
        if not examiner.change(process, label):
            raise TrialError(f"refused '{label}'; it said:\n{process.output}")
        _expect_state(examiner, process, state)


def _expect_state(examiner: Examiner, process: NodeProcess, state: str) -> None:
    found = examiner.state(process)
    if found != state:
        raise TrialError(f"is '{found}' where it should be '{state}'")


def _until_active(process: NodeProcess, examiner: Examiner) -> None:
    """How long a node takes to start isn't for the check that comes then to judge."""
    examiner.wait(process, lambda: examiner.state(process) == "active", "active")


def _endpoints(trial: _Trial) -> str:
    with trial.examined() as (process, examiner):
        node = examiner.node
        for names, find in (
            (trial.publishes, node.get_publishers_info_by_topic),
            (trial.reads, node.get_subscriptions_info_by_topic),
        ):
            for name in names:
                ends = examiner.wait(
                    process,
                    lambda n=name, f=find: [
                        e for e in f(node.resolve_topic_name(n)) if e.node_name == examiner.name
                    ],
                    f"an endpoint on {name}",
                )
                _compare(name, ends[0], trial)
        examiner.wait(process, lambda: examiner.heard, "a message on /diagnostics")
    return f"{len(trial.publishes)} out, {len(trial.reads)} in, diagnostics"


def _compare(name: str, end: Any, trial: _Trial) -> None:
    if end.topic_type != trial.type_of(name) and name in TOPICS and not _is_twist(end.topic_type):
        raise TrialError(f"{name} has type {end.topic_type}, not {trial.type_of(name)}")
    if name not in TOPICS:
        return
    wanted, has = qos_profile(TOPICS[name].qos), end.qos_profile
    for policy in ("reliability", "durability"):
        if getattr(has, policy) != getattr(wanted, policy):
            raise TrialError(
                f"{name}: {policy} is {getattr(has, policy).name}, "
                f"not {getattr(wanted, policy).name}"
            )


def _is_twist(type_name: str) -> bool:
    return type_name == "geometry_msgs/msg/Twist"


def _same_bits(trial: _Trial) -> str:
    if trial.slot.name == "simulator":
        return _compare_runs(trial, trial.lockstep(), Commander)
    if not trial.due:
        raise _DoesNotApplyError(f"slot '{trial.slot.name}' owes no output")
    return _compare_runs(trial, trial.lockstep(), Feeder)


def _compare_runs(
    trial: _Trial, lockstep: Lockstep, partner_type: type[Feeder] | type[Commander]
) -> str:
    runs = []
    for _ in range(2):
        with trial.examined(lockstep=lockstep.to_json()) as (process, examiner):
            partner = partner_type(trial.wires(), lockstep, process, examiner)
            runs.append(partner.run())
            for label in ("deactivate", "activate"):
                partner.begin()
                if not examiner.change(process, label):
                    raise TrialError(f"refused '{label}'; it said:\n{process.output}")
            runs.append(partner.run())
    for other, how in zip(runs[1:], ("re-activation", "a second process", "both"), strict=True):
        for key, data in runs[0].items():
            if other.get(key) != data:
                where = f"{key[0]} at stamp {key[1]} differs after {how}"
                raise TrialError(f"{where}: {_difference(data, other.get(key))}")
    return f"{len(runs[0])} outputs, equal after re-activation and in a second process"


def _difference(first: str, other: str | None) -> str:
    """Two outputs around the first letter in which they differ."""
    if other is None:
        return "it is missing"
    pairs = enumerate(zip(first, other, strict=False))
    at = next((k for k, (a, b) in pairs if a != b), min(len(first), len(other)))
    near = slice(max(at - 30, 0), at + 30)
    return f"'{first[near]}' became '{other[near]}'"


def _bad_inputs(trial: _Trial) -> str:
    judged = [n for n in trial.fed if spoiled(trial.type_of(n), 0.0, trial.length) is not None]
    if not judged:
        raise _DoesNotApplyError("reads no numbers")
    with trial.examined() as (process, examiner):
        outputs = _watch_outputs(trial, examiner)
        publishers = {
            name: examiner.node.create_publisher(
                message_class(trial.type_of(name)),
                name,
                qos_profile(Lockstep.qos(TOPICS[name].qos)),
            )
            for name in trial.fed
            if name in TOPICS
        }
        _until_active(process, examiner)
        for name in judged:
            for word, value, age_ns in (
                ("not finite", math.nan, 0),
                ("not finite", math.inf, 0),
                ("stale", 0.5, 10_000_000_000),
            ):
                bad = spoiled(trial.type_of(name), value, trial.length)
                _until_named(trial, process, examiner, publishers, (name, bad, age_ns), word)
        if any(not is_finite(numbers) for numbers in outputs):
            raise TrialError("published a number that isn't finite")
    return f"NaN, Inf and stale stamps on {', '.join(judged)}: named, and none passed on"


def _watch_outputs(trial: _Trial, examiner: Examiner) -> list[tuple[float, ...]]:
    outputs: list[tuple[float, ...]] = []
    for name in trial.due:
        examiner.node.create_subscription(
            message_class(trial.type_of(name)),
            name,
            lambda message: outputs.append(numbers_of(message)),
            qos_profile(TOPICS[name].qos),
        )
    return outputs


def _until_named(
    trial: _Trial,
    process: NodeProcess,
    examiner: Examiner,
    publishers: Mapping[str, Any],
    fault: tuple[str, Message, int],
    word: str,
) -> None:
    """Send one bad input among good ones until diagnostics name topic and fault."""
    bad_name, bad, age_ns = fault
    examiner.heard.clear()
    count = 0

    def named() -> bool:
        nonlocal count
        count += 1
        now = examiner.node.get_clock().now().nanoseconds
        for name, message in stimuli(trial.wires(), count).items():
            message = bad if name == bad_name else message
            if name in publishers and hasattr(message, "header"):
                message.header.stamp = to_time(now - (age_ns if name == bad_name else 0))
                publishers[name].publish(message)
        return any(
            entry.level != bytes([Level.OK])
            and any(bad_name in text and word in text for text in _texts(entry))
            for entry in examiner.heard
        )

    examiner.wait(process, named, f"diagnosis '{bad_name}: {word}'", NAMED_WITHIN_S)


def _texts(entry: Any) -> list[str]:
    return [entry.message, *(f"{pair.key} {pair.value}" for pair in entry.values)]


def _bad_parameters(trial: _Trial) -> str:
    wrong: dict[str, Any] = {"autostrat": True}
    for entry in parameters_of(trial.kind.config_type).values():
        if entry.low is not None and not entry.is_array:
            wrong.setdefault(entry.name, entry.kind(entry.low - 1))
            break
    for entry in parameters_of(trial.kind.config_type).values():
        if entry.kind is not str and not entry.is_array and entry.name not in wrong:
            wrong[entry.name] = "nonsense"
            break
    with ExitStack() as stack:
        started = {n: stack.enter_context(trial.process(**{n: v})) for n, v in wrong.items()}
        for name, process in started.items():
            code = process.wait(PATIENCE_S)
            if code != 2 or name not in process.output or "Traceback" in process.output:
                raise TrialError(
                    f"parameter {name} = {wrong[name]!r}: exit code {code} instead of 2 and a "
                    f"line that names it:\n{process.output}"
                )
    return f"{', '.join(wrong)}: exit code 2, named"


def _quiet_end(trial: _Trial) -> str:
    slowest = 0.0
    for number in (signal.SIGINT, signal.SIGTERM):
        with trial.examined() as (process, examiner):
            _until_active(process, examiner)
            process.signal(number)
            sent = time.monotonic()
            code = process.wait(PATIENCE_S)
            slowest = max(slowest, time.monotonic() - sent)
            if code != 0 or "Traceback" in process.output:
                raise TrialError(f"{number.name}: exit code {code}:\n{process.output}")
    if slowest > QUIET_END_S:
        raise TrialError(f"took {slowest:.2f} s to end, more than {QUIET_END_S:g} s")
    return f"SIGINT, SIGTERM: exit code 0, {slowest:.2f} s at most"


CHECKS: dict[str, Callable[[_Trial], str]] = {
    "keeps to the topics of its slot": _contract,
    "lifecycle transitions work, forbidden ones are refused": _lifecycle,
    "endpoints have the types and QoS of the table": _endpoints,
    "same inputs, same bits": _same_bits,
    "bad inputs are named and never passed on": _bad_inputs,
    "bad parameters are named": _bad_parameters,
    "ends quietly on a signal": _quiet_end,
}
