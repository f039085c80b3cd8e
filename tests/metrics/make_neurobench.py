"""Regenerates data/neurobench.json: what NeuroBench 2.3 counts for a stored network and input.

NeuroBench drags a GPL package along, so the tests keep its numbers instead.
    pip install --no-deps neurobench snntorch && python tests/metrics/make_neurobench.py
"""

import json
from pathlib import Path

import snntorch
import torch
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
from neurobench.models import SNNTorchModel
from torch import nn

BETA, STEPS, BATCH = 0.8, 12, 3


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(11)
        leaky = dict(beta=BETA, init_hidden=True, reset_mechanism="zero", reset_delay=False)
        self.layers = nn.Sequential(
            nn.Conv2d(2, 6, 3, stride=2, padding=1),
            snntorch.Leaky(threshold=0.3, **leaky),
            nn.Conv2d(6, 4, 3, padding=1, groups=2, bias=False),
            snntorch.Leaky(threshold=0.3, **leaky),
            nn.Flatten(),
            nn.Linear(4 * 16, 5),
            snntorch.Leaky(threshold=0.3, output=True, **leaky),
        )
        with torch.no_grad():
            for module in self.layers:
                if hasattr(module, "weight"):
                    module.weight[torch.rand_like(module.weight) < 0.3] = 0

    def forward(self, x):
        return self.layers(x)


def main():
    network = Network()
    torch.manual_seed(12)
    found = {
        "weights": {
            k: v.tolist()
            for k, v in network.layers.state_dict().items()
            if k[2:] in ("weight", "bias")
        }
    }
    for name, x in {
        "spikes": (torch.rand(BATCH, STEPS, 2, 8, 8) < 0.3).float(),
        "real": torch.rand(BATCH, STEPS, 2, 8, 8) * (torch.rand(BATCH, STEPS, 2, 8, 8) < 0.5),
    }.items():
        model = SNNTorchModel(Network())  # a fresh one: its reset leaves traces
        model.register_hooks()
        operations, sparsity = SynapticOperations(), ActivationSparsity()
        with torch.no_grad():
            out = model(x)
        counts = operations(model, out, (x, None))
        found[name] = {"x": x.tolist(), **counts, "sparsity": sparsity(model, out, (x, None))}
        found[name] |= {"spikes": float(out.sum())}
        model.cleanup_hooks()
    found["connection_sparsity"] = ConnectionSparsity()(SNNTorchModel(network))
    plain = nn.Sequential(*(m for m in network.layers if not isinstance(m, snntorch.Leaky)))
    found["footprint"] = Footprint()(SNNTorchModel(plain))
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    (folder / "neurobench.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
