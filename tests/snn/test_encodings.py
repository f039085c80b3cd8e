"""Codes against their closed forms, and back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop import snn
from spikeloop.snn.encodings.delta import Delta
from spikeloop.snn.encodings.direct import direct
from spikeloop.snn.encodings.latency import latency, membrane_latency
from spikeloop.snn.encodings.phase import phase, phase_weights
from spikeloop.snn.encodings.population import population, population_mean, preferred
from spikeloop.snn.encodings.rate import rate


def test_direct_repeats_without_a_copy():
    x = torch.rand(2, 3)
    steps = direct(x, 4)
    assert steps.shape == (4, 2, 3)
    assert all(torch.equal(one, x) for one in steps)
    assert steps.data_ptr() == x.data_ptr()


def test_rates_are_kept_whatever_the_step():
    rates = torch.tensor([0.0, 10.0, 200.0])
    for dt in (1e-4, 1e-3):
        steps = int(50 / dt)
        spikes = rate(rates, steps, dt, torch.Generator().manual_seed(1))
        expected = (1 - torch.exp(-rates * dt)) * steps
        deviation = torch.sqrt(expected) + 1e-9
        assert ((spikes.sum(0) - expected).abs() < 4 * deviation).all()
        assert set(spikes.unique().tolist()) == {0.0, 1.0}


def test_rate_code_is_fixed_by_its_generator_and_passes_gradients():
    rates = torch.full((5,), 100.0, requires_grad=True)
    first = rate(rates, 20, 1e-3, torch.Generator().manual_seed(3))
    assert torch.equal(first, rate(rates, 20, 1e-3, torch.Generator().manual_seed(3)))
    first.sum().backward()
    assert torch.allclose(rates.grad, torch.full((5,), 20 * 1e-3 * math.exp(-0.1)))


def test_latency_orders_values():
    spikes = latency(torch.tensor([1.0, 0.5, 0.0, 0.1]), 11, threshold=0.05)
    assert spikes.sum(0).tolist() == [1, 1, 0, 1]
    assert spikes.argmax(0).tolist() == [0, 5, 0, 9]


def test_membrane_latency_is_when_a_lif_fires_first():
    x = torch.tensor([[0.5, 1.01, 1.3, 2.0, 30.0]], dtype=torch.float64)
    dt, tau = 1e-3, 20e-3
    spikes = membrane_latency(x, 200, dt, tau, 1.0)
    neuron = snn.LIF(torch.tensor(tau, dtype=torch.float64), dt)
    fired = snn.run(neuron, direct(x, 200))
    assert spikes.sum(0).tolist() == [[0, 1, 1, 1, 1]]
    assert torch.equal(spikes.argmax(0), fired.argmax(0))


@given(st.lists(st.floats(0, 1, exclude_max=True, width=32), min_size=1), st.integers(1, 12))
def test_phase_digits_add_up(values, period):
    x = torch.tensor(values, dtype=torch.float64)
    spikes = phase(x, 2 * period, period)
    weights = phase_weights(2 * period, period).double()
    total = torch.einsum("t,tn->n", weights, spikes) / 2
    assert ((x - total >= 0) & (x - total < 0.5**period)).all()


@settings(max_examples=50)
@given(st.integers(0, 1000), st.sampled_from([0.05, 0.3]), st.integers(1, 4))
def test_delta_follows_to_within_a_threshold(seed, threshold, most):
    generator = torch.Generator().manual_seed(seed)
    moves = (torch.rand(40, 2, 3, generator=generator) * 2 - 1) * threshold * most * 0.99
    x = moves.cumsum(0).double()
    code = Delta(threshold, most)
    spikes = snn.run(code, x)
    on, off = spikes.split(3, dim=2)
    rebuilt = x[0] + threshold * (on - off).cumsum(0)
    assert ((x - rebuilt).abs() < threshold * (1 + 1e-6)).all()
    assert not spikes[0].any()


def test_population_prefers_the_near_and_is_read_back():
    x = torch.tensor([[-1.0, 0.25], [0.5, 1.0]])
    activity = population(x, 21, -2.0, 2.0)
    assert activity.shape == (2, 42)
    assert preferred(21, -2.0, 2.0)[activity[0, :21].argmax()] == pytest.approx(-1.0, abs=0.11)
    assert torch.allclose(population_mean(activity, 21, -2.0, 2.0), x, atol=0.01)
    assert float(population(torch.zeros(1, 1), 5, -2.0, 2.0)[0, 2]) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: direct(torch.zeros(1), 0),
        lambda: rate(torch.tensor([-1.0]), 3, 1e-3),
        lambda: rate(torch.tensor([1.0]), 3, 0.0),
        lambda: latency(torch.tensor([1.5]), 3),
        lambda: membrane_latency(torch.tensor([1.5]), 3, 1e-3, 0.0, 1.0),
        lambda: phase(torch.tensor([1.0]), 3),
        lambda: phase(torch.tensor([0.5]), 3, 40),
        lambda: Delta(0.0),
        lambda: population(torch.zeros(1, 1), 1, 0.0, 1.0),
        lambda: population(torch.zeros(1, 1), 3, 0.0, 1.0, 0.0),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="not"):
        wrong()
