"""Interpolated events against brute force, on short pieces; the figures come from `eval evcam`."""

from __future__ import annotations

import numpy as np
import pytest
from spikeloop_sim.evcam.evaluation import compare
from spikeloop_sim.evcam.matching import agreement

from spikeloop.cli.main import main
from spikeloop.events.array import Events


def events(rows: list[tuple[int, int, int, int]]) -> Events:
    t, x, y, p = np.array(rows, np.int64).reshape(-1, 4).T
    return Events(t, x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), 4, 4)


def test_matching_counts_each_event_once() -> None:
    speed = np.full((4, 4), 100.0, np.float32)  # 1 px in 10 ms
    reference = events([(0, 1, 1, 1), (20_000, 1, 1, 1), (0, 2, 1, 0)])
    ours = events([(2_000, 1, 1, 1), (3_000, 1, 1, 1), (0, 2, 1, 1)])
    found = agreement(ours, reference, speed)
    assert found["f1"] == pytest.approx(1 / 3)
    assert found["time_error_px"] == pytest.approx(0.2)
    assert found["count_error_pct"] == pytest.approx(0.0)


def test_a_stream_agrees_with_itself() -> None:
    some = events([(k * 1000, k % 4, k % 3, k % 2) for k in range(50)])
    found = agreement(some, some, np.full((4, 4), 10.0, np.float32))
    assert found == {"count_error_pct": 0.0, "f1": 1.0, "time_error_px": 0.0, "time_error_ms": 0.0}


@pytest.mark.parametrize("motion", ("sideways", "object"))
def test_interpolation_agrees_with_brute_force(motion: str) -> None:
    found = compare(motion, 3, 56_000)
    assert abs(found["count_error_pct"]) < 10.0
    assert found["f1"] > 0.88 and found["time_error_px"] < 0.2


def test_eval_refuses_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "evcam", "--data", "somewhere"]) == 2
    assert "--data: this task has no data set" in capsys.readouterr().err
