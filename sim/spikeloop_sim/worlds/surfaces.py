"""Coloured textures made from random numbers: facades, foliage, ground, floors, signs.

Values are linear reflectances; row 0 is the top. All repeat without a seam but for the signs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.worlds.textures import Picture, noise

Colour = tuple[float, float, float]
Bytes = NDArray[np.uint8]
FLOORS = COLUMNS = 4
"""Windows in a facade's picture; a window's field is 3 m x 3 m."""
FIELD_M = 3.0


def as_colour(picture: NDArray[np.float64]) -> Bytes:
    """(h, w, 3) or (h, w) of 0 to 1 as bytes with three channels."""
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    out: Bytes = np.round(255.0 * np.clip(picture, 0.004, 1.0)).astype(np.uint8)
    return out


def muted(random: np.random.Generator, low: float, high: float) -> Colour:
    """A random colour of a lightness between `low` and `high`, as paint and plaster have."""
    grey = random.uniform(low, high)
    red, green, blue = grey * (1.0 + random.uniform(-0.22, 0.22, 3))
    return (float(red), float(green), float(blue))


def tinted(picture: Picture, dark: Colour, light: Colour) -> NDArray[np.float64]:
    """A grey picture of about 0 to 1 in colours from `dark` to `light`, (h, w, 3)."""
    part = np.clip(picture, 0.0, 1.0)[..., None]
    out: NDArray[np.float64] = (1.0 - part) * np.array(dark) + part * np.array(light)
    return out


def _blotches(random: np.random.Generator, size: int, exponent: float) -> Picture:
    """Noise from about 0 to 1."""
    return np.clip(0.5 + 0.22 * noise(random, size, exponent), 0.0, 1.0)


def brick(random: np.random.Generator, size: int, colour: Colour) -> NDArray[np.float64]:
    """Courses of bricks about a colour, (size, size, 3)."""
    rows, columns = 24, 8
    y, x = np.mgrid[0:size, 0:size] / size
    row = np.floor(y * rows).astype(int) % rows
    along = x * columns + 0.5 * (row % 2)
    column = np.floor(along).astype(int) % columns
    each = random.uniform(0.65, 1.25, (rows, columns))[row, column]
    joint = (np.abs(y * rows % 1.0 - 0.5) > 0.40) | (np.abs(along % 1.0 - 0.5) > 0.465)
    grain = 1.0 + 0.12 * noise(random, size, 0.7) + 0.10 * noise(random, size, 1.6)
    body = np.array(colour) * (each * grain)[..., None]
    out: NDArray[np.float64] = np.where(joint[..., None], 0.42 * grain[..., None], body)
    return out


def render(random: np.random.Generator, size: int, colour: Colour) -> NDArray[np.float64]:
    """A plastered wall with stains that run down, (size, size, 3)."""
    runs = np.cumsum(random.standard_normal((size, size)), axis=0)
    runs = (runs - runs.mean(axis=0)) * np.sin(np.linspace(0.0, np.pi, size))[:, None]
    runs = runs / runs.std()
    grain = 1.0 + 0.06 * noise(random, size, 1.2) + 0.05 * runs + 0.03 * noise(random, size, 0.3)
    out: NDArray[np.float64] = np.array(colour) * grain[..., None]
    return out


def facade(
    random: np.random.Generator, size: int, wall: NDArray[np.float64], lit: float, dim: float
) -> NDArray[np.float64]:
    """A house's front of 4 x 4 windows on a wall's picture, (size, size, 3).

    Args:
        random: draws window sizes, frames, curtains, and which windows are lit.
        size: side, px, a multiple of 4.
        wall: (size, size, 3).
        lit: part of the windows with light behind them.
        dim: factor on all that isn't lit.

    """
    out = np.array(wall)
    field = size // FLOORS
    half_w, half_h = random.uniform(0.17, 0.33), random.uniform(0.24, 0.36)
    frame, bars = random.uniform(0.25, 0.9), int(random.integers(1, 4))
    blind, band = random.random((FLOORS, COLUMNS)), random.random() < 0.5
    lamp = random.random((FLOORS, COLUMNS))
    if band:
        line = (np.arange(size) % field) < max(field // 24, 1)
        out[line] = 0.8 * out[line]
    y, x = np.mgrid[0:field, 0:field] / field - 0.5
    outer = (np.abs(x) < half_w + 0.035) & (np.abs(y) < half_h + 0.035)
    sill = (np.abs(x) < half_w + 0.07) & (np.abs(y - half_h - 0.05) < 0.02)
    pane = (np.abs(x) < half_w) & (np.abs(y) < half_h)
    bar = pane & (np.abs((x / half_w * 0.5 + 0.5) * bars % 1.0 - 0.5) > 0.46)
    for floor in range(FLOORS):
        for column in range(COLUMNS):
            area = out[floor * field : (floor + 1) * field, column * field : (column + 1) * field]
            area[outer | sill] = frame
            part = blind[floor, column]
            glass = np.array([0.75, 0.9, 1.1]) * 0.16 * (0.4 + 0.9 * part)
            shade = (1.0 - 0.5 * (y + 0.5))[..., None] * glass
            drawn = y < half_h * (2.2 * part - 1.4)
            area[pane] = (shade + 0.35 * drawn[..., None])[pane]
            area[bar] = frame
            area *= dim
            if lamp[floor, column] < lit:
                warm = np.array([1.0, 0.82, 0.5]) * (0.55 + 0.4 * part)
                area[pane & ~bar] = warm * np.where(drawn, 0.7, 1.0)[pane & ~bar][:, None]
    return out


def shopfront(random: np.random.Generator, size: int, lit: bool, dim: float) -> NDArray[np.float64]:
    """A ground floor with a sign and show-windows, (size, size, 3); laid once over a front."""
    hue = random.uniform(0.1, 0.9, 3)
    out = np.full((size, size, 3), 0.25) * (0.5 + hue) * dim
    sign = slice(int(0.05 * size), int(0.24 * size))
    out[sign] = hue * (0.8 if not lit else 1.0)
    letters = np.repeat(random.random(24) < 0.6, size // 24 + 1)[:size]
    out[int(0.10 * size) : int(0.19 * size)][:, letters] = 1.0 - hue
    windows = int(random.integers(2, 5))
    for k in range(windows):
        left, right = (k + 0.08) / windows * size, (k + 0.92) / windows * size
        glass = out[int(0.3 * size) : int(0.88 * size), int(left) : int(right)]
        glass[:] = 0.85 if lit else 0.1 * dim
        for _ in range(6):
            c = int(random.integers(0, max(glass.shape[1] - 4, 1)))
            r = int(random.integers(glass.shape[0] // 4, glass.shape[0]))
            wide = int(random.integers(3, 12))
            glass[r:, c : c + wide] = random.uniform(0.05, 0.7, 3) * (1.0 if lit else dim)
    return out


def foliage(random: np.random.Generator, size: int, colour: Colour) -> NDArray[np.float64]:
    """Leaves in light and shade, (size, size, 3)."""
    lumps = _blotches(random, size, 1.0)
    leaves = np.clip(0.5 + 0.3 * noise(random, size, 0.25), 0.0, 1.0)
    light = 0.15 + 0.9 * lumps**1.5 * (0.35 + 0.9 * leaves)
    hue = 1.0 + 0.15 * noise(random, size, 1.2)[..., None] * np.array([1.0, 0.2, -0.4])
    out: NDArray[np.float64] = np.array(colour) * light[..., None] * hue * 1.6
    return out


def grass(random: np.random.Generator, size: int, colour: Colour) -> NDArray[np.float64]:
    """A meadow from above, (size, size, 3)."""
    blades = 1.0 + 0.28 * noise(random, size, 0.35)
    patches = _blotches(random, size, 1.4)[..., None]
    dry = np.array(colour) * np.array([1.7, 1.25, 0.9])
    out: NDArray[np.float64] = blades[..., None] * (
        patches * np.array(colour) + (1.0 - patches) * dry
    )
    return out


def snow(
    random: np.random.Generator, size: int, bare: float, ground: Colour
) -> NDArray[np.float64]:
    """Snow that leaves the part `bare` of the ground open, (size, size, 3)."""
    height = noise(random, size, 1.3)
    edge = np.quantile(height, bare) if bare > 0.0 else -10.0
    cover = np.clip((height - edge) / 0.25 + 0.5, 0.0, 1.0)[..., None]
    white = 0.82 + 0.05 * noise(random, size, 1.0)[..., None] * np.array([1.0, 1.0, 0.95])
    soil = np.array(ground) * (1.0 + 0.2 * noise(random, size, 0.6))[..., None]
    out: NDArray[np.float64] = cover * white + (1.0 - cover) * soil
    return out


def asphalt(random: np.random.Generator, size: int, wet: float) -> NDArray[np.float64]:
    """A road with patches and cracks, (size, size, 3); `wet` 0 to 1 darkens it and adds puddles."""
    grain = 0.19 * (1.0 + 0.16 * noise(random, size, 0.15) + 0.12 * noise(random, size, 1.3))
    crack = np.abs(noise(random, size, 1.7)) < 0.02
    base = np.where(crack, 0.5 * grain, grain)
    for _ in range(2):
        r, c = random.integers(0, size, 2)
        tall, wide = random.integers(size // 10, size // 4, 2)
        base[r : r + tall, c : c + wide] *= random.uniform(0.72, 1.2)
    puddle = np.clip((noise(random, size, 1.7) - 0.9 + 0.9 * wet) / 0.2, 0.0, 1.0) * (wet > 0)
    base = base * (1.0 - 0.5 * wet) * (1.0 - puddle) + 0.42 * wet * puddle
    out: NDArray[np.float64] = base[..., None] * np.array([1.0, 1.0, 1.04])
    return out


def slabs(random: np.random.Generator, size: int, wet: float) -> NDArray[np.float64]:
    """A pavement of concrete slabs, (size, size, 3)."""
    count = 6
    y, x = np.mgrid[0:size, 0:size] * count / size
    each = random.uniform(0.34, 0.46, (count, count))
    grey = each[np.floor(y).astype(int), np.floor(x).astype(int)]
    joint = np.maximum(np.abs(y % 1.0 - 0.5), np.abs(x % 1.0 - 0.5)) > 0.47
    stain = 1.0 + 0.08 * noise(random, size, 1.2) + 0.05 * noise(random, size, 0.3)
    base = np.where(joint, 0.16, grey) * stain * (1.0 - 0.45 * wet)
    out: NDArray[np.float64] = base[..., None] * np.array([1.03, 1.0, 0.95])
    return out


def roof_tiles(random: np.random.Generator, size: int, colour: Colour) -> NDArray[np.float64]:
    """Rows of roof tiles, (size, size, 3)."""
    rows, columns = 16, 16
    y, x = np.mgrid[0:size, 0:size] / size
    row = np.floor(y * rows).astype(int) % rows
    column = np.floor(x * columns + 0.5 * (row % 2)).astype(int) % columns
    each = random.uniform(0.75, 1.2, (rows, columns))[row, column]
    shade = 0.6 + 0.5 * (y * rows % 1.0)
    moss = 1.0 + 0.12 * noise(random, size, 1.3)
    out: NDArray[np.float64] = np.array(colour) * (each * shade * moss)[..., None]
    return out


def bark(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """A trunk's bark, (size, size, 3)."""
    x = np.arange(size)[None, :] / size
    ridges = np.sin(2.0 * np.pi * (10.0 * x + 0.6 * noise(random, size, 1.5)))
    grey = 0.2 + 0.07 * ridges + 0.04 * noise(random, size, 0.6)
    return tinted(grey, (0.02, 0.015, 0.01), (0.85, 0.7, 0.55))


