"""When packets are due: rate, pause, and beginning again."""

from __future__ import annotations

import pytest

from spikeloop.events.playback import Playback

SECOND = 1_000_000_000


@pytest.mark.parametrize("rate", [0.5, 1.0, 4.0])
def test_packets_are_due_at_the_recorded_pace_times_the_rate(rate: float) -> None:
    playback = Playback(rate)
    playback.start(100 * SECOND, 50.0)
    assert playback.is_due(100 * SECOND, 50.0)
    assert not playback.is_due(102 * SECOND, 50.0 + 1.99 / rate)
    assert playback.is_due(102 * SECOND, 50.0 + 2.0 / rate)


def test_a_pause_delays_by_its_length_and_nothing_is_caught_up() -> None:
    playback = Playback(1.0)
    playback.start(0, 0.0)
    playback.pause(1.0)
    playback.pause(2.0)
    assert not playback.is_due(SECOND // 2, 5.0)
    playback.resume(11.0)
    assert playback.is_due(SECOND, 11.0)
    assert not playback.is_due(2 * SECOND, 11.9)
    assert playback.is_due(2 * SECOND, 12.0)


def test_a_loop_begins_at_the_first_packet_again() -> None:
    playback = Playback(1.0)
    playback.start(5 * SECOND, 0.0)
    playback.start(5 * SECOND, 30.0)
    assert playback.is_due(5 * SECOND, 30.0) and not playback.is_due(6 * SECOND, 30.9)


def test_nothing_is_due_before_the_start_and_a_rate_of_nothing_is_refused() -> None:
    assert not Playback(1.0).is_due(0, 1e9)
    with pytest.raises(ValueError, match="rate must be above 0, not 0"):
        Playback(0.0)
