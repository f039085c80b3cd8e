"""Operations, sparsity and size: counted by hand, and as NeuroBench counts them."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from spikeloop import snn
from spikeloop.metrics.footprint import connection_sparsity, footprint, state_footprint
from spikeloop.metrics.synaptic_operations import OperationCounter
from spikeloop.snn.layers.delays import DelayedLinear
from spikeloop.snn.layers.heterogeneous_delay import HeterogeneousDelayConv
from spikeloop.snn.layers.recurrent import Recurrent

torch.set_num_threads(1)
PEER = json.loads((Path(__file__).parent / "data" / "neurobench.json").read_text())
DT = 1e-3


def count(model, *steps, samples=1):
    with OperationCounter(model) as counter, torch.no_grad():
        for x in steps:
            model(x)
    return counter.operations(samples)


def test_linear_layers_by_hand():
    layer = nn.Linear(3, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0, 2], [0, 0, 3], [1, 1, 1], [0, 5, 0]]))
    spikes = count(layer, torch.tensor([[1.0, 0, -1], [0, 0, 0]]))
    # Two weights leave the first input, three the third.
    assert (spikes.acs, spikes.macs, spikes.dense) == (5, 0, 24)
    real = count(layer, torch.tensor([[0.5, 0, 1.0]]))
    assert (real.acs, real.macs, real.dense) == (0, 5, 12)
    whole = count(layer, torch.tensor([[2.0, 0, 0]]))
    assert (whole.acs, whole.macs) == (0, 2)


def test_convolutions_by_hand_at_the_border():
    layer = nn.Conv2d(1, 2, 3, padding=1)
    corner, centre = torch.zeros(2, 1, 1, 3, 3).unbind()
    corner[0, 0, 0, 0] = 1
    centre[0, 0, 1, 1] = 1
    assert count(layer, corner).acs == 2 * 4
    assert count(layer, centre).acs == 2 * 9
    # Nine positions with 9, 6 or 4 weights in the picture: 9 + 4 x 6 + 4 x 4.
    assert count(layer, centre).dense == 2 * 49


def test_delays_count_each_synapse_once():
    layer = DelayedLinear(3, 4, 5e-3, DT).eval()
    x = torch.tensor([[1.0, 0, 1]])
    assert count(layer, x, torch.zeros(1, 3)).acs == 8
    conv = HeterogeneousDelayConv(2, 3, 3, 4, DT, light_cone=False)
    picture = torch.zeros(1, 2, 5, 5)
    picture[0, 0, 2, 2] = 1
    assert count(conv, picture).acs == 3 * 4 * 9
    conv.prune(10)
    both = torch.zeros(1, 2, 5, 5)
    both[0, :, 2, 2] = 1
    assert count(conv, both).acs == 10


def test_recurrent_spikes_cost_too():
    loop = nn.Linear(4, 4, bias=False)
    layer = Recurrent(snn.IF(DT, unit_input=True), loop)
    first, second = torch.tensor([[2.0, 2, 0, 0]]), torch.zeros(1, 4)
    with torch.no_grad():
        loop.weight.fill_(0.1)
    counted = count(layer, first, second)
    assert (counted.acs, counted.spikes, counted.updates) == (2 * 4, 2, 8)
    assert counted.activation_sparsity == 1 - 2 / 8


def peer_network():
    def lif():
        return snn.LIF(-DT / math.log(0.8), DT, unit_input=True, threshold=0.3)

    layers = [
        nn.Conv2d(2, 6, 3, stride=2, padding=1),
        lif(),
        nn.Conv2d(6, 4, 3, padding=1, groups=2, bias=False),
        lif(),
        nn.Flatten(),
        nn.Linear(4 * 16, 5),
        lif(),
    ]
    model = nn.Sequential(*layers)
    weights = {key: torch.tensor(value) for key, value in PEER["weights"].items()}
    model.load_state_dict(model.state_dict() | weights)
    return model


@pytest.mark.parametrize("kind", ["spikes", "real"])
def test_counts_are_neurobenchs(kind):
    model, peer = peer_network(), PEER[kind]
    x = torch.tensor(peer["x"]).transpose(0, 1)
    with OperationCounter(model) as counter, torch.no_grad():
        y = snn.run(model, x)
    counted = counter.operations(samples=x.shape[1])
    assert float(y.sum()) == peer["spikes"]
    assert counted.acs == pytest.approx(peer["Effective_ACs"])
    assert counted.macs == pytest.approx(peer["Effective_MACs"])
    assert counted.dense == pytest.approx(peer["Dense"])
    assert counted.activation_sparsity == pytest.approx(peer["sparsity"])


def test_size_and_connections_are_neurobenchs():
    model = peer_network()
    assert connection_sparsity(model) == pytest.approx(PEER["connection_sparsity"], abs=1e-4)
    synapses = nn.Sequential(*(m for m in model if not isinstance(m, snn.LIF)))
    assert footprint(synapses) == PEER["footprint"]
    assert state_footprint(model) == 0
    model(torch.zeros(1, 2, 8, 8))
    assert state_footprint(model) == 4 * (6 * 16 + 4 * 16 + 5)
    with pytest.raises(ValueError, match="no layer with connections"):
        connection_sparsity(nn.Flatten())


def test_counting_ends_and_starts_again():
    model = peer_network()
    with OperationCounter(model) as counter:
        model(torch.ones(1, 2, 8, 8))
        counter.reset()
    model(torch.ones(1, 2, 8, 8))
    assert counter.operations().dense == 0
    with pytest.raises(ValueError, match="at least 1"):
        counter.operations(0)
