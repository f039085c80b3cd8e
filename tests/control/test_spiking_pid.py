"""Known answers of the spiking controller: ticks by hand, symmetry, cost, and its files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.control.spiking_pid.ablation import (
    alive_mask,
    damaged,
    quantised,
    without_adaptation,
    without_network,
)
from spikeloop.control.spiking_pid.network import (
    NETWORKS,
    NEURONS,
    PAIRS,
    ROWS,
    SpikingPid,
    Weights,
)
from spikeloop.control.spiking_pid.search_space import (
    NETWORK_SIZE,
    SIZE,
    start_point,
    to_batch,
    to_pairs,
    to_point,
    to_weights,
)
from spikeloop.control.spiking_pid.storage import BadWeightsError, load_weights, save_weights

BY_HAND = {
    "encoding_weight": 1.0,
    "encoding_bias": 0.0,
    "encoding_current_leak": 0.5,
    "encoding_voltage_leak": 0.5,
    "encoding_threshold": 1.0,
    "hidden_same": 1.0,
    "hidden_cross": -0.5,
    "hidden_bias": 0.1,
    "hidden_current_leak": 0.0,
    "hidden_voltage_leak": 0.5,
    "hidden_threshold": 0.9,
    "adaptation": 0.2,
    "adaptation_leak": 0.5,
    "output_weight": 0.3,
}


def _weights(**changes: float) -> Weights:
    """One pair of the PD network as given, all others silent."""
    pairs = np.zeros((2, len(ROWS), PAIRS))
    pairs[:, [ROWS.index("encoding_threshold"), ROWS.index("hidden_threshold")]] = 9.0
    for name, value in (BY_HAND | changes).items():
        pairs[0, ROWS.index(name), 0] = value
    return Weights(pairs, np.array([0.25, 0.9]))


def _random(seed: int) -> Weights:
    random = np.random.default_rng(seed)
    point = np.concatenate([start_point(name, random) for name in NETWORKS])
    return to_weights(point + 0.1 * random.standard_normal(SIZE))


def test_three_ticks_by_hand() -> None:
    controller = SpikingPid(_weights())
    # Encoding: i = 0.8, v = 0.8 < 1. Hidden: i = v = 0.1.
    assert controller.update(0.8) == 0.0
    assert not controller.spikes.any()
    # Encoding: i = 0.4 + 0.8, v = 0.4 + 1.2 > 1 fires. Adaptation -0.2. Hidden +: i = 1.1,
    # v = 0.05 + 1.1 > 0.9 - 0.2 fires; hidden -: v = 0.05 - 0.4. Output 0.75 * 0.3.
    assert controller.update(0.8) == pytest.approx(0.225)
    assert np.flatnonzero(controller.spikes).tolist() == [0, 40]
    # Encoding: v starts anew, i = 0.6 + 0.8 fires. Adaptation -0.3. Hidden + fires.
    assert controller.update(0.8) == pytest.approx(0.25 * 0.225 + 0.225)


def test_adaptation_alone_lets_the_hidden_neuron_fire() -> None:
    # Hidden +: v = 0.05 + 0.65 = 0.7, below its threshold of 0.9, and just at 0.9 - 0.2.
    low = _weights(hidden_same=0.56)
    with_it, without = SpikingPid(low), SpikingPid(without_adaptation(low))
    for controller in (with_it, without):
        controller.update(0.8)
        controller.update(0.8)
    assert with_it.outputs[0] == pytest.approx(0.225)
    assert without.outputs[0] == 0.0


def test_cost_by_hand() -> None:
    controller = SpikingPid(_weights())
    controller.update(0.8)
    assert controller.cost.spikes == controller.cost.synaptic_operations == 0
    controller.update(0.8)
    cost = controller.cost
    # An encoding spike reaches two neurons and two thresholds, a hidden one the output.
    assert (cost.spikes, cost.synaptic_operations, cost.macs) == (2, 5, 80)
    assert cost.energy_j == pytest.approx(80 * 4.6e-12 + 5 * 0.9e-12)
    assert NEURONS == 160 and controller.spikes.shape == (160,)


@settings(max_examples=30)
@given(st.integers(0, 1000), st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=40))
def test_opposite_errors_give_exactly_opposite_commands(seed: int, errors: list[float]) -> None:
    one, other = SpikingPid(_random(seed)), SpikingPid(_random(seed))
    assert [one.update(e) for e in errors] == [-other.update(-e) for e in errors]


@settings(max_examples=20)
@given(st.integers(0, 1000), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_always_finite_and_within_its_limits(seed: int, errors: list[float]) -> None:
    controller = SpikingPid(_random(seed), -0.5, 0.7)
    assert all(-0.5 <= controller.update(e) <= 0.7 for e in errors)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_error_is_refused_and_changes_nothing(bad: float) -> None:
    one, other = SpikingPid(_random(1)), SpikingPid(_random(1))
    for controller in (one, other):
        controller.update(0.5)
    with pytest.raises(ValueError, match="error is"):
        one.update(bad)
    assert [one.update(0.3) for _ in range(20)] == [other.update(0.3) for _ in range(20)]


def test_reset_forgets() -> None:
    controller = SpikingPid(_random(2))
    first = [controller.update(0.4) for _ in range(30)]
    controller.reset()
    assert [controller.update(0.4) for _ in range(30)] == first


def test_points_and_parameters_are_inverse() -> None:
    point = start_point("pd", np.random.default_rng(0))
    assert point.shape == (NETWORK_SIZE,) == (281,)
    pairs, leak = to_pairs(point[None, :])
    assert to_point(pairs[0], float(leak[0])) == pytest.approx(point, abs=1e-6)


@given(st.lists(st.floats(-10.0, 10.0), min_size=5, max_size=5))
def test_no_point_leaves_the_bounds(values: list[float]) -> None:
    pairs, leaks = to_batch(np.resize(np.array(values), (1, SIZE)))
    for name in ("encoding_current_leak", "hidden_voltage_leak", "adaptation_leak"):
        row = pairs[0, :, ROWS.index(name)]
        assert (row >= 0.0).all() and (row <= 0.998 + 1e-12).all()
    assert (pairs[0, :, ROWS.index("encoding_threshold")] >= 0.02 - 1e-12).all()
    assert (np.abs(pairs[0, :, ROWS.index("output_weight")]) <= 1.0).all()
    assert (leaks < 1.0).all()


def test_ablations_change_what_they_say() -> None:
    weights = _random(3)
    without = SpikingPid(without_network(weights, "i"))
    for _ in range(20):
        without.update(0.7)
    assert without.outputs[1] == 0.0 and without.outputs[0] != 0.0
    assert (without_adaptation(weights).pairs[:, ROWS.index("adaptation")] == 0.0).all()
    row = quantised(weights).pairs[0, ROWS.index("output_weight")]
    steps = row / (np.abs(weights.pairs[0, ROWS.index("output_weight")]).max() / 127)
    assert steps == pytest.approx(np.round(steps)) and np.abs(steps).max() == pytest.approx(127)
    mask = alive_mask(0.1, np.random.default_rng(0))
    assert mask.shape == (2, 4, PAIRS) and (mask == 0.0).sum() == 16


def test_dead_neurons_never_fire() -> None:
    random = np.random.default_rng(5)
    controller = damaged(_random(3), 0.3, random)
    dead = controller.alive.reshape(-1) == 0.0
    fired = np.zeros(NEURONS, bool)
    for step in range(200):
        controller.update(2.0 * math.sin(step / 10.0))
        fired |= controller.spikes
    assert not fired[dead].any() and fired.any()


def test_files_keep_every_bit(tmp_path: Path) -> None:
    weights = _random(4)
    save_weights(tmp_path / "net.npz", weights)
    read = load_weights(str(tmp_path / "net.npz"))
    assert (read.pairs == weights.pairs).all() and (read.output_leak == weights.output_leak).all()


def test_bad_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(b"no zip")
    with pytest.raises(BadWeightsError, match=r"net\.npz: is no \.npz of numbers"):
        load_weights(str(path))
    np.savez(path, other=np.zeros(3))
    with pytest.raises(BadWeightsError, match="array 'pd/encoding_weight' is missing"):
        load_weights(str(path))
    save_weights(path, _random(4))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"pd/encoding_bias": np.zeros(3)}))
    with pytest.raises(BadWeightsError, match=r"'pd/encoding_bias' has the shape \(3,\)"):
        load_weights(str(path))
    np.savez(path, **(arrays | {"pd/encoding_bias": np.full(PAIRS, np.nan)}))
    with pytest.raises(BadWeightsError, match="aren't finite"):
        load_weights(str(path))
    np.savez(path, **(arrays | {"pd/encoding_bias": np.array(["x"] * PAIRS)}))
    with pytest.raises(BadWeightsError):
        load_weights(str(path))
    with pytest.raises(ValueError, match="unknown weights 'spiking_pid_blmp'"):
        load_weights("spiking_pid_blmp")
