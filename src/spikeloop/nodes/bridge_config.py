"""Parameters of the simulator's bridge."""

from __future__ import annotations

from dataclasses import dataclass

from spikeloop.parameters import parameter

START_NS = 1_000_000_000
"""Stamp of tick 0: above zero, for a message of time 0 is refused by recorders."""


@dataclass(frozen=True)
class BridgeConfig:
    """What is simulated, and how long answers are waited for."""

    mission: str = parameter("blimp_altitude", "Mission, by name or YAML file.", fixed=True)
    seed: int = parameter(0, "Seed of everything that is random.", low=0, fixed=True)
    duration: float = parameter(
        0.0, "Simulated time; 0 for the mission's own.", unit="s", low=0.0, high=1e5, fixed=True
    )
    pace: float = parameter(
        1.0,
        "By the wall clock: seconds of the world in one of the clock's.",
        low=0.01,
        high=10.0,
        fixed=True,
    )
    report: str = parameter("", "Folder for report.json; empty for none.", fixed=True)
    faults: tuple[str, ...] = parameter(
        (), "Sensor faults such as 'altitude:nan@12+2': kind, start and duration in s.", fixed=True
    )
    nodes: tuple[str, ...] = parameter((), "slot=node of the mission, as flown.", fixed=True)
    readers: tuple[str, ...] = parameter(
        (),
        "topic=count: the mission begins once each has so many readers (lockstep knows them).",
        fixed=True,
    )
    watch: tuple[str, ...] = parameter(
        (), "Full names of nodes whose silence ends the mission.", fixed=True
    )
    respawn: tuple[str, ...] = parameter(
        (),
        "Slots whose node is started again when it dies; they are waited for longer.",
        fixed=True,
    )
    leave_out: tuple[str, ...] = parameter(
        (), "Sensors that aren't simulated, for nobody reads them.", fixed=True
    )
    base_timeout: float = parameter(
        0.5,
        "The base goes to its safe command after this time without a valid one.",
        unit="s",
        low=0.01,
        high=10.0,
        fixed=True,
    )
    resend_after: float = parameter(
        0.2,
        "In lockstep, sensors are sent again after this wait.",
        unit="s",
        low=0.01,
        high=10.0,
        fixed=True,
    )
    name_after: float = parameter(
        2.0,
        "In lockstep, the slot that doesn't answer is named after this wait.",
        unit="s",
        low=0.1,
        high=60.0,
        fixed=True,
    )
    fail_after: float = parameter(
        2.5,
        "In lockstep, the mission ends as failed after this wait.",
        unit="s",
        low=0.1,
        high=600.0,
        fixed=True,
    )
    silent_after: float = parameter(
        2.5,
        "A watched node counts as dead after this silence.",
        unit="s",
        low=0.5,
        high=60.0,
        fixed=True,
    )
    start_within: float = parameter(
        30.0,
        "All nodes must be there after this time.",
        unit="s",
        low=1.0,
        high=600.0,
        fixed=True,
    )

    def readers_by_topic(self, has_setpoints: bool) -> dict[str, int]:
        """How many readers each topic must have before the mission begins.

        Args:
            has_setpoints: whether somebody must read the set-points where nothing is said.

        Raises:
            ValueError: `readers` isn't a list of TOPIC=COUNT.

        """
        try:
            pairs = [text.split("=", 1) for text in self.readers]
            given = {name: int(count) for name, count in pairs}
        except ValueError as error:
            raise ValueError(
                f"parameter 'readers' must be a list of TOPIC=COUNT, not {list(self.readers)}"
            ) from error
        return given or ({"setpoint": 1} if has_setpoints else {})
