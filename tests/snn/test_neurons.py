"""Each neuron model against closed forms and other libraries."""

import math
from pathlib import Path

import numpy as np
import pytest
import snntorch
import torch

from spikeloop import snn
from spikeloop.snn.neurons.integer import unfold
from spikeloop.snn.surrogates import ATan, FastSigmoid, Gaussian, Rectangle, Sigmoid, Triangle

DT = 1e-3
PEER = np.load(Path(__file__).parent / "data" / "spikingjelly.npz")


def constant(module, value, steps, kind=torch.float64):
    """Output steps and the first state after each, for one neuron at a constant input."""
    module.reset()
    spikes, states = [], []
    for _ in range(steps):
        spikes.append(float(module(torch.full((1, 1), value, dtype=kind))))
        states.append(float(module.state[0]))
    return spikes, states


@pytest.mark.parametrize("tau", [2e-3, 20e-3, 0.5])
def test_the_exact_solver_gives_the_exponential(tau):
    neuron = snn.LIF(torch.tensor(tau, dtype=torch.float64), DT, threshold=1e9, v_leak=0.3, r=2.0)
    _, v = constant(neuron, 1.7, 50)
    for n, value in enumerate(v, 1):
        rest = 0.3 + 2.0 * 1.7
        assert value == pytest.approx(rest * (1 - math.exp(-n * DT / tau)), rel=1e-6)


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3])
def test_the_rate_follows_the_closed_form_whatever_the_step(dt):
    # Period of a LIF at constant current: tau ln(rx / (rx - threshold)), then up to a whole step.
    tau, drive = 20e-3, 1.25
    spikes, _ = constant(snn.LIF(tau, dt), drive, int(2.0 / dt))
    times = np.flatnonzero(spikes)
    period = math.ceil(tau * math.log(drive / (drive - 1)) / dt - 1e-6)
    assert set(np.diff(times)) == {period}


def test_euler_is_the_first_order_of_the_exact_step():
    _, euler = constant(snn.LIF(10e-3, DT, solver="euler", threshold=9.0), 1.0, 20)
    for n, value in enumerate(euler, 1):
        assert value == pytest.approx(1 - (1 - DT / 10e-3) ** n, rel=1e-6)


def test_resets_leave_what_they_promise():
    for reset, after in (("hard", -0.5), ("soft", 0.7), ("none", 1.7)):
        neuron = snn.IF(DT, unit_input=True, v_reset=-0.5, reset=reset)
        spikes, v = constant(neuron, 1.7, 1)
        assert spikes == [1.0]
        assert v[0] == pytest.approx(after)


def test_a_membrane_at_the_threshold_fires():
    assert constant(snn.IF(DT, unit_input=True), 1.0, 1)[0] == [1.0]
    assert constant(snn.IF(DT, unit_input=True), math.nextafter(1.0, 0.0), 1)[0] == [0.0]


def test_a_current_takes_dt_into_account():
    # 50 ms of a current of 100/s through r 1 is a charge of 5, in however many steps.
    for dt in (1e-3, 1e-2):
        _, v = constant(snn.IF(dt, threshold=1e9), 100.0, round(0.05 / dt))
        assert v[-1] == pytest.approx(5.0)


def test_current_based_membranes_follow_the_two_exponentials():
    tau, tau_syn = 20e-3, 5e-3
    neuron = snn.CurrentLIF(tau, tau_syn, DT, threshold=1e9, unit_input=True).double()
    x = torch.zeros(40, 1, 1, dtype=torch.float64)
    x[0] = 1.0
    a, b = math.exp(-DT / tau), math.exp(-DT / tau_syn)
    for n, one in enumerate(x):
        neuron(one)
        # Sum over k of a^(n-k) b^k, a geometric series.
        expected = (a ** (n + 1) - b ** (n + 1)) / (a - b)
        assert float(neuron.state[1]) == pytest.approx(expected, rel=1e-6)


