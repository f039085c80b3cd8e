"""Streaming inference and a training step, against the fastest peers in the same run.

Task: one step at batch 1, state kept, of conv-LIF 2x240x320 -> 16 -> 32 -> 64, 3x3, stride 2, from
a dense picture to a dense picture, one thread. At each activity, the thresholds are set so that
every layer's neurons fire at that rate, for inputs of that rate (independent random pixels, the
least favourable for lists of spikes).

Protocol: all sides run in turns, in blocks of steps that follow one another, since single steps in
turns would evict each other's caches. A ratio is our median over that of the fastest peer;
`engine_int8_ratio_*` is that of the engine with 8-bit weights.
The same with networks that were trained on a real recording (`snn_trained`), on the part of it
that they weren't trained on: `engine_ratio_real` for the task's network, `resnet_ratio_5pct` for
five SEW blocks of 32 channels at 120x160, whose loss keeps neurons from firing more. Peers there
have their normalisation folded in. `*_activity_*` are the rates that came of it, layer by layer,
`*_loss_ratio` is the loss over that of foretelling each place's mean, `*_accuracy` the share of
blocks foretold right; both again with 8-bit weights.
A training step and the memory of SLTT: see `snn_training`.

Peers: torch.compile in channels_last, ONNX Runtime, and spikingjelly with torch.compile where it is
installed (`pip install --no-deps spikingjelly loguru`; it is no requirement, for it asks for
torchvision). `wide_vectors` tells whether AVX-512 was used; NUMBA_CPU_NAME=haswell measures
without it, NUMBA_CPU_NAME=generic NUMBA_CPU_FEATURES= with SSE2 alone.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from spikeloop_benchmarks.snn_trained import measured
from spikeloop_benchmarks.snn_training import memory, training_step
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from spikeloop import snn
from spikeloop.snn.engine.vectors import WIDE
from spikeloop.snn.interchange.onnx_file import write_onnx
from spikeloop.snn.stateful import copy_without_state

SHAPE, CHANNELS, TAU, DT = (2, 240, 320), (2, 16, 32, 64), 9e-3, 1e-3
ACTIVITIES = {"1pct": 0.01, "5pct": 0.05, "20pct": 0.20}
STEPS, BLOCKS, WARM_UP = 60, 7, 10

OURS = ("ours", "int8")

Step = Callable[[Tensor], Any]


def network(thresholds: list[float]) -> nn.Sequential:
    """The task's network, with fixed weights."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs, threshold in zip(CHANNELS, CHANNELS[1:], thresholds, strict=False):
        layers.append(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False))
        layers.append(snn.LIF(TAU, DT, unit_input=True, threshold=threshold))
    return nn.Sequential(*layers).eval()


def pictures(rate: float, steps: int, seed: int = 1) -> Tensor:
    """(steps, 1, 2, 240, 320), random spikes."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, 1, *SHAPE, generator=generator) < rate).float()


def active_network(rate: float) -> nn.Sequential:
    """The network whose layers all fire at a rate, by bisection of the thresholds."""
    x, found = pictures(rate, 16), []
    for _ in CHANNELS[1:]:
        low, high = 1e-3, 30.0
        for _ in range(13):
            middle = math.sqrt(low * high)
            fired = snn.run(network([*found, middle]), x)[6:].mean()
            low, high = (middle, high) if float(fired) > rate else (low, middle)
        found.append(middle)
    return network(found)


class PlainStep(nn.Module):
    """The same step as a pure function, as torch.compile and ONNX take it."""

    def __init__(self, model: nn.Sequential) -> None:
        super().__init__()
        self.synapses = nn.ModuleList(m for m in model if isinstance(m, nn.Conv2d))
        self.levels = [float(m.value("threshold")) for m in model if isinstance(m, snn.LIF)]
        self.keep = math.exp(-DT / TAU)

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """One time step."""
        after = []
        for conv, level, v in zip(self.synapses, self.levels, states, strict=True):
            v = v * self.keep + conv(x)
            x = (v >= level).to(v.dtype)
            after.append(v * (1 - x))
        return (x, *after)

    def first(self) -> list[Tensor]:
        """States before the first step."""
        rows, columns = SHAPE[1:]
        return [
            torch.zeros(1, c, rows >> (n + 1), columns >> (n + 1))
            for n, c in enumerate(CHANNELS[1:])
        ]


def _compiled(model: nn.Sequential) -> Step:
    step = PlainStep(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast = torch.compile(step, dynamic=False)
    held = [v.contiguous(memory_format=torch.channels_last) for v in step.first()]

    def run(x: Tensor) -> Any:
        y, *held[:] = fast(x, *held)
        return y

    return run


def _onnx_runtime(model: nn.Sequential) -> Step:
    import onnxruntime

    step = PlainStep(model)
    states = step.first()
    names = [f"v{n}" for n in range(len(states))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.onnx"
        program = torch.onnx.export(
            step, (torch.zeros(1, *SHAPE), *states), dynamo=True, verbose=False,
            input_names=["x", *names], output_names=["y", *(f"{n}.next" for n in names)],
        )  # fmt: skip
        assert program is not None
        program.save(str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)
    held = dict(zip(names, (v.numpy() for v in states), strict=True))

    def run(x: Tensor) -> Any:
        y, *after = session.run(None, {"x": x.numpy(), **held})
        held.update(zip(names, after, strict=True))
        return y

    return run


def _spikingjelly(model: nn.Module) -> Step:
    from spikingjelly.activation_based import neuron

    copied = copy_without_state(model).eval()
    for parent in list(copied.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, snn.LIF):
                # Its input isn't scaled, and its leak is 1 - 1/tau, to the reset potential.
                tau = 1 / (1 - math.exp(-layer.dt / float(layer.value("tau"))))
                level = float(layer.value("threshold"))
                node = neuron.LIFNode(tau=tau, decay_input=False, v_threshold=level)
                setattr(parent, name, node)
    wide = copied.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast: Step = torch.compile(wide, dynamic=False)
    return fast


def _peers() -> dict[str, Callable[[nn.Sequential], Step]]:
    found = {"compile": _compiled, "onnxruntime": _onnx_runtime}
    if importlib.util.find_spec("spikingjelly") is not None:
        found["spikingjelly"] = _spikingjelly
    return found


def _medians(sides: dict[str, Step], inputs: dict[str, Tensor]) -> dict[str, float]:
    """Median time of a step of each side, ms."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(BLOCKS):
        for name, step in sides.items():
            for n, x in enumerate(inputs[name]):
                began = time.perf_counter()
                step(x)
                if n >= WARM_UP:
                    times[name].append(1e3 * (time.perf_counter() - began))
    return {name: statistics.median(values) for name, values in times.items()}


