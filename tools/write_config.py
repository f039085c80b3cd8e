"""Write config/NODE.yaml of every node: each parameter with its default, range and sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spikeloop.nodes.registry import node_types
from spikeloop.nodes.slot_config import SlotConfig
from spikeloop.parameters import parameters_of

CONFIG = Path(__file__).resolve().parents[1] / "config"


def text_of(name: str, *config_types: type[Any]) -> str:
    """The YAML of a node."""
    lines = [
        "# Written by tools/write_config.py; copy it and change the copy.",
        f"{name}:",
        "  ros__parameters:",
    ]
    for config_type in config_types:
        for entry in parameters_of(config_type).values():
            bounds = f" ({entry.range_text()})" if entry.range_text() else ""
            lines.append(f"    # {entry.text}{bounds}")
            value = list(entry.default) if entry.is_array else entry.default
            shown = yaml.safe_dump(value, default_flow_style=True).replace("\n...", "").strip()
            # ROS knows no list without elements: such a parameter is left to its default.
            lines.append(f"    {'# ' if value == [] else ''}{entry.name}: {shown}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write them all."""
    for name, kind in node_types().items():
        path = CONFIG / f"{name}.yaml"
        path.write_text(text_of(name, kind.config_type, SlotConfig), encoding="utf-8")


if __name__ == "__main__":
    main()
