"""How the spiking controller compares with the PID of its plant, on the environments themselves.

Both fly the same episodes, from the same observations, at 10 Hz. Ratios are of pooled means
(`spikeloop.metrics.step_response`), with 95 % bootstrap intervals over the seeds. No seed here
took part in tuning, evolution or choice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.flying import PLANTS, Decide, fly
from spikeloop.control.pid.pid import Pid
from spikeloop.control.spiking_pid.ablation import (
    damaged,
    quantised,
    without_adaptation,
    without_network,
)
from spikeloop.control.spiking_pid.network import NEURONS, SpikingPid, Weights
from spikeloop.installed import weights_file
from spikeloop.metrics.step_response import (
    ERROR_FROM_S,
    Flight,
    TrackingMetrics,
    find_steps,
    metric_ratios,
    tracking_metrics,
)
from spikeloop.parallel import run_all

TEST_SEEDS = tuple(range(30_000, 30_020))
EPISODES, EPISODES_OF_VARIANTS = 16, 4
QUICK_SEEDS, QUICK_EPISODES = 2, 1
"""Episodes a seed: of the two controllers, and of what is changed in them."""

GONE_FROM, GONE_FOR = 550, 20
"""Decisions without altimeter, while a set-point of the episode is being approached."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Variant:
    """A controller under test, and the circumstances.

    Attributes:
        name: prefix of its metrics.
        pid: gains, where it is a PID.
        weights: networks, where it is a spiking one.
        dead: share of neurons that never fire.
        noise: factor on the altimeter's noise.
        gone: whether the altimeter is silent for 2 s.

    """

    name: str
    pid: PidConfig | None = None
    weights: Weights | None = None
    dead: float = 0.0
    noise: float = 1.0
    gone: bool = False


@dataclass(frozen=True)
class Outcome:
    """What one variant did on the episodes of one seed.

    Attributes:
        metrics: pooled over the episodes.
        lowest_m: least true altitude, m.
        farthest_m: largest error later than 12 s after a step, m.
        spikes: a decision; 0 for a PID, as the other two.
        operations: accumulates a decision.
        energy_j: J a decision.

    """

    metrics: TrackingMetrics
    lowest_m: float
    farthest_m: float
    spikes: float
    operations: float
    energy_j: float


def reference_gains(plant: str) -> PidConfig:
    """The frozen PID of a plant, from its file in weights/."""
    path = weights_file(f"pid_{plant}", ".json")
    return PidConfig(**json.loads(path.read_text(encoding="utf-8"))["gains"])


def fly_variant(plant: str, variant: Variant, seed: int, episodes: int) -> Outcome:
    """All episodes of one seed; episode k of seed s is seed 1000 s + k of the environment."""
    environment = _environment(plant, variant.noise)
    flights: list[Flight] = []
    costs: list[tuple[float, ...]] = []
    for episode in range(1000 * seed, 1000 * seed + episodes):
        decide = _controller(variant, episode, costs)
        flights.append(fly(environment, _interrupted(decide) if variant.gone else decide, episode))
    environment.close()
    spikes, operations, energy = np.mean(costs, axis=0).tolist() if costs else (0.0, 0.0, 0.0)
    lowest = min(float(flight.altitude_m.min()) for flight in flights)
    farthest = max(_farthest(flight) for flight in flights)
    return Outcome(tracking_metrics(flights), lowest, farthest, spikes, operations, energy)


def _farthest(flight: Flight) -> float:
    steps = find_steps(flight.setpoint_m, flight.altitude_m)
    late = [
        np.abs(flight.setpoint_m - flight.altitude_m)[step.first : step.end][
            flight.time_s[step.first : step.end] - flight.time_s[step.first] >= ERROR_FROM_S
        ]
        for step in steps
    ]
    return float(np.concatenate(late).max())


def _environment(plant: str, noise: float) -> gymnasium.Env[Any, Any]:
    environment = gymnasium.make(PLANTS[plant])
    if noise == 1.0:
        return environment
    robot: Any = environment.unwrapped
    usual = robot.robot.config.altimeter_noise
    environment.close()
    return gymnasium.make(PLANTS[plant], altimeter_noise=noise * usual)


def _controller(variant: Variant, episode: int, costs: list[tuple[float, ...]]) -> Decide:
    if variant.pid is not None:
        pid, period = Pid(variant.pid), variant.pid.period
        return lambda setpoint, measurement: pid.update(setpoint, measurement, period)
    assert variant.weights is not None
    if variant.dead:
        spiking = damaged(variant.weights, variant.dead, np.random.default_rng(episode))
    else:
        spiking = SpikingPid(variant.weights)

    def decide(setpoint: float, measurement: float) -> float:
        command = spiking.update(setpoint - measurement)
        cost = spiking.cost
        costs.append((cost.spikes, cost.synaptic_operations, cost.energy_j))
        return command

    return decide


def _interrupted(decide: Decide) -> Decide:
    """Without altimeter the controller isn't asked, and the gate sends its safe command, 0."""
    count = -1

    def interrupted(setpoint: float, measurement: float) -> float:
        nonlocal count
        count += 1
        if GONE_FROM <= count < GONE_FROM + GONE_FOR:
            return 0.0
        return decide(setpoint, measurement)

    return interrupted


