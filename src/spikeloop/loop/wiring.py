"""Who reads what in a mission: derived from the nodes' own declarations and the slot table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spikeloop.loop.lockstep import Lockstep, Timing
from spikeloop.loop.slots import slot


@dataclass(frozen=True)
class Member:
    """One node of a mission, as far as the wiring goes.

    Attributes:
        slot: its slot.
        node: name of the node.
        publishes: topics that it publishes.
        reads: topics that it subscribes to.
        joins: those of `reads` that oblige an answer.
        period_s: period of its answers; 0 where the slot's default holds.

    """

    slot: str
    node: str
    publishes: tuple[str, ...]
    reads: tuple[str, ...]
    joins: tuple[str, ...]
    period_s: float = 0.0


def schedules(
    members: Iterable[Member],
    sensors: Mapping[str, int],
    start_ns: int,
    tick_ns: int,
    setpoint_period: int,
) -> tuple[dict[str, Lockstep], Lockstep]:
    """The lockstep schedule of each member, and that of the simulator's bridge.

    Args:
        members: nodes in order of dependency.
        sensors: period of each of the simulator's sensor topics, in ticks.
        start_ns: stamp of tick 0.
        tick_ns: duration of a tick.
        setpoint_period: ticks between two set-points; 0 where the mission has none.

    Returns:
        (by slot, of the bridge). The bridge's inputs are the outputs that it must wait for, in
        order of dependency.

    """
    members = list(members)
    periods = dict(sensors)
    if setpoint_period:
        periods["setpoint"] = setpoint_period
    streams = {name: Timing(period) for name, period in periods.items()}
    owed: dict[str, Timing] = {}
    for member in members:
        ticks = round(member.period_s * 1e9 / tick_ns)
        if not ticks and member.slot == "gate":
            # It answers each raw command.
            ticks = min((owed[name].period for name in member.reads if name in owed), default=0)
        ticks = ticks or slot(member.slot).period_ticks
        for name in member.publishes:
            if name in slot(member.slot).due:
                owed[name] = Timing(ticks)
    streams |= owed
    result = {}
    for member in members:
        own = [owed[name] for name in member.publishes if name in owed]
        joined = member.joins or tuple(n for n in member.reads if n in owed)
        result[member.slot] = Lockstep(
            start_ns,
            tick_ns,
            timing=own[0] if own else Timing(),
            inputs={name: streams[name] for name in joined if name in streams},
            readers={name: _readers(name, members) + (name in owed) for name in member.publishes},
        )
    bridge = Lockstep(
        start_ns,
        tick_ns,
        inputs=owed,
        readers={name: _readers(name, members) for name in periods},
    )
    return result, bridge


def _readers(name: str, members: list[Member]) -> int:
    return sum(name in member.reads for member in members)
