"""Regenerates data/spikingjelly*: what spikingjelly 2.0 gives for stored inputs, and NIR files.

spikingjelly drags torchvision along, which the tests don't need, so they keep its numbers instead.
    pip install --no-deps spikingjelly loguru && python tests/snn/make_spikingjelly.py
"""

from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir
from torch import nn

from spikeloop import snn
from spikeloop.snn.interchange.nir_file import read_nir, write_nir

STEPS, SHAPE = 60, (3, 5)
DT = 1e-3
FOLDER = Path(__file__).parent / "data"


def run(module, x):
    functional.reset_net(module)
    spikes, potentials = [], []
    for one in x:
        spikes.append(module(one))
        potentials.append(module.v)
    return torch.stack(spikes), torch.stack(potentials)


def main():
    torch.manual_seed(3)
    x = (torch.randn(STEPS, *SHAPE) * 1.2 + 0.4).requires_grad_()
    atan = {"surrogate_function": surrogate.ATan(alpha=2.0)}
    modules = {
        "lif_hard": neuron.LIFNode(tau=3.0, v_reset=0.0, **atan),
        "lif_hard_detached": neuron.LIFNode(tau=3.0, v_reset=-0.2, detach_reset=True, **atan),
        "lif_soft": neuron.LIFNode(tau=3.0, v_reset=None, **atan),
        "lif_unit": neuron.LIFNode(tau=3.0, v_reset=0.0, decay_input=False, **atan),
        "if_soft": neuron.IFNode(v_reset=None, **atan),
        "if_hard": neuron.IFNode(v_reset=0.0, **atan),
        "current": neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_threshold=1.0, **atan),
        "integer": neuron.ILIFNode(tau=3.0),
        "plif": neuron.ParametricLIFNode(init_tau=3.0, v_reset=0.0, **atan),
    }
    found = {"x": x.detach().numpy()}
    for name, module in modules.items():
        x.grad = None
        spikes, potentials = run(module, x)
        (spikes * torch.linspace(1, 2, STEPS)[:, None, None]).sum().backward()
        found[f"{name}.spikes"] = spikes.detach().numpy()
        found[f"{name}.v"] = potentials.detach().numpy()
        found[f"{name}.grad"] = x.grad.numpy()
        if name == "plif":
            found["plif.w_grad"] = module.w.grad.numpy()
    np.savez_compressed(FOLDER / "spikingjelly.npz", **found)
    exchange()


def their_network():
    torch.manual_seed(6)
    network = nn.Sequential(
        layer.Conv2d(2, 4, 3, stride=2, padding=1),
        neuron.LIFNode(tau=3.0, v_reset=0.0, decay_input=False, v_threshold=0.4),
        layer.AvgPool2d(2),
        layer.Flatten(),
        layer.Linear(4 * 2 * 3, 12, bias=False),
        neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_threshold=2.0, v_reset=0.0),
        layer.Linear(12, 10),
        neuron.IFNode(v_threshold=2.0, v_reset=0.0),
        layer.Linear(10, 6),
        neuron.LIFNode(tau=2.0, v_reset=0.0, v_threshold=0.3),
    )
    # So that all layers fire, neither always nor never.
    with torch.no_grad():
        for k in (0, 4, 6):
            network[k].weight.mul_(2).add_(0.1)
        network[8].weight.normal_(0, 0.5)
    return network


def our_network():
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        snn.LIF(3 * DT, DT, unit_input=True, solver="euler", threshold=0.4),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 2 * 3, 12, bias=False),
        snn.CurrentLIF(2 * DT, 4 * DT, DT, unit_input=True, solver="euler", threshold=0.2),
        nn.Linear(12, 6),
        snn.LIF(2 * DT, DT, solver="euler", threshold=0.1),
    )


def run_their_file(path, x):
    model, state, spikes = import_from_nir(path, dt=DT), None, []
    with torch.no_grad():
        for one in x:
            y, state = model(one, state)
            spikes.append(y)
    return torch.stack(spikes)


def exchange():
    """Theirs through a file of theirs, then one that we read and wrote; ours through their reader."""
    torch.manual_seed(8)
    x = (torch.rand(STEPS, 3, 2, 8, 12) < 0.3).float()
    theirs = their_network()
    path = FOLDER / "spikingjelly_wrote.nir"
    export_to_nir(theirs, x[0], path, dt=DT)
    functional.reset_net(theirs)
    with torch.no_grad():
        wrote = torch.stack([theirs(one) for one in x])
    assert torch.equal(run_their_file(path, x), wrote)
    again = path.with_name("again.nir")
    write_nir(read_nir(path, dt=DT), again)
    assert torch.equal(run_their_file(again, x), wrote), "our copy of their file spikes otherwise"
    again.unlink()
    path = FOLDER / "spikingjelly_reads.nir"
    write_nir(our_network(), path, (2, 8, 12))
    reads = run_their_file(path, x)
    assert wrote.any() and reads.any()
    content = {"x": x, "wrote": wrote, "reads": reads}
    np.savez_compressed(
        FOLDER / "spikingjelly_nir.npz",
        **{k: v.numpy().astype(np.uint8) for k, v in content.items()},
    )


if __name__ == "__main__":
    main()
