"""How a network that was made for given gains compares with their PID, on any of the plants.

Both fly the same episodes of the environment itself, with seeds that took no part in tuning. What
goes wrong in some variants happens to both alike, without their knowing: the actuator gives half of
its range or stands still for a while, measurements come late or not at all.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import astuple, dataclass, replace

import gymnasium
import numpy as np
from tqdm import tqdm

from spikeloop.control.pid.axes import (
    Axis,
    Decide,
    axis_of,
    fly_axis,
    own_units,
    scaled_metrics,
)
from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.pid import Pid
from spikeloop.control.spiking_pid.ablation import quantised_terms, without_integral
from spikeloop.control.spiking_pid.evaluation import (
    QUICK_SEEDS,
    TEST_SEEDS,
    Outcome,
    ratios_of,
)
from spikeloop.control.spiking_pid.terms import SpikingTerms, TermWeights
from spikeloop.metrics.step_response import Flight, find_steps
from spikeloop.parallel import run_all

EPISODES, SEEDS_OF_TRIALS = 2, 10
"""Episodes a seed of the two controllers; seeds, of one episode each, of what goes wrong."""
HOLD_S, GONE_S, STUCK_S = 0.5, 2.0, 6.0
"""How long a command is kept without measurements, how long those are gone, and how long the
actuator stands still; in the pace of a blimp's altitude."""
LATE_DECISIONS = 2
HALF = 0.5
FAULTS = ("usual", "half", "stuck", "gone", "late")
DEAD_SHARE = 0.1
_FIGURES = ("mae", "overshoot_pct", "settling_s", "steady", "activity")
"""Those of `TrackingMetrics`, in a plant's own units."""


@dataclass(frozen=True)
class Trial:
    """A controller, and what goes wrong.

    Attributes:
        name: prefix of its figures.
        gains: of a PID; None for the spiking one.
        weights: of the spiking one.
        fault: one of `FAULTS`.
        dead: share of the neurons that never fire.

    """

    name: str
    gains: PidConfig | None = None
    weights: TermWeights | None = None
    fault: str = "usual"
    dead: float = 0.0


def trials(gains: PidConfig, weights: TermWeights, all_of_them: bool) -> list[tuple[Trial, str]]:
    """What is flown, each with the name of the trial that it is compared with."""
    found = [(Trial("pid", gains), "pid"), (Trial("", weights=weights), "pid")]
    if not all_of_them:
        return found
    found.append((Trial("pid_few", gains), "pid_few"))
    for fault in FAULTS[1:]:
        found.append((Trial(f"pid_{fault}", gains, fault=fault), "pid_few"))
        found.append((Trial(fault, weights=weights, fault=fault), f"pid_{fault}"))
    found.append((Trial("pid_without_i", replace(gains, ki=0.0)), "pid_few"))
    found.append((Trial("without_i", weights=without_integral(weights)), "pid_few"))
    found.append((Trial("int8", weights=quantised_terms(weights)), "pid_few"))
    found.append((Trial("dead10", weights=weights, dead=DEAD_SHARE), "pid_few"))
    return found


def fly_trial(plant: str, trial: Trial, seed: int, episodes: int) -> Outcome:
    """All episodes of one seed; episode k of seed s is seed 1000 s + k of the environment."""
    axis = axis_of(plant)
    environment = gymnasium.make(axis.environment)
    flights: list[Flight] = []
    costs: list[tuple[float, ...]] = []
    for episode in range(1000 * seed, 1000 * seed + episodes):
        decide = faulty(_controller(trial, episode, costs), axis, trial.fault)
        flights.append(fly_axis(axis, environment, decide, episode))
    environment.close()
    spikes, operations, energy = np.mean(costs, axis=0).tolist() if costs else (0.0, 0.0, 0.0)
    farthest = max(_farthest(axis, flight) for flight in flights)
    lowest = min(float(flight.altitude_m.min()) for flight in flights)
    return Outcome(scaled_metrics(axis, flights), lowest, farthest, spikes, operations, energy)


def _controller(trial: Trial, episode: int, costs: list[tuple[float, ...]]) -> Decide:
    if trial.gains is not None:
        pid, period = Pid(trial.gains), trial.gains.period
        return lambda setpoint, seen: pid.update(setpoint, seen, period)
    assert trial.weights is not None
    spiking = SpikingTerms(trial.weights)
    dead = np.random.default_rng(episode).random(spiking.alive.shape) < trial.dead
    spiking.alive[dead] = 0.0
    before: list[float] = []

    def decide(setpoint: float, seen: float) -> float:
        jump = setpoint - before.pop() if before else 0.0
        before.append(setpoint)
        command = spiking.update(setpoint - seen, jump)
        cost = spiking.cost
        costs.append((cost.spikes, cost.synaptic_operations, cost.energy_j))
        return command

    return decide


