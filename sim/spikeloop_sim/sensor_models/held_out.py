"""The LiDAR's noise model on the half of a scan that it wasn't fitted to.

There is one recorded scan, so it is cut by azimuth: parts that look elsewhere see other surfaces,
whereas neighbouring rows or columns see the same ones. `sectors` takes every second sector of
22.5 degrees, which see other things of the same kinds; `halves` the two halves of the turn, which
see other surroundings. On one part the two deviations of the model and its dropouts are fitted; on
the other they predict the noise of each stretch of surface from its recorded range and intensity,
so that no simulated world stands between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from spikeloop_sim.lidar import range_spread
from spikeloop_sim.lidar_config import LidarConfig
from spikeloop_sim.sensor_models.scans import (
    BINS_M,
    MEDIAN_CHI2,
    isolated_dropouts,
    smooth_windows,
)

Array = NDArray[np.float64]
SECTORS = 16


@dataclass(frozen=True)
class Fit:
    """Deviation of near returns, m, what each metre adds to it, and the part that is lost."""

    noise: float
    per_m: float
    dropout: float

    def spread(self, ranges: Array) -> Array:
        """Standard deviation at ranges, m."""
        config = replace(LidarConfig(), range_noise=self.noise, range_noise_per_m=self.per_m)
        return range_spread(config, ranges)


def fit(ranges: Array) -> Fit:
    """Fit to a scan, (rows, columns) m, by the median over stretches of surface.

    Least sum of |log(residual / predicted)|, which edges and rough surfaces hardly move.
    """
    found, config = smooth_windows(ranges), LidarConfig()

    def cost(logs: Array) -> float:
        noise, per_m = np.exp(logs).tolist()
        wanted = MEDIAN_CHI2 * Fit(noise, per_m, 0.0).spread(found.range) ** 2
        return float(np.abs(np.log(found.squares / wanted)).mean())

    start = np.log([config.range_noise, config.range_noise_per_m])
    best = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
    noise, per_m = np.exp(best.x).tolist()
    return Fit(noise, per_m, isolated_dropouts(ranges))


def held_out_figures(ranges: Array) -> dict[str, float]:
    """Both ways round: fitted on one part, judged on the other.

    Args:
        ranges: (rows, columns) m, a whole turn, NaN where nothing came back.

    Returns:
        For each cut (`heldout_sectors_a_...`, fitted on one part, `..._b_...` on the other): fitted
        deviations, measured and predicted noise by range (mm), measured and predicted isolated
        dropouts (percent), and how far the noises are apart at most (percent of the smaller).

    """
    columns = np.arange(ranges.shape[1])
    cuts = {
        "sectors": columns * SECTORS // len(columns) % 2 == 0,
        "halves": columns < len(columns) // 2,
    }
    found: dict[str, float] = {}
    for cut, part in cuts.items():
        for name, seen in (("a", part), ("b", ~part)):
            model = fit(np.where(seen, ranges, np.nan))
            judged = np.where(seen, np.nan, ranges)
            prefix = f"heldout_{cut}_{name}"
            found[f"{prefix}_fitted_noise_mm"] = 1e3 * model.noise
            found[f"{prefix}_fitted_noise_mm_per_m"] = 1e3 * model.per_m
            found[f"{prefix}_dropout_pct"] = 100.0 * isolated_dropouts(judged)
            found[f"{prefix}_predicted_dropout_pct"] = 100.0 * model.dropout
            found |= _by_range(prefix, judged, model)
    return found


def _by_range(prefix: str, ranges: Array, model: Fit) -> dict[str, float]:
    windows = smooth_windows(ranges)
    expected = model.spread(windows.range)
    found, worst = {}, 0.0
    for low, high in BINS_M:
        inside = (windows.range >= low) & (windows.range < high)
        if inside.sum() < 30:
            continue
        measured = float(np.sqrt(np.median(windows.squares[inside]) / MEDIAN_CHI2))
        predicted = float(np.median(expected[inside]))
        found[f"{prefix}_noise_mm_{low:g}_{high:g}_m"] = 1e3 * measured
        found[f"{prefix}_predicted_noise_mm_{low:g}_{high:g}_m"] = 1e3 * predicted
        worst = max(worst, measured / predicted - 1.0, predicted / measured - 1.0)
    return found | {f"{prefix}_worst_noise_pct": 100.0 * worst}
