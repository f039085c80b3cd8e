"""Energy of a network: modelled from its operations, or measured by the processor's counters.

The two are different things and have different types: `ModelledEnergy` says by which model,
`MeasuredEnergy` by which counter. The constants of all models are in `hardware.yaml`, with their
sources.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import yaml

from spikeloop.parameters import suggestion

PICO = 1e-12


class Counted(Protocol):
    """What the models need of counted operations; see `synaptic_operations.Operations`."""

    @property
    def macs(self) -> float:
        """Effective multiply-accumulates."""

    @property
    def acs(self) -> float:
        """Effective accumulates."""

    @property
    def updates(self) -> float:
        """Neuron updates."""


@dataclass(frozen=True)
class Counts:
    """Operations that were counted otherwise than by `OperationCounter`."""

    macs: float = 0.0
    acs: float = 0.0
    updates: float = 0.0


@dataclass(frozen=True)
class ModelledEnergy:
    """Energy by a model, never by a measurement.

    Attributes:
        joules: J, for what was counted.
        model: name and description of the model.
        source: where its constants come from.
        parts: J by part.

    """

    joules: float
    model: str
    source: str
    parts: dict[str, float]


@dataclass(frozen=True)
class MeasuredEnergy:
    """Energy by a counter of the processor.

    Attributes:
        joules: J, of the whole processor package, whatever else it did.
        seconds: how long it was measured, s.
        counter: which one.

    """

    joules: float
    seconds: float
    counter: str


class EnergyError(ValueError):
    """A profile is unknown or can't tell, or no counter can be read; the message says why."""


@cache
def profiles() -> dict[str, dict[str, Any]]:
    """All hardware profiles, by name."""
    text = files("spikeloop.metrics").joinpath("hardware.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return found


def profile(name: str, part: str) -> dict[str, Any]:
    """The profile of a name, which must have that part.

    Raises:
        EnergyError: it is unknown, or of another kind.

    """
    known = {key for key, value in profiles().items() if part in value}
    if name not in known:
        raise EnergyError(
            f"unknown hardware profile '{name}' (with '{part}'){suggestion(name, known)}; there "
            f"are: {', '.join(sorted(known))}"
        )
    return profiles()[name]


def operation_energy(counted: Counted, hardware: str = "horowitz_45nm") -> ModelledEnergy:
    """Operations times the energy of one: by default 4.6 pJ a MAC and 0.9 pJ an AC at 45 nm.

    Memory isn't in it, which is most of the energy of a real machine.

    Raises:
        EnergyError: the profile is unknown, or the network has MACs and the hardware hasn't.

    """
    chosen = profile(hardware, "operation")
    cost = chosen["operation"]
    if counted.macs and "mac" not in cost:
        raise EnergyError(
            f"'{hardware}' has no figure for multiply-accumulates, but the network does "
            f"{counted.macs:g} of them: give it spikes instead of real values"
        )
    parts = {
        "macs": counted.macs * cost.get("mac", 0.0) * PICO,
        "acs": counted.acs * cost["ac"] * PICO,
    }
    model = f"{hardware}: {chosen['text']}"
    return ModelledEnergy(sum(parts.values()), model, chosen["source"], parts)


def memory_energy(
    counted: Counted,
    weight_bytes: int,
    state_bytes: int,
    word: str = "float32",
    hardware: str = "horowitz_45nm_memory",
) -> ModelledEnergy:
    """Operations with memory: sparsity, word length and access, after STEP (arXiv 2505.11151).

    An AC is an addition, a MAC a multiplication and an addition, of the word length. Each reads a
    weight, each neuron update reads and writes a membrane, from the smallest memory of the
    profile that holds all weights or states, else from DRAM. The form is ours; STEP states which
    parts such a model must have, its table of constants wasn't at hand.

    Args:
        counted: operations.
        weight_bytes: bytes of all weights, see `footprint`.
        state_bytes: bytes of all states.
        word: "int8", "int32", "float16" or "float32".
        hardware: profile with `memory`.

    Raises:
        EnergyError: the profile or the word is unknown.

    """
    chosen = profile(hardware, "memory")
    if word not in chosen["add"]:
        raise EnergyError(
            f"unknown word '{word}'{suggestion(word, chosen['add'])}; there are: "
            f"{', '.join(chosen['add'])}"
        )
    add, multiply = chosen["add"][word], chosen["multiply"][word]
    words = int("".join(filter(str.isdigit, word))) / 64
    weight, state = (_access(chosen, size) * words for size in (weight_bytes, state_bytes))
    parts = {
        "macs": counted.macs * (add + multiply) * PICO,
        "acs": counted.acs * add * PICO,
        "weights": (counted.macs + counted.acs) * weight * PICO,
        "states": counted.updates * 2 * state * PICO,
    }
    model = f"{hardware}: {chosen['text']}, {word}"
    return ModelledEnergy(sum(parts.values()), model, chosen["source"], parts)


def _access(chosen: dict[str, Any], size: int) -> float:
    for capacity, cost in sorted(chosen["memory"].items()):
        if size <= capacity:
            return float(cost)
    return float(chosen["dram"])


RAPL = Path("/sys/class/powercap/intel-rapl:0")


class Rapl:
    """Measures the energy of the processor package by its RAPL counter, from `with` to its end.

    Args:
        folder: the counter; readable by root only on most machines.

    Raises:
        EnergyError: there is none, or it can't be read.

    """

    def __init__(self, folder: Path = RAPL) -> None:
        self.folder = folder
        self._limit = self._read("max_energy_range_uj")
        self.energy: MeasuredEnergy | None = None

    def _read(self, name: str) -> int:
        try:
            return int((self.folder / name).read_text())
        except (OSError, ValueError) as error:
            raise EnergyError(
                f"no energy can be measured here: {self.folder / name} can't be read ({error}); "
                "it needs a processor with RAPL and the right to read it"
            ) from error

    def __enter__(self) -> Rapl:
        """Start."""
        self._began, self._before = time.monotonic(), self._read("energy_uj")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and tell in `energy`; the counter may have started again from 0 once."""
        used = self._read("energy_uj") - self._before
        used += self._limit if used < 0 else 0
        seconds = time.monotonic() - self._began
        self.energy = MeasuredEnergy(used * 1e-6, seconds, str(self.folder))