def variants(gains: PidConfig, weights: Weights) -> tuple[list[Variant], dict[str, str]]:
    """All that is flown, and for each changed one the variant that it is compared with."""
    main = [Variant("pid", pid=gains), Variant("", weights=weights)]
    changed = [
        (Variant("pd_alone", pid=replace(gains, ki=0.0)), "pid"),
        (Variant("without_i", weights=without_network(weights, "i")), "pid"),
        (Variant("without_adaptation", weights=without_adaptation(weights)), "pid"),
        (Variant("int8", weights=quantised(weights)), "pid"),
        (Variant("dead10", weights=weights, dead=0.1), "pid"),
        (Variant("pid_noise2", pid=gains, noise=2.0), "pid"),
        (Variant("noise2", weights=weights, noise=2.0), "pid_noise2"),
        (Variant("pid_gone2s", pid=gains, gone=True), "pid"),
        (Variant("gone2s", weights=weights, gone=True), "pid_gone2s"),
    ]
    return main + [variant for variant, _ in changed], {v.name: base for v, base in changed}


def evaluate_plant(
    plant: str,
    gains: PidConfig,
    weights: Weights,
    *,
    workers: int,
    quick: bool,
    ablations: bool,
    cluster: str = "",
) -> dict[str, float]:
    """Flat metrics of one plant, names without a prefix for the plant."""
    flown, bases = variants(gains, weights)
    if not ablations:
        flown = flown[:2]
    seeds = TEST_SEEDS[:QUICK_SEEDS] if quick else TEST_SEEDS
    jobs = []
    for variant in flown:
        full = QUICK_EPISODES if quick else EPISODES
        few = QUICK_EPISODES if quick else EPISODES_OF_VARIANTS
        episodes = full if variant.name in ("pid", "") else few
        jobs += [(plant, variant, seed, episodes) for seed in seeds]
    outcomes = _fly_all(jobs, workers, cluster)
    by_name: dict[str, list[Outcome]] = {}
    for (_, variant, _, _), outcome in zip(jobs, outcomes, strict=True):
        by_name.setdefault(variant.name, []).append(outcome)
    return _summary(by_name, bases)


def _fly_all(
    jobs: list[tuple[str, Variant, int, int]], workers: int, cluster: str
) -> list[Outcome]:
    with tqdm(total=len(jobs), unit="seed", disable=not sys.stderr.isatty()) as bar:
        return run_all(
            fly_variant, jobs, workers=workers, cluster=cluster, tell=lambda *_: bar.update()
        )


def _summary(outcomes: Mapping[str, list[Outcome]], bases: Mapping[str, str]) -> dict[str, float]:
    spiking, reference = outcomes[""], outcomes["pid"]
    found = ratios_of(spiking, reference, intervals=True)
    found["neurons"] = float(NEURONS)
    found["spikes"] = float(np.mean([outcome.spikes for outcome in spiking]))
    found["synaptic_operations"] = float(np.mean([outcome.operations for outcome in spiking]))
    found["energy_nj"] = float(np.mean([outcome.energy_j for outcome in spiking])) * 1e9
    for name, rows in (("pid", reference), ("spiking", spiking)):
        for field, value in (_pooled(rows) | _extremes(rows)).items():
            found[f"{name}_{field}"] = value
    for name, base in bases.items():
        if name in outcomes:
            ratios = ratios_of(outcomes[name], outcomes[base], intervals=False)
            found |= {f"{name}_{key}": value for key, value in ratios.items()}
            found |= {f"{name}_{key}": value for key, value in _extremes(outcomes[name]).items()}
    return found


def _extremes(outcomes: list[Outcome]) -> dict[str, float]:
    return {
        "lowest_m": min(outcome.lowest_m for outcome in outcomes),
        "farthest_m": max(outcome.farthest_m for outcome in outcomes),
    }


def _pooled(outcomes: list[Outcome]) -> dict[str, float]:
    rows = np.array([astuple(outcome.metrics) for outcome in outcomes])
    names = TrackingMetrics.__dataclass_fields__
    return dict(zip(names, rows.mean(axis=0).tolist(), strict=True))


def ratios_of(
    candidate: list[Outcome], reference: list[Outcome], intervals: bool
) -> dict[str, float]:
    """Ratios of pooled means, with the ends of their 95 % intervals if wanted."""
    tested = np.array([astuple(outcome.metrics) for outcome in candidate])
    usual = np.array([astuple(outcome.metrics) for outcome in reference])
    found = _ratio(tested, usual)
    if intervals:
        random = np.random.default_rng(0)
        picks = random.integers(len(tested), size=(RESAMPLES, len(tested)))
        draws = [_ratio(tested[pick], usual[pick]) for pick in picks]
        for name in list(found):
            low, high = np.percentile([draw[name] for draw in draws], (2.5, 97.5))
            found[f"{name}_low"], found[f"{name}_high"] = float(low), float(high)
    return found


def _ratio(tested: NDArray[np.float64], usual: NDArray[np.float64]) -> dict[str, float]:
    return metric_ratios(
        TrackingMetrics(*tested.mean(axis=0)), TrackingMetrics(*usual.mean(axis=0))
    )
