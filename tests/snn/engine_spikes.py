"""Prints how wide the engine's vectors are, and digests of what it gives; for subprocesses.

Weights have few bits, so that the order of sums can't matter, whatever the processor.
"""

import hashlib
from collections.abc import Iterator

import torch
from torch import nn

from spikeloop import snn
from spikeloop.snn.engine import vectors

SHAPE, DT = (2, 24, 40), 1e-3


def digests() -> Iterator[str]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 16, 3, 2, 1),
        snn.IF(DT, unit_input=True, threshold=0.5),
        nn.Conv2d(16, 12, 3, padding=1),
        snn.IF(DT, unit_input=True, reset="soft", threshold=0.75),
        nn.Flatten(),
        nn.Linear(12 * 12 * 20, 10),
        snn.IF(DT, unit_input=True, threshold=0.25),
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.round(parameter * 64) / 64)
    x = (torch.rand(30, 1, *SHAPE) < 0.1).float()
    for weights in ("float32", "int8"):
        compiled = snn.compile(model, SHAPE, form="event", weights=weights)
        y = compiled.run(x)
        digest = hashlib.sha256(y.numpy().tobytes()).hexdigest()
        yield f"{weights} {int(y.sum())} {compiled._engine.spikes} {digest}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print("wide" if vectors.WIDE else "portable")
    for line in digests():
        print(line)
