"""The worm's circuit: bodies as Gymnasium's, signs, spikes, search, checkpoints, weights."""

from __future__ import annotations

import math
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.control.circuit.bodies import BodyError, Pool, body_of
from spikeloop.control.circuit.controller import Controller
from spikeloop.control.circuit.evaluation import ahead, episodes_to
from spikeloop.control.circuit.learning import CheckpointError, SearchConfig, learn, swim
from spikeloop.control.circuit.perceptron import Perceptrons, initial, size_of
from spikeloop.control.circuit.storage import BadWeightsError, circuit_of, read, save
from spikeloop.control.circuit.worm import (
    CIRCUITS,
    OSCILLATOR,
    PROPRIOCEPTION,
    GradedCircuit,
    SpikingCircuit,
    Wiring,
    bend,
    signed,
)


def test_an_episode_is_gymnasiums() -> None:
    body = body_of("gymnasium", 3)
    pool = Pool(body, np.array([5, 6]))
    environment = gymnasium.make("Swimmer-v5")
    seen, _ = environment.reset(seed=5)
    np.testing.assert_allclose(pool.observation[0], seen)
    random = np.random.default_rng(0)
    from mujoco import rollout

    with rollout.Rollout(nthread=0) as roll:
        for _ in range(80):
            actions = random.uniform(-1.0, 1.0, (2, 2))
            rewards = pool.step(actions, roll)
            seen, reward, *_ = environment.step(actions[0])
            np.testing.assert_allclose(pool.observation[0], seen, rtol=1e-5, atol=1e-6)
            assert rewards[0] == pytest.approx(reward, rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(pool.joints, pool.observation[:, 1:3])


def test_longer_bodies_have_more_joints() -> None:
    body = body_of("gymnasium", 7)
    assert (body.joints, body.observations) == (6, 16) and body.period_s == 4 * 0.01
    with pytest.raises(BodyError, match="at least 3 links, not 2"):
        body_of("gymnasium", 2)
    with pytest.raises(BodyError, match="unknown suite 'x'"):
        body_of("x", 3)


def test_the_wave_runs_from_the_oscillator_to_the_tail() -> None:
    circuit = GradedCircuit(np.array([[2.0, 0.5, 1.0, -1.0]]), OSCILLATOR, 4)
    angles = np.array([[math.pi / 8, -math.pi / 2, 0.0]])
    # Bends 0.25 and -1 of pi/2: joint 1 follows joint 0 doubled, joint 2 follows joint 1.
    np.testing.assert_allclose(circuit.act(angles), [[0.5, 0.5, -1.0]])
    circuit.act(angles)
    np.testing.assert_allclose(circuit.act(angles)[0, 0], -0.5)
    circuit.reset()
    np.testing.assert_allclose(circuit.act(angles)[0, 0], 0.5)


def test_the_head_bends_away_from_the_joint_behind() -> None:
    circuit = GradedCircuit(np.array([[-2.0, 3.0, -1.0, 1.0]]), PROPRIOCEPTION, 4)
    # Bends of 0.25, -0.125 and 0 of pi/2; posterior 2 x 0.125 less the own 0.25; 3 x 0.25 and
    # 0.125; 3 x -0.125.
    angles = np.array([[math.pi / 8, -math.pi / 16, 0.0]])
    np.testing.assert_allclose(circuit.act(angles), [[0.0, 0.875, -0.375]])
    np.testing.assert_allclose(circuit.act(-angles), [[0.0, -0.875, 0.375]])
    with pytest.raises(ValueError, match="two joints or more"):
        circuit.act(np.array([[0.1]]))


def test_wrong_signs_count_as_nothing() -> None:
    weights = np.array([-1.0, 2.0, -3.0, 4.0])
    assert signed(weights, OSCILLATOR.signs).tolist() == [0.0, 2.0, 0.0, 0.0]
    free = GradedCircuit(weights[None], OSCILLATOR, 4, sign_constrained=False)
    assert free.points.tolist() == [weights.tolist()]
    assert bend(np.array([[9.0, -9.0]])).tolist() == [[[1.0, 0.0], [0.0, 1.0]]]


@pytest.mark.parametrize("wiring", [OSCILLATOR, PROPRIOCEPTION], ids=["oscillator", "stretch"])
@settings(max_examples=30)
@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3), st.floats(0.0, 5.0))
def test_dorsal_and_ventral_are_mirrored(
    wiring: Wiring, angles: list[float], strength: float
) -> None:
    points = wiring.signs * np.array([[strength, 0.7, 1.2, 0.4]])
    mirrored = []
    for sign in (1.0, -1.0):
        circuit = SpikingCircuit(points, wiring, 40.0, 0.04)
        circuit.decision = 0 if sign > 0 else 20
        torques = [circuit.act(sign * np.array([angles]))[0] for _ in range(5)]
        mirrored.append(sign * np.array(torques))
        assert circuit.spikes[0] <= 8 * (1 + 4 * 3)
    np.testing.assert_allclose(mirrored[0], mirrored[1], atol=1e-12)


