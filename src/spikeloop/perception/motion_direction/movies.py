"""Movies of generated textures in steady motion, as the events that a sensor would give.

After the stimuli of HD-SNN (Grimaldi and Perrinet, arXiv 2307.14077, sec. 2): a texture shifts by
whole and broken pixels, each pixel sums the change of its log intensity and fires ON or OFF
whenever the sum has passed its threshold, which is then taken off. Added to that are thresholds
that differ from pixel to pixel, and events of noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter

Floats = NDArray[np.float64]
Raster = NDArray[np.uint8]

TEXTURE_PX = 64
SUBSTEPS = 2
LEAVES = 40


@dataclass(frozen=True)
class Motions:
    """The motions that are told apart: `directions` times `speeds`, direction by direction."""

    directions: int = parameter(12, "directions, the first to the right, then clockwise", low=2)
    speeds: tuple[float, ...] = parameter(
        (0.36, 0.6, 1.0), "speeds, rising", unit="pixels a step", low=0.01, high=4.0
    )

    @property
    def classes(self) -> int:
        """How many motions there are."""
        return self.directions * len(self.speeds)

    def velocities(self) -> Floats:
        """(classes, 2), columns and rows (downwards) a step."""
        angle = 2.0 * math.pi * np.arange(self.directions) / self.directions
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        speeds = np.array(self.speeds)
        made: Floats = (unit[:, None] * speeds[None, :, None]).reshape(-1, 2)
        return made


@dataclass(frozen=True)
class Sensor:
    """The pixels."""

    threshold: float = parameter(0.2, "change of log intensity for an event", low=0.01)
    mismatch: float = parameter(0.05, "standard deviation of thresholds, as a part", low=0.0)
    noise: float = parameter(0.002, "events of noise a pixel, polarity and step", low=0.0, high=0.5)


def texture(random: np.random.Generator) -> Floats:
    """Log intensity of a texture without seams, (64, 64), contrast drawn between 0.25 and 0.6.

    Half of them are noise with a spectrum as pictures of nature have, half heaps of discs and
    boxes that hide one another (dead leaves).
    """
    size = TEXTURE_PX
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    if random.random() < 0.5:
        field, slope, blur = random.standard_normal((size, size)), random.uniform(0.5, 1.2), 0.0
    else:
        field, slope, blur = _leaves(random), 0.0, 0.7
    frequency[0, 0] = np.inf
    gain = frequency**-slope * np.exp(-2.0 * (math.pi * blur * np.minimum(frequency, 1.0)) ** 2)
    gain[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(field) * gain, (size, size))
    scaled: Floats = field * (random.uniform(0.25, 0.6) / field.std())
    return scaled


def _leaves(random: np.random.Generator) -> Floats:
    size = TEXTURE_PX
    field = np.zeros((size, size))
    axis = np.arange(size)
    for _ in range(LEAVES):
        x, y, radius, turn = (*random.uniform(0, size, 2), random.uniform(3, 11), random.random())
        # Distances round the seam, so that the texture goes on at its edges.
        dx = (axis[None, :] - x + size / 2) % size - size / 2
        dy = (axis[:, None] - y + size / 2) % size - size / 2
        if random.random() < 0.5:
            inside = np.hypot(dx, dy) < radius
        else:
            c, s = math.cos(math.pi * turn), math.sin(math.pi * turn)
            inside = (np.abs(c * dx + s * dy) < radius) & (np.abs(c * dy - s * dx) < 0.6 * radius)
        field[inside] = random.uniform(-1.0, 1.0)
    return field


def raster(
    random: np.random.Generator,
    velocity: Floats,
    size: int,
    steps: int,
    sensor: Sensor | None = None,
) -> Raster:
    """Events of one movie, as whether a pixel fired in each step.

    Args:
        random: of texture, place, thresholds and noise.
        velocity: (2,) columns and rows a step.
        size: width and height, at most 64.
        steps: number of steps.
        sensor: the pixels; defaults where None.

    Returns:
        (steps, 2, size, size) uint8 of 0 and 1, OFF first.

    Raises:
        ValueError: a size beyond the texture.

    """
    if not 1 <= size <= TEXTURE_PX:
        raise ValueError(f"size must be from 1 to {TEXTURE_PX}, not {size}")
    sensor = sensor or Sensor()
    spectrum = np.fft.rfft2(texture(random))
    fy, fx = np.fft.fftfreq(TEXTURE_PX)[:, None], np.fft.rfftfreq(TEXTURE_PX)[None]
    start = random.uniform(0, TEXTURE_PX, 2)
    spread = 1.0 + sensor.mismatch * random.standard_normal((2, size, size))
    threshold = sensor.threshold * np.maximum(spread, 0.2)
    residual = sensor.threshold * random.uniform(-0.5, 0.5, (size, size))
    times = np.arange(steps * SUBSTEPS + 1) / SUBSTEPS
    shift = start + times[:, None] * velocity
    phase = np.exp(-2j * math.pi * (shift[:, 0, None, None] * fx + shift[:, 1, None, None] * fy))
    views = np.fft.irfft2(spectrum * phase, (TEXTURE_PX, TEXTURE_PX))[:, :size, :size]
    fired = random.random((steps, 2, size, size)) < sensor.noise
    for k, change in enumerate(np.diff(views, axis=0)):
        residual += change
        on, off = residual >= threshold[1], residual <= -threshold[0]
        fired[k // SUBSTEPS, 1] |= on
        fired[k // SUBSTEPS, 0] |= off
        # What is beyond the threshold more than once would fire again at once.
        residual -= on * threshold[1] * np.floor(np.where(on, residual, 0.0) / threshold[1])
        residual += off * threshold[0] * np.floor(np.where(off, -residual, 0.0) / threshold[0])
    return fired.astype(np.uint8)


def rasters(
    seed: int, motions: Motions, count: int, size: int, steps: int
) -> tuple[Raster, NDArray[np.int64]]:
    """Movies with textures of their own, the motions in turn.

    Args:
        seed: equal seeds give equal movies; different ones share no texture.
        motions: which there are.
        count: number of movies.
        size: width and height.
        steps: of each.

    Returns:
        (count, steps, 2, size, size) uint8, and (count,) the motion of each.

    """
    velocities = motions.velocities()
    labels = np.arange(count) % motions.classes
    made = np.empty((count, steps, 2, size, size), np.uint8)
    for k, label in enumerate(labels):
        random = np.random.default_rng((seed, k))
        made[k] = raster(random, velocities[label], size, steps)
    return made, labels
