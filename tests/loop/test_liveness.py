"""Silence counts from the last sign of life, and later while a node still starts."""

from __future__ import annotations

from spikeloop.loop.liveness import Liveness

S = 1_000_000_000


def test_who_is_silent_is_named_with_the_time() -> None:
    alive = Liveness(["/a", "/b"], 2.0)
    alive.heard("/a", 10 * S)
    alive.heard("/stranger", 0)
    assert alive.silent(12 * S) == ""
    assert alive.silent(13 * S) == "/a gave no sign of life for 3.0 s"
    assert alive.unheard() == {"/b"}


def test_a_node_that_starts_is_waited_for_longer() -> None:
    alive = Liveness(["/a"], 2.0, start_timeout_s=20.0)
    alive.heard("/a", 0, is_active=False)
    assert alive.silent(19 * S) == ""
    assert "20.5 s" in alive.silent(20 * S + S // 2)
    alive.heard("/a", 20 * S)
    assert alive.silent(22 * S) == "" and alive.silent(23 * S)
