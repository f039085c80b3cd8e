"""What goes wrong with event cameras, done to pictures of event counts.

Each function takes x (time, batch, channels, height, width) float32 of whole numbers (OFF and
ON in turn), a severity, a
generator and the greatest count, and gives new counts; x isn't changed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spikeloop.parameters import suggestion


def noise(x: Tensor, severity: float, random: torch.Generator, most: int) -> Tensor:
    """Events strewn in: `severity` a pixel, polarity and step, on average (at most 1)."""
    added = torch.rand(x.shape, generator=random) < severity
    return (x + added).clamp_max(most)


def drop(x: Tensor, severity: float, random: torch.Generator, most: int) -> Tensor:
    """Events lost: each with probability `severity`."""
    kept = torch.zeros_like(x)
    for k in range(int(x.max()) if x.numel() else 0):
        survives = torch.rand(x.shape, generator=random) >= severity
        kept += ((x > k) & survives).to(x.dtype)
    return kept


def hot_pixels(x: Tensor, severity: float, random: torch.Generator, most: int) -> Tensor:
    """A share `severity` of the pixels fires ON in every step, as often as can be counted."""
    hot = torch.rand((x.shape[1], 1, *x.shape[3:]), generator=random) < severity
    y = x.clone()
    on = y[:, :, 1::2]
    y[:, :, 1::2] = torch.where(hot, torch.tensor(float(most), dtype=x.dtype), on)
    return y


def latency(x: Tensor, severity: float, random: torch.Generator, most: int) -> Tensor:
    """Pixels that are late: each by a number of steps, `severity` on average (exponential).

    What would come after the end is lost.
    """
    uniform = torch.rand(x.shape[1:], generator=random)
    late = (-severity * torch.log1p(-uniform)).round().long() if severity else uniform.long()
    steps = torch.arange(len(x)).view(-1, *(1,) * (x.ndim - 1)) - late
    moved = x.gather(0, steps.clamp_min(0))
    return torch.where(steps >= 0, moved, torch.zeros_like(moved))


Corruption = Callable[[Tensor, float, torch.Generator, int], Tensor]
CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, ...], str]] = {
    "noise": (noise, (0.005, 0.01, 0.02, 0.05, 0.1), "events a pixel, polarity and step"),
    "drop": (drop, (0.1, 0.25, 0.5, 0.75, 0.9), "share of events lost"),
    "hot_pixels": (hot_pixels, (0.001, 0.003, 0.01, 0.03, 0.1), "share of pixels that are hot"),
    "latency": (latency, (0.25, 0.5, 1.0, 2.0, 4.0), "mean delay of a pixel, steps"),
}
"""Function, severities and their unit, by name."""


def corrupt(x: Tensor, name: str, severity: float, seed: int, most: int) -> Tensor:
    """Corrupt by name; equal seeds give equal results.

    Raises:
        ValueError: an unknown name, a negative severity, or counts above `most`.

    """
    if name not in CORRUPTIONS:
        raise ValueError(
            f"unknown corruption '{name}'{suggestion(name, CORRUPTIONS)}; there are: "
            f"{', '.join(CORRUPTIONS)}"
        )
    if severity < 0:
        raise ValueError(f"severity must be at least 0, not {severity}")
    if x.numel() and float(x.max()) > most:
        raise ValueError(f"x has counts up to {float(x.max()):g}, more than most = {most}")
    return CORRUPTIONS[name][0](x, severity, torch.Generator().manual_seed(seed), most)
