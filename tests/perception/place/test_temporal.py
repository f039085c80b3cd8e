from dataclasses import replace

import numpy as np
import pytest

from spikeloop.perception.place.temporal import (
    _train_features,
    input_gains,
    recognise,
    train_temporal,
)
from spikeloop.perception.place.temporal_config import TemporalConfig

CONFIG = TemporalConfig(features=1.0)
DELTA = replace(CONFIG, read_out="delta", reliability=0.0)


def route(places: int, pixels: int = 196, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(99).random((places, pixels))
    drives = [truth + noise * random.standard_normal(truth.shape) for _ in range(2)]
    return np.clip(drives, 0.0, 1.0).astype(np.float32)


def test_learned_places_are_recognised_on_another_drive() -> None:
    query = route(60, seed=5)[0]
    for config in (CONFIG, DELTA):
        modules = train_temporal(route(60), config, 1)
        assert (recognise(modules, query).argmax(1) == np.arange(60)).mean() > 0.9
    # Before any learning it is chance: what recognises is what was learned.
    chance = train_temporal(route(60), replace(DELTA, rate_stdp=0.0), 1)
    assert (recognise(chance, query).argmax(1) == np.arange(60)).mean() < 0.2


def test_a_seed_fixes_all_weights_and_another_changes_them() -> None:
    references = route(12)
    first, again, other = (train_temporal(references, CONFIG, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.feature, again.feature)
    np.testing.assert_array_equal(first.output, again.output)
    assert not np.array_equal(first.output, other.output)


def test_modules_divide_the_places_and_keep_their_order() -> None:
    modules = train_temporal(route(50), TemporalConfig(module_places=20), 0)
    assert [module.first for module in modules] == [0, 17, 33]
    # Each knows its own places; across modules scores need the ensemble's calibration.
    query = route(50, seed=8)[0]
    scores = recognise(modules, query)
    for first, end in ((0, 17), (17, 33), (33, 50)):
        own = scores[first:end, first:end].argmax(1)
        assert (own == np.arange(end - first)).mean() > 0.8


def test_a_feature_step_by_hand() -> None:
    weights = np.array([[0.5, -0.25, 0.0]], np.float32)
    thresholds, rates = np.array([0.1], np.float32), np.array([0.4], np.float32)
    sample = np.array([[0.8, 0.4, 1.0]], np.float32)
    order, stdp = np.zeros(1, np.int32), np.array([0.01], np.float32)
    _train_features(
        weights, thresholds, rates, sample, order, stdp, np.array([0.15], np.float32),
        np.float32(50.0),
    )  # fmt: skip
    drive = 0.8 * 0.5 - 0.4 * 0.25
    change = 0.01 * (0.5 - (drive - 0.1))
    more = 1.0 + 50.0 * 0.01 * drive
    np.testing.assert_allclose(weights, [[0.5 + change, (-0.25 - change) * more, 0.0]], rtol=1e-5)
    assert thresholds[0] == pytest.approx(0.1 - 0.15 * 0.4)


def test_inputs_that_change_from_drive_to_drive_count_less() -> None:
    # Input 0 tells places apart, 1 is noise from drive to drive, 2 never changes.
    steady = np.tile(np.linspace(0.0, 1.0, 40), (2, 1))
    noise = np.random.default_rng(2).random((2, 40))
    inputs = np.stack([steady, noise, np.full_like(noise, 0.5)], axis=2).astype(np.float32)
    gains = input_gains(inputs, 1.0)
    between, within = np.var(steady[0]), noise.var(0, ddof=1).mean()
    floor = 0.1 * within / 3.0
    expected = np.sqrt(noise.mean(0).var() / (within + floor) / (between / floor))
    np.testing.assert_allclose(gains, [1.0, expected, 0.0], rtol=1e-4)
    np.testing.assert_array_equal(input_gains(inputs, 0.0), 1.0)
    # One drive tells nothing of it, nor do drives that are the same.
    np.testing.assert_array_equal(input_gains(inputs[:1], 1.0), 1.0)
    np.testing.assert_array_equal(input_gains(inputs[[0, 0]], 1.0), 1.0)


def test_the_drive_that_is_most_alike_counts() -> None:
    # The same place looks unlike on both drives: each picture finds it, and nothing in between.
    random = np.random.default_rng(5)
    drives = random.random((2, 20, 196)).astype(np.float32)
    (module,) = train_temporal(drives, CONFIG, 0)
    assert (module.places, module.drives, len(module.output)) == (20, 2, 40)
    for drive in drives:
        scores = module.scores(drive)
        assert scores.argmax(1).tolist() == list(range(20))
        np.testing.assert_allclose(np.diag(scores), 1.0, rtol=1e-4)
    for refused, references in (
        (module, drives[:1]),
        (train_temporal(drives, DELTA, 0)[0], drives),
    ):
        with pytest.raises(ValueError, match="only prototypes take further places, of"):
            refused.with_places(references)


def test_progress_adds_up_to_the_whole() -> None:
    told: list[float] = []
    train_temporal(route(30), TemporalConfig(module_places=20), 0, told.append)
    assert sum(told) == pytest.approx(1.0)


def test_no_places_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        train_temporal(np.zeros((2, 0, 4), np.float32), CONFIG, 0)
