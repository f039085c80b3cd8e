"""What holds for every stateful layer: two forms, one number; state; errors; memory."""

import gc
import io

import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spikeloop import snn
from spikeloop.snn.encodings.delta import Delta
from spikeloop.snn.layers.delays import DelayedLinear
from spikeloop.snn.layers.legendre import LMU
from spikeloop.snn.layers.recurrent import Recurrent

DT = 1e-3


def neurons():
    torch.manual_seed(0)
    found = {
        "lif": snn.LIF(5e-3, DT, unit_input=True),
        "lif_soft_euler": snn.LIF(5e-3, DT, reset="soft", solver="euler", r=3.0),
        "lif_none": snn.LIF(5e-3, DT, reset="none"),
        "lif_channels": snn.LIF(torch.linspace(2e-3, 9e-3, 4), DT, threshold=torch.full((4,), 0.2)),
        "if": snn.IF(DT, unit_input=True, reset="soft"),
        "current": snn.CurrentLIF(8e-3, 3e-3, DT, unit_input=True),
        "adaptive": snn.AdaptiveLIF(5e-3, DT, tau_adaptation=30e-3, unit_input=True),
        "input_adaptive": snn.InputAdaptiveLIF(
            nn.Linear(4, 6), nn.Linear(4, 6, bias=False), 5e-3, DT, tau_adaptation=0.05
        ),
        "integer": snn.IntegerLIF(5e-3, DT, unit_input=True),
        "plif": snn.PLIF(5e-3, DT, channels=4, unit_input=True),
        "integrator": snn.LeakyIntegrator(5e-3, DT),
    }
    return {name: module.double() for name, module in found.items()}


NAMES = list(neurons())


@pytest.mark.parametrize("name", NAMES)
def test_streaming_is_multi_step(name):
    model = nn.Sequential(neurons()[name])
    x = torch.rand(30, 3, 4, dtype=torch.float64) * 2
    whole = snn.run(model, x)
    layer_by_layer = [snn.reset(model), snn.run(model, x, layer_by_layer=True)][1]
    snn.reset(model)
    streamed = torch.stack([model(one) for one in x])
    functional, state = [], model[0].initial_state(x[0])
    for one in x:
        y, state = model[0].step(one, state)
        functional.append(y)
    for other in (layer_by_layer, streamed, torch.stack(functional)):
        assert torch.equal(whole, other)
    assert whole.any()


@pytest.mark.parametrize("name", NAMES)
def test_reset_forgets_to_the_bit(name):
    model = neurons()[name]
    a, b = torch.rand(2, 20, 3, 4, dtype=torch.float64) * 2
    alone = snn.run(model, b)
    snn.reset(model)
    snn.run(model, a)
    snn.reset(model)
    assert torch.equal(snn.run(model, b), alone)


@pytest.mark.parametrize("name", NAMES)
def test_state_survives_a_file(name):
    model = nn.Sequential(neurons()[name])
    x = torch.rand(20, 3, 4, dtype=torch.float64) * 2
    snn.run(model, x[:9])
    file = io.BytesIO()
    torch.save({"weights": model.state_dict(), "states": snn.state_of(model)}, file)
    rest = snn.run(model, x[9:])
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other = nn.Sequential(neurons()[name])
    other.load_state_dict(saved["weights"])
    snn.load_state(other, saved["states"])
    assert torch.equal(snn.run(other, x[9:]), rest)


@pytest.mark.parametrize("name", NAMES)
def test_another_batch_names_layer_and_shapes(name):
    model = nn.Sequential(neurons()[name])
    snn.run(model, torch.rand(2, 3, 4, dtype=torch.float64))
    with pytest.raises(snn.ShapeError, match=r"layer '0'.*\(3, .*\(5, .*snn.reset"):
        model(torch.rand(5, 4, dtype=torch.float64))


def test_parameters_of_other_channels_name_layer_and_shapes():
    model = nn.Sequential(nn.Identity(), snn.LIF(torch.full((4,), 0.01), DT))
    snn.reset(model)
    with pytest.raises(snn.ShapeError, match=r"layer '1': tau has shape \(4,\).*\(2, 3, 5\)"):
        model(torch.rand(2, 3, 5))


def test_synapses_that_do_not_fit_are_named_with_the_shapes():
    block = nn.Sequential(nn.Conv2d(2, 4, 3), snn.LIF(5e-3, DT), nn.Flatten(), nn.Linear(64, 5))
    model = nn.Sequential(nn.Identity(), block)
    with pytest.raises(snn.ShapeError, match=r"layer '1\.0': .*\[1, 3, 6, 6\].* 2 channels"):
        snn.run(model, torch.rand(2, 1, 3, 6, 6))
    with pytest.raises(snn.ShapeError, match=r"layer '1\.3': .*1x100 and 64x5"):
        snn.run(model, torch.rand(2, 1, 2, 7, 7))


