"""Networks trained on a real recording, for benchmarks whose activity isn't made up.

Task: from the events of 10 ms bins of a 320x240 crop (the one with the most events), foretell which
8x8 blocks have an event of each polarity in the next bin. The first 60 % of the recording trains,
in smaller crops; the rest is only for the measurement. Nothing is selected, so there is no
validation part.

Besides the error, the loss has a strain for layers that fire more than a goal, or hardly. The rest
of the recording is busier than its beginning, so that rates there come out above the goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeloop import snn
from spikeloop.events.files.opening import open_source
from spikeloop.events.representations.histogram import histogram
from spikeloop.snn.layers.residual import sew_block

RECORDING = Path(__file__).resolve().parents[1] / "tests" / "data" / "evt3_test_events_1"
DT, BLOCK, WINDOW, SHARE = 10e-3, 8, 6, 0.6
ROWS, COLUMNS, CROP = 240, 320, (120, 160)
RATE, STRAIN, TIMED = 4e-3, 0.3, 24


def recorded_bins() -> Tensor:
    """(bins, 1, 2, 240, 320) float32, 1 where a pixel had an event of that polarity."""
    pieces = [events for events, _ in open_source(RECORDING).pieces() if len(events.t)]
    counts = np.sum([histogram(events) for events in pieces], axis=(0, 1))
    corners = [(y, x) for y in range(0, 241, 60) for x in range(0, 321, 80)]
    top, left = max(corners, key=lambda c: counts[c[0] : c[0] + ROWS, c[1] : c[1] + COLUMNS].sum())
    t, x, y, p = (np.concatenate([getattr(e, n) for e in pieces]) for n in ("t", "x", "y", "p"))
    bins = (t - t[0]) // round(DT * 1e6)
    inside = (x >= left) & (x < left + COLUMNS) & (y >= top) & (y < top + ROWS)
    found = torch.zeros(int(bins[-1]) + 1, 1, 2, ROWS, COLUMNS)
    frame, polarity, row, column = (
        torch.from_numpy(values[inside].astype(np.int64)) for values in (bins, p, y, x)
    )
    found[frame, 0, polarity, row - top, column - left] = 1
    return found


def _neuron() -> snn.LIF:
    return snn.PLIF(2 * DT, DT, unit_input=True, threshold=0.5, detach_reset=True)


def convolutional() -> nn.Sequential:
    """2 -> 16 -> 32 -> 64 at 30x40, 3x3, stride 2."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((2, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), _neuron()]
    return nn.Sequential(*layers)


def residual() -> nn.Sequential:
    """Five SEW blocks of 32 channels at 120x160 behind a stem."""
    stem = [nn.Conv2d(2, 32, 3, 2, 1, bias=False), _neuron()]
    model = nn.Sequential(*stem, *(sew_block(32, _neuron) for _ in range(5)))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Few spikes at first: about two deviations to the threshold.
            nn.init.constant_(module.weight, 0.2)
    return model


Head = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a network is made and trained.

    Attributes:
        make: gives the network.
        channels: of its output.
        pool: by which its output is larger than 30x40.
        rounds: steps of the optimiser, each through WINDOW bins.
        activity: mean firing rate of a layer from which on the loss draws it down.

    """

    make: Callable[[], nn.Sequential]
    channels: int
    pool: int
    rounds: int
    activity: float


RECIPES = {
    "real": Recipe(convolutional, 64, 1, 400, 0.05),
    "resnet": Recipe(residual, 32, 4, 240, 0.03),
}


def _strain(rates: list[Tensor], goal: float) -> Tensor:
    """How far the layers' rates are above the goal, or below a fifth of it, relative to it."""
    share = torch.stack(rates).view(WINDOW, -1).mean(0) / goal
    return torch.relu(share - 1).pow(2).mean() + torch.relu(0.2 - share).pow(2).mean()


