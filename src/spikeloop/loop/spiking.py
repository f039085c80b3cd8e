"""What the spiking nodes of a mission did: spikes, membranes and costs, from its recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikeloop.loop.recording import read_messages

SPIKES, COST = "/loop/spikes", "/loop/cost"


@dataclass
class SpikingRecord:
    """The decisions of one node.

    Attributes:
        layers: neurons by layer.
        time: s since the first decision of any node.
        fired: indices of the neurons that fired in each decision, through all layers.
        potentials: membrane potential of each output at each decision, by name.
        costs: of each decision: spikes, accumulates, multiply_accumulates, energy in J.
        energy_model: what the energy was computed by.

    """

    layers: dict[str, int] = field(default_factory=dict)
    time: list[float] = field(default_factory=list)
    fired: list[list[int]] = field(default_factory=list)
    potentials: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)
    energy_model: str = ""

    def mean_cost(self) -> dict[str, float]:
        """Mean of each cost over the decisions."""
        return {name: sum(values) / len(values) for name, values in self.costs.items() if values}


COSTS = ("spikes", "accumulates", "multiply_accumulates", "energy")


def spiking_records(recording: Path) -> Mapping[str, SpikingRecord]:
    """Read what the spiking nodes told, by node; empty where there were none.

    Raises:
        RecordingError: the file can't be read.

    """
    found: dict[str, SpikingRecord] = {}
    begin: float | None = None
    for topic, message in read_messages(recording, (SPIKES, COST)):
        record = found.setdefault(message.node.lstrip("/"), SpikingRecord())
        at = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
        begin = at if begin is None else begin
        if topic == SPIKES:
            _add_spikes(record, at - begin, message)
        else:
            record.energy_model = message.energy_model
            for name in COSTS:
                record.costs.setdefault(name, []).append(float(getattr(message, name)))
    return found


def _add_spikes(record: SpikingRecord, time_s: float, message: Any) -> None:
    # An answer that was given again is no decision of its own.
    if record.time and time_s <= record.time[-1]:
        return
    sizes = [int(size) for size in message.sizes]
    record.layers = dict(zip(message.layers, sizes, strict=True))
    record.time.append(time_s)
    record.fired.append([int(index) for index in message.fired])
    for name, value in zip(message.outputs, message.potentials, strict=True):
        record.potentials.setdefault(name, []).append(float(value))
