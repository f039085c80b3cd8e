"""Pictures of events, and the totals of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from spikeloop.events.array import Events, Triggers
from spikeloop.events.picture import GREY, OFF_RGB, ON_RGB, EventPicture
from spikeloop.events.statistics import EventStatistics

NO_TRIGGERS = Triggers(np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.uint8))


def _events(*rows: tuple[int, int, int, int], width: int = 4, height: int = 3) -> Events:
    t, x, y, p = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Events(t, x.astype("u2"), y.astype("u2"), p.astype("u1"), width, height)


def test_each_pixel_shows_its_newest_event_and_a_new_picture_is_empty() -> None:
    picture = EventPicture(4, 3)
    picture.add(_events((0, 3, 2, 1), (1, 0, 1, 1), (2, 0, 1, 0)))
    pixels = picture.take()
    assert pixels.shape == (3, 4, 3)
    assert tuple(pixels[2, 3]) == ON_RGB and tuple(pixels[1, 0]) == OFF_RGB
    assert (pixels == GREY).all(axis=2).sum() == 10
    assert (picture.take() == GREY).all()


def test_events_that_dont_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="5x3 sensor for a picture of 4x3"):
        EventPicture(4, 3).add(_events((0, 0, 0, 1), width=5))
    with pytest.raises(ValueError, match="outside their own sensor of 4x3"):
        EventPicture(4, 3).add(_events((0, 4, 0, 1)))


def test_totals_do_not_depend_on_packets() -> None:
    rows = [(10 * i + 5, i % 4, i % 3, i % 2) for i in range(30)]
    whole, parts = EventStatistics(), EventStatistics()
    whole.add(_events(*rows), NO_TRIGGERS)
    for seq in range(3):
        parts.add(_events(*rows[10 * seq : 10 * seq + 10]), NO_TRIGGERS)
    assert (whole.on, whole.off, whole.first_time, whole.last_time) == (15, 15, 5, 295)
    assert whole.time_sum == sum(row[0] for row in rows) and whole.rate == 30e6 / 290
    assert (parts.time_sum, parts.x_sum, parts.y_sum, parts.rate) == (
        whole.time_sum,
        whole.x_sum,
        whole.y_sum,
        whole.rate,
    )
