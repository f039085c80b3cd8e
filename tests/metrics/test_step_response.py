"""Known answers of the step figures, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spikeloop.metrics.step_response import (
    Flight,
    Step,
    TrackingMetrics,
    entry_time,
    find_steps,
    metric_ratios,
    overshoot,
    step_response,
    tracking_metrics,
)

STEP_LENGTH = 251


def times(samples: int) -> NDArray[np.float64]:
    """Decision times at 10 Hz."""
    return np.arange(samples, dtype=np.float64) * np.float64(0.1)


def test_steps_are_found_with_their_sizes() -> None:
    setpoint = np.array([1.0, 1.0, 3.0, 3.0, 3.0, 2.5])
    altitude = np.array([0.6, 1.0, 1.0, 2.0, 3.0, 3.0])
    steps = find_steps(setpoint, altitude)
    assert [(step.first, step.end, step.target) for step in steps] == [
        (0, 2, 1.0),
        (2, 5, 3.0),
        (5, 6, 2.5),
    ]
    assert [step.size for step in steps] == pytest.approx([0.4, 2.0, -0.5])


def test_figures_of_a_step_of_two_metres() -> None:
    # Up at 0.25 m/s for 10 s (0.5 m beyond), back to 5 cm above by then, 2 cm above at the end.
    setpoint = np.full(STEP_LENGTH, 3.0)
    altitude = np.empty(STEP_LENGTH)
    altitude[:101] = 1.0 + 0.25 * times(101)
    altitude[101:171] = 3.05
    altitude[171:] = 3.02
    step = Step(0, STEP_LENGTH, 3.0, 2.0)
    response = step_response(times(STEP_LENGTH), setpoint, altitude, step)
    # From 12 s (index 120) on: 51 samples at 5 cm, 80 at 2 cm.
    assert response.mae_m == pytest.approx((51 * 0.05 + 80 * 0.02) / 131)
    assert response.overshoot_pct == pytest.approx(25.0)
    # The band is 0.2 m. It is entered on the way up at 7.2 s, for 1.6 s; for good at 10.1 s.
    assert response.settling_s == pytest.approx(10.1)
    # The last 8 s are samples 170 (17.0 s) to 250.
    assert response.steady_m == pytest.approx((0.05 + 80 * 0.02) / 81)


def test_errors_of_both_signs_cancel_in_the_steady_figure_only() -> None:
    setpoint = np.full(STEP_LENGTH, 1.0)
    altitude = setpoint + 0.04 * np.where(np.arange(STEP_LENGTH) % 2 == 0, 1.0, -1.0)
    response = step_response(
        times(STEP_LENGTH), setpoint, altitude, Step(0, STEP_LENGTH, 1.0, -1.0)
    )
    assert response.mae_m == pytest.approx(0.04)
    assert response.steady_m == pytest.approx(0.04 / 81)
    assert response.overshoot_pct == pytest.approx(4.0)


def test_a_small_step_settles_within_a_tenth_of_a_metre() -> None:
    setpoint = np.full(STEP_LENGTH, 1.0)
    step = Step(0, STEP_LENGTH, 1.0, 0.5)
    inside = step_response(times(STEP_LENGTH), setpoint, setpoint - 0.09, step)
    outside = step_response(times(STEP_LENGTH), setpoint, setpoint - 0.11, step)
    assert inside.settling_s == 0.0
    assert outside.settling_s == pytest.approx(25.0)


def test_the_hold_must_be_covered_by_the_record() -> None:
    error = np.zeros(30)
    assert entry_time(times(30), error, 0.1, 3.0) is None
    assert entry_time(times(31), np.zeros(31), 0.1, 3.0) == 0.0


def test_overshoot_counts_in_the_direction_of_the_step() -> None:
    error = np.array([-2.0, -0.5, 0.1])
    assert overshoot(error, -2.0) == pytest.approx(5.0)
    assert overshoot(np.array([2.0, 0.5]), 2.0) == 0.0


def test_pooling_leaves_out_the_opening_and_weighs_steps_alike() -> None:
    setpoint = np.repeat([5.0, 1.0, 3.0], STEP_LENGTH)
    altitude = np.concatenate(
        (np.zeros(STEP_LENGTH), np.full(STEP_LENGTH, 1.1), np.full(STEP_LENGTH, 2.7))
    )
    command = np.tile([0.0, 0.2], len(setpoint))[: len(setpoint)]
    metrics = tracking_metrics([Flight(times(len(setpoint)), setpoint, altitude, command)])
    assert metrics.mae_m == pytest.approx(0.2)
    assert metrics.steady_m == pytest.approx(0.2)
    assert metrics.overshoot_pct == pytest.approx(0.0)
    assert metrics.settling_s == pytest.approx((0.0 + 25.0) / 2)
    assert metrics.activity == pytest.approx(0.2)


def test_ratios_use_the_floors_of_the_reference() -> None:
    reference = TrackingMetrics(0.1, 0.0, 5.0, 0.002, 0.05)
    candidate = TrackingMetrics(0.12, 3.0, 6.0, 0.02, 0.1)
    assert metric_ratios(candidate, reference) == pytest.approx(
        {
            "mae_ratio": 1.2,
            "overshoot_ratio": 1.5,
            "settling_ratio": 1.2,
            "steady_ratio": 2.0,
            "effort_ratio": 2.0,
        }
    )


def test_a_flight_without_a_step_is_refused() -> None:
    still = np.ones(STEP_LENGTH)
    with pytest.raises(ValueError, match="no flight has a change of set-point"):
        tracking_metrics([Flight(times(STEP_LENGTH), still, still, still)])


def test_a_short_step_is_refused_by_its_time() -> None:
    setpoint = np.repeat([1.0, 2.0], 100)
    with pytest.raises(ValueError, match=r"the step at 10 s lasts 9\.9 s"):
        tracking_metrics([Flight(times(200), setpoint, setpoint, setpoint)])


def test_a_non_finite_value_is_named_with_its_place() -> None:
    setpoint = np.repeat([1.0, 2.0], 200)
    altitude = setpoint.copy()
    altitude[7] = np.nan
    with pytest.raises(ValueError, match="altitude is nan at index 7"):
        tracking_metrics([Flight(times(400), setpoint, altitude, setpoint)])


def test_series_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        find_steps(np.ones(3), np.ones(4))
