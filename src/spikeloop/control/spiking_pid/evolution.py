"""Evolves the spiking controller against a PID: open loop first, then closed loop.

Stages, each by separable CMA-ES (Ros and Hansen, PPSN 2008):

1. `pd` and `i`: each network alone imitates its part of the PID's output for the errors that the
   PID saw, on new sequences every generation. A good imitator is still a poor pilot: 3 times the
   PID's error.
2. `flight`: both together fly the plant. The cost adds the ratios to the PID's figures on the same
   sequences, with a steep hinge near 1, so that no figure is bought with another.
3. `polish`: the same search goes on with more sequences, since by now their luck decides.

The winner of a stage is chosen on validation sequences of their own; how good it is, is measured
on the environments with seeds that neither has seen (`evaluation.py`).
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cmaes import SepCMA
from numpy.typing import NDArray
from tqdm import tqdm

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.plants import Plant, fly_reference
from spikeloop.control.spiking_pid.ablation import alive_mask
from spikeloop.control.spiking_pid.network import NETWORKS, Weights
from spikeloop.control.spiking_pid.rollout import fly_batch, imitation_loss, pooled
from spikeloop.control.spiking_pid.search_space import (
    start_point,
    to_batch,
    to_pairs,
    to_weights,
)
from spikeloop.metrics.step_response import OVERSHOOT_FLOOR_PCT, STEADY_FLOOR_M

Floats = NDArray[np.float64]

FIGURE_WEIGHT = 0.25
HINGE_WEIGHT = 6.0
HINGE_FROM = np.array([0.97, 0.97, 0.97, 0.97, 1.2, 0.97])
"""Of the ratios of `FIGURES`."""

WIDE_SHARE = 0.25
"""Of the sequences has steps of 2 m; flown without such, the networks overshoot on them."""

DEAD_SHARE = 0.1
DAMAGE_WEIGHT = 0.6
"""Of the logarithm of the error's ratio with dead neurons, on a quarter as many sequences."""

STAGES = (*NETWORKS, "flight", "polish")

VALIDATION_SEED = 451
VALIDATION_SEQUENCES = 64
VALIDATE_EACH = 25


@dataclass(frozen=True)
class Budget:
    """How much to search.

    Attributes:
        population: points a generation.
        imitation_generations: of each network alone.
        flight_generations: of both together.
        polish_generations: the last ones, of both together.
        imitation_sequences: a generation, 100 s each.
        flight_sequences: likewise.
        polish_sequences: likewise.

    """

    population: int = 32
    imitation_generations: int = 600
    flight_generations: int = 3000
    polish_generations: int = 500
    imitation_sequences: int = 4
    flight_sequences: int = 8
    polish_sequences: int = 24


QUICK = Budget(12, 30, 30, 10, 2, 4, 8)


def flight_cost(figures: Floats, reference: Floats) -> Floats:
    """Cost of figures (n, 6) against the PID's (6,) on the same sequences, (n,)."""
    least = np.array([0.0, OVERSHOOT_FLOOR_PCT, 0.0, STEADY_FLOOR_M, 0.0, 0.0])
    ratios = figures / np.maximum(reference, least)
    hinge = np.maximum(ratios - HINGE_FROM, 0.0)
    return np.asarray((FIGURE_WEIGHT * ratios + HINGE_WEIGHT * hinge).sum(axis=1))


class CheckpointError(ValueError):
    """A checkpoint belongs to another run; the message says where it lies."""


@dataclass
class Search:
    """State of one stage, as it is stored in a checkpoint.

    Attributes:
        run: what the run was started with; others can't go on from it.
        optimiser: with its distribution and its random numbers.
        generation: how many it has seen.
        best: the point of lowest cost on the validation sequences.
        best_cost: that cost.

    """

    run: str
    optimiser: SepCMA
    generation: int
    best: Floats
    best_cost: float


def save_checkpoint(path: Path, search: Search) -> None:
    """Write a search as numbers and text; whoever reads it never sees half of it."""
    state = search.optimiser.__getstate__()
    unset = [name for name, value in state.items() if value is None]
    arrays = {f"optimiser{name}": value for name, value in state.items() if value is not None}
    draft = path.with_suffix(".part.npz")
    np.savez(
        draft,
        allow_pickle=False,
        run=search.run,
        generation=search.generation,
        best=search.best,
        best_cost=search.best_cost,
        unset=np.array(unset, dtype=np.str_),
        **arrays,
    )
    draft.replace(path)