def test_nothing_passes_by_the_spikes() -> None:
    circuit = SpikingCircuit(np.array([[1.0, 0.0, 1.0, -1.0]]), OSCILLATOR, 40.0, 0.04)
    for _ in range(20):
        torque = circuit.act(np.array([[0.05, 0.0, 0.0]]))
    # A bend too small to make any sensor fire moves no muscle.
    assert not torque.any() and circuit.spikes[0] == 8


def test_a_circuit_swims_before_it_learns() -> None:
    body, seeds = body_of("gymnasium", 3), np.array([1, 2])
    idle, _ = swim("graded", body, 80.0, np.zeros((2, 4)), seeds)
    for kind, least in (("spiking", 60.0), ("proprioceptive", 120.0)):
        points = np.tile(CIRCUITS[kind].wiring.initial, (2, 1))
        returns, spikes = swim(kind, body, 80.0, points, seeds)
        assert returns.min() > least > 40.0 > idle.max()
        assert 8.0 < spikes < 8 * (1 + 4 * 2)


def test_perceptrons_are_what_they_say() -> None:
    weights = np.stack([initial(8, 2, seed) for seed in (1, 2)])
    assert weights.shape == (2, size_of(8, 2)) == (2, 4866)
    x = np.random.default_rng(0).standard_normal((2, 8))
    both, alone = Perceptrons(weights, 8, 2).act(x), Perceptrons(weights[1:], 8, 2).act(x[1:])
    np.testing.assert_allclose(both[1:], alone)


def test_a_search_repeats_itself_and_goes_on(tmp_path: Path) -> None:
    body, short = body_of("gymnasium", 3), SearchConfig(generations=2, pairs=1)
    path = tmp_path / "checkpoint.npz"
    whole = learn("graded", body, 80.0, short, 1)
    again = learn("graded", body, 80.0, short, 1, path)
    assert np.array_equal(whole.weights, again.weights)
    assert whole.samples.tolist() == [0.0, 4.0] and np.array_equal(whole.returns, again.returns)
    assert np.array_equal(learn("graded", body, 80.0, short, 1, path).weights, whole.weights)
    with pytest.raises(CheckpointError, match="of another run"):
        learn("graded", body, 80.0, short, 2, path)
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        learn("graded", body, 80.0, short, 1, path)


def test_curves_are_compared_by_samples() -> None:
    baseline = np.array([[0.0, 10.0, 20.0, 100.0, 200.0], [0.0, 1.0, 5.0, 6.0, 9.0]])
    curve = np.array([[0.0, 5.0, 10.0], [2.0, 3.0, 4.0]])
    assert ahead(curve, baseline) == pytest.approx(2 / 3)
    assert (episodes_to(baseline, 5.5), episodes_to(curve, 5.0)) == (100.0, math.inf)


def test_weights_on_disk_and_the_controller(tmp_path: Path) -> None:
    path, name = tmp_path / "w.npz", "gymnasium 3/spiking/1"
    initial_weights = OSCILLATOR.initial
    graded = "gymnasium 3/graded/1"
    save(path, {name: initial_weights, graded: initial_weights, "a/spiking/1": np.zeros(3)}, {})
    arrays = read(str(path))
    with pytest.raises(BadWeightsError, match="there are: a/spiking/1, gymnasium 3/graded/1"):
        circuit_of(arrays, "x")
    with pytest.raises(BadWeightsError, match="4 finite weights"):
        circuit_of(arrays, "a/spiking/1")
    with pytest.raises(ValueError, match="graded neurons"):
        Controller(*circuit_of(arrays, graded), 3, 80.0, 0.04)
    controller = Controller(*circuit_of(arrays, name), 3, 80.0, 0.04)
    torques = controller.decide([0.3, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert len(torques) == 2 and controller.spikes > 8 and controller.energy_j > 0
    fired = set(controller.fired())
    assert fired >= {0, 3, 4}
    # Pacemaker and the head's sensor go to one motor neuron each, motor neurons to two muscles.
    circuit = controller._circuit
    felt, pulled = circuit.sensor_spikes[0], circuit.motor_spikes[0]
    assert controller.counts.acs == 8 + felt[0].sum() + 2 * pulled.sum()
    with pytest.raises(ValueError, match="3 values, but a swimmer of 3 links has 8"):
        controller.decide([0.0] * 3)
    with pytest.raises(ValueError, match="isn't finite"):
        controller.decide([math.nan] * 8)
