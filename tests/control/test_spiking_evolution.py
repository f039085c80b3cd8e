"""Evolution and rollout: bit for bit the node's controller, repeatable, and it does improve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.plants import DECISIONS, Plant, SingleFlight, fly_reference
from spikeloop.control.spiking_pid.ablation import alive_mask
from spikeloop.control.spiking_pid.evolution import (
    QUICK,
    Budget,
    CheckpointError,
    Cost,
    Evolution,
    Search,
    flight_cost,
)
from spikeloop.control.spiking_pid.network import NETWORKS, SpikingPid
from spikeloop.control.spiking_pid.rollout import fly_batch, imitation_loss
from spikeloop.control.spiking_pid.search_space import start_point, to_batch, to_weights

GAINS = PidConfig(kp=1.68, ki=0.0958, kd=3.59, derivative_filter=0.792)
TINY = Budget(6, 4, 28, 3, 1, 1, 2)


def _points(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    starts = [[start_point(name, random) for name in NETWORKS] for _ in range(count)]
    return np.stack([np.concatenate(parts) for parts in starts])


@pytest.mark.parametrize("name", ("blimp", "identified_blimp"))
def test_a_batch_is_the_single_controller_bit_for_bit(name: str) -> None:
    plant = Plant(name)
    sequences = plant.draw(2, np.random.default_rng(2))
    points = _points(3)
    altitudes = np.empty((3, 2, DECISIONS))
    fly_batch(*to_batch(points), plant, sequences, altitudes=altitudes)
    controller = SpikingPid(to_weights(points[1]))
    single = SingleFlight(plant, sequences, 1)
    alone = []
    for _ in range(DECISIONS):
        alone.append(single.altitude)
        single.advance(controller.update(single.setpoint - single.measured))
    assert np.ptp(alone) > 0.1
    assert (altitudes[1, 1] == alone).all()


def test_workers_change_nothing() -> None:
    plant = Plant("identified_blimp")
    sequences = plant.draw(2, np.random.default_rng(2))
    pairs, leaks = to_batch(_points(5))
    one, three = (fly_batch(pairs, leaks, plant, sequences, workers) for workers in (1, 3))
    assert (one == three).all()


def test_dead_neurons_are_those_of_the_single_controller() -> None:
    plant = Plant("identified_blimp")
    sequences = plant.draw(1, np.random.default_rng(2))
    points = _points(1)
    alive = alive_mask(0.3, np.random.default_rng(4))
    altitudes = np.empty((1, 1, DECISIONS))
    fly_batch(*to_batch(points), plant, sequences, 1, alive[None], altitudes)
    controller = SpikingPid(to_weights(points[0]))
    controller.alive[:] = alive
    single = SingleFlight(plant, sequences, 0)
    for t in range(DECISIONS):
        assert altitudes[0, 0, t] == single.altitude
        single.advance(controller.update(single.setpoint - single.measured))


def test_imitation_loss_by_hand() -> None:
    # A network with silent outputs is as wrong as what it should give, smoothed over 4 decisions.
    pairs, leaks = to_batch(_points(1))
    silent = pairs[:, 0].copy()
    silent[:, -1] = 0.0
    wanted = np.zeros((1, 8))
    wanted[0, 0] = 0.4
    loss = imitation_loss(silent, leaks[:, 0], np.zeros((1, 8)), wanted)
    assert loss == pytest.approx([4 * 0.1**2 / 8])


def test_cost_punishes_what_exceeds_the_pid() -> None:
    reference = np.array([0.04, 10.0, 5.0, 0.03, 0.07, 0.05])
    equal, slow = flight_cost(np.stack([reference, reference * [1, 1, 1.5, 1, 1, 1]]), reference)
    better = flight_cost(reference[None] * 0.9, reference)[0]
    assert better < equal < slow
    assert slow - equal == pytest.approx(0.5 * 6.25)


def test_same_seed_same_weights_also_when_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = Plant("identified_blimp")
    whole, _ = Evolution(plant, GAINS, 5, TINY, 2, tmp_path / "whole").run()
    other, _ = Evolution(plant, GAINS, 6, TINY, 1, tmp_path / "other").run()
    assert (whole.pairs != other.pairs).any()

    usual = Evolution._generation

    def interrupted(self: Evolution, stage: str, search: Search, cost: Cost) -> None:
        if stage == "flight" and search.generation == 27:
            raise KeyboardInterrupt
        usual(self, stage, search, cost)

    monkeypatch.setattr(Evolution, "_generation", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Evolution(plant, GAINS, 5, TINY, 1, tmp_path / "again").run()
    monkeypatch.undo()
    resumed, _ = Evolution(plant, GAINS, 5, TINY, 1, tmp_path / "again").run()
    assert (whole.pairs == resumed.pairs).all()
    assert (whole.output_leak == resumed.output_leak).all()


def test_checkpoints_of_another_run_are_refused(tmp_path: Path) -> None:
    plant = Plant("identified_blimp")
    Evolution(plant, GAINS, 5, TINY, 1, tmp_path).run()
    with pytest.raises(CheckpointError, match=r"checkpoint_pd\.npz is of another run"):
        Evolution(plant, replace(GAINS, kp=1.0), 5, TINY, 1, tmp_path).run()


@pytest.mark.parametrize("kept", (0.0, 0.5))
def test_a_cut_checkpoint_is_named(tmp_path: Path, kept: float) -> None:
    plant = Plant("identified_blimp")
    Evolution(plant, GAINS, 5, TINY, 1, tmp_path).run()
    path = tmp_path / "checkpoint_pd.npz"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(CheckpointError, match=r"checkpoint_pd\.npz is no checkpoint"):
        Evolution(plant, GAINS, 5, TINY, 1, tmp_path).run()


def test_evolution_improves_on_sequences_that_it_never_saw(tmp_path: Path) -> None:
    plant = Plant("identified_blimp")
    weights, _ = Evolution(plant, GAINS, 1, QUICK, 1, tmp_path).run()
    sequences = plant.draw(16, np.random.default_rng(123))
    start = to_weights(_points(1)[0])
    pairs = np.stack([start.pairs, weights.pairs])
    leaks = np.stack([start.output_leak, weights.output_leak])
    before, after = fly_batch(pairs, leaks, plant, sequences)
    flights, _, _ = fly_reference(plant, GAINS, sequences)
    assert len(flights) == 16
    assert after[0] < 0.5 * before[0]
