import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.perception.place.baselines import BASELINES, edge_differences
from spikeloop.perception.place.scoring import place_scores, places_away, steps_away
from spikeloop.perception.place.sequence import sequence_scores


def test_recall_and_precision_by_hand() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.4], [0.1, 0.2, 0.8], [0.7, 0.1, 0.6]])
    judged = place_scores(scores, places_away(np.array([0, 1, 2, 2]), 3))
    assert judged.recall[1] == 50.0 and judged.recall[5] == 100.0
    # The second picture was taken for the place next to its own, the last for one two away.
    assert judged.recall_within_one == 75.0
    # By confidence: right 0.9, right 0.8, wrong 0.7, wrong 0.4.
    assert judged.precision_at_full_recall == 50.0
    assert judged.recall_at_full_precision == 50.0
    assert judged.area == pytest.approx(0.5)


def test_a_tie_is_not_a_recognition() -> None:
    assert place_scores(np.ones((3, 4)), places_away(np.arange(3), 4)).recall[1] == 0.0


def test_fewer_queries_than_places_and_a_single_place() -> None:
    scores = np.eye(6)[2:4]
    assert place_scores(scores, places_away(np.array([2, 3]), 6)).recall[1] == 100.0
    assert place_scores(np.zeros((2, 1)), np.zeros((2, 1))).recall[1] == 100.0


def test_places_within_metres_are_right_and_so_is_the_nearest() -> None:
    # Places 10 m apart, and back to the first one.
    way = np.array([[1.0, 9.0, 19.0, 3.0], [16.0, 6.0, 4.0, np.inf]])
    assert steps_away(way, 10.0, 5.0).tolist() == [[0, 1, 1, 0], [1, 1, 0, np.inf]]
    assert steps_away(way, 10.0, 0.0).tolist() == [[0, 1, 2, 1], [2, 1, 0, np.inf]]
    assert steps_away(np.array([[500.0, 481.0]]), 10.0, 5.0).tolist() == [[50, 0]]
    back = np.array([[0.1, 0.0, 0.0, 0.9], [0.0, 0.0, 0.9, 0.1]])
    assert place_scores(back, steps_away(way, 10.0, 5.0)).recall[1] == 100.0
    assert place_scores(back, steps_away(way, 10.0, 0.0)).recall[1] == 50.0


@pytest.mark.parametrize(
    ("scores", "away", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), "queries"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "at least one"),
        (np.full((1, 3), np.nan), np.zeros((1, 3)), "finite"),
        (np.zeros((1, 3)), np.ones((1, 3)), "must have a place that is right"),
    ],
)
def test_wrong_shapes_and_values_are_told(scores, away, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        place_scores(scores, away)
    with pytest.raises(ValueError, match="the map has no others"):
        places_away(np.array([3]), 3)


def test_a_sequence_adds_along_the_drive() -> None:
    scores = np.arange(12.0).reshape(3, 4)
    out = sequence_scores(scores, 2)
    assert out[2, 3] == scores[2, 3] + scores[1, 2]
    # At the beginning of map and queries there is one picture, which counts twice.
    np.testing.assert_array_equal(out[0], 2 * scores[0])
    np.testing.assert_array_equal(out[:, 0], 2 * scores[:, 0])


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 12), st.integers(0, 999))
def test_a_sequence_keeps_the_diagonal_of_a_perfect_drive(n, places, length, seed) -> None:
    random = np.random.default_rng(seed)
    scores = random.random((n, places))
    before = scores.copy()
    assert sequence_scores(scores, length).shape == (n, places)
    np.testing.assert_array_equal(scores, before)
    np.testing.assert_allclose(sequence_scores(scores, 1), scores)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_knows_a_picture_again(name: str) -> None:
    random = np.random.default_rng(0)
    references = random.uniform(-1, 1, (2, 20, 28, 28)).astype(np.float32)
    for scores in BASELINES[name](references, references[1]).values():
        assert scores.argmax(1).tolist() == list(range(20))


def test_differences_of_edges_find_a_picture_that_moved_aside_and_got_darker() -> None:
    random = np.random.default_rng(8)
    scene = np.kron(random.standard_normal((12, 6, 6)), np.ones((2, 2))).astype(np.float32)
    drives = np.stack([scene + 0.05 * random.standard_normal(scene.shape) for _ in range(2)])
    score = edge_differences(drives.astype(np.float32))
    moved = np.roll(scene, 1, axis=2)
    for seen in (scene, moved, 0.5 * scene - 0.3):
        assert score(seen).argmax(1).tolist() == list(range(12))
    # What is as on a drive differs by nothing.
    np.testing.assert_allclose(np.diag(score(drives[0].astype(np.float32))), 0.0, atol=1e-7)
