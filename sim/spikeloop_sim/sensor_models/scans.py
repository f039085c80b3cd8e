"""Statistics of LiDAR scans that need no truth, so that a real and a simulated one compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 9
MEDIAN_CHI2 = 5.348
"""Median of chi-square with the 6 degrees of freedom that a parabola leaves of a window."""
BINS_M = ((1.0, 3.0), (3.0, 6.0), (6.0, 12.0), (12.0, 25.0))
SMOOTH = 0.02
"""Neighbours whose ranges differ by less than this part of them lie on one surface."""


def range_noise(ranges: NDArray[np.float64], low: float, high: float) -> float:
    """Standard deviation of ranges on smooth surfaces, m; NaN where there are too few.

    Ranges of `WINDOW` neighbours in a row are fitted by a parabola, as a plane looks over so few
    degrees. Of all windows whose ends are near each other the median of the residual's deviation
    counts, so that edges and rough surfaces don't.

    Args:
        ranges: (rows, columns) m, columns in order of azimuth, NaN where nothing came back.
        low: windows with a mean range below are left out, m.
        high: those above likewise.

    """
    windows = smooth_windows(ranges)
    squares = windows.squares[(windows.range >= low) & (windows.range < high)]
    if len(squares) < 30:
        return float("nan")
    return float(np.sqrt(np.median(squares) / MEDIAN_CHI2))


@dataclass(frozen=True)
class Windows:
    """Stretches of smooth surface, (n,) each.

    Attributes:
        range: mean, m.
        squares: sum of the squared residuals of a parabola through the `WINDOW` ranges, m^2.

    """

    range: NDArray[np.float64]
    squares: NDArray[np.float64]


def smooth_windows(ranges: NDArray[np.float64]) -> Windows:
    """All stretches of `WINDOW` neighbours in a row that lie on one surface; see `range_noise`."""
    rows = np.lib.stride_tricks.sliding_window_view(ranges, WINDOW, axis=1)[:, ::WINDOW]
    windows = rows.reshape(-1, WINDOW)
    windows = windows[np.isfinite(windows).all(axis=1)]
    windows = windows[np.ptp(windows, axis=1) < 4.0 * SMOOTH * windows.mean(axis=1)]
    x = np.arange(WINDOW) - 0.5 * (WINDOW - 1)
    basis, _ = np.linalg.qr(np.stack([np.ones(WINDOW), x, x**2], axis=1))
    residual = windows - windows @ basis @ basis.T
    return Windows(windows.mean(axis=1), (residual**2).sum(axis=1))


def isolated_dropouts(ranges: NDArray[np.float64]) -> float:
    """Part of the pulses in the midst of a smooth surface that didn't come back.

    Args:
        ranges: as in `range_noise`; rows are neighbours too.

    """
    here = ranges[1:-1, 1:-1]
    around = np.stack([ranges[1:-1, :-2], ranges[1:-1, 2:], ranges[:-2, 1:-1], ranges[2:, 1:-1]])
    with np.errstate(invalid="ignore"):
        spread = around.max(axis=0) - around.min(axis=0)
        smooth = spread < 4.0 * SMOOTH * around.mean(axis=0)
    return float(np.isnan(here[smooth]).mean()) if smooth.any() else float("nan")


def intensity_quantiles(
    ranges: NDArray[np.float64], intensity: NDArray[np.float64]
) -> dict[str, float]:
    """5, 25, 50, 75 and 95 % quantiles of what came back."""
    seen = intensity[np.isfinite(ranges)]
    return {f"p{part:02d}": float(np.percentile(seen, part)) for part in (5, 25, 50, 75, 95)}
