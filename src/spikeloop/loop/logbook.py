"""Keeps the record of a mission while it runs, and judges it at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikeloop.loop.criteria import judge_of, new_flight
from spikeloop.loop.guiding import Guide, Pose4
from spikeloop.loop.mission import Mission


class Logbook:
    """The set-points that are asked for, the record, and the verdict."""

    def __init__(
        self,
        mission: Mission,
        seed: int,
        nodes: Mapping[str, str],
        goal: Sequence[float] | None = None,
        route: Sequence[Sequence[float]] = (),
    ) -> None:
        """Begin a record.

        Args:
            mission: what is flown.
            seed: of the simulator.
            nodes: node in each slot.
            goal: of the world; None where it has none.
            route: of the world.

        Raises:
            ValueError: the mission asks for a goal or route that the world doesn't have, or its
                criteria are wrong.

        """
        self._judge = judge_of(mission.criteria)
        self._guide: Guide | None = mission.guide(goal, route)
        self.flight = new_flight(mission.name, seed, nodes, mission.criteria)
        self.is_over = False

    def begin(self, truth: Mapping[str, float]) -> None:
        """Forget everything, and see that the robot tells what the criteria need.

        Raises:
            ValueError: it doesn't; the message names what is missing.

        """
        self.flight.begin_again()
        self.is_over = False
        if self._guide is not None:
            self._guide.reset()
        self._judge.row(truth, self.setpoint(0.0, truth))

    def setpoint(self, time_s: float, truth: Mapping[str, float]) -> Pose4 | None:
        """What the controller is asked for; None where the mission has no set-points."""
        return None if self._guide is None else self._guide.at(time_s, truth)

    def note(self, time_s: float, truth: Mapping[str, float], command: list[float]) -> None:
        """Record an instant; `is_over` tells whether the mission ends with it."""
        row = self._judge.row(truth, self.setpoint(time_s, truth))
        self.flight.add(time_s, row, command)
        self.is_over = self._judge.is_over(time_s, row)

    def report(self, complete: bool) -> dict[str, Any]:
        """As `report.json`: judged, with figures.

        Args:
            complete: whether it ran to its end.

        """
        flight = self.flight
        flight.metrics = self._judge.pooled([flight.series()])
        return flight.report(self._judge.entries(flight), complete)
