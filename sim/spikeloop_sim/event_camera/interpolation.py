"""Log intensity at a pixel between two keyframes, from the surfaces that pass in front of it.

The pixel reads a keyframe where the surface that it sees at that moment was (or will be) at the
keyframe's time. A point with constant velocity in space runs straight in the picture; at the part
s of the interval it has gone s r / (1 - s + s r) of its way, r being its new depth over the old.

Where one smooth surface passes, the pixel's track over frame 0 is the line from the pixel to where
that which it sees at the end was at the beginning. What the two ends differ by (light, sampling)
is added in proportion to time. A track that begins outside frame 0 is taken over frame 1.

At jumps of the displacement the surfaces in front of the pixel are searched for at each step by
fixed-point iterations from the nearest and the farthest surface around, in both frames; the nearest
one found is seen, and one that is seen in both frames is a blend of both by time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

MOST_STEPS = 96
STILL_PX = 0.02
_SAME_DEPTH = 0.03
_FOUND_PX = 0.6
_ITERATIONS = 3
_EVEN = 0.002

_jit = njit(cache=True, fastmath=True, error_model="numpy", _nrt=False)
_inline = njit(cache=True, fastmath=True, error_model="numpy", forceinline=True, _nrt=False)
_TWO, _ONE = np.float32(2.0), np.float32(1.0)
_NOWHERE = np.float32(1e9)


@_inline
def _read(log: Any, x: Any, y: Any) -> Any:
    """The log picture at column x, row y (px, float32), cut to the frame."""
    gx = min(max(_TWO * x, np.float32(0.0)), np.float32(log.shape[1] - 1.001))
    gy = min(max(_TWO * y, np.float32(0.0)), np.float32(log.shape[0] - 1.001))
    c, r = np.int32(gx), np.int32(gy)
    fx, fy = gx - np.float32(c), gy - np.float32(r)
    top = log[r, c] + fx * (log[r, c + 1] - log[r, c])
    low = log[r + 1, c] + fx * (log[r + 1, c + 1] - log[r + 1, c])
    return top + fy * (low - top)


@_inline
def _gone(s: Any, ratio: Any) -> Any:
    """Part of a point's way in the picture at the part s of the interval."""
    if abs(ratio - _ONE) < np.float32(_EVEN):
        return s
    return s * ratio / (_ONE - s + s * ratio)


@_inline
def _crosses(mask: Any, x0: Any, y0: Any, x1: Any, y1: Any) -> Any:
    """Whether the line touches a marked pixel."""
    steps = np.int32(max(abs(x1 - x0), abs(y1 - y0))) + 1
    touched = False
    for k in range(steps + 1):
        s = np.float32(k) / np.float32(steps)
        c = np.int32(x0 + s * (x1 - x0) + np.float32(0.5))
        r = np.int32(y0 + s * (y1 - y0) + np.float32(0.5))
        if 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and mask[r, c]:
            touched = True
    return touched


@_jit
def _surface(front: Any, x: Any, y: Any, s: Any, start: Any) -> Any:
    """The surface of a frame that is in front of pixel (x, y) the part s of the interval later.

    Returns:
        its column and row in the frame, its depth then (`_NOWHERE` if none is found).

    """
    height, width = front.shape[:2]
    r, c = start // width, start % width
    px, py = x, y
    dx, dy, ratio = front[r, c, 0], front[r, c, 1], front[r, c, 2]
    for _ in range(_ITERATIONS):
        part = _gone(s, ratio)
        px, py = x - part * dx, y - part * dy
        c, r = np.int32(np.floor(px + np.float32(0.5))), np.int32(np.floor(py + np.float32(0.5)))
        if not (0 <= c < width and 0 <= r < height):
            return px, py, _NOWHERE
        if front[r, c, 0] == dx and front[r, c, 1] == dy:
            break
        dx, dy, ratio = front[r, c, 0], front[r, c, 1], front[r, c, 2]
    part = _gone(s, ratio)
    miss = abs(px + part * dx - x) + abs(py + part * dy - y)
    if miss > np.float32(_FOUND_PX):
        return px, py, _NOWHERE
    return px, py, front[r, c, 3] * (_ONE - s + s * ratio)


@_jit
def _nearer(front: Any, x: Any, y: Any, s: Any, near: Any, far: Any) -> Any:
    """The surface found from the nearest pixel around, else from the farthest; see `_surface`."""
    px, py, z = _surface(front, x, y, s, near)
    if z < _NOWHERE:
        return px, py, z
    return _surface(front, x, y, s, far)


