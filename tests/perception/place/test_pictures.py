import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.perception.place.pictures import (
    PictureConfig,
    edge_amplitudes,
    glanced,
    intensities,
    patch_normalised,
    small_picture,
)

CONFIG = PictureConfig()


def test_a_window_is_normalised_by_its_mean_and_deviation() -> None:
    picture = np.array([[0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    # All nine pixels are in the window of the middle one: mean 1/6, mean square 5/36.
    expected = (0.5 - 1 / 6) / np.sqrt(5 / 36 - 1 / 36)
    assert patch_normalised(picture, 3)[1, 1] == pytest.approx(min(expected, 1.0))
    # The window of a corner is cut off: (0, 1, 0, 0.5), mean 0.375.
    spread = np.sqrt(1.25 / 4 - 0.375**2)
    assert patch_normalised(picture, 3)[0, 0] == pytest.approx(-0.375 / spread)


def test_light_and_contrast_change_nothing_but_rounding() -> None:
    random = np.random.default_rng(0)
    picture = random.uniform(0.2, 0.6, (56, 56))
    a, b = patch_normalised(picture, 7), patch_normalised(0.5 * picture + 0.3, 7)
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_a_flat_picture_has_no_contrast(value: int) -> None:
    small = small_picture(np.full((40, 60, 3), value, np.uint8), CONFIG)
    np.testing.assert_array_equal(small, 0.0)
    np.testing.assert_array_equal(intensities(small), 0.5)


@settings(max_examples=30)
@given(st.integers(2, 90), st.integers(2, 90), st.integers(0, 2**31 - 1), st.booleans())
def test_any_size_gives_the_same_small_size(h: int, w: int, seed: int, colour: bool) -> None:
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (h, w, 3) if colour else (h, w), np.uint8)
    before = picture.copy()
    small = small_picture(picture, CONFIG)
    assert (
        small.shape == (CONFIG.side, CONFIG.side)
        and np.abs(small).max() <= 1.0
        and np.isfinite(small).all()
    )
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((4, 4, 2), np.uint8), "a picture is"),
        (np.zeros((1, 4), np.uint8), "at least 2 x 2"),
        (np.full((4, 4), np.nan), "finite"),
        (np.full((4, 4), 2.0), "full scale"),
    ],
)
def test_what_is_no_picture_is_told(picture: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small_picture(picture, CONFIG)


def test_a_window_without_centre_is_refused() -> None:
    with pytest.raises(ValueError, match="patch must be odd"):
        PictureConfig(patch=8)


def test_an_edge_is_seen_by_the_bearing_across_it() -> None:
    picture = np.zeros((12, 12), np.float32)
    picture[:, 6:] = 1.0
    seen = edge_amplitudes(picture).reshape(4, 6, 6)
    # The edge lies between columns 5 and 6, so in the third and fourth cell of each row.
    assert (seen[0, :, 2:4] > 0.9).all()
    np.testing.assert_allclose(seen[2], 0.0, atol=1e-6)
    np.testing.assert_allclose(seen[1], seen[3], atol=1e-6)
    assert not seen[:, :, [0, 5]].any()


def test_edges_depend_neither_on_contrast_nor_on_its_sign() -> None:
    small = np.random.default_rng(1).uniform(-1, 1, (3, 14, 14)).astype(np.float32)
    seen = edge_amplitudes(small)
    assert seen.shape == (3, 196) and seen.min() >= 0.0 and seen.max() <= 1.0
    np.testing.assert_allclose(edge_amplitudes(-small), seen, atol=1e-6)
    np.testing.assert_allclose(edge_amplitudes(0.5 * small), seen, atol=0.02)


def test_glances_move_the_picture_and_repeat_its_rim() -> None:
    small = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    left, straight, right = glanced(small)
    np.testing.assert_array_equal(straight, small)
    np.testing.assert_array_equal(left[0, 0], [1, 2, 3, 3])
    np.testing.assert_array_equal(right[0, 0], [0, 0, 1, 2])


def test_the_usual_picture_is_the_one_that_docs_and_command_line_speak_of() -> None:
    assert (CONFIG.side, CONFIG.patch) == (40, 11)