def test_sequences_must_have_a_step():
    with pytest.raises(snn.ShapeError, match="at least one step"):
        snn.run(snn.IF(DT), torch.zeros(0, 1, 1))


def test_states_of_another_model_are_refused_and_change_nothing():
    model = nn.Sequential(snn.CurrentLIF(0.02, 0.01, DT))
    snn.run(model, torch.rand(3, 1, 2))
    before = snn.state_of(model)
    with pytest.raises(snn.StateError, match=r"no layer for.*7\.v"):
        snn.load_state(model, before | {"7.v": torch.zeros(1)})
    with pytest.raises(snn.StateError, match=r"layer '0' lacks \['0.v'\]"):
        snn.load_state(model, {"0.i": torch.zeros(1, 2)})
    assert all(torch.equal(before[key], value) for key, value in snn.state_of(model).items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reset": "sof"}, "did you mean 'soft'"),
        ({"solver": "eulr"}, "did you mean 'euler'"),
        ({"learn": ("tua",)}, "did you mean 'tau'"),
        ({"dt": 0.0}, "dt must be a positive time"),
        ({"tau": -1.0}, "tau must be a positive time"),
        ({"solver": "euler", "tau": 1e-4}, "shorter than the step"),
    ],
)
def test_wrong_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        snn.LIF(**({"tau": 1e-2, "dt": DT} | arguments))


@settings(max_examples=30)
@given(
    cut=st.integers(1, 19),
    seed=st.integers(0, 1000),
    name=st.sampled_from(NAMES),
)
def test_cutting_a_sequence_changes_nothing(cut, seed, name):
    torch.manual_seed(seed)
    x = torch.rand(20, 2, 4, dtype=torch.float64) * 3 - 0.5
    model = neurons()[name]
    whole = snn.run(model, x)
    model.reset()
    assert torch.equal(torch.cat([snn.run(model, x[:cut]), snn.run(model, x[cut:])]), whole)


def test_learned_time_constants_stay_physical():
    neuron = snn.PLIF(5e-3, DT, solver="euler", channels=3)
    with torch.no_grad():
        neuron.tau_raw.fill_(-50.0)
    assert float(neuron.value("tau").min()) == pytest.approx(DT)
    assert torch.allclose(snn.PLIF(5e-3, DT, channels=3).value("tau"), torch.tensor(5e-3))


def everything(width):
    """All neurons one after another, and layers with a memory, which are smaller."""
    few = 32
    synapses = nn.Linear(width, few), nn.Linear(width, few)
    neuron_layers = [
        neurons()[name].float()
        for name in NAMES
        if name not in ("lif_channels", "plif", "input_adaptive")
    ]
    return nn.Sequential(
        *neuron_layers,
        snn.InputAdaptiveLIF(*synapses, 5e-3, DT, tau_adaptation=0.05),
        Recurrent(snn.LIF(5e-3, DT), nn.Linear(few, few)),
        DelayedLinear(few, few, 4e-3, DT),
        LMU(few, few, 4, 20e-3, DT),
        Delta(0.1),
    ).eval()


@pytest.mark.parametrize("kind", ["torch", "engine"])
def test_long_streams_keep_memory_flat(kind):
    width = 256
    if kind == "torch":
        run, x = everything(width), torch.rand(1, width)
    else:
        model = nn.Sequential(nn.Conv2d(2, 16, 3, 2, 1), snn.LIF(9e-3, DT, unit_input=True))
        run, x = snn.compile(model, (2, 16, 16)), (torch.rand(1, 2, 16, 16) < 0.1).float()
    process = psutil.Process()
    with torch.no_grad():
        for _ in range(300):
            run(x)
        gc.collect()
        before, objects = process.memory_info().rss, len(gc.get_objects())
        for _ in range(10_000):
            run(x)
        gc.collect()
    # A neuron's state kept a step would be 15 MB, 1 kB of numbers and half that around it; the
    # smaller ones would be seen among Python's objects.
    assert process.memory_info().rss - before < 10_000_000
    assert len(gc.get_objects()) - objects < 100


def test_detaching_cuts_the_graph_and_keeps_the_values():
    model = snn.LIF(5e-3, DT, learn=("tau",))
    snn.run(model, torch.rand(3, 1, 2))
    before = model.state[0].detach().clone()
    snn.detach(model)
    assert model.state[0].grad_fn is None
    assert torch.equal(model.state[0], before)
