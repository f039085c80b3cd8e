"""Each way in which an input can be sick is told apart."""

from __future__ import annotations

from spikeloop.loop.health import HealthLimits, InputHealth, Level

S = 1_000_000_000
LIMITS = HealthLimits(silent_after_s=0.2, frozen_after_s=0.35, fresh_within_s=0.3)


def _fed(count: int, frozen_from: int = 10**9) -> InputHealth:
    health = InputHealth("altitude", LIMITS)
    for i in range(count):
        at = S + i * S // 20
        health.update(at, at, at, True, (float(min(i, frozen_from)),))
    return health


def test_a_working_sensor_is_ok_with_its_rate() -> None:
    level, text = _fed(40).status(S + 39 * S // 20)
    assert level is Level.OK
    assert text == "altitude: 20.0 Hz"


def test_silence_is_stale() -> None:
    level, text = _fed(3).status(S + 2 * S // 20 + S // 2)
    assert level is Level.STALE
    assert text == "altitude: silent for 0.50 s"


def test_never_heard_is_silent_since_the_start() -> None:
    health = InputHealth("altitude", LIMITS)
    assert health.status(S)[0] is Level.OK
    assert health.status(2 * S) == (Level.STALE, "altitude: silent since the start")


def test_frozen_data_within_half_a_second() -> None:
    health = _fed(20, frozen_from=10)
    level, text = health.status(S + 19 * S // 20)
    assert level is Level.ERROR
    assert "frozen" in text
    assert _fed(17, frozen_from=10).status(S + 16 * S // 20)[0] is Level.OK


def test_not_finite() -> None:
    health = InputHealth("altitude", LIMITS)
    assert "not finite" in health.update(S, S, S, False, (float("nan"),))


def test_old_and_backward_stamps() -> None:
    health = InputHealth("altitude", LIMITS)
    assert health.update(S, S, S, True, 1) == ""
    assert "went back by 0.500 s" in health.update(S // 2, S, S, True, 2)
    assert "1.000 s old" in health.update(S, 2 * S, 2 * S, True, 3)
