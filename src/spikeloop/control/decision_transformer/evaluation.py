"""How the spiking transformer compares with the plain one on starts that nothing was chosen by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.controller import Controller
from spikeloop.control.decision_transformer.cost import plain_cost, short
from spikeloop.control.decision_transformer.episodes import Outcome, play
from spikeloop.control.decision_transformer.metering import metered
from spikeloop.control.decision_transformer.model import SpikingDecisionTransformer
from spikeloop.control.decision_transformer.problems import Problem
from spikeloop.control.decision_transformer.storage import (
    BadWeightsError,
    Trained,
    load,
    load_stream,
    training_seeds,
)

TEST_STARTS = 900_000_000
"""Environment seeds of evaluation episodes begin here, far above those of training."""
QUICK_EPISODES = 10
COST_EPISODES = 3
UNTIMED, TIMED = 50, 2000
SHUFFLED_SPREADS = 3.0


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
        quick: 10 episodes instead of all.

    Raises:
        BadWeightsError: the file isn't what it should be.

    """
    starts = range(TEST_STARTS, TEST_STARTS + (QUICK_EPISODES if quick else problem.test_episodes))
    few = starts[: problem.beside_episodes or len(starts)]
    found = Measured([], [], [])
    seeds, beside = training_seeds(path), training_seeds(path, "plain")
    if not seeds:
        raise BadWeightsError(f"{path}: holds no spiking model")
    for seed in seeds:
        spiking = load(path, problem, "spiking", seed)
        found.spiking.append(_played(problem, spiking, starts))
        targets = shuffled_targets(spiking, len(few), seed)
        found.shuffled.append(_played(problem, spiking, few, targets))
        if seed in beside:
            plain = load(path, problem, "plain", seed)
            found.plain.append(_played(problem, plain, few))
    return _summary(found) | measure_cost(problem, path, seeds[0])


def _played(
    problem: Problem,
    trained: Trained,
    starts: Sequence[int],
    targets: NDArray[np.float64] | None = None,
) -> Outcome:
    parts = []
    for first in range(0, len(starts), problem.together):
        some = slice(first, first + problem.together)
        asked = None if targets is None else targets[some]
        given = (problem, trained.scaling, trained.model, starts[some], asked)
        parts.append(play(*given, **problem.test_options))
    columns = ([getattr(part, f.name) for part in parts] for f in fields(Outcome))
    return Outcome(*[np.concatenate(column) for column in columns])


def shuffled_targets(trained: Trained, count: int, seed: int) -> NDArray[np.float64]:
    """Returns that are asked for at random: from the usual one down to what poor episodes got."""
    random = np.random.default_rng((seed, 2))
    scaling = trained.scaling
    # The spread is that of all returns to go in the data; three of it reach past the poorest.
    low = scaling.target - SHUFFLED_SPREADS * scaling.return_spread
    return random.uniform(low, scaling.target, count)


def _summary(found: Measured) -> dict[str, float]:
    spiking = np.array([outcome.returns for outcome in found.spiking])
    shuffled = np.array([outcome.returns for outcome in found.shuffled])
    count = spiking.shape[1]
    summary = {
        "return": float(spiking.mean()),
        "return_seed_low": float(spiking.mean(1).min()),
        "return_seed_high": float(spiking.mean(1).max()),
        "return_error": float(spiking.mean(0).std(ddof=1) / np.sqrt(count)),
        "shuffled_return": float(shuffled.mean()),
        "shuffled_difference": float((shuffled - spiking[:, : shuffled.shape[1]]).mean()),
        "training_seeds": float(len(spiking)),
        "episodes": float(count * len(spiking)),
    }
    for name, outcomes in (("", found.spiking), ("dt_", found.plain)):
        successes = np.array([outcome.successes for outcome in outcomes])
        if successes.size and np.isfinite(successes).all():
            summary[f"{name}success_pct"] = 100.0 * float(successes.mean())
    return summary | _against_plain(spiking, found.plain)


def _against_plain(spiking: NDArray[np.float64], outcomes: list[Outcome]) -> dict[str, float]:
    """Paired differences; nothing where not every seed has a plain model."""
    if len(outcomes) != len(spiking):
        return {}
    plain = np.array([outcome.returns for outcome in outcomes])
    difference = (spiking[:, : plain.shape[1]] - plain).mean(0)
    reference = abs(float(plain.mean())) or 1.0
    return {
        "dt_return": float(plain.mean()),
        "vs_dt_pct": 100.0 * float(difference.mean()) / reference,
        "vs_dt_difference": float(difference.mean()),
        "vs_dt_error": float(difference.std(ddof=1) / np.sqrt(len(difference))),
    }


def measure_cost(problem: Problem, path: Path, seed: int) -> dict[str, float]:
    """Spikes, operations and energy of a decision with the cache, and its time."""
    trained = load(path, problem, "spiking", seed)
    model = trained.model
    assert isinstance(model, SpikingDecisionTransformer)
    starts = range(TEST_STARTS, TEST_STARTS + COST_EPISODES)
    decisions = 0
    with metered(model) as meter:
        for start in starts:
            decisions += int(_played(problem, trained, [start]).steps.sum())
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
        **decision_times(problem, path, seed),
    }


def decision_times(problem: Problem, path: Path, seed: int) -> dict[str, float]:
    """Median and 99th percentile of a decision as the node makes it, its cost counted, ms."""
    controller = Controller(problem, *load_stream(path, problem, seed))
    random = np.random.default_rng(0)
    taken = []
    for _ in range(UNTIMED + TIMED):
        state = random.standard_normal(problem.values).tolist()
        began = time.perf_counter()
        controller.decide(state)
        taken.append(1e3 * (time.perf_counter() - began))
    return {
        "decision_median_ms": float(np.median(taken[UNTIMED:])),
        "decision_p99_ms": float(np.quantile(taken[UNTIMED:], 0.99)),
    }