def test_adaptation_settles_at_the_rate_that_it_allows():
    neuron = snn.AdaptiveLIF(5e-3, DT, tau_adaptation=0.1, beta=4.0, unit_input=True, reset="soft")
    spikes, _ = constant(neuron, 2.0, 3000)
    first, last = np.mean(spikes[:20]), np.mean(spikes[-1000:])
    assert first > last > 0
    # In the mean a is the rate; each spike takes threshold + beta a off what the leak leaves.
    assert float(neuron.state[1]) == pytest.approx(last, abs=0.02)


def test_input_weighted_thresholds_rise_with_the_input():
    synapse, adaptation = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(synapse.weight, 0.9)
    torch.nn.init.constant_(adaptation.weight, 0.25)
    neuron = snn.InputAdaptiveLIF(
        synapse, adaptation, 1e-3, DT, tau_adaptation=20e-3, unit_input=True, threshold=0.2
    )
    keep, d = math.exp(-DT / 20e-3), 0.0
    v, keep_v = 0.0, math.exp(-1.0)
    for n in range(30):
        arrives = float(n % 3 == 0)
        d = keep * d + 0.25 * arrives
        v = keep_v * v + 0.9 * arrives
        fires = v >= 0.2 + d
        assert float(neuron(torch.tensor([[arrives]])).detach()) == fires
        v = 0.0 if fires else v
        assert float(neuron.state[1]) == pytest.approx(d, rel=1e-5)


def test_integer_spikes_round_and_come_back_as_binary_ones():
    neuron = snn.IntegerLIF(1.0, DT, most=4, reset="none", unit_input=True)
    x = torch.tensor([[-1.0, 0.49, 0.5, 1.2, 3.6, 9.0]], requires_grad=True)
    counts = neuron(x)
    assert counts.tolist() == [[0, 0, 1, 1, 4, 4]]
    counts.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1, 1, 1, 0]]
    binary = unfold(counts, 4)
    assert set(binary.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(binary.sum(0), counts)


def test_integer_soft_reset_keeps_the_rest():
    neuron = snn.IntegerLIF(1e3, DT, most=4, unit_input=True)
    neuron(torch.tensor([[2.3]]))
    assert float(neuron.state[0]) == pytest.approx(0.3, abs=1e-5)


def _lif(**kwargs):
    return snn.LIF(3.0, 1.0, solver="euler", surrogate=ATan(2.0), **kwargs)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("lif_hard", _lif()),
        ("lif_hard_detached", _lif(v_reset=-0.2, v_leak=-0.2, detach_reset=True)),
        ("lif_soft", _lif(reset="soft")),
        ("lif_unit", _lif(unit_input=True)),
        ("if_soft", snn.IF(1.0, reset="soft", surrogate=ATan(2.0))),
        ("if_hard", snn.IF(1.0, surrogate=ATan(2.0))),
        (
            "current",
            snn.CurrentLIF(
                -1 / math.log(0.75), -1 / math.log(0.5), 1.0, unit_input=True, surrogate=ATan(2.0)
            ),
        ),
        ("integer", snn.IntegerLIF(3.0, 1.0, solver="euler", unit_input=True)),
        ("plif", _lif(learn=("tau",))),
    ],
)
def test_spikes_membranes_and_gradients_are_spikingjellys(name, module):
    x = torch.tensor(PEER["x"], requires_grad=True)
    module.reset()
    if module.__class__ is snn.LIF and name == "lif_hard_detached":
        # Its membranes start at the resting potential, ours at 0.
        module.state = (torch.full_like(x[0], -0.2),)
    spikes, potentials = [], []
    for one in x:
        spikes.append(module(one))
        potentials.append(module.state[module.state_names.index("v")])
    s = torch.stack(spikes)
    (s * torch.linspace(1, 2, len(x))[:, None, None]).sum().backward()
    assert np.array_equal(s.detach().numpy(), PEER[f"{name}.spikes"])
    assert np.allclose(torch.stack(potentials).detach(), PEER[f"{name}.v"], atol=2e-6)
    assert np.allclose(x.grad, PEER[f"{name}.grad"], atol=2e-5, rtol=2e-4)
    if name == "plif":
        # There 1/tau = sigmoid(w); here tau = dt + exp(raw), so raw = -w.
        assert float(module.tau_raw.grad) == pytest.approx(-float(PEER["plif.w_grad"]), rel=1e-3)


