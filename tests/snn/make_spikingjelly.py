"""Regenerates data/spikingjelly.npz: what spikingjelly 2.0 gives for stored inputs.

spikingjelly drags torchvision along, which the tests don't need, so they keep its numbers instead.
    pip install --no-deps spikingjelly loguru && python tests/snn/make_spikingjelly.py
"""

from pathlib import Path

import numpy as np
import torch
from spikingjelly.activation_based import functional, neuron, surrogate

STEPS, SHAPE = 60, (3, 5)


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
    np.savez_compressed(Path(__file__).parent / "data" / "spikingjelly.npz", **found)


if __name__ == "__main__":
    main()