def _streaming() -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, rate in ACTIVITIES.items():
        model = active_network(rate)
        snn.reset(model)
        ours, small = snn.compile(model, SHAPE), snn.compile(model, SHAPE, weights="int8")
        x = pictures(rate, STEPS, seed=2)
        last = x.contiguous()
        sides: dict[str, Step] = {"ours": ours, "int8": small}
        sides |= {peer: make(model) for peer, make in _peers().items()}
        wide = torch.stack(list(x)).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        inputs = {side: last for side in sides}
        for side in ("compile", "spikingjelly"):
            inputs[side] = wide.unsqueeze(1)
        for side, step in sides.items():
            for one in inputs[side][:WARM_UP]:
                step(one)
        medians = _medians(sides, inputs)
        fastest = min(value for side, value in medians.items() if side not in OURS)
        figures[f"engine_ratio_{name}"] = medians["ours"] / fastest
        figures[f"engine_int8_ratio_{name}"] = medians["int8"] / fastest
        figures |= {f"engine_{side}_{name}_ms": value for side, value in medians.items()}
        figures[f"engine_dense_{name}"] = float(ours.form == "dense")
    return figures


def _frozen(model: nn.Module) -> nn.Module:
    """A copy for the peers: no learned parameters, normalisation folded into convolutions."""
    model = copy_without_state(model).eval()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, snn.LIF):
                values = {n: child.value(n).detach() for n in ("tau", "threshold", "v_reset")}
                setattr(parent, name, snn.LIF(dt=child.dt, unit_input=True, **values))
            elif isinstance(child, nn.Sequential) and len(child) == 2:
                conv, norm = child
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    setattr(parent, name, fuse_conv_bn_eval(conv, norm))
    return model


def _stateless(model: nn.Module, x: Tensor) -> dict[str, Step]:
    """Peers for any model: torch.compile and ONNX Runtime of one step, and spikingjelly."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.onnx"
        step = write_onnx(_frozen(model), path, x)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)
    held = {name: v.numpy() for name, v in zip(step.names, step.first, strict=True)}

    def onnx_step(x: Tensor) -> Any:
        y, *after = session.run(None, {"input": x.numpy(), **held})
        held.update(zip(step.names, after, strict=True))
        return y

    wide = step.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast = torch.compile(wide, dynamic=False)
    states = [v.contiguous(memory_format=torch.channels_last) for v in step.first]

    def compiled_step(x: Tensor) -> Any:
        y, *states[:] = fast(x.contiguous(memory_format=torch.channels_last), *states)
        return y

    found = {"compile": compiled_step, "onnxruntime": onnx_step}
    if importlib.util.find_spec("spikingjelly") is not None:
        jelly = _spikingjelly(_frozen(model))
        found["spikingjelly"] = lambda x: jelly(x.contiguous(memory_format=torch.channels_last))
    return found


def _trained(name: str, model: nn.Module, bins: Tensor) -> dict[str, float]:
    """Times and ratios on bins that the model wasn't trained on."""
    sides: dict[str, Step] = {
        "ours": snn.compile(model, SHAPE, form="event"),
        "int8": snn.compile(model, SHAPE, form="event", weights="int8"),
        **_stateless(model, bins[0]),
    }
    for step in sides.values():
        for one in bins[:WARM_UP]:
            step(one)
    medians = _medians(sides, dict.fromkeys(sides, bins))
    fastest = min(value for side, value in medians.items() if side not in OURS)
    figures = {f"{name}_{side}_ms": value for side, value in medians.items()}
    figures[f"{name}_int8_ratio"] = medians["int8"] / fastest
    return figures | {f"{name}_ratio": medians["ours"] / fastest}


def _on_recording() -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, (model, rest, found) in measured().items():
        figures |= found | _trained(name, model, rest)
    figures["engine_ratio_real"] = figures.pop("real_ratio")
    figures["resnet_ratio_5pct"] = figures.pop("resnet_ratio")
    return figures


def measure() -> dict[str, float]:
    """All figures of the suite."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger("torch").setLevel(logging.ERROR)
    # Peers share code objects; past the usual limit torch.compile would leave some as they are.
    torch._dynamo.config.recompile_limit = 1000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.no_grad():
                figures = _streaming() | _on_recording()
            figures |= training_step() | memory()
        finally:
            torch.set_num_threads(threads)
    figures["wide_vectors"] = float(WIDE)
    return figures