@pytest.mark.parametrize(("reset", "peer"), [("soft", "subtract"), ("hard", "zero")])
def test_spikes_and_membranes_are_snntorchs(reset, peer):
    torch.manual_seed(1)
    # Below two thresholds, above which its undelayed reset is wrong; the delayed one is another model.
    x = torch.rand(80, 2, 7) * 1.7 - 0.6
    theirs = snntorch.Leaky(beta=0.8, reset_mechanism=peer, reset_delay=False)
    mem = theirs.init_leaky()
    ours = snn.LIF(-DT / math.log(0.8), DT, unit_input=True, reset=reset)
    for one in x:
        spike, mem = theirs(one, mem)
        assert torch.equal(ours(one), spike)
        assert torch.allclose(ours.state[0], mem, atol=2e-6)


def test_currents_and_membranes_are_snntorchs():
    torch.manual_seed(2)
    x = torch.rand(80, 2, 7) * 0.9 - 0.25
    theirs = snntorch.Synaptic(alpha=0.6, beta=0.8, reset_mechanism="zero", reset_delay=False)
    syn, mem = theirs.init_synaptic()
    ours = snn.CurrentLIF(-DT / math.log(0.8), -DT / math.log(0.6), DT, unit_input=True)
    fired = 0
    for one in x:
        spike, syn, mem = theirs(one, syn, mem)
        assert torch.equal(ours(one), spike)
        assert torch.allclose(ours.state[0], syn, atol=2e-6)
        # Its reset takes the current of the step off too, so its membrane is ours where it's quiet.
        quiet = spike == 0
        assert torch.allclose(ours.state[1][quiet], mem[quiet], atol=2e-6)
        mem = ours.state[1]
        fired += int(spike.sum())
    assert fired > 20


def reference(kind, x, **p):
    """Spikes and membranes of one neuron, step by step in long doubles, from the equations."""
    one = np.longdouble(1)
    decay = {
        name: np.exp(-np.longdouble(DT) / np.longdouble(p[name])) for name in p if "tau" in name
    }
    v = i = a = np.longdouble(0)
    spikes, membranes = [], []
    for drive in x.astype(np.longdouble):
        if kind == "current":
            i = decay["tau_syn"] * i + (one - decay["tau_syn"]) * p["w_in"] * drive
            v = p["v_leak"] + decay["tau"] * (v - p["v_leak"]) + (one - decay["tau"]) * p["r"] * i
        elif kind == "integrate":
            v = v + p["r"] * np.longdouble(DT) * drive
        else:
            gain = p["r"] * (one - decay["tau"])
            v = p["v_leak"] + decay["tau"] * (v - p["v_leak"]) + gain * drive
        level = p["threshold"] + (p["beta"] * a if kind == "adaptive" else 0)
        n = float(v >= level)
        if kind == "integer":
            n = float(np.floor(np.clip(v / level, 0, p["most"]) + 0.5))
        if kind == "readout":
            n = float(v)
        elif p["reset"] == "soft":
            v = v - n * level
        elif p["reset"] == "hard" and n:
            v = np.longdouble(p["v_reset"])
        if kind == "adaptive":
            a = decay["tau_adaptation"] * a + (one - decay["tau_adaptation"]) * n
        spikes.append(n)
        membranes.append(float(v))
    return np.array(spikes), np.array(membranes)


LEAKY = {"tau": 7e-3, "r": 2.5, "v_leak": -0.1}
FIRES = {"threshold": 0.7, "v_reset": -0.2}


