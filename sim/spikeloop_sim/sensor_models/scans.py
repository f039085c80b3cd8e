"""Statistics of LiDAR scans that need no truth, so that a real and a simulated one compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 9
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
    rows = np.lib.stride_tricks.sliding_window_view(ranges, WINDOW, axis=1)[:, ::WINDOW]
    windows = rows.reshape(-1, WINDOW)
    windows = windows[np.isfinite(windows).all(axis=1)]
    mean = windows.mean(axis=1)
    windows = windows[(mean >= low) & (mean < high)]
    mean = windows.mean(axis=1)
    windows = windows[np.ptp(windows, axis=1) < 4.0 * SMOOTH * mean]
    if len(windows) < 30:
        return float("nan")
    x = np.arange(WINDOW) - 0.5 * (WINDOW - 1)
    basis, _ = np.linalg.qr(np.stack([np.ones(WINDOW), x, x**2], axis=1))
    residual = windows - windows @ basis @ basis.T
    squared = (residual**2).sum(axis=1)
    # Median of chi-square with 6 degrees of freedom: 5.348.
    return float(np.sqrt(np.median(squared) / 5.348))


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