def faulty(decide: Decide, axis: Axis, fault: str) -> Decide:
    """The same controller in a loop where something goes wrong in the third stretch, or ever.

    Raises:
        ValueError: there is no such fault.

    """
    if fault not in FAULTS:
        raise ValueError(f"unknown fault '{fault}'; there are: {', '.join(FAULTS)}")
    second = axis.pace / axis.period_s
    begins = round((60.0 if axis.name != "blimp_forward" else 90.0) * second)
    changed: dict[str, Callable[[int, float, float], float]] = {
        "usual": lambda count, setpoint, seen: decide(setpoint, seen),
        "half": lambda count, setpoint, seen: min(max(decide(setpoint, seen), -HALF), HALF),
        "stuck": _Stuck(decide, begins, round(STUCK_S * second)),
        "gone": _Gone(decide, begins, round(GONE_S * second), round(HOLD_S * second)),
        "late": _Late(decide),
    }
    count = -1

    def decided(setpoint: float, seen: float) -> float:
        nonlocal count
        count += 1
        return changed[fault](count, setpoint, seen)

    return decided


@dataclass
class _Stuck:
    """The actuator stands still for a while, whatever it is told."""

    decide: Decide
    begins: int
    lasts: int

    def __call__(self, count: int, setpoint: float, seen: float) -> float:
        asked = self.decide(setpoint, seen)
        return 0.0 if self.begins <= count < self.begins + self.lasts else asked


@dataclass
class _Gone:
    """No measurement for a while: the last command is kept, then the safe one is sent."""

    decide: Decide
    begins: int
    lasts: int
    kept: int
    last: float = 0.0

    def __call__(self, count: int, setpoint: float, seen: float) -> float:
        if self.begins <= count < self.begins + self.lasts:
            return self.last if count < self.begins + self.kept else 0.0
        self.last = self.decide(setpoint, seen)
        return self.last


class _Late:
    """Measurements come late."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._seen: deque[float] = deque(maxlen=LATE_DECISIONS + 1)

    def __call__(self, count: int, setpoint: float, seen: float) -> float:
        self._seen.append(seen)
        return self._decide(setpoint, self._seen[0])


def _farthest(axis: Axis, flight: Flight) -> float:
    """Largest error in the last fifth of a stretch, in the plant's unit."""
    error = np.abs(flight.setpoint_m - flight.altitude_m)
    steps = find_steps(flight.setpoint_m, flight.altitude_m)
    return max(float(error[s.end - (s.end - s.first) // 5 : s.end].max()) for s in steps)


def evaluate_axis(
    plant: str,
    gains: PidConfig,
    weights: TermWeights,
    *,
    workers: int,
    quick: bool,
    ablations: bool,
    cluster: str = "",
) -> dict[str, float]:
    """Flat figures of one plant: ratios to the PID, and absolute ones in the plant's units."""
    flown = trials(gains, weights, ablations)
    seeds = TEST_SEEDS[:QUICK_SEEDS] if quick else TEST_SEEDS
    jobs = []
    for trial, _ in flown:
        main = trial.name in ("", "pid")
        episodes = EPISODES if main and not quick else 1
        some = seeds if main else seeds[:SEEDS_OF_TRIALS]
        jobs += [(plant, trial, seed, episodes) for seed in some]
    with tqdm(total=len(jobs), unit="seed", disable=not sys.stderr.isatty()) as bar:
        outcomes = run_all(
            fly_trial, jobs, workers=workers, cluster=cluster, tell=lambda *_: bar.update()
        )
    by_name: dict[str, list[Outcome]] = {}
    for (_, trial, _, _), outcome in zip(jobs, outcomes, strict=True):
        by_name.setdefault(trial.name, []).append(outcome)
    return _summary(axis_of(plant), by_name, {trial.name: base for trial, base in flown})


def _summary(
    axis: Axis, outcomes: dict[str, list[Outcome]], bases: dict[str, str]
) -> dict[str, float]:
    spiking = outcomes[""]
    found = ratios_of(spiking, outcomes["pid"], intervals=True)
    for name, rows in (("pid", outcomes["pid"]), ("spiking", spiking)):
        own = [astuple(own_units(axis, outcome.metrics)) for outcome in rows]
        means = np.mean(own, axis=0).tolist()
        found |= {f"{name}_{key}": value for key, value in zip(_FIGURES, means, strict=True)}
        found[f"{name}_farthest"] = max(outcome.farthest_m for outcome in rows)
    found["spikes"] = float(np.mean([outcome.spikes for outcome in spiking]))
    found["synaptic_operations"] = float(np.mean([outcome.operations for outcome in spiking]))
    found["energy_nj"] = float(np.mean([outcome.energy_j for outcome in spiking])) * 1e9
    for name, base in bases.items():
        if name in ("", "pid", "pid_few"):
            continue
        ratios = ratios_of(outcomes[name], outcomes[base], intervals=False)
        found |= {f"{name}_{key}": value for key, value in ratios.items()}
        found[f"{name}_farthest"] = max(outcome.farthest_m for outcome in outcomes[name])
    return found
