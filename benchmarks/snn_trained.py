"""Networks trained on a real recording, for benchmarks whose activity isn't made up.

Task: from the events of 10 ms bins of a 320x240 crop (the one with the most events), foretell which
8x8 blocks have an event of each polarity in the next bin. The first 60 % of the recording trains,
the rest is only for the measurement. Nothing is selected, so there is no validation part.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from spikeloop import snn
from spikeloop.events.files.opening import open_source
from spikeloop.events.representations.histogram import histogram
from spikeloop.snn.layers.residual import sew_block

RECORDING = Path(__file__).resolve().parents[1] / "tests" / "data" / "evt3_test_events_1"
DT, BLOCK, WINDOW, SHARE = 10e-3, 8, 6, 0.6
ROWS, COLUMNS = 240, 320


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


def train(
    make: Callable[[], nn.Sequential],
    channels: int,
    pool: int,
    rounds: int,
    activity: float,
    bins: Tensor,
) -> tuple[nn.Sequential, dict[str, float]]:
    """Train a network with a head on the first part of the bins.

    Args:
        make: gives the network.
        channels: of its output.
        pool: by which its output is larger than 30x40.
        rounds: steps of the optimiser, each through WINDOW bins.
        activity: mean firing rate that the loss draws neurons to.
        bins: see `recorded_bins`.

    Returns:
        The network in evaluation mode, and on the rest of the bins: `loss_ratio` to that of
        foretelling each block's mean rate, which it must beat.

    """
    torch.manual_seed(0)
    model = make()
    head = nn.Sequential(nn.AvgPool2d(pool), nn.Conv2d(channels, 2, 1))
    nn.init.constant_(head[1].bias, -2.0)  # type: ignore[arg-type]
    optimiser = torch.optim.Adam([*model.parameters(), *head.parameters()], 4e-3)
    known = int(SHARE * len(bins))
    blocks = (nn.functional.avg_pool2d(bins.flatten(0, 1), BLOCK) > 0).float()
    rates: list[Tensor] = []
    neurons = [m for m in model.modules() if isinstance(m, snn.LIF)]
    hooks = [m.register_forward_hook(lambda _m, _x, y: rates.append(y.mean())) for m in neurons]
    for _ in range(rounds):
        start = int(torch.randint(0, known - WINDOW, ()))
        snn.reset(model)
        rates.clear()
        guess = head(snn.run(model, bins[start : start + WINDOW]).flatten(0, 1))
        wanted = blocks[start + 1 : start + WINDOW + 1]
        loss = nn.functional.binary_cross_entropy_with_logits(guess, wanted)
        strain = torch.stack([(rate - activity) ** 2 for rate in rates]).mean()
        optimiser.zero_grad()
        (loss + 20 * strain).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for hook in hooks:
        hook.remove()
    snn.reset(model)
    model.eval()
    with torch.no_grad():
        guess = head(snn.run(model, bins[known:-1]).flatten(0, 1))
        wanted = blocks[known + 1 :]
        mean = blocks[:known].mean(0).clamp(1e-3, 1 - 1e-3).expand_as(wanted)
        loss = nn.functional.binary_cross_entropy_with_logits(guess, wanted)
        base = nn.functional.binary_cross_entropy(mean, wanted)
    snn.reset(model)
    return model, {"loss_ratio": float(loss / base)}
