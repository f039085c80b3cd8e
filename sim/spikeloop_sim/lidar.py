"""A LiDAR in a MuJoCo world: rays, what comes back of a pulse, and what air does to it.

The signal of a return from a diffuse surface is reflectance x cos(incidence) / range^2, weakened by
the air by exp(-2 x extinction x range) (Rasshofer et al., Influences of weather phenomena on
automotive laser radar systems, Adv. Radio Sci. 9, 2011, eqs. 1-5). It is compared with the signal
of a surface of 10 % reflectance at the range that a data sheet states, where 90 % of the pulses are
detected: log-normal speckle and gain give the chance of detection, and the range's noise grows as
the signal sinks towards that limit.

Fog's extinction is ln(20) / visibility; rain's is 0.01 R^0.6 per m, with R in mm/h, and it shifts
ranges by 2 % x (1 - exp(-R))^2 (Goodin et al., Predicting the influence of rain on LIDAR in ADAS,
Electronics 8(1):89, 2019). Air throws light back itself: the strongest return of drops comes from
where the beam and the receiver's view begin to overlap, and where that is stronger than the
surface's, it is what the sensor tells (Rasshofer, eq. 9).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.lidar_patterns import Pattern, pattern
from spikeloop_sim.robot import random_stream
from spikeloop_sim.worlds.mjcf import SOLID

POINT = np.dtype(
    {
        "names": ["x", "y", "z", "intensity", "t", "ring"],
        "formats": ["<f4", "<f4", "<f4", "<f4", "<u4", "<u2"],
        "offsets": [0, 4, 8, 12, 16, 20],
        "itemsize": 24,
    }
)
"""A point in the sensor's frame, m, at its own time; `intensity` is the reflectance x
cos(incidence) in percent, as the sensor sees it through the air; `t` is ns after the scan's first
pulse. Where nothing came back, x, y and z are NaN and `intensity` 0."""
SURE = 1.2815515655446004
"""The normal distribution holds 90 % below this."""
OVERLAP_M, PULSE_M, BACKSCATTER_SR = 1.5, 1.5, 18.0
"""Where beam and view overlap, half the pulse's length, extinction over backscatter of drops."""
_GROUPS = np.array([group == SOLID for group in range(6)], np.uint8)


@dataclass(frozen=True)
class Hits:
    """What rays met.

    Attributes:
        range: (n,) m; inf where there was nothing.
        geom: (n,) int32, -1 where there was nothing.
        cosine: (n,) of the incidence.

    """

    range: NDArray[np.float64]
    geom: NDArray[np.int32]
    cosine: NDArray[np.float64]


def cast(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    origin: NDArray[np.float64],
    directions: NDArray[np.float64],
    most_range: float,
) -> Hits:
    """Cast rays at what is solid in a world.

    Args:
        model: made from a scene, see `spikeloop_sim.worlds.mjcf`.
        data: its state, kinematics up to date.
        origin: (3,) in the world, m.
        directions: (n, 3) unit vectors in the world.
        most_range: nothing is seen beyond, m.

    """
    count = len(directions)
    geom = np.empty(count, np.int32)
    distance, normal = np.empty(count), np.empty(3 * count)
    rays = np.ascontiguousarray(directions).ravel()
    mujoco.mj_multiRay(
        model, data, origin, rays, _GROUPS, True, -1, geom, distance, normal, count, most_range
    )
    there = geom >= 0
    cosine = np.abs((normal.reshape(-1, 3) * directions).sum(axis=1))
    return Hits(np.where(there, distance, np.inf), geom, np.where(there, cosine, 0.0))


