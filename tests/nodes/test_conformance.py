"""Every registered node keeps the contract, and the checker finds out those that don't."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from spikeloop.nodes.conformance import CHECKS, check_node
from spikeloop.nodes.registry import node_types

RECORDING = Path(__file__).parents[1] / "data" / "evt3_test_events_1"
NEEDS = {
    "event_player": {"file": str(RECORDING)},
    "bag_player": {"file": str(RECORDING)},
    "event_file_player": {"file": str(RECORDING)},
    "nir_network": {
        "file": str(RECORDING.parent / "nir" / "lif_norse.nir"),
        "dt": 1e-4,
        "topics": ["altitude"],
        "steps": 20,
    },
    "lidar_player": {"file": str(RECORDING.parent / "pcd" / "bun0.pcd")},
    "place_temporal": {"map": str(RECORDING.parent / "place" / "place.npz")},
    "place_sad": {"map": str(RECORDING.parent / "place" / "place.npz")},
}


@pytest.mark.parametrize("name", sorted(node_types()))
def test_every_node_keeps_its_contract(name: str, ros_domain: int) -> None:
    findings = list(check_node(node_types()[name], NEEDS.get(name, {}), ros_domain))
    assert [finding.check for finding in findings] == list(CHECKS)
    assert not [finding for finding in findings if finding.held is False]


@pytest.fixture
def culprit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class of a node that sins, which its own process can import as well."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return importlib.import_module("culprits").CulpritNode


@pytest.mark.parametrize(
    ("sin", "check", "message"),
    [
        ("random", "same inputs, same bits", "differs after re-activation: '"),
        ("dies", "same inputs, same bits", "RuntimeError: planted"),
        ("silent", "same inputs, same bits", "output actuators_raw of stamp 1000000000: not"),
        ("not finite", "bad inputs are named and never passed on", "a number that isn't finite"),
        (
            "bad start",
            "lifecycle transitions work, forbidden ones are refused",
            "RuntimeError: planted",
        ),
        ("slow end", "ends quietly on a signal", "s to end, more than 1.5 s"),
        ("foreign topic", "keeps to the topics of its slot", "publishes 'lidar/points', but slot"),
    ],
)
def test_a_culprit_is_found_out(
    culprit: Any, sin: str, check: str, message: str, ros_domain: int
) -> None:
    finding = next(check_node(culprit, {"sin": sin}, ros_domain, {check: CHECKS[check]}))
    assert finding.held is False
    assert message in finding.detail


def test_the_same_node_without_its_sin_is_innocent(culprit: Any, ros_domain: int) -> None:
    findings = list(check_node(culprit, {"sin": "none"}, ros_domain))
    assert all(finding.held for finding in findings), findings
