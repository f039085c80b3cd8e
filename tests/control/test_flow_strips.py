"""Flow by strips: known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spikeloop.control.flow_strips import FASTEST, STRIPS, strip_rates

FIELD = math.radians(80.0)
FOCAL = 0.5 * 64 / math.tan(0.5 * FIELD)
X = (np.arange(64) - 31.5) / FOCAL


def _field(u: np.ndarray) -> np.ndarray:
    """(20, 64, 2) with the same flow u (64,), rad/s, in all rows."""
    flow = np.zeros((20, 64, 2), np.float32)
    flow[..., 0] = FOCAL * u
    return flow


def test_walls_pass_outwards_and_turning_is_taken_out() -> None:
    walls = 0.5 * X
    expected = walls.reshape(STRIPS, -1).mean(1)
    np.testing.assert_allclose(strip_rates(_field(walls), FIELD, 0.0), expected, atol=1e-6)
    turning = _field(walls + 0.7 * (1.0 + X * X))
    np.testing.assert_allclose(strip_rates(turning, FIELD, 0.7), expected, atol=1e-6)


def test_what_is_unknown_is_nothing_and_the_ground_doesnt_count() -> None:
    flow = np.full((20, 64, 2), np.nan, np.float32)
    assert not strip_rates(flow, FIELD, 1.0).any()
    flow[5, 3, 0] = 0.2 * FOCAL
    flow[15:, :, 0] = 9.0 * FOCAL
    assert strip_rates(flow, FIELD, 0.0).tolist() == pytest.approx([0.2] + [0.0] * 7)
    flow[5, 60, 0] = 1e4 * FOCAL
    assert strip_rates(flow, FIELD, 0.0)[-1] == FASTEST
