"""From samples of luminance to log intensity as pixels see it, at every half pixel.

A pixel's weight over the scene is its aperture (two samples wide) blurred by the lens, which makes
(1, 3, 3, 1)/8 along rows and columns. The interpolation reads the picture between its points by
bilinear weights, and these blur by a sixth of a sample squared on average over all phases;
(-1, 14, -1)/12 undoes as much. The convolution of both is `_WEIGHTS`.

Point (r, c) lies between samples r, r + 1 and c, c + 1: the centre of pixel (y, x) is point
(2 y, 2 x).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_WEIGHTS = np.array([-1.0, 11.0, 38.0, 38.0, 11.0, -1.0], np.float32) / np.float32(96.0)


def log_picture(luminance: NDArray[np.float32], lux: float, dark_lux: float) -> NDArray[np.float32]:
    """Natural logarithm of what falls on a pixel, lx, dark current included.

    Args:
        luminance: (2 h, 2 w) float32, linear, 1 for white in full light.
        lux: illuminance of such a surface.
        dark_lux: dark current as light; it also bounds the log from below.

    Returns:
        (2 h, 2 w) float32, at the points described above.

    """
    out = np.empty_like(luminance)
    _filter(luminance, np.float32(lux), np.float32(dark_lux), out)
    return np.log(out, out=out)


@njit(cache=True, fastmath=True, error_model="numpy")
def _filter(luminance: Any, lux: Any, dark: Any, out: Any) -> None:
    rows, columns = luminance.shape
    row = np.empty(columns + 5, np.float32)
    w0, w1, w2 = _WEIGHTS[0], _WEIGHTS[1], _WEIGHTS[2]
    for r in range(rows):
        a, b = luminance[max(r - 2, 0)], luminance[max(r - 1, 0)]
        c, d = luminance[r], luminance[min(r + 1, rows - 1)]
        e, f = luminance[min(r + 2, rows - 1)], luminance[min(r + 3, rows - 1)]
        for k in range(columns):
            row[k + 2] = w0 * (a[k] + f[k]) + w1 * (b[k] + e[k]) + w2 * (c[k] + d[k])
        row[0] = row[1] = row[2]
        row[columns + 2 :] = row[columns + 1]
        line = out[r]
        for k in range(columns):
            value = w0 * (row[k] + row[k + 5]) + w1 * (row[k + 1] + row[k + 4])
            value += w2 * (row[k + 2] + row[k + 3])
            line[k] = dark + lux * max(value, np.float32(0.0))
