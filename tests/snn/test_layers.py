"""Blocks against sums by hand."""

import math

import pytest
import torch
from torch import nn

from spikeloop import snn
from spikeloop.snn.layers.delays import DelayedLinear
from spikeloop.snn.layers.heterogeneous_delay import HeterogeneousDelayConv, cone
from spikeloop.snn.layers.legendre import LMU, legendre_readout, legendre_system
from spikeloop.snn.layers.membrane_norm import MembraneNormLIF
from spikeloop.snn.layers.recurrent import Recurrent
from spikeloop.snn.layers.residual import EMS, SEW, sew_block

DT = 1e-3


def lif():
    return snn.LIF(4e-3, DT, unit_input=True)


def layers():
    torch.manual_seed(0)
    picture = (2, 4, 8, 8)
    return {
        "recurrent": (Recurrent(lif(), nn.Linear(4, 4)), (3, 4)),
        "recurrent_conv": (Recurrent(lif(), nn.Conv2d(4, 4, 3, padding=1)), picture),
        "delays": (DelayedLinear(4, 5, 6e-3, DT), (3, 4)),
        "delays_eval": (DelayedLinear(4, 5, 6e-3, DT).eval(), (3, 4)),
        "heterogeneous": (HeterogeneousDelayConv(4, 3, 5, 4, DT), picture),
        "lmu": (LMU(4, 6, 5, 20e-3, DT), (3, 4)),
        "lmu_spiking": (LMU(4, 6, 5, 20e-3, DT, lif()), (3, 4)),
        "sew": (sew_block(4, lif), picture),
        "ems": (EMS(4, 4, lif), picture),
        "ems_down": (EMS(4, 6, lif, stride=2), picture),
        "ems_widen": (EMS(4, 6, lif, stride=2, widen=True), picture),
        "membrane_norm": (MembraneNormLIF(4, 4e-3, DT, unit_input=True).eval(), (3, 4)),
    }


@pytest.mark.parametrize("name", list(layers()))
def test_streaming_is_multi_step_and_reset_forgets(name):
    layer, shape = layers()[name]
    model = nn.Sequential(layer).double()
    if "delays" not in name:
        model.eval()
    x = (torch.rand(12, *shape) < 0.4).double()
    whole = snn.run(model, x)
    snn.reset(model)
    parts = torch.cat([snn.run(model, x[:5]), snn.run(model, x[5:])])
    snn.reset(model)
    streamed = torch.stack([model(one) for one in x])
    states = snn.state_of(model)
    snn.reset(model)
    folded = snn.run(model, x, layer_by_layer=True)
    assert torch.equal(whole, parts)
    assert torch.equal(whole, streamed)
    assert torch.allclose(whole, folded, atol=1e-6)
    assert all(torch.allclose(states[key], value) for key, value in snn.state_of(model).items())
    other = nn.Sequential(layers()[name][0]).double()
    other[0].train(layer.training)
    other.load_state_dict(model.state_dict())
    snn.load_state(other, states)
    snn.load_state(model, states)
    assert torch.equal(other(x[0]), model(x[0]))
    snn.run(model, x[:1])
    with pytest.raises(snn.ShapeError, match="layer '0"):
        model(x[0][:1])


@pytest.mark.parametrize("name", list(layers()))
def test_a_sample_after_another_is_that_alone(name):
    layer, shape = layers()[name]
    model = nn.Sequential(layer.eval())
    first, second = (torch.rand(2, 10, *shape) < 0.4).float()
    with torch.no_grad():
        alone = snn.run(model, second)
        snn.reset(model)
        snn.run(model, first)
        snn.reset(model)
        assert torch.equal(snn.run(model, second), alone)


def test_recurrence_comes_a_step_later():
    loop = nn.Linear(1, 1, bias=False)
    nn.init.constant_(loop.weight, 1.0)
    layer = Recurrent(snn.IF(DT, unit_input=True), loop)
    x = torch.tensor([1.0, 0, 0, 0]).view(4, 1, 1)
    # The first spike excites the neuron for ever.
    assert snn.run(layer, x).flatten().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("connection", "expected"),
    [("add", [2, 1, 1, 0]), ("and", [1, 0, 0, 0]), ("iand", [0, 1, 0, 0])],
)
def test_sew_connects_element_by_element(connection, expected):
    class Body(nn.Module):
        def forward(self, x):
            return torch.tensor([[1.0, 0, 1, 0]])

    block = SEW(Body(), connection)
    assert block(torch.tensor([[1.0, 1, 0, 0]])).tolist() == [expected]
    with pytest.raises(ValueError, match="did you mean 'iand'"):
        SEW(Body(), "iannd")


def test_ems_convolves_spikes_only():
    block = EMS(4, 6, lif, stride=2, widen=True)
    seen = []
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _m, given, _y: seen.append(given[0]))
    block(torch.randn(2, 4, 8, 8) * 3)
    assert len(seen) == 3
    assert all(set(x.unique().tolist()) == {0.0, 1.0} for x in seen)
    with pytest.raises(ValueError, match="widen needs more outputs"):
        EMS(4, 4, lif, widen=True)


