"""Pictures spaced along the way, and metres of degrees."""

from __future__ import annotations

import numpy as np
import pytest

from spikeloop.datasets.positions import EARTH_M, local_metres, spaced
from spikeloop.datasets.source import DatasetError


def test_positions_are_so_far_apart_and_unknown_ones_are_left() -> None:
    way = np.array([[0.0, 0.0], [1.0, 0.0], [np.nan, 0.0], [2.1, 0.0], [3.0, 0.0], [4.2, 0.0]])
    assert spaced(way, 2.0).tolist() == [0, 3, 5]
    assert spaced(way[2:3], 2.0).tolist() == []
    with pytest.raises(DatasetError, match="metres must be above 0"):
        spaced(way, 0.0)


def test_who_stands_goes_nowhere() -> None:
    random = np.random.default_rng(0)
    standing = random.normal(0.0, 0.5, (1000, 2))
    assert spaced(standing, 5.0).tolist() == [0]


def test_steps_of_just_the_distance_count() -> None:
    way = np.stack([0.1 * np.arange(100), np.zeros(100)], axis=1)
    assert spaced(way, 0.3).tolist() == list(range(0, 100, 3))


def test_a_degree_to_the_east_is_shorter_far_from_the_equator() -> None:
    degree = EARTH_M * np.pi / 180.0
    here = np.array([60.0, 10.0])
    moved = local_metres(here + np.array([[0.01, 0.0], [0.0, 0.01]]), here)
    np.testing.assert_allclose(moved, [[0.0, 0.01 * degree], [0.005 * degree, 0.0]], atol=1e-6)