class Lidar:
    """Scans of a world, whole or rolling; they depend on the seed and the calls alone."""

    def __init__(
        self,
        model: mujoco.MjModel,
        infrared: NDArray[np.float32],
        config: LidarConfig | None = None,
        seed: int = 0,
    ) -> None:
        """Stand in a world.

        Args:
            model: see `cast`.
            infrared: (ngeom,) reflectance of each geom; see `worlds.mjcf.Labels`.
            config: parameters; defaults where None.
            seed: of the noise.

        Raises:
            ValueError: a negative seed.

        """
        self.config = config or LidarConfig()
        self._model, self._infrared = model, infrared
        c = self.config
        fog = math.log(20.0) / c.visibility if c.visibility else 0.0
        self._extinction = fog + 0.01 * c.rain**0.6
        self._weakest = 0.1 / c.sure_range**2
        soft = math.pi * self._extinction / BACKSCATTER_SR * PULSE_M
        self._soft_signal = soft * math.exp(-2.0 * self._extinction * OVERLAP_M) / OVERLAP_M**2
        self._rain_shift = 0.02 * (1.0 - math.exp(-c.rain)) ** 2
        self._random = random_stream(seed, "lidar")
        self._scan = 0
        self._begin()

    def _begin(self) -> None:
        self._pattern: Pattern = pattern(self.config, self._scan)
        self._points = np.zeros(self._pattern.directions.shape[:2], POINT)
        self._points["t"] = np.round(1e9 * self._pattern.times_s).astype(np.uint32)
        self._points["ring"] = np.arange(self.config.rows, dtype=np.uint16)[:, None]
        self._done = 0

    def roll(
        self,
        data: mujoco.MjData,
        position: NDArray[np.float64],
        rotation: NDArray[np.float64],
        part: float = 1.0,
    ) -> NDArray[np.void] | None:
        """Take the columns up to a part of the scan, from where the sensor is now.

        Args:
            data: state of the world, kinematics up to date.
            position: (3,) of the sensor in the world, m.
            rotation: (3, 3), turns its frame into the world's.
            part: of the scan that is done afterwards, 0 to 1.

        Returns:
            The scan, (rows, columns) of `POINT`, once `part` is 1; before that None.

        """
        end = round(part * self.config.columns)
        if end > self._done:
            columns = slice(self._done, end)
            directions = self._pattern.directions[:, columns]
            shape = directions.shape[:2]
            rays = directions.reshape(-1, 3)
            hits = cast(self._model, data, position, rays @ rotation.T, self.config.most_range)
            ranges, intensity = self._returns(hits)
            points = self._points[:, columns]
            places = (ranges[:, None] * rays).reshape(*shape, 3)
            for axis, name in enumerate("xyz"):
                points[name] = places[..., axis]
            points["intensity"] = intensity.reshape(shape)
            self._done = end
        if self._done < self.config.columns:
            return None
        scan = self._points
        self._scan += 1
        self._begin()
        return scan

    def _returns(self, hits: Hits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Measured ranges, NaN where nothing came back, and intensities; (n,) each."""
        c, count = self.config, len(hits.range)
        # A fixed number of draws, whatever is seen.
        speckle, error = self._random.standard_normal((2, count))
        chance, depth = self._random.random((2, count))
        there = np.isfinite(hits.range)
        true = np.where(there, hits.range, c.most_range)
        reflectance = np.where(there, self._infrared[hits.geom], 0.0) * hits.cosine
        # Smooth surfaces: what is left of the diffuse part at grazing incidence.
        grazing = math.cos(math.radians(c.mirror_deg))
        reflectance *= np.minimum(1.0, (hits.cosine / grazing) ** 2) if grazing > 1e-9 else 1.0
        air = np.exp(-2.0 * self._extinction * true)
        signal = reflectance * air / np.maximum(true, c.least_range) ** 2
        ratio = signal / self._weakest
        with np.errstate(divide="ignore"):
            level = np.log(ratio) + c.signal_spread * (speckle + SURE)
        seen = there & (level > 0.0) & (chance >= c.dropout) & (true >= c.least_range)
        spread = range_spread(c, true)
        measured = true + error * (spread + self._rain_shift * true)
        if self._soft_signal > 0.0:
            drops = (self._soft_signal > self._weakest) & (~seen | (self._soft_signal > signal))
            # The part of the pulses that meet enough drops there.
            drops &= depth < -math.expm1(-self._extinction * PULSE_M)
            measured = np.where(drops, OVERLAP_M * (1.0 - np.log(depth + 1e-12) * 0.1), measured)
            reflectance = np.where(drops, self._soft_signal * OVERLAP_M**2, reflectance)
            seen |= drops
        if c.range_step:
            measured = np.round(measured / c.range_step) * c.range_step
        measured[~seen | (measured < c.least_range) | (measured > c.most_range)] = np.nan
        gain = np.exp(0.25 * c.signal_spread * speckle)
        intensity = np.clip(100.0 * reflectance * air * gain, 0.0, 255.0)
        return measured, np.where(np.isnan(measured), 0.0, intensity)


def range_spread(config: LidarConfig, ranges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of measured ranges, m, of things at these ranges, m."""
    spread: NDArray[np.float64] = np.hypot(config.range_noise, config.range_noise_per_m * ranges)
    return spread


def scans_per_second(seconds: float = 2.0, seed: int = 1_000_000) -> float:
    """Whole scans of 16x512 with all noise in the corridor, by the wall clock; for benchmarks."""
    from spikeloop_sim.worlds.catalogue import make_scene
    from spikeloop_sim.worlds.mjcf import Labels, to_spec

    scene = make_scene("corridor", seed)
    model = to_spec(scene).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    lidar = Lidar(model, Labels.of(model, scene).geom_infrared, None, seed)
    place = np.array([*scene.start.position[:2], 0.35])
    lidar.roll(data, place, np.eye(3))
    count, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        lidar.roll(data, place, np.eye(3))
        count += 1
    return count / spent