def test_membrane_norm_folds_into_the_threshold():
    torch.manual_seed(2)
    layer = MembraneNormLIF(3, 4e-3, DT, unit_input=True, v_reset=0.1).double()
    x = torch.randn(200, 4, 3, 5, dtype=torch.float64) + 0.3
    snn.run(layer, x)
    with torch.no_grad():
        layer.norm.weight.copy_(torch.tensor([0.5, 1.0, 1.7]))
        layer.norm.bias.copy_(torch.tensor([-0.3, 0.0, 0.4]))
    layer.eval()
    layer.reset()
    folded = layer.fold()
    spikes = snn.run(layer, x)
    assert torch.equal(snn.run(folded, x), spikes)
    assert 0.01 < float(spikes.detach().mean()) < 0.9
    with torch.no_grad():
        layer.norm.weight[1] = -1.0
    with pytest.raises(ValueError, match=r"gamma of channels \[1\]"):
        layer.fold()


def test_delays_shift_each_synapse_by_its_own():
    layer = DelayedLinear(2, 1, 4e-3, DT).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 3.0]]))
        layer.position.copy_(torch.tensor([[1.2, 3.9]]))
    x = torch.zeros(7, 1, 2)
    x[0] = 1
    assert snn.run(layer, x).flatten().tolist() == [0, 2, 0, 0, 3, 0, 0]
    assert torch.allclose(layer.delay(), torch.tensor([[1.2e-3, 3.9e-3]]))


def test_delays_are_learned_towards_the_pattern():
    torch.manual_seed(0)
    layer = DelayedLinear(1, 1, 10e-3, DT)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.position.fill_(2.0)
    x = torch.zeros(16, 1, 1)
    x[0] = 1
    target = torch.zeros(16)
    target[7] = 1
    optimiser = torch.optim.Adam([layer.position], 0.1)
    for epoch in range(200):
        layer.set_progress(epoch / 200)
        layer.reset()
        optimiser.zero_grad()
        ((layer.sequence(x).flatten() - target) ** 2).sum().backward()
        optimiser.step()
        snn.detach(layer)
    assert round(float(layer.position.detach())) == 7


def test_heterogeneous_delays_are_a_causal_convolution():
    torch.manual_seed(1)
    layer = HeterogeneousDelayConv(2, 3, 3, 4, DT, light_cone=False).double()
    x = (torch.rand(9, 1, 2, 6, 7) < 0.3).double()
    y = snn.run(layer, x)
    kernel = layer.weight.flip(1).permute(0, 2, 1, 3, 4)
    padded = nn.functional.pad(x.permute(1, 2, 0, 3, 4), (1, 1, 1, 1, 3, 0))
    expected = nn.functional.conv3d(padded, kernel, layer.bias).permute(2, 0, 1, 3, 4)
    assert torch.allclose(y, expected)


def test_light_cones_grow_and_pruning_keeps_the_greatest():
    discs = cone(7, 5)
    sizes = discs.sum((1, 2)).tolist()
    assert sizes == sorted(sizes)
    assert sizes[0] >= 1
    layer = HeterogeneousDelayConv(2, 3, 7, 5, DT)
    assert layer.synapses() == 6 * sum(sizes)
    layer.prune(50)
    assert layer.synapses() == 50
    kept = layer.weight.detach().abs()[layer.mask > 0].min()
    gone = (layer.weight.detach().abs() * HeterogeneousDelayConv(2, 3, 7, 5, DT).mask)[
        layer.mask == 0
    ]
    assert float(kept) >= float(gone.max())
    with pytest.raises(ValueError, match="from 1 to 50"):
        layer.prune(51)


def test_legendre_memory_holds_the_window():
    order, window = 12, 0.2
    a, b = legendre_system(order, window, DT)
    m = torch.zeros(order, dtype=torch.float64)
    signal = [math.sin(2 * math.pi * 4 * n * DT) for n in range(600)]
    for value in signal:
        m = a @ m + b * value
    share = torch.tensor([0.1, 0.5, 0.9])
    read = legendre_readout(order, share) @ m
    for part, value in zip(share.tolist(), read.tolist(), strict=True):
        # The last value has just entered, half a step ago in the mean.
        assert value == pytest.approx(signal[599 - round(part * window / DT)], abs=0.03)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (DelayedLinear(4, 5, 6e-3, DT), torch.zeros(2, 3)),
        (HeterogeneousDelayConv(2, 3, 5, 4, DT), torch.zeros(2, 3, 8, 8)),
    ],
)
def test_wrong_inputs_name_layer_and_shapes(layer, x):
    with pytest.raises(snn.ShapeError, match=r"layer '.*needs \(batch, .*not \(2, 3"):
        layer(x)
