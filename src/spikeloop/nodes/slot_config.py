"""Parameters that every node has."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter


@dataclass(frozen=True)
class SlotConfig:
    """How a node starts and judges its inputs.

    A node whose own config has a field `period` answers one input in each such time.
    """

    autostart: bool = parameter(
        True,
        "Configure and activate by itself; false leaves it to a lifecycle manager.",
        fixed=True,
    )
    frozen_after: float = parameter(
        0.35,
        "How long a sensor may repeat exactly the same data before it counts as frozen; 0: ever.",
        unit="s",
        low=0.0,
        high=60.0,
        fixed=True,
    )
    fresh_within: float = parameter(
        0.3,
        "How old the stamp of an input may be on arrival; 0 for any age.",
        unit="s",
        low=0.0,
        high=60.0,
        fixed=True,
    )
    lockstep: str = parameter(
        "",
        "Schedule of a lockstep run as a mission writes it; empty for the wall clock.",
        fixed=True,
    )