def load_checkpoint(path: Path, optimiser: SepCMA) -> Search:
    """Read what `save_checkpoint` wrote, the optimiser's state into `optimiser`.

    Raises:
        CheckpointError: the file is cut, or none of these.

    """
    try:
        with np.load(path, allow_pickle=False) as file:
            state: dict[str, object] = dict.fromkeys(str(name) for name in file["unset"])
            for name in file.files:
                if name.startswith("optimiser"):
                    value = file[name]
                    state[name.removeprefix("optimiser")] = value if value.ndim else value.item()
            search = Search(
                str(file["run"]),
                optimiser,
                int(file["generation"]),
                file["best"],
                float(file["best_cost"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is no checkpoint ({error}); remove it") from error
    optimiser.__setstate__(state)
    return search


Cost = Callable[[Floats, np.random.Generator], Floats]
"""Cost (n,) of points (n, size) on sequences that are drawn from the generator."""


class Evolution:
    """One run; the same seed gives the same weights, whatever the number of workers."""

    def __init__(
        self, plant: Plant, reference: PidConfig, seed: int, budget: Budget, workers: int, out: Path
    ) -> None:
        """Prepare; `out` takes checkpoints, and a run that finds some there goes on from them."""
        self.plant, self.reference, self.budget = plant, reference, budget
        self.seed, self.workers, self.out = seed, workers, out
        self._run_key = f"{plant.name}, seed {seed}, {reference}, {budget}"
        out.mkdir(parents=True, exist_ok=True)

    def run(self) -> tuple[Weights, float]:
        """All stages; the winner, and its cost on the validation sequences."""
        budget, parts = self.budget, []
        for index, name in enumerate(NETWORKS):
            start = start_point(name, np.random.default_rng((self.seed, index)))
            cost = self._imitation(index)
            optimiser = self._optimiser(start, 0.06)
            parts.append(self._search(name, optimiser, budget.imitation_generations, cost).best)
        flown = self._search(
            "flight",
            self._optimiser(np.concatenate(parts), 0.03),
            budget.flight_generations,
            self._flight(budget.flight_sequences),
        )
        search = self._search(
            "polish",
            flown.optimiser,
            budget.polish_generations,
            self._flight(budget.polish_sequences),
        )
        winner = min((flown, search), key=lambda stage: stage.best_cost)
        return to_weights(winner.best), winner.best_cost

    def _optimiser(self, start: Floats, sigma: float) -> SepCMA:
        return SepCMA(
            mean=start, sigma=sigma, seed=self.seed + 1, population_size=self.budget.population
        )

    def _imitation(self, index: int) -> Cost:
        def cost(points: Floats, random: np.random.Generator) -> Floats:
            count = self.budget.imitation_sequences if len(points) > 1 else VALIDATION_SEQUENCES
            _, errors, parts = fly_reference(
                self.plant, self.reference, self.plant.draw(count, random)
            )
            wanted = np.clip(parts[:, index], -1.0, 1.0)
            pairs, leaks = to_pairs(points)
            loss = imitation_loss(pairs, leaks, errors, wanted, self.workers)
            return np.asarray(loss / wanted.var())

        return cost

    def _flight(self, usual: int) -> Cost:
        def cost(points: Floats, random: np.random.Generator) -> Floats:
            count = usual if len(points) > 1 else VALIDATION_SEQUENCES
            batch = to_batch(points)
            whole, whole_reference = self._flown(batch, count, random, None)
            dead = max(1, count // 4)
            alive = np.stack([alive_mask(DEAD_SHARE, random) for _ in range(dead)])
            damaged, damaged_reference = self._flown(batch, dead, random, alive)
            damage = np.log(damaged[:, 0] / damaged_reference[0])
            return np.asarray(flight_cost(whole, whole_reference) + DAMAGE_WEIGHT * damage)

        return cost

    def _flown(
        self,
        batch: tuple[Floats, Floats],
        count: int,
        random: np.random.Generator,
        alive: Floats | None,
    ) -> tuple[Floats, Floats]:
        """Figures of the networks and of the PID on new sequences."""
        sequences = self.plant.draw(count, random, WIDE_SHARE)
        flights, _, _ = fly_reference(self.plant, self.reference, sequences)
        return fly_batch(*batch, self.plant, sequences, self.workers, alive), pooled(flights)

    def _search(self, stage: str, optimiser: SepCMA, generations: int, cost: Cost) -> Search:
        path = self.out / f"checkpoint_{stage}.npz"
        if path.exists():
            search = load_checkpoint(path, optimiser)
            if search.run != self._run_key:
                raise CheckpointError(
                    f"{path} is of another run ({search.run}); choose another --out, or remove it"
                )
        else:
            search = Search(self._run_key, optimiser, 0, optimiser.mean.copy(), np.inf)
            self._validate(search, cost)
        bar = tqdm(
            total=generations,
            initial=search.generation,
            desc=stage,
            unit="gen",
            disable=not sys.stderr.isatty(),
        )
        while search.generation < generations:
            self._generation(stage, search, cost)
            bar.update()
            if search.generation % VALIDATE_EACH == 0 or search.generation == generations:
                self._validate(search, cost)
                bar.set_postfix(validation=f"{search.best_cost:.3f}")
                save_checkpoint(path, search)
                if not sys.stderr.isatty() and search.generation % (10 * VALIDATE_EACH) == 0:
                    print(f"{stage} {search.generation} {search.best_cost:.4f}", flush=True)
        bar.close()
        return search

    def _generation(self, stage: str, search: Search, cost: Cost) -> None:
        key = (self.seed, STAGES.index(stage), search.generation)
        if search.generation % VALIDATE_EACH == 0:
            # A stored optimiser comes back without its random numbers.
            search.optimiser.reseed_rng(int(np.random.SeedSequence(key).generate_state(1)[0]))
        points = np.stack([search.optimiser.ask() for _ in range(self.budget.population)])
        costs = cost(points, np.random.default_rng(key))
        search.optimiser.tell(list(zip(points, costs.tolist(), strict=True)))
        search.generation += 1

    def _validate(self, search: Search, cost: Cost) -> None:
        mean = search.optimiser.mean
        value = float(cost(mean[None, :], np.random.default_rng(VALIDATION_SEED))[0])
        if value < search.best_cost:
            search.best, search.best_cost = mean.copy(), value
