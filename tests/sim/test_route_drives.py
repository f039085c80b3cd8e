import numpy as np
from spikeloop_sim.route_drives import Wandering, drive_route

from spikeloop.perception.place.baselines import absolute_differences
from spikeloop.perception.place.pictures import PictureConfig, small_picture

PLACES = 140


def small(pictures: np.ndarray) -> np.ndarray:
    return np.array([small_picture(picture, PictureConfig()) for picture in pictures])


def test_a_visit_repeats_itself_and_another_is_like_it_and_not_the_same() -> None:
    first = drive_route(600_000, "day", 1, PLACES)
    again = drive_route(600_000, "day", 1, PLACES)
    np.testing.assert_array_equal(first.pictures, again.pictures)
    other = drive_route(600_000, "day", 2, PLACES)
    assert not np.array_equal(first.pictures, other.pictures)
    np.testing.assert_array_equal(first.poses, other.poses)
    scores = absolute_differences(small(first.pictures)[None], small(other.pictures))
    assert (np.abs(scores.argmax(1) - np.arange(PLACES)) <= 1).mean() > 0.6


def test_wandering_is_slow_and_as_wide_as_it_says() -> None:
    offsets = Wandering(0.3, 0.2, 0.05, 0.9).draw(np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(offsets.std(0), [0.3, 0.2, 0.05], rtol=0.1)
    np.testing.assert_allclose(
        [np.corrcoef(column[:-1], column[1:])[0, 1] for column in offsets.T], 0.9, atol=0.03
    )
