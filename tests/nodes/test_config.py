"""The YAML files in config/ say what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spikeloop.nodes.registry import node_types
from spikeloop.nodes.slot_config import SlotConfig

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from write_config import text_of  # noqa: E402


@pytest.mark.parametrize("name", sorted(node_types()))
def test_yaml_is_current(name: str) -> None:
    kind = node_types()[name]
    wanted = text_of(name, kind.config_type, SlotConfig)
    found = (ROOT / "config" / f"{name}.yaml").read_text()
    assert found == wanted, "run .venv/bin/python tools/write_config.py"
