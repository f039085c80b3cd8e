"""The comparison of controllers: equal ones have ratio 1, and each circumstance is what it says."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.pid.cost import HELD_OUT_SEEDS, TRAINING_SEEDS
from spikeloop.control.pid.flying import PLANTS, fly_pid
from spikeloop.control.spiking_pid import evaluation
from spikeloop.control.spiking_pid.evaluation import (
    EPISODES,
    GONE_FOR,
    GONE_FROM,
    TEST_SEEDS,
    Variant,
    evaluate_plant,
    fly_variant,
    reference_gains,
)
from spikeloop.control.spiking_pid.storage import load_weights
from spikeloop.metrics.step_response import tracking_metrics

PLANT = "identified_blimp"
MUST_HOLD = ("mae_ratio", "overshoot_ratio", "settling_ratio", "steady_ratio", "effort_ratio")


def test_no_test_episode_took_part_in_tuning() -> None:
    assert len(TEST_SEEDS) == 20 and EPISODES >= 16
    tested = {1000 * seed + k for seed in TEST_SEEDS for k in range(EPISODES)}
    assert not tested & {*TRAINING_SEEDS, *HELD_OUT_SEEDS}


def test_the_pid_of_the_blimp_is_the_nodes_default() -> None:
    assert reference_gains("blimp") == PidConfig()


def test_the_pid_is_flown_as_it_was_tuned() -> None:
    gains = reference_gains(PLANT)
    outcome = fly_variant(PLANT, Variant("pid", pid=gains), 3, 2)
    flown = tracking_metrics(fly_pid(PLANTS[PLANT], gains, (3000, 3001)))
    assert astuple(outcome.metrics) == pytest.approx(astuple(flown))
    assert outcome.spikes == outcome.energy_j == 0.0


def test_more_noise_moves_the_thruster_more() -> None:
    gains = reference_gains(PLANT)
    usual, noisy = (fly_variant(PLANT, Variant("x", pid=gains, noise=k), 3, 2) for k in (1.0, 2.0))
    assert 1.4 * usual.metrics.activity < noisy.metrics.activity < 2.2 * usual.metrics.activity


def test_without_altimeter_the_command_is_the_safe_one() -> None:
    decide = evaluation._interrupted(lambda setpoint, measurement: 0.5)
    given = np.array([decide(1.0, 1.0) for _ in range(1000)])
    assert (given[GONE_FROM : GONE_FROM + GONE_FOR] == 0.0).all()
    assert (given == 0.5).sum() == 1000 - GONE_FOR


def test_a_controller_against_itself_has_ratio_1() -> None:
    gains = reference_gains(PLANT)
    rows = [fly_variant(PLANT, Variant("pid", pid=gains), seed, 1) for seed in (1, 2, 3)]
    ratios = evaluation.ratios_of(rows, rows, intervals=True)
    # The others have floors, below which a ratio is less than 1.
    for name in ("mae_ratio", "settling_ratio", "effort_ratio"):
        assert (ratios[name], ratios[f"{name}_low"], ratios[f"{name}_high"]) == (1.0, 1.0, 1.0)
    worse = [
        replace(row, metrics=replace(row.metrics, mae_m=2 * row.metrics.mae_m)) for row in rows
    ]
    assert evaluation.ratios_of(worse, rows, intervals=True)["mae_ratio_low"] == pytest.approx(2.0)


def test_all_that_is_asked_for_is_told() -> None:
    weights = load_weights(f"spiking_pid_{PLANT}")
    gains = reference_gains(PLANT)
    metrics = evaluate_plant(PLANT, gains, weights, workers=2, quick=True, ablations=True)
    for name in MUST_HOLD:
        assert {name, f"{name}_low", f"{name}_high"} <= set(metrics)
    assert metrics["neurons"] == 160.0
    assert metrics["pd_alone_steady_ratio"] > 3.0
    for changed in ("without_i", "without_adaptation", "int8", "dead10", "noise2", "gone2s"):
        assert metrics[f"{changed}_mae_ratio"] > 0.0
    assert 0.0 < metrics["spikes"] < 160.0 and metrics["energy_nj"] > 80 * 4.6e-3
