"""What can happen to a pixel between two keyframes: a digest by tiles, for the interpolation.

A tile is 4 x 4 pixels. Of each frame a tile knows the range of its log picture and whether the
displacement jumps in it, as it does where a nearer surface hides a farther one that moves
otherwise; there also its nearest and its farthest pixel. Of an interval a tile then knows the same
over all that its pixels' paths touch in both frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

TILE = 4
JUMP_PX = 0.5
"""Displacements that differ by less between neighbours hide nothing worth a search."""


@njit(cache=True, fastmath=True, error_model="numpy")
def ranges(log: Any, height: Any, width: Any) -> Any:
    """Least and greatest log intensity of each tile, one point beyond included; (th, tw, 2)."""
    th, tw = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    out = np.empty((th, tw, 2), np.float32)
    rows, columns = log.shape
    low, high = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for ty in range(th):
        first, last = max(2 * TILE * ty - 1, 0), min(2 * TILE * (ty + 1) + 1, rows)
        low[:] = log[first]
        high[:] = log[first]
        for r in range(first + 1, last):
            for c in range(columns):
                low[c] = min(low[c], log[r, c])
                high[c] = max(high[c], log[r, c])
        for tx in range(tw):
            a, b = max(2 * TILE * tx - 1, 0), min(2 * TILE * (tx + 1) + 1, columns)
            out[ty, tx, 0], out[ty, tx, 1] = low[a:b].min(), high[a:b].max()
    return out


@njit(cache=True, fastmath=True, error_model="numpy")
def jumps(flow: Any, depth: Any) -> Any:
    """Pixels at jumps of the displacement, and the tiles' nearest and farthest pixels.

    Args:
        flow: (h, w, 3) float32, from `displacements`.
        depth: (h, w) float32, m.

    Returns:
        mask (h, w) uint8, 1 within a pixel of a jump;
        ends (th, tw, 2) int32, index of nearest and farthest pixel, -1 in tiles without a jump;
        front (h, w, 4) float32, displacement, ratio and depth, in which near surfaces are grown
        by a pixel over those behind, since the lens mixes them there.

    """
    height, width = depth.shape
    mask = np.zeros((height, width), np.uint8)
    for r in range(height):
        for c in range(width - 1):
            d = abs(flow[r, c + 1, 0] - flow[r, c, 0]) + abs(flow[r, c + 1, 1] - flow[r, c, 1])
            if d > JUMP_PX:
                mask[r, c] = mask[r, c + 1] = 1
    for r in range(height - 1):
        for c in range(width):
            d = abs(flow[r + 1, c, 0] - flow[r, c, 0]) + abs(flow[r + 1, c, 1] - flow[r, c, 1])
            if d > JUMP_PX:
                mask[r, c] = mask[r + 1, c] = 1
    grown = _grow(mask)
    th, tw = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    ends = np.full((th, tw, 2), -1, np.int32)
    front = np.empty((height, width, 4), np.float32)
    for r in range(height):
        for c in range(width):
            near_r, near_c = r, c
            if grown[r, c]:
                near_r, near_c = _nearest(depth, r, c)
                _note(ends[r // TILE, c // TILE], depth, r, c, width)
            front[r, c, 0], front[r, c, 1] = flow[near_r, near_c, 0], flow[near_r, near_c, 1]
            front[r, c, 2], front[r, c, 3] = flow[near_r, near_c, 2], depth[near_r, near_c]
    return grown, ends, front


@njit(cache=True, error_model="numpy")
def _grow(mask: Any) -> Any:
    height, width = mask.shape
    out = np.zeros_like(mask)
    for r in range(height):
        for c in range(width):
            if mask[r, c]:
                out[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2] = 1
    return out


@njit(cache=True, error_model="numpy")
def _nearest(depth: Any, r: Any, c: Any) -> Any:
    best_r, best_c = r, c
    for y in range(max(r - 1, 0), min(r + 2, depth.shape[0])):
        for x in range(max(c - 1, 0), min(c + 2, depth.shape[1])):
            if depth[y, x] < depth[best_r, best_c]:
                best_r, best_c = y, x
    return best_r, best_c


@njit(cache=True, error_model="numpy")
def _note(ends: Any, depth: Any, r: Any, c: Any, width: Any) -> None:
    z, flat = depth[r, c], depth.reshape(-1)
    if ends[0] < 0 or z < flat[ends[0]]:
        ends[0] = r * width + c
    if ends[1] < 0 or z > flat[ends[1]]:
        ends[1] = r * width + c


@njit(cache=True, fastmath=True, error_model="numpy")
def neighbourhoods(
    forward: Any, backward: Any, depths: Any, range0: Any, range1: Any, ends0: Any, ends1: Any
) -> Any:
    """Per tile, over all that its pixels' paths touch in both frames.

    Returns:
        reach (th, tw, 2) float32, range of log intensity;
        ends (th, tw, 4) int32, nearest and farthest pixel at jumps of frame 0, then of frame 1.

    """
    height, width = forward.shape[:2]
    th, tw = range0.shape[:2]
    reach, ends = np.empty((th, tw, 2), np.float32), np.full((th, tw, 4), -1, np.int32)
    depth0, depth1 = depths[0].reshape(-1), depths[1].reshape(-1)
    one = np.float32(1.0)
    for ty in range(th):
        y_end = min((ty + 1) * TILE, height)
        for tx in range(tw):
            x_end = min((tx + 1) * TILE, width)
            dx0 = dx1 = dy0 = dy1 = np.float32(0.0)
            for r in range(ty * TILE, y_end):
                for c in range(tx * TILE, x_end):
                    dx0 = min(dx0, forward[r, c, 0], backward[r, c, 0])
                    dx1 = max(dx1, forward[r, c, 0], backward[r, c, 0])
                    dy0 = min(dy0, forward[r, c, 1], backward[r, c, 1])
                    dy1 = max(dy1, forward[r, c, 1], backward[r, c, 1])
            ax, bx = _tiles(tx * TILE + dx0 - one, x_end - 1 + dx1 + one, tw)
            ay, by = _tiles(ty * TILE + dy0 - one, y_end - 1 + dy1 + one, th)
            low, high = np.float32(1e9), np.float32(-1e9)
            near0 = far0 = near1 = far1 = np.int32(-1)
            for v in range(ay, by):
                for u in range(ax, bx):
                    low = min(low, range0[v, u, 0], range1[v, u, 0])
                    high = max(high, range0[v, u, 1], range1[v, u, 1])
                    a, b = ends0[v, u, 0], ends0[v, u, 1]
                    if a >= 0:
                        near0 = a if near0 < 0 or depth0[a] < depth0[near0] else near0
                        far0 = b if far0 < 0 or depth0[b] > depth0[far0] else far0
                    a, b = ends1[v, u, 0], ends1[v, u, 1]
                    if a >= 0:
                        near1 = a if near1 < 0 or depth1[a] < depth1[near1] else near1
                        far1 = b if far1 < 0 or depth1[b] > depth1[far1] else far1
            reach[ty, tx, 0], reach[ty, tx, 1] = low, high
            ends[ty, tx, 0], ends[ty, tx, 1] = near0, far0
            ends[ty, tx, 2], ends[ty, tx, 3] = near1, far1
    return reach, ends


@njit(cache=True, error_model="numpy")
def _tiles(low: Any, high: Any, count: Any) -> Any:
    a = min(max(int(np.floor(low)) // TILE, 0), count - 1)
    b = min(max(int(np.ceil(high)) // TILE, 0), count - 1)
    return a, b + 1
