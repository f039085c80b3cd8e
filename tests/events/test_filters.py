"""Filters against plain definitions; none writes into its input; pieces don't matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloop.events.array import Events, joined
from spikeloop.events.calibration import (
    CalibrationError,
    load_cameras,
    make_camera,
    stereo_rectified,
)
from spikeloop.events.filters.background_activity import BackgroundActivity
from spikeloop.events.filters.downsample import Downsample
from spikeloop.events.filters.filter import Filter
from spikeloop.events.filters.hot_pixels import HotPixels
from spikeloop.events.filters.rectify import Rectify
from spikeloop.events.filters.refractory import Refractory
from spikeloop.events.filters.region import PixelMask, Region

CALIBRATION = Path(__file__).parents[1] / "data" / "calibration"
W, H = 24, 16


def _random(n: int, seed: int, *, fine: bool = False, start: int = 0, span: int = 4000) -> Events:
    rng = np.random.default_rng(seed)
    t = start + np.sort(rng.integers(0, span, n))
    x, y = rng.integers(0, W, n).astype(np.uint16), rng.integers(0, H, n).astype(np.uint16)
    rest = rng.integers(0, 1000, n).astype(np.uint16) if fine else None
    return Events(t, x, y, rng.integers(0, 2, n).astype(np.uint8), W, H, rest)


def _plain_background(events: Events, window: int) -> list[int]:
    last: dict[tuple[int, int], int] = {}
    kept = []
    for i, (t, x, y) in enumerate(
        zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True)
    ):
        around = [(x + a, y + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
        if any(n in last and t - last[n] < window for n in around):
            kept.append(i)
        last[x, y] = t
    return kept


@settings(max_examples=40)
@given(st.integers(0, 400), st.integers(0, 10_000), st.integers(1, 500), st.booleans())
def test_background_activity_is_its_definition(n: int, seed: int, window: int, fine: bool) -> None:
    events = _random(n, seed, fine=fine, start=seed % 3 * 10**12)
    kept = BackgroundActivity(W, H, window).apply(events)
    index = _plain_background(events, window)
    for name in ("t", "x", "y", "p", "fine"):
        column = getattr(events, name)
        expected = None if column is None else column[index]
        assert np.array_equal(getattr(kept, name), expected), name


@settings(max_examples=40)
@given(st.integers(0, 400), st.integers(0, 10_000), st.integers(1, 500))
def test_refractory_is_its_definition(n: int, seed: int, period: int) -> None:
    events = _random(n, seed)
    last: dict[tuple[int, int], int] = {}
    expected = []
    for i, (t, x, y) in enumerate(
        zip(events.t.tolist(), events.x.tolist(), events.y.tolist(), strict=True)
    ):
        if (x, y) not in last or t - last[x, y] >= period:
            last[x, y] = t
            expected.append(i)
    assert np.array_equal(Refractory(W, H, period).apply(events).t, events.t[expected])


FILTERS: dict[str, Callable[[], Filter]] = {
    "background_activity": lambda: BackgroundActivity(W, H, 300),
    "refractory": lambda: Refractory(W, H, 300),
    "hot_pixels": lambda: HotPixels(W, H, window_us=500, rate_hz=10.0, factor=1.0, windows=1),
    "region": lambda: Region(W, H, left=3, top=2, columns=9, rows=8, moved=True),
    "mask": lambda: PixelMask(np.arange(W * H).reshape(H, W) % 3 > 0),
    "downsample": lambda: Downsample(W, H, 3),
    "rectify": lambda: Rectify(make_camera(W, H, (20.0, 20.0, 12.0, 8.0), distortion=(-0.1,))),
}


@pytest.mark.parametrize("name", sorted(FILTERS))
@pytest.mark.parametrize("fine", [False, True])
def test_pieces_dont_matter_and_nothing_is_written_to(name: str, fine: bool) -> None:
    events = _random(3000, 1, fine=fine)
    for column in (events.t, events.x, events.y, events.p, events.fine):
        if column is not None:
            column.setflags(write=False)
    whole, pieces = FILTERS[name](), FILTERS[name]()
    once = whole.apply(events)
    parts = joined([pieces.apply(events[a : a + 77]) for a in range(0, 3000, 77)])
    for column in ("t", "x", "y", "p", "fine"):
        assert np.array_equal(getattr(once, column), getattr(parts, column)), column
    assert 0 < len(once) < 3000 and (whole.taken, whole.kept) == (3000, len(once))
    assert len(once) == 0 or (once.x.max() < once.width and once.y.max() < once.height)
    whole.reset()
    if name != "hot_pixels":
        assert np.array_equal(whole.apply(events).t, once.t)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_other_sensors_and_wild_events_are_refused(name: str) -> None:
    events = _random(10, 1)
    other = Events(events.t, events.x, events.y, events.p, W + 1, H)
    with pytest.raises(ValueError, match=f"of a 25x16 sensor where {W}x{H} is expected"):
        FILTERS[name]().apply(other)
    wild = Events(events.t, events.x + np.uint16(W), events.y, events.p, W, H)
    with pytest.raises(ValueError, match="outside their own sensor"):
        FILTERS[name]().apply(wild)


def test_old_events_never_become_neighbours_again() -> None:
    background = BackgroundActivity(W, H, 2_000)
    first = Events(
        *(np.array([v], d) for v, d in ((0, "i8"), (5, "u2"), (5, "u2"), (1, "u1"))), W, H
    )
    background.apply(first)
    # A multiple of 2^32 us later the time modulo 2^32 is the same again.
    for later in range(1, 40):
        t = np.array([later * (1 << 32) // 4 + 100])
        x = np.array([20 if later < 39 else 6], np.uint16)
        again = Events(t, x, np.array([5], np.uint16), np.array([1], np.uint8), W, H)
        assert len(background.apply(again)) == 0


def test_time_that_turns_back_is_no_support() -> None:
    background = BackgroundActivity(W, H, 2_000)
    background.apply(_random(500, 1, start=10_000_000))
    events = _random(40, 2, span=10)
    assert np.array_equal(background.apply(events).t, events.t[_plain_background(events, 2_000)])


def test_a_hot_pixel_is_learned_kept_and_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 6000
    t = np.sort(rng.integers(0, 2_000_000, n))
    x, y = rng.integers(0, W, n).astype(np.uint16), rng.integers(0, H, n).astype(np.uint16)
    hot = rng.random(n) < 0.2
    x[hot], y[hot] = 7, 3
    events = Events(t, x, y, rng.integers(0, 2, n).astype(np.uint8), W, H)
    learner = HotPixels(W, H)
    kept = learner.apply(events)
    assert np.argwhere(learner.hot).tolist() == [[3, 7]]
    at = (kept.x == 7) & (kept.y == 3)
    # It passes for the three windows of 0.2 s in which it is learned.
    assert at.sum() > 0 and kept.t[at].max() < 650_000
    learner.save(tmp_path / "hot.yaml")
    fresh = HotPixels(W, H)
    fresh.load(tmp_path / "hot.yaml")
    again = fresh.apply(events)
    assert not ((again.x == 7) & (again.y == 3)).any()
    with pytest.raises(ValueError, match=r"hot\.yaml: is of a 24x16 sensor, not of 25x16"):
        HotPixels(25, 16).load(tmp_path / "hot.yaml")
    (tmp_path / "bad.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match=r"bad\.yaml: must hold width, height and hot_pixels"):
        fresh.load(tmp_path / "bad.yaml")


def test_an_edge_makes_no_pixel_hot() -> None:
    t = np.repeat(np.arange(0, 3_000_000, 500), H)
    x = np.full(len(t), 9, np.uint16)
    y = np.tile(np.arange(H), len(t) // H).astype(np.uint16)
    x[::2] = 10
    learner = HotPixels(W, H)
    learner.apply(Events(t, x, y, np.ones(len(t), np.uint8), W, H))
    assert not learner.hot.any()


def test_downsampling_keeps_polarities_in_proportion() -> None:
    rng = np.random.default_rng(4)
    n = 60_000
    p = (rng.random(n) < 0.3).astype(np.uint8)
    x, y = rng.integers(0, W, n).astype(np.uint16), rng.integers(0, H, n).astype(np.uint16)
    events = Events(np.arange(n), x, y, p, W, H)
    small = Downsample(W, H, 2).apply(events)
    assert (small.width, small.height) == (12, 8)
    assert small.p.mean() == pytest.approx(p.mean(), abs=0.01)
    for value in (0, 1):
        blocks = np.zeros((8, 12), int)
        np.add.at(blocks, (y[p == value] // 2, x[p == value] // 2), 1)
        out = np.zeros((8, 12), int)
        chosen = small.p == value
        np.add.at(out, (small.y[chosen], small.x[chosen]), 1)
        assert np.array_equal(out, blocks // 4)
    assert len(Downsample(W, H, 2, events=1).apply(events)) == n


@pytest.mark.parametrize(
    "file", ["camera_info_plumb_bob.yaml", "davis240_kalibr_style.yaml", "pinhole_mono.yaml"]
)
def test_undistortion_is_the_inverse_of_distortion(file: str) -> None:
    (camera,) = load_cameras(CALIBRATION / file)
    places = camera.rectified_pixels()
    good = np.isfinite(places).all(axis=2)
    assert good.mean() > 0.95
    points = (places[good] - camera.projection[:2, 2]) / camera.projection[[0, 1], [0, 1]]
    back = camera.distort(points) * camera.matrix[[0, 1], [0, 1]] + camera.matrix[:2, 2]
    rows, columns = np.nonzero(good)
    assert np.abs(back - np.stack([columns, rows], axis=1)).max() < 1e-3


def test_files_are_read_as_they_are() -> None:
    (info,) = load_cameras(CALIBRATION / "camera_info_plumb_bob.yaml")
    assert (info.width, info.height, info.model) == (640, 480, "plumb_bob")
    assert info.matrix[0, 0] == 1168.68 and info.distortion[3] == 0.0287906
    (davis,) = load_cameras(CALIBRATION / "davis240_kalibr_style.yaml")
    assert (davis.width, davis.height, davis.model) == (240, 180, "plumb_bob")
    assert davis.distortion[:2] == pytest.approx([-0.382899, 0.189336], abs=1e-6)
    (mono,) = load_cameras(CALIBRATION / "pinhole_mono.yaml")
    assert mono.model == "equidistant" and np.array_equal(mono.pose, np.eye(4))


def test_a_kalibr_camchain(tmp_path: Path) -> None:
    turn = np.deg2rad(5.0)
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    pose[:3, 3] = pose[:3, :3] @ [-0.1, 0.002, 0.001]
    camera = (
        "  camera_model: pinhole\n  intrinsics: [300, 301, 160, 120]\n  resolution: [320, 240]\n"
    )
    camera += "  distortion_model: radtan\n  distortion_coeffs: [-0.2, 0.05, 0.001, 0.0]\n"
    rows = "".join(f"  - {row}\n" for row in pose.tolist())
    (tmp_path / "chain.yaml").write_text(f"cam0:\n{camera}cam1:\n{camera}  T_cn_cnm1:\n{rows}")
    left, right = stereo_rectified(*load_cameras(tmp_path / "chain.yaml"))
    points = np.random.default_rng(0).uniform([-1, -0.6, 2], [1, 0.6, 6], (200, 3))
    seen = []
    for camera_, frame in ((left, np.eye(4)), (right, pose)):
        inside = points @ frame[:3, :3].T + frame[:3, 3]
        turned = inside @ camera_.rotation.T
        image = np.column_stack([turned, np.zeros(200)]) @ camera_.projection.T
        seen.append(image[:, :2] / image[:, 2:])
    # Corresponding points share their row, and the disparity gives the distance.
    assert np.abs(seen[0][:, 1] - seen[1][:, 1]).max() < 1e-9
    disparity = seen[0][:, 0] - seen[1][:, 0]
    depth = (points @ left.rotation.T)[:, 2]
    baseline = np.linalg.norm(pose[:3, 3])
    assert disparity == pytest.approx(left.projection[0, 0] * baseline / depth, rel=1e-9)


def test_bad_calibrations_are_named(tmp_path: Path) -> None:
    for text, message in (
        ("a: 1\n", "has neither camera_matrix nor cameras nor cam0"),
        ("[1, 2]\n", "holds no mapping"),
        ("cam0:\n  intrinsics: [0, 1, 2, 3]\n  resolution: [4, 5]\n", "focal lengths 0, 1"),
        ("cam0:\n  resolution: [4, 5]\n", "lacks 'intrinsics'"),
        ("cam0:\n  camera_model: omni\n", "camera_model omni isn't known"),
        ("{{", "expected"),
    ):
        (tmp_path / "c.yaml").write_text(text)
        with pytest.raises(CalibrationError, match=rf"(?s)c\.yaml: .*{message}"):
            load_cameras(tmp_path / "c.yaml")
    with pytest.raises(CalibrationError, match="'bent' isn't known"):
        make_camera(4, 5, (1, 1, 1, 1), "bent")


def test_impossible_parameters_are_refused() -> None:
    for make, message in (
        (lambda: BackgroundActivity(W, H, 0), "window_us must be between 1"),
        (lambda: Refractory(W, H, -1), "period_us must be between 1"),
        (lambda: HotPixels(W, H, factor=0.0), r"factor \(0.0\)"),
        (lambda: Region(W, H, left=20, top=0, columns=9, rows=2), "reaches beyond 24x16"),
        (lambda: Region(W, H, left=-1, top=0, columns=9, rows=2), "isn't within the sensor"),
        (lambda: Downsample(W, H, 0), r"factor \(0\) must be at least 1"),
        (lambda: BackgroundActivity(0, H), "sensor size 0x16 must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
