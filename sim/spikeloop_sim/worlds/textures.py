"""Grey textures made from random numbers: noise, bricks, planks, tiles, posters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float64]


def noise(random: np.random.Generator, size: int, exponent: float) -> Picture:
    """A field whose amplitude falls as frequency to the minus `exponent`; pictures of nature: 1.

    Returns:
        (size, size), mean 0, standard deviation 1, without a seam.

    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((size, size))) / frequency**exponent
    field: Picture = np.fft.irfft2(spectrum, (size, size))
    field -= field.mean()
    field /= field.std()
    return field


def plaster(random: np.random.Generator, size: int) -> Picture:
    """A stained wall, (size, size), about 0 to 1."""
    return 0.6 + 0.1 * noise(random, size, 1.1)


def bricks(random: np.random.Generator, size: int) -> Picture:
    """Rows of bricks of different greys with light joints, (size, size), about 0 to 1."""
    rows, columns = 10, 4
    y, x = np.mgrid[0:size, 0:size] / size
    row = np.floor(y * rows).astype(int)
    along = x * columns + 0.5 * (row % 2)
    column = np.floor(along).astype(int) % columns
    grey = random.uniform(0.25, 0.6, (rows, columns))[row, column]
    joint = (np.abs(y * rows - row - 0.5) > 0.43) | (np.abs(along % 1.0 - 0.5) > 0.47)
    return np.where(joint, 0.75, grey) + 0.04 * noise(random, size, 0.8)


def planks(random: np.random.Generator, size: int) -> Picture:
    """Boards with grain, (size, size), about 0 to 1."""
    boards = 6
    _, x = np.mgrid[0:size, 0:size] / size
    board = np.floor(x * boards).astype(int)
    grey = random.uniform(0.3, 0.65, boards)[board]
    bend = noise(random, size, 1.8)
    grain = np.sin(2.0 * np.pi * (x * 28.0 + 0.7 * bend + random.uniform(0, 1, boards)[board]))
    gap = np.abs(x * boards - board - 0.5) > 0.48
    return np.where(gap, 0.15, grey + 0.06 * grain)


def tiles(random: np.random.Generator, size: int) -> Picture:
    """A floor of tiles in two greys, (size, size), about 0 to 1."""
    count = 6
    y, x = np.mgrid[0:size, 0:size] * count / size
    even = (np.floor(y) + np.floor(x)).astype(int) % 2
    joint = np.maximum(np.abs(y % 1.0 - 0.5), np.abs(x % 1.0 - 0.5)) > 0.47
    return np.where(joint, 0.2, 0.45 + 0.2 * even) + 0.03 * noise(random, size, 1.0)


def poster(random: np.random.Generator, size: int) -> Picture:
    """Rectangles and lines of print on light paper, (size, size), about 0 to 1."""
    page = np.full((size, size), 0.8)
    for _ in range(9):
        low = random.integers(0, size - size // 6, 2)
        extent = random.integers(size // 12, size // 3, 2)
        page[low[0] : low[0] + extent[0], low[1] : low[1] + extent[1]] = random.uniform(0.1, 0.75)
    for line in range(int(0.6 * size), int(0.95 * size), size // 24):
        words = random.random(32) < 0.7
        page[line : line + size // 60 + 1] = np.where(np.repeat(words, size // 32), 0.2, 0.8)
    return page


KINDS: tuple[Callable[[np.random.Generator, int], Picture], ...] = (
    plaster,
    bricks,
    planks,
    tiles,
    poster,
)


def as_bytes(picture: Picture) -> NDArray[np.uint8]:
    """In 8 bits a channel, (h, w, 3), with contrasts as paint and wood have them, not print."""
    grey = np.round(255.0 * np.clip(0.45 + 0.6 * (picture - 0.45), 0.03, 1.0)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