def sky_faces(
    random: np.random.Generator, size: int, zenith: Colour, horizon: Colour, clouds: float
) -> Bytes:
    """A sky on a cube, (6, size, size, 3); order and sense as in `Scene.sky`.

    Args:
        random: draws the clouds, and far hills on the horizon.
        size: side of a face, px.
        zenith: colour overhead.
        horizon: colour at the horizon and below.
        clouds: part that is covered, 0 to 1.

    """
    half = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    u, v = np.meshgrid(half, -half)
    one = np.ones_like(u)
    # x right, y forward, z up for somebody who looks along +y.
    rays = np.stack(
        [
            np.stack([one, -u, v], -1),
            np.stack([-one, u, v], -1),
            np.stack([u, -v, one], -1),
            np.stack([u, v, -one], -1),
            np.stack([u, one, v], -1),
            np.stack([-u, -one, v], -1),
        ]
    )
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    up = np.clip(rays[..., 2], 0.0, 1.0)
    part = (up**0.5)[..., None]
    colour = part * np.array(zenith) + (1.0 - part) * np.array(horizon)
    field = noise(random, 512, 1.5)
    # A flat layer of clouds, seen from below.
    flat = 60.0 * rays[..., :2] / (up[..., None] + 0.12)
    cloud = field[flat[..., 0].astype(int) % 512, flat[..., 1].astype(int) % 512]
    edge = np.quantile(field, 1.0 - clouds) if clouds > 0.0 else 10.0
    cover = np.clip((cloud - edge) / 0.9, 0.0, 1.0) * np.clip(up / 0.15, 0.0, 1.0)
    white = np.array(horizon) * 0.35 + 0.65 * float(np.mean(horizon))
    colour = colour + cover[..., None] * (1.05 * white - colour)
    azimuth = np.arctan2(rays[..., 1], rays[..., 0])
    hills = sum(
        a * np.sin(k * azimuth + p)
        for k, a, p in zip(
            (3, 7, 12, 23), (0.012, 0.009, 0.006, 0.003), random.uniform(0, 6.3, 4), strict=True
        )
    )
    below = rays[..., 2] < 0.02 + hills
    return as_colour(np.where(below[..., None], 0.55 * np.array(horizon), colour))