def train(recipe: Recipe, bins: Tensor) -> tuple[nn.Sequential, Head]:
    """Train a network and its head on the first part of the bins; both in evaluation mode."""
    torch.manual_seed(0)
    model = recipe.make()
    head = nn.Sequential(nn.AvgPool2d(recipe.pool), nn.Conv2d(recipe.channels, 2, 1))
    nn.init.constant_(head[1].bias, -2.0)  # type: ignore[arg-type]
    learned = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(learned, RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=recipe.rounds)
    rates: list[Tensor] = []
    neurons = [m for m in model.modules() if isinstance(m, snn.LIF)]
    hooks = [m.register_forward_hook(lambda _m, _x, y: rates.append(y.mean())) for m in neurons]
    blocks = wanted_blocks(bins)
    for _ in range(recipe.rounds):
        t, y, x = (
            int(torch.randint(0, most, ()))
            for most in (
                int(SHARE * len(bins)) - WINDOW,
                (ROWS - CROP[0]) // BLOCK + 1,
                (COLUMNS - CROP[1]) // BLOCK + 1,
            )
        )
        down, across = slice(y, y + CROP[0] // BLOCK), slice(x, x + CROP[1] // BLOCK)
        row, column = (slice(BLOCK * s.start, BLOCK * s.stop) for s in (down, across))
        snn.reset(model)
        rates.clear()
        guess = head(snn.run(model, bins[t : t + WINDOW, ..., row, column]).flatten(0, 1))
        wanted = blocks[t + 1 : t + WINDOW + 1, :, down, across]
        loss = nn.functional.binary_cross_entropy_with_logits(guess, wanted)
        optimiser.zero_grad()
        (loss + STRAIN * _strain(rates, recipe.activity)).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        schedule.step()
    for hook in hooks:
        hook.remove()
    snn.reset(model)
    return model.eval(), head.eval()


def wanted_blocks(bins: Tensor) -> Tensor:
    """(bins, 2, 30, 40) float32, 1 where an 8x8 block has an event of that polarity."""
    return (nn.functional.avg_pool2d(bins.flatten(0, 1), BLOCK) > 0).float()


def scores(run: Callable[[Tensor], Tensor], head: Head, bins: Tensor) -> dict[str, float]:
    """On the bins that trained nothing: `loss_ratio` to foretelling means, and `accuracy`."""
    known, blocks = int(SHARE * len(bins)), wanted_blocks(bins)
    guess, wanted = head(run(bins[known:-1]).flatten(0, 1)), blocks[known + 1 :]
    mean = blocks[:known].mean(0).clamp(1e-3, 1 - 1e-3).expand_as(wanted)
    loss = nn.functional.binary_cross_entropy_with_logits(guess, wanted)
    base = nn.functional.binary_cross_entropy(mean, wanted)
    right = ((guess > 0) == (wanted > 0)).float().mean()
    plain = ((mean > 0.5) == (wanted > 0)).float().mean()
    return {
        "loss_ratio": float(loss / base),
        "accuracy": float(right),
        "accuracy_of_means": float(plain),
    }


def activity(model: nn.Module, bins: Tensor) -> dict[str, float]:
    """Share of inputs that spike, and spikes of a neuron in a step, layer by layer."""
    layers = [m for m in model.modules() if isinstance(m, snn.LIF)]
    fired = torch.zeros(len(layers))

    def note(n: int) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, given: Any, y: Tensor) -> None:
            fired[n] += y.mean()

        return hook

    hooks = [m.register_forward_hook(note(n)) for n, m in enumerate(layers)]
    snn.reset(model)
    snn.run(model, bins)
    snn.reset(model)
    for hook in hooks:
        hook.remove()
    rates = (fired / len(bins)).tolist()
    found = {"activity_input": float(bins.mean()), "activity_mean": sum(rates) / len(rates)}
    return found | {f"activity_{n}": rate for n, rate in enumerate(rates, 1)}


def measured() -> dict[str, tuple[nn.Module, Tensor, dict[str, float]]]:
    """Train each network; it, the bins to time it on, and its figures on all that trained nothing.

    The figures are given for the model and for the engine with 8-bit weights.
    """
    bins = recorded_bins()
    rest = bins[int(SHARE * len(bins)) :]
    found = {}
    for name, recipe in RECIPES.items():
        with torch.enable_grad():
            model, head = train(recipe, bins)
        small = snn.compile(model, bins.shape[2:], form="event", weights="int8")
        figures = scores(lambda x, model=model: snn.run(model, x), head, bins)  # type: ignore[misc]
        snn.reset(model)
        few = scores(small.run, head, bins)
        figures |= {f"int8_{key}": few[key] for key in ("loss_ratio", "accuracy")}
        figures["int8_gap_points"] = 100 * (figures["accuracy"] - few["accuracy"])
        figures |= activity(model, rest)
        chosen = rest[:TIMED] if name == "resnet" else rest
        found[name] = (model, chosen, {f"{name}_{key}": value for key, value in figures.items()})
    return found
