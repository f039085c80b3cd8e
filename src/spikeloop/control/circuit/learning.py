"""Evolution strategies for swimmers: circuits and perceptrons learn by the same rule.

Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (arXiv
1703.03864): pairs of opposite disturbances, returns replaced by their centred ranks, Adam.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from spikeloop.control.circuit.bodies import EPISODE, Body, Pool
from spikeloop.control.circuit.perceptron import Perceptrons, initial
from spikeloop.control.circuit.worm import (
    CIRCUITS,
    CircuitKind,
    GradedCircuit,
    SpikingCircuit,
    signed,
)
from spikeloop.parameters import parameter

Floats = NDArray[np.float64]

PERCEPTRON = "perceptron"

TRAINING_STARTS, VALIDATION_STARTS = 1_000_000, 500_000
"""First seeds of the episodes that are learned from (a million a training seed), and of those by
which the learning curve is drawn."""
VALIDATED = 4
CURVE_EACH = 5
BETAS, TINY = (0.9, 0.999), 1e-8


@dataclass(frozen=True)
class SearchConfig:
    """How a swimmer learns."""

    generations: int = parameter(40, "Steps of the search.", low=1)
    pairs: int = parameter(8, "Opposite pairs of episodes in a step.", low=1)
    sigma: float = parameter(0.3, "Standard deviation of the disturbances.", low=1e-6)
    rate: float = parameter(0.3, "Learning rate of Adam.", low=0.0)
    annealed: bool = parameter(True, "Whether the rate falls along a cosine.")
    decay: float = parameter(0.0, "Share of the weights that a step at rate 1 takes away.", low=0.0)


USUAL = {
    **dict.fromkeys(CIRCUITS, SearchConfig()),
    # Its spikes answer to small changes of a weight by jumps.
    "proprioceptive": SearchConfig(generations=100),
    PERCEPTRON: SearchConfig(50, pairs=16, sigma=0.05, rate=0.02, annealed=False, decay=0.005),
}
"""By kind; a perceptron has a thousand times the weights, and takes smaller and more steps."""


@dataclass(frozen=True)
class Learned:
    """What a search gave.

    Attributes:
        weights: (size,).
        samples: (points,) episodes that were played before each point of the curve.
        returns: (points,) mean return of the search's middle on the validation starts.

    """

    weights: Floats
    samples: Floats
    returns: Floats


def start_weights(kind: str, body: Body, seed: int) -> Floats:
    """Weights before any learning, (size,)."""
    if kind == PERCEPTRON:
        return initial(body.observations, body.joints, seed)
    circuit = CIRCUITS[kind]
    if not circuit.sign_constrained:
        return np.random.default_rng((seed, 4)).choice([-1.0, 1.0], len(circuit.wiring.signs))
    return circuit.wiring.initial.copy()


def swim(
    kind: str, body: Body, cycle: float, points: Floats, seeds: NDArray[np.int64]
) -> tuple[Floats, float]:
    """One episode for each row of weights.

    Args:
        kind: of `CIRCUITS`, or `PERCEPTRON`.
        body: what swims.
        cycle: decisions of the oscillator's period.
        points: (n, size) weights.
        seeds: (n,) of the starts.

    Returns:
        returns (n,), and spikes a decision, 0 where nothing spikes.

    """
    pool, spikes = Pool(body, seeds), 0.0
    returns = np.zeros(len(seeds))
    with rollout.Rollout(nthread=0) as roll:
        if kind == PERCEPTRON:
            network = Perceptrons(points, body.observations, body.joints)
            for _ in range(EPISODE):
                returns += pool.step(network.act(pool.observation), roll)
            return returns, 0.0
        circuit = _circuit(CIRCUITS[kind], body, cycle, points)
        for _ in range(EPISODE):
            returns += pool.step(circuit.act(pool.joints), roll)
            if isinstance(circuit, SpikingCircuit):
                spikes += float(circuit.spikes.mean())
    return returns, spikes / EPISODE


def _circuit(kind: CircuitKind, body: Body, cycle: float, points: Floats) -> GradedCircuit:
    if kind.spiking:
        period_s = body.period_s
        return SpikingCircuit(points, kind.wiring, cycle, period_s, kind.sign_constrained)
    return GradedCircuit(points, kind.wiring, cycle, kind.sign_constrained)


class CheckpointError(ValueError):
    """A checkpoint is none, or of another run; the message says where it lies."""


@dataclass
class _State:
    generation: int
    middle: Floats
    slow: Floats
    square: Floats
    curve: list[tuple[float, float]]


def learn(
    kind: str,
    body: Body,
    cycle: float,
    search: SearchConfig,
    seed: int,
    checkpoint: Path | None = None,
    tell: Callable[[int, float], None] = lambda samples, value: None,
) -> Learned:
    """Learn to swim; equal for equal seeds, also where it goes on from a checkpoint.

    Args:
        kind: of `CIRCUITS`, or `PERCEPTRON`.
        body: what swims.
        cycle: decisions of the oscillator's period.
        search: how.
        seed: of disturbances, starts and first weights; 1 or more.
        checkpoint: file that is written along the way, and gone on from.
        tell: called at each point of the curve.

    Raises:
        CheckpointError: `checkpoint` is of another run, or damaged.

    """
    run = f"{kind}, {body.name}, cycle {cycle:g}, seed {seed}, {search}"
    first = start_weights(kind, body, seed)
    state = _State(0, first, np.zeros_like(first), np.zeros_like(first), [])
    if checkpoint is not None and checkpoint.exists():
        state = _read(checkpoint, run)
    while True:
        at = state.generation
        if at % CURVE_EACH == 0 or at == search.generations:
            samples = 2 * search.pairs * at
            if not state.curve or state.curve[-1][0] < samples:
                state.curve.append((samples, _validated(kind, body, cycle, state.middle)))
                tell(samples, state.curve[-1][1])
                if checkpoint is not None:
                    _write(checkpoint, run, state)
        if at == search.generations:
            curve = np.array(state.curve)
            return Learned(state.middle, curve[:, 0], curve[:, 1])
        _step(kind, body, cycle, search, seed, state)


def _validated(kind: str, body: Body, cycle: float, weights: Floats) -> float:
    seeds = VALIDATION_STARTS + np.arange(VALIDATED)
    returns, _ = swim(kind, body, cycle, np.tile(weights, (VALIDATED, 1)), seeds)
    return float(returns.mean())


def _step(
    kind: str, body: Body, cycle: float, search: SearchConfig, seed: int, state: _State
) -> None:
    """One generation; all its episodes begin alike, so that luck of the start weighs nothing."""
    random = np.random.default_rng((seed, state.generation))
    noise = random.standard_normal((search.pairs, len(state.middle)))
    points = state.middle + search.sigma * np.concatenate([noise, -noise])
    start = TRAINING_STARTS * seed + state.generation
    returns, _ = swim(kind, body, cycle, points, np.full(len(points), start))
    ranks = returns.argsort().argsort() / max(len(returns) - 1, 1) - 0.5
    weight = ranks[: search.pairs] - ranks[search.pairs :]
    gradient = weight @ noise / (len(returns) * search.sigma) - search.decay * state.middle
    state.generation += 1
    slow, fast = BETAS
    state.slow = slow * state.slow + (1 - slow) * gradient
    state.square = fast * state.square + (1 - fast) * gradient**2
    mean = state.slow / (1 - slow**state.generation)
    spread = np.sqrt(state.square / (1 - fast**state.generation))
    done = state.generation / search.generations
    share = 0.5 * (1.0 + math.cos(math.pi * done)) if search.annealed else 1.0
    state.middle = state.middle + share * search.rate * mean / (spread + TINY)
    circuit = CIRCUITS.get(kind)
    if circuit and circuit.sign_constrained:
        # Left beyond 0, where it changes nothing any more, a weight would never come back.
        state.middle = signed(state.middle, circuit.wiring.signs)


def _write(path: Path, run: str, state: _State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part.npz")
    np.savez(
        draft,
        allow_pickle=False,
        run=run,
        generation=state.generation,
        middle=state.middle,
        slow=state.slow,
        square=state.square,
        curve=np.array(state.curve),
    )
    draft.replace(path)


def _read(path: Path, run: str) -> _State:
    try:
        with np.load(path, allow_pickle=False) as file:
            own = str(file["run"])
            curve = [(float(a), float(b)) for a, b in file["curve"]]
            state = _State(
                int(file["generation"]), file["middle"], file["slow"], file["square"], curve
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no checkpoint ({error}); remove it") from error
    if own != run:
        raise CheckpointError(f"{path} is of another run ({own}); choose another --out")
    return state
