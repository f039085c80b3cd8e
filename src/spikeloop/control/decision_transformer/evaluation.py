"""How the spiking transformer compares with the plain one on starts that nothing was chosen by."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.cost import metered, plain_cost, short
from spikeloop.control.decision_transformer.episodes import Outcome, play
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.problems import Problem
from spikeloop.control.decision_transformer.storage import (
    BadWeightsError,
    Trained,
    load,
    training_seeds,
)
from spikeloop.control.decision_transformer.streaming import Stream

TEST_STARTS = 900_000_000
"""Environment seeds of evaluation episodes begin here, far above those of training."""
EPISODES, QUICK_EPISODES = 300, 10
COST_EPISODES = 3
TIMED = 500


@dataclass(frozen=True)
class Measured:
    """Outcomes of the training seeds, in their order."""

    spiking: list[Outcome]
    plain: list[Outcome]
    shuffled: list[Outcome]


def evaluate_problem(problem: Problem, path: Path, quick: bool = False) -> dict[str, float]:
    """Flat metrics of one task; see the docs for what they are.

    Args:
        problem: the task.
        path: file of its weights.
        quick: 10 episodes instead of 300.

    Raises:
        BadWeightsError: the file isn't what it should be.

    """
    starts = range(TEST_STARTS, TEST_STARTS + (QUICK_EPISODES if quick else EPISODES))
    found = Measured([], [], [])
    models = []
    seeds = training_seeds(path)
    if not seeds:
        raise BadWeightsError(f"{path}: holds no training seed with both models")
    for seed in seeds:
        spiking, plain = (load(path, problem, kind, seed) for kind in ("spiking", "plain"))
        models.append(spiking)
        found.spiking.append(play(problem, spiking.scaling, spiking.model, starts))
        found.plain.append(play(problem, plain.scaling, plain.model, starts))
        targets = shuffled_targets(spiking, len(starts), seed)
        found.shuffled.append(play(problem, spiking.scaling, spiking.model, starts, targets))
    return _summary(found) | measure_cost(problem, models[0])


def shuffled_targets(trained: Trained, count: int, seed: int) -> NDArray[np.float64]:
    """Returns that are asked for at random, spread as the training data's are."""
    random = np.random.default_rng((seed, 2))
    scaling = trained.scaling
    drawn = scaling.return_mean + scaling.return_spread * random.standard_normal(count)
    return np.minimum(drawn, max(scaling.target, scaling.return_mean))


def _summary(found: Measured) -> dict[str, float]:
    spiking = np.array([outcome.returns for outcome in found.spiking])
    plain = np.array([outcome.returns for outcome in found.plain])
    shuffled = np.array([outcome.returns for outcome in found.shuffled])
    difference = (spiking - plain).mean(0)
    reference = abs(float(plain.mean())) or 1.0
    count = len(difference)
    return {
        "return": float(spiking.mean()),
        "return_seed_low": float(spiking.mean(1).min()),
        "return_seed_high": float(spiking.mean(1).max()),
        "return_error": float(spiking.mean(0).std(ddof=1) / np.sqrt(count)),
        "dt_return": float(plain.mean()),
        "vs_dt_pct": 100.0 * float(difference.mean()) / reference,
        "vs_dt_difference": float(difference.mean()),
        "vs_dt_error": float(difference.std(ddof=1) / np.sqrt(count)),
        "shuffled_return": float(shuffled.mean()),
        "training_seeds": float(len(spiking)),
        "episodes": float(count * len(spiking)),
    }


def measure_cost(problem: Problem, trained: Trained) -> dict[str, float]:
    """Spikes, operations and energy of a decision with the cache, and its time."""
    model = trained.model
    assert isinstance(model, SpikingDecisionTransformer)
    starts = range(TEST_STARTS, TEST_STARTS + COST_EPISODES)
    decisions = 0
    with metered(model) as meter:
        for start in starts:
            decisions += int(play(problem, trained.scaling, model, [start]).steps.sum())
        cost = meter.take(decisions)
    plain = plain_cost(problem, model.config)
    layers = {f"spikes_{short(name)}": count for name, count in cost.layers.items()}
    return {
        "spikes_per_decision": cost.spikes,
        **layers,
        "accumulates": cost.acs,
        "multiply_accumulates": cost.macs,
        "energy_nj": 1e9 * cost.energy_j,
        "dt_energy_nj": 1e9 * plain.energy_j,
        "energy_ratio": cost.energy_j / plain.energy_j,
        **decision_times(problem, model),
    }


def decision_times(problem: Problem, model: SpikingDecisionTransformer) -> dict[str, float]:
    """Median and 99th percentile of a streamed decision, ms, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    stream = Stream(model)
    generator = torch.Generator().manual_seed(0)
    taken = []
    for _ in range(TIMED):
        sizes = (1, problem.states, problem.actions)
        given = [torch.randn(1, size, generator=generator) for size in sizes]
        began = time.perf_counter()
        stream.decide(*given)
        taken.append(1e3 * (time.perf_counter() - began))
    torch.set_num_threads(threads)
    return {
        "decision_median_ms": float(np.median(taken)),
        "decision_p99_ms": float(np.quantile(taken, 0.99)),
    }
