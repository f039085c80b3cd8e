"""Flies a mission otherwise on the same seed, for its report to show both."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from spikeloop.launching.description import MissionOptions, fly, mission_nodes
from spikeloop.loop.mission import Variant, load_mission

SHOWN = ("nodes", "success", "failure", "criteria", "metrics", "safety_stops", "series")


def variants(name: str, swaps: Mapping[str, str]) -> list[Variant]:
    """What there is to compare a mission with, without what is flown anyway."""
    mission = load_mission(name)
    nodes = mission_nodes(mission, swaps)
    return [
        variant
        for variant in mission.compare
        if variant.parameters or mission_nodes(mission, {**swaps, **variant.slots}) != nodes
    ]


def compared(
    name: str, swaps: Mapping[str, str], options: MissionOptions
) -> Iterator[dict[str, Any]]:
    """Fly each variant; yields its label and of its report what is compared.

    Raises:
        MissionError, UnknownNodeError, ParameterError: naming what exists and what is close.

    """
    for variant in variants(name, swaps):
        with tempfile.TemporaryDirectory() as scratch:
            otherwise = replace(
                options,
                report=scratch,
                record=False,
                faults=(),
                respawn=(),
                parameters=variant.parameters,
            )
            report = fly(name, {**swaps, **variant.slots}, otherwise)
        yield {"label": variant.label, **{key: report[key] for key in SHOWN}}