@_jit
def search(
    log0: Any,
    log1: Any,
    front0: Any,
    front1: Any,
    near0: Any,
    far0: Any,
    near1: Any,
    far1: Any,
    x: Any,
    y: Any,
    s: Any,
    other: Any,
) -> Any:
    """Log intensity at pixel (x, y) at the part s of the interval, `other` where all hides."""
    ax = ay = bx = by = np.float32(0.0)
    az = bz = _NOWHERE
    if near0 >= 0:
        ax, ay, az = _nearer(front0, x, y, s, near0, far0)
    if near1 >= 0:
        bx, by, bz = _nearer(front1, x, y, _ONE - s, near1, far1)
    if not (az < _NOWHERE or bz < _NOWHERE):
        return other
    if abs(az - bz) < np.float32(_SAME_DEPTH) * min(az, bz):
        return (_ONE - s) * _read(log0, ax, ay) + s * _read(log1, bx, by)
    return _read(log0, ax, ay) if az < bz else _read(log1, bx, by)


@_inline
def trace(
    x: Any, y: Any, forward: Any, backward: Any, log0: Any, log1: Any, depth0: Any, depth1: Any,
    mask0: Any, mask1: Any, front0: Any, front1: Any, near0: Any, far0: Any, near1: Any, far1: Any,
    per_px: Any, parts: Any, values: Any,
) -> Any:  # fmt: skip
    """Fill `parts` (0 to 1) and `values` (log intensity) for one pixel; returns how many.

    The first is at the beginning of the interval, the last at its end.
    """
    height, width = forward.shape[:2]
    u, v = np.float32(x), np.float32(y)
    ahead_x, ahead_y = u + forward[y, x, 0], v + forward[y, x, 1]
    back_x, back_y = u + backward[y, x, 0], v + backward[y, x, 1]
    first, last = log0[2 * y, 2 * x], log1[2 * y, 2 * x]
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    way = max(
        abs(forward[y, x, 0]) + abs(forward[y, x, 1]),
        abs(backward[y, x, 0]) + abs(backward[y, x, 1]),
    )
    over0 = 0.0 <= back_x <= right and 0.0 <= back_y <= bottom
    over1 = 0.0 <= ahead_x <= right and 0.0 <= ahead_y <= bottom
    smooth = over0 or over1
    if near0 >= 0 or near1 >= 0:
        if _crosses(mask0, u, v, back_x, back_y) or _crosses(mask1, ahead_x, ahead_y, u, v):
            smooth = False
    elif over0 and over1:
        # Nothing near jumps, so what differs in depth came from behind something thin.
        r, c = np.int32(back_y + np.float32(0.5)), np.int32(back_x + np.float32(0.5))
        was = depth1[y, x] * backward[y, x, 2]
        smooth = abs(depth0[r, c] - was) < np.float32(0.1) * was
    straight = math.sqrt(
        max(
            forward[y, x, 0] ** 2 + forward[y, x, 1] ** 2,
            backward[y, x, 0] ** 2 + backward[y, x, 1] ** 2,
        )
    )
    count = np.int32(min(per_px * np.float32(straight), np.float32(MOST_STEPS - 1))) + 1
    parts[0], values[0] = np.float32(0.0), first
    parts[count], values[count] = _ONE, last
    step = _ONE / np.float32(count)
    if way < np.float32(STILL_PX) and smooth:
        count = np.int32(1)
        parts[1], values[1] = _ONE, last
    elif smooth:
        if over0:
            ox, oy, wx, wy = u, v, back_x - u, back_y - v
            ratio = _ONE / backward[y, x, 2]
            early = np.float32(0.0)
            late = last - _read(log0, back_x, back_y) if over1 else np.float32(0.0)
            for k in range(1, count):
                s = np.float32(k) * step
                part = _gone(s, ratio)
                parts[k] = s
                values[k] = _read(log0, ox + part * wx, oy + part * wy) + s * late
        else:
            ox, oy, wx, wy = ahead_x, ahead_y, u - ahead_x, v - ahead_y
            ratio = forward[y, x, 2]
            early = first - _read(log1, ahead_x, ahead_y)
            for k in range(1, count):
                s = np.float32(k) * step
                part = _gone(s, ratio)
                parts[k] = s
                values[k] = _read(log1, ox + part * wx, oy + part * wy) + (_ONE - s) * early
    else:
        for k in range(1, count):
            s = np.float32(k) * step
            other = first + s * (last - first)
            parts[k] = s
            values[k] = search(log0, log1, front0, front1, near0, far0, near1, far1, u, v, s, other)
    return count + 1
