"""Flow of edges whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.metrics.flow import flow_errors
from spikeloop.perception.flow.planes import PlaneFlow

WIDTH, HEIGHT = 96, 72


def edges(normals: list[tuple[float, float]], velocity: tuple[float, float]) -> Events:
    """Straight edges, 24 pixels apart, that pass with a velocity, pixels/s, for 0.1 s."""
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    parts = []
    for number, (nx, ny) in enumerate(normals):
        speed = nx * velocity[0] + ny * velocity[1]
        along = nx * xs + ny * ys
        for start in np.arange(-240.0, 240.0, 24.0):
            t = (along - start) / speed
            y, x = np.nonzero((t >= 0.0) & (t < 0.1))
            polarity = np.full(len(x), number % 2)
            parts.append(np.column_stack([1e6 * t[y, x], x, y, polarity]))
    found = np.concatenate(parts)
    found = found[np.argsort(found[:, 0], kind="stable")].astype(np.int64)
    t, x, y, p = found.T
    return Events(
        t, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), WIDTH, HEIGHT
    )  # fmt: skip


def flow_of(events: Events) -> NDArray[np.float32]:
    """The flow of the last of five lots."""
    finder = PlaneFlow(WIDTH, HEIGHT)
    flows = [
        finder.feed(events[(events.t >= 20_000 * k) & (events.t < 20_000 * (k + 1))])
        for k in range(5)
    ]
    return flows[-1]


@pytest.mark.parametrize("velocity", [(120.0, -60.0), (-150.0, -90.0)])
def test_edges_of_two_directions_give_the_whole_flow(velocity: tuple[float, float]) -> None:
    flow = flow_of(edges([(0.8, 0.6), (0.6, -0.8)], velocity))
    told = flow[np.isfinite(flow[..., 0])]
    assert len(told) > 300
    np.testing.assert_allclose(np.median(told, axis=0), velocity, rtol=0.12, atol=6.0)


def test_edges_of_one_direction_give_the_flow_across_them() -> None:
    flow = flow_of(edges([(1.0, 0.0)], (100.0, 70.0)))
    told = flow[np.isfinite(flow[..., 0])]
    np.testing.assert_allclose(np.median(told, axis=0), (100.0, 0.0), rtol=0.1, atol=2.0)


def test_without_events_nothing_is_told() -> None:
    finder = PlaneFlow(WIDTH, HEIGHT)
    nothing = edges([(1.0, 0.0)], (100.0, 0.0))[:0]
    flow = finder.feed(nothing)
    assert flow.shape == (HEIGHT, WIDTH, 2) and np.isnan(flow).all()


def test_another_sensor_is_refused() -> None:
    finder = PlaneFlow(WIDTH + 1, HEIGHT)
    with pytest.raises(ValueError, match=f"{WIDTH}x{HEIGHT}"):
        finder.feed(edges([(1.0, 0.0)], (100.0, 0.0)))


def test_errors_of_known_fields() -> None:
    truth = np.zeros((2, 3, 2), np.float32)
    truth[..., 0] = 10.0
    flow = truth.copy()
    flow[0, 0] = (10.0, 10.0)
    flow[0, 1] = np.nan
    where = np.array([[True, True, True], [False, False, False]])
    errors = flow_errors(flow, truth, where)
    assert errors.asked == 3 and len(errors.endpoint) == 2
    np.testing.assert_allclose(errors.endpoint, [10.0, 0.0])
    np.testing.assert_allclose(errors.angle, [np.pi / 4, 0.0], atol=1e-6)
    np.testing.assert_allclose(errors.gain, [1.0, 1.0])
    assert errors.outlier_ratio(1.0) == 0.5 and errors.outlier_ratio(0.1) == 0.0
    with pytest.raises(ValueError, match="don't belong together"):
        flow_errors(flow, truth[:1], where)
