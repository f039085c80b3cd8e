"""Random numbers inside compiled loops: splitmix64, so that a seed fixes them on every machine.

Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014. The state is an
array of one uint64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_A, _MIX_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _40 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(40)
_SCALE = np.float32(2.0**-24)
_16, _32, _48, _16_BITS = np.uint64(16), np.uint64(32), np.uint64(48), np.uint64(0xFFFF)
_MIDDLE, _SPREAD = np.float32(2 * 65535.0), np.float32(math.sqrt(3.0) / 65536.0)


@njit(cache=True, error_model="numpy", _nrt=False)
def _next(state: Any) -> Any:
    state[0] += _GAMMA
    z = state[0]
    z = (z ^ (z >> _30)) * _MIX_A
    z = (z ^ (z >> _27)) * _MIX_B
    return z ^ (z >> _31)


@njit(cache=True, error_model="numpy", _nrt=False)
def uniform(state: Any) -> Any:
    """A float32 in (0, 1)."""
    return (np.float32(_next(state) >> _40) + np.float32(0.5)) * _SCALE


@njit(cache=True, error_model="numpy", _nrt=False)
def normal(state: Any) -> Any:
    """A float32 with mean 0 and standard deviation 1, nearly normal, never beyond 3.5.

    It is the sum of four uniform numbers, since a logarithm and a cosine for each event would
    cost more than the event.
    """
    z = _next(state)
    total = (z & _16_BITS) + ((z >> _16) & _16_BITS) + ((z >> _32) & _16_BITS) + (z >> _48)
    return (np.float32(total) - _MIDDLE) * _SPREAD


@njit(cache=True, error_model="numpy", _nrt=False)
def exponential(state: Any) -> Any:
    """A float32 with mean 1."""
    return np.float32(-math.log(uniform(state)))
