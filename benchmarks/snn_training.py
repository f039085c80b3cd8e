"""A training step against other libraries, and the memory that rules need.

Training step: forward and backward through 10 steps, batch 8, 2x64x64, of conv-LIF 2 -> 16 -> 32 ->
64, 3x3, stride 2, in channels_last, one thread. Sides are snntorch, and spikingjelly where it is
installed, each as it is used and with torch.compile; ours is plain and with the whole sequence
compiled, as `TrainingConfig(compile=True)` does. They take turns; a round's time is the least of
five steps that follow one another, a side's the median of its rounds. `train_ratio_best_peer` is
our faster over the fastest of them, `train_ratio_best_eager_peer` that of what isn't compiled.

Memory: the highest resident size of a fresh process during one step of a rule, less that before,
with 16 and with 4 time steps.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from spikeloop import snn
from spikeloop.snn.training.rule import BPTT, compiled_run
from spikeloop.snn.training.sltt import SLTT

CHANNELS, TAU, DT = (2, 16, 32, 64), 9e-3, 1e-3
STEPS, BATCH, SIZE, ROUNDS, REPEATS = 10, 8, 64, 15, 5
MEMORY_BATCH, MEMORY_SIZE, FEW, MANY = 16, 128, 4, 16

Model = Callable[[Tensor], Tensor]


def _network(neuron: Callable[[], nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(CHANNELS):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), neuron()]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _ours(compiled: bool) -> Model:
    model = _network(lambda: snn.LIF(TAU, DT, unit_input=True, threshold=0.3))
    run = compiled_run() if compiled else snn.run

    def whole(x: Tensor) -> Tensor:
        snn.reset(model)
        return run(model, x)

    return whole


def _snntorch(compiled: bool) -> Model:
    import snntorch
    from snntorch import utils

    def neuron() -> nn.Module:
        layer: nn.Module = snntorch.Leaky(
            beta=math.exp(-DT / TAU), threshold=0.3, init_hidden=True, reset_mechanism="zero"
        )
        return layer

    model = _network(neuron)
    step: Model = torch.compile(model, dynamic=False) if compiled else model

    def whole(x: Tensor) -> Tensor:
        utils.reset(model)
        return torch.stack([step(one) for one in x])

    return whole


def _spikingjelly(compiled: bool) -> Model:
    from spikingjelly.activation_based import functional, neuron

    model = _network(lambda: neuron.LIFNode(tau=10.0, decay_input=False, v_threshold=0.3))
    step: Model = torch.compile(model, dynamic=False) if compiled else model

    def whole(x: Tensor) -> Tensor:
        functional.reset_net(model)
        return torch.stack([step(one) for one in x])

    return whole


def _time(whole: Model, sequence: Tensor) -> float:
    """How long a step takes, ms."""
    began = time.perf_counter()
    whole(sequence).mean().backward()  # type: ignore[no-untyped-call]
    return 1e3 * (time.perf_counter() - began)


def training_step() -> dict[str, float]:
    """Medians of each side, ms, and our ratios."""
    # What was compiled for other shapes must not make these dynamic.
    torch._dynamo.reset()
    generator = torch.Generator().manual_seed(1)
    x = torch.rand((STEPS * BATCH, 2, SIZE, SIZE), generator=generator) < 0.2
    x = x.float().contiguous(memory_format=torch.channels_last)
    sequence = x.view(STEPS, BATCH, 2, SIZE, SIZE)
    makers = {"ours": _ours, "snntorch": _snntorch}
    if importlib.util.find_spec("spikingjelly") is not None:
        makers["spikingjelly"] = _spikingjelly
    sides = {name: make(False) for name, make in makers.items()}
    sides |= {f"{name}_compiled": make(True) for name, make in makers.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for n in range(ROUNDS + 1):
        for name, whole in sides.items():
            taken = [_time(whole, sequence) for _ in range(REPEATS)]
            if n:
                times[name].append(min(taken))
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = {
        (ours, kind): min(
            value
            for name, value in medians.items()
            if name.startswith("ours") == ours and (kind == "any" or "compiled" not in name)
        )
        for ours in (True, False)
        for kind in ("any", "eager")
    }
    return {
        "train_ratio_best_peer": best[True, "any"] / best[False, "any"],
        "train_ratio_best_eager_peer": best[True, "eager"] / best[False, "eager"],
        **{f"train_{name}_ms": value for name, value in medians.items()},
    }


def _peak(rule: str, steps: int) -> int:
    """By how many bytes the resident size grows during one step of a rule; Linux."""
    torch.set_num_threads(1)
    neuron = _network(lambda: snn.LIF(TAU, DT, unit_input=True, threshold=0.3))
    model = nn.Sequential(neuron, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x = (torch.rand(steps, MEMORY_BATCH, 2, MEMORY_SIZE, MEMORY_SIZE) < 0.2).float()
    target = torch.zeros(MEMORY_BATCH, dtype=torch.int64)
    chosen = {"bptt": BPTT(), "sltt": SLTT(), "sltt_k": SLTT(steps=2)}[rule]
    # What libraries need once for all isn't the rule's.
    chosen.backward(model, x[:2, :1], target[:1], nn.functional.cross_entropy)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    chosen.backward(model, x, target, nn.functional.cross_entropy)
    return _status("VmHWM") - before


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {name}")


def memory() -> dict[str, float]:
    """Peaks of the rules, MB, and ratios of 16 to 4 time steps; on Linux only."""
    figures: dict[str, float] = {}
    if not Path("/proc/self/clear_refs").exists():
        return figures
    for rule in ("bptt", "sltt", "sltt_k"):
        peaks = []
        for steps in (FEW, MANY):
            found = subprocess.run(
                [sys.executable, __file__, rule, str(steps)],
                check=True, capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            peaks.append(int(found.stdout))
            figures[f"{rule}_memory_{steps}_mb"] = peaks[-1] / 1e6
        figures[f"{rule}_memory_ratio"] = peaks[1] / peaks[0]
    return figures


if __name__ == "__main__":
    print(_peak(sys.argv[1], int(sys.argv[2])))