@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
@pytest.mark.parametrize(
    ("kind", "make", "values"),
    [
        ("leaky", snn.LIF, LEAKY | FIRES),
        ("leaky", snn.PLIF, LEAKY | FIRES),
        ("current", snn.CurrentLIF, LEAKY | FIRES | {"tau_syn": 4e-3, "w_in": 1.5}),
        ("adaptive", snn.AdaptiveLIF, LEAKY | FIRES | {"tau_adaptation": 0.05, "beta": 1.3}),
        ("integer", snn.IntegerLIF, LEAKY | FIRES | {"most": 3}),
        ("integrate", snn.IF, FIRES | {"r": 300.0}),
        ("readout", snn.LeakyIntegrator, LEAKY | FIRES),
    ],
)
def test_every_neuron_follows_its_equations_in_long_doubles(kind, make, values, reset):
    x = np.random.default_rng(4).normal(0.5, 0.8, 400)
    given = {
        name: torch.tensor(value, dtype=torch.float64) if name != "most" else value
        for name, value in values.items()
    }
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        neuron = make(dt=DT, reset=reset, **given)
    finally:
        torch.set_default_dtype(default)
    spikes, membranes = reference(kind, x, reset=reset, **values)
    with torch.no_grad():
        for n, drive in enumerate(x):
            y = neuron(torch.full((1, 1), drive, dtype=torch.float64))
            assert float(y) == pytest.approx(spikes[n], abs=1e-12)
            v = neuron.state[neuron.state_names.index("v")]
            assert float(v) == pytest.approx(membranes[n], abs=1e-11)
    assert kind == "readout" or 5 < (spikes > 0).sum() < 400


@pytest.mark.parametrize(
    ("surrogate", "area"),
    [
        (ATan(), 1.0),
        (Sigmoid(), 1.0),
        (FastSigmoid(), 2 / 25),
        (Triangle(), 0.3),
        (Rectangle(), 1.0),
        (Gaussian(), 1.0),
    ],
)
def test_surrogates_step_forward_and_pass_their_derivative(surrogate, area):
    x = torch.linspace(-400, 400, 800_001, dtype=torch.float64, requires_grad=True)
    spikes = surrogate(x)
    assert torch.equal(spikes, (x >= 0).double())
    spikes.sum().backward()
    assert torch.equal(x.grad, surrogate.derivative(x))
    assert float(torch.trapezoid(x.grad, x.detach())) == pytest.approx(area, rel=5e-3)
    assert int(x.grad.argmax()) == pytest.approx(400_000, abs=500)


class Smooth:
    """A forward step that is the integral of its derivative, so that differences are a check."""

    def __call__(self, x):
        return torch.sigmoid(4 * x)


def differentiable():
    f64 = torch.float64
    common = {"surrogate": Smooth()}
    tau = torch.full((3,), 5e-3, dtype=f64)
    three = {"channels": 3} | common
    return {
        "lif": snn.LIF(tau, DT, unit_input=True, reset="soft", learn=("tau", "threshold"), **common),
        "lif_hard": snn.LIF(5e-3, DT, learn=("r", "v_leak"), r=3.0, **three),
        "lif_none": snn.LIF(5e-3, DT, reset="none", learn=("tau",), **three),
        "plif": snn.PLIF(5e-3, DT, unit_input=True, **three),
        "plif_euler": snn.PLIF(5e-3, DT, unit_input=True, solver="euler", **three),
        "if": snn.IF(DT, unit_input=True, learn=("r", "v_reset"), **three),
        "current": snn.CurrentLIF(
            8e-3, 3e-3, DT, unit_input=True, learn=("tau", "tau_syn", "w_in"), **three
        ),
        "adaptive": snn.AdaptiveLIF(
            5e-3, DT, tau_adaptation=9e-3, unit_input=True,
            learn=("tau_adaptation", "beta"), **three,
        ),
        "input_adaptive": snn.InputAdaptiveLIF(
            torch.nn.Linear(3, 3), torch.nn.Linear(3, 3), 5e-3, DT, tau_adaptation=9e-3,
            learn=("tau_adaptation",), **three,
        ),
        "readout": snn.LeakyIntegrator(5e-3, DT, learn=("tau", "r"), channels=3),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(differentiable()))
def test_gradients_through_time_are_those_of_a_smooth_neuron(name):
    torch.manual_seed(0)
    neuron = differentiable()[name].double()
    x = torch.rand(6, 2, 3, dtype=torch.float64, requires_grad=True)
    learned = dict(neuron.named_parameters())

    def output(x, *values):
        neuron.reset()
        held = dict(zip(learned, values, strict=True))
        return torch.stack([torch.func.functional_call(neuron, held, one) for one in x])

    given = [value.detach().requires_grad_() for value in learned.values()]
    assert torch.autograd.gradcheck(output, (x, *given))
