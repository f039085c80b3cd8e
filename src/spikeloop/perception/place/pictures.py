"""Pictures made small and independent of light: what all place recognisers here look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikeloop.parameters import parameter

Small = NDArray[np.float32]
GREY = np.array([0.299, 0.587, 0.114])
BEARINGS, CELL = 4, 2
"""Directions of edges, and pixels of a cell's side in which each is summed: with 4 and 2 x 2 there
are as many amplitudes as pixels."""
FULL_EDGE = 2.5
"""Multiple of the mean edge of its surroundings at which an edge has the amplitude 1."""
GLANCES = (-1, 0, 1)
"""Pixels that a picture is moved aside before it is looked at: a drive keeps no lane exactly."""


@dataclass(frozen=True)
class PictureConfig:
    """How a picture is made small."""

    side: int = parameter(40, "Width and height of the small picture; even.", unit="pixels", low=4)
    patch: int = parameter(
        11, "Side of the window in which contrast is normalised; odd.", unit="pixels", low=3
    )

    def __post_init__(self) -> None:
        """Refuse windows without a centre or larger than the picture, and sides without half."""
        if self.side % CELL:
            raise ValueError(f"side must be even, not {self.side}")
        if self.patch % 2 == 0 or self.patch > self.side:
            raise ValueError(f"patch must be odd and at most side ({self.side}), not {self.patch}")

    @property
    def size(self) -> int:
        """Pixels of a small picture."""
        return self.side * self.side


def small_picture(picture: NDArray[np.generic], config: PictureConfig) -> Small:
    """Grey, gamma towards mid-grey, resize, normalise each pixel by its neighbourhood.

    The gamma moves the picture's mean towards half (VPRTempo, Hines et al. 2024); then each pixel
    is (value - mean) / deviation of its window, limited to -1..1, where the window is cut off at
    the rim, and 0 where it is flat (Milford & Wyeth 2012, section III.B).

    Args:
        picture: (h, w) or (h, w, 3), integers of 0 to their type's largest or floats of 0 to 1;
            at least 2 pixels a side. A count of events is a picture as well, if scaled so.
        config: size and window.

    Returns:
        (side, side) float32, -1 to 1.

    Raises:
        ValueError: another shape, or values that aren't finite or not in the range.

    """
    grey = _grey(picture)
    mean = float(grey.mean())
    if 0.0 < mean < 1.0:
        # Values of 8 bits, as the exponent isn't free of the unit: 255 stays 255 only where
        # gamma is 1, so the result is cut at full scale.
        gamma = math.log(127.5) / max(math.log(255.0 * mean), 1.0) if mean > 1.0 / 255.0 else 1.0
        grey = np.minimum((255.0 * grey) ** gamma, 255.0) / 255.0
    size = (config.side, config.side)
    resized = np.asarray(
        Image.fromarray(grey.astype(np.float32), "F").resize(size, Image.Resampling.BOX)
    )
    return patch_normalised(resized, config.patch)


def patch_normalised(picture: NDArray[np.floating], patch: int) -> Small:
    """Contrast against the neighbourhood; see `small_picture`. (h, w) in, (h, w) float32 out."""
    values = np.asarray(picture, np.float64)
    count = _window_sum(np.ones_like(values), patch)
    mean = _window_sum(values, patch) / count
    spread = _window_sum(values * values, patch) / count - mean * mean
    deviation = np.sqrt(np.maximum(spread, 0.0))
    # A window counts as flat below half a step of an 8-bit picture.
    flat = deviation < 0.5 / 255.0
    normal = np.where(flat, 0.0, (values - mean) / np.where(flat, 1.0, deviation))
    return np.clip(normal, -1.0, 1.0).astype(np.float32)


def intensities(small: Small) -> NDArray[np.float32]:
    """Small pictures as amplitudes for a network: -1..1 becomes 0..1; (..., side * side)."""
    flat = small.reshape(*small.shape[:-2], -1)
    return (0.5 * (1.0 + flat)).astype(np.float32)


def edge_amplitudes(small: Small) -> NDArray[np.float32]:
    """Small pictures as amplitudes of edges, which weather and light change less than brightness.

    Each cell of 2 x 2 pixels has a neuron for each of 4 bearings; its amplitude is the gradient
    along its bearing against the mean over bearings of the 3 x 3 cells around it. What is
    normalised and how is after Dalal and Triggs, CVPR 2005, one amplitude in place of a histogram.

    Args:
        small: (..., side, side), the side even.

    Returns:
        (..., side * side) float32, 0 to 1.

    """
    *more, side, _ = small.shape
    dx, dy = np.zeros_like(small), np.zeros_like(small)
    dx[..., 1:-1] = 0.5 * (small[..., 2:] - small[..., :-2])
    dx[..., 0], dx[..., -1] = small[..., 1] - small[..., 0], small[..., -1] - small[..., -2]
    dy[..., 1:-1, :] = 0.5 * (small[..., 2:, :] - small[..., :-2, :])
    dy[..., 0, :] = small[..., 1, :] - small[..., 0, :]
    dy[..., -1, :] = small[..., -1, :] - small[..., -2, :]
    cells = side // CELL
    edges = np.empty((*more, BEARINGS, cells, cells), np.float32)
    for number in range(BEARINGS):
        bearing = math.pi * number / BEARINGS
        along = np.abs(dx * np.float32(math.cos(bearing)) + dy * np.float32(math.sin(bearing)))
        edges[..., number, :, :] = along.reshape(*more, cells, CELL, cells, CELL).mean((-3, -1))
    whole = edges.mean(-3)
    wide = np.pad(whole, [(0, 0)] * len(more) + [(1, 1), (1, 1)], mode="edge")
    rows = wide[..., :-2, :] + wide[..., 1:-1, :] + wide[..., 2:, :]
    around = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / np.float32(9.0)
    # A thousandth of the range of pixels: below it there is nothing to be seen.
    edges /= FULL_EDGE * (around + np.float32(1e-3))[..., None, :, :]
    return np.minimum(edges, np.float32(1.0)).reshape(*more, side * side)


def glanced(small: Small) -> Small:
    """Pictures moved aside by each of `GLANCES`, (glances, ..., side, side); rims are repeated."""
    columns = np.arange(small.shape[-1])
    last = small.shape[-1] - 1
    return np.stack([small[..., np.clip(columns - moved, 0, last)] for moved in GLANCES])


def _grey(picture: NDArray[np.generic]) -> NDArray[np.float64]:
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
        raise ValueError(f"a picture is (h, w) or (h, w, 3), not {picture.shape}")
    if min(picture.shape[:2]) < 2:
        raise ValueError(f"a picture has at least 2 x 2 pixels; this one is {picture.shape}")
    full = float(np.iinfo(str(picture.dtype)).max) if picture.dtype.kind in "iu" else 1.0
    values = np.asarray(picture, np.float64) / full
    grey: NDArray[np.float64] = values @ GREY if values.ndim == 3 else values
    if not np.isfinite(grey).all() or grey.min() < 0.0 or grey.max() > 1.0 + 1e-6:
        raise ValueError("a picture's values must be finite and between 0 and full scale")
    return grey


def _window_sum(values: NDArray[np.float64], patch: int) -> NDArray[np.float64]:
    """Sum over the window of each pixel, cut off at the rim."""
    half = patch // 2
    table = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    height, width = values.shape
    top, left = np.maximum(np.arange(height) - half, 0), np.maximum(np.arange(width) - half, 0)
    bottom = np.minimum(np.arange(height) + half + 1, height)
    right = np.minimum(np.arange(width) + half + 1, width)
    out: NDArray[np.float64] = (
        table[np.ix_(bottom, right)]
        - table[np.ix_(top, right)]
        - table[np.ix_(bottom, left)]
        + table[np.ix_(top, left)]
    )
    return out
