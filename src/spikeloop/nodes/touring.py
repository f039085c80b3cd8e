"""What controllers have in common that fly a blimp from place to place (slot `controller`)."""

from __future__ import annotations

from array import array
from typing import Any

from actuator_msgs.msg import Actuators

from spikeloop.control.pid.tour import Place, Tour
from spikeloop.nodes.messages import Message
from spikeloop.nodes.slot import InputError, SlotNode
from spikeloop.rotation import yaw_of

ODOM, PLACE = "odom", "setpoint"


class TouringNode(SlotNode):
    """Where it is and where to go in, commands of the thrusters vertical, left and right out.

    A subclass makes `tour` in `on_configure`; its config is a `TourConfig`. While an input can't be
    used the last command is kept for `hold`; after `forget_after` without a decision the
    controllers begin anew.
    """

    slot = "controller"
    publishes: tuple[str, ...] = ("actuators_raw",)
    joins = (ODOM, PLACE)
    config: Any
    tour: Tour

    def reset(self) -> None:
        """Forget everything."""
        self.tour.reset()
        self._last_ns = 0
        self._stamp_ns = 0
        self._past = False
        self._command: tuple[float, ...] = ()
        self._here: Place | None = None
        self._same = 0

    def config_changed(self) -> None:
        """New limits hold from the next decision on."""
        self.tour.config = self.config

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """One decision."""
        for name in self.joins:
            if name not in inputs:
                raise InputError(f"{name}: none has come yet")
        pause_ns = stamp_ns - self._last_ns
        if not 0 < pause_ns <= self.config.forget_after * 1e9:
            self.tour.reset()
        here, place = _place(inputs[ODOM].pose.pose), _place(inputs[PLACE].pose)
        self._note_frozen(here)
        try:
            speed = inputs[ODOM].twist.twist.linear
            self._command = self.tour.decide(here, (speed.x, speed.y), place)
        except ValueError as error:
            raise InputError(f"{ODOM}: {error}") from error
        self._last_ns = stamp_ns
        return {"actuators_raw": Actuators(normalized=array("d", self._command)), **self.account()}

    def _respond(self, stamp_ns: int, inputs: dict[str, Message], received: int) -> None:
        # `empty` has to know how old the last command is, and whether this moment is past.
        self._stamp_ns = stamp_ns
        age_s = 1e-9 * (self.judged_at(stamp_ns) - stamp_ns)
        self._past = 0.0 < self.common.fresh_within < age_s
        super()._respond(stamp_ns, inputs, received)

    def _note_frozen(self, here: Place) -> None:
        """Refuse a localisation that stands still to the last bit, which a working one never does.

        Raises:
            InputError: it has been doing so for `frozen_after`.

        """
        self._same = self._same + 1 if here == self._here else 0
        self._here = here
        since, limit = self._same * self.config.period, self.common.frozen_after
        if 0.0 < limit < since:
            raise InputError(f"{ODOM}: frozen for {since:.2f} s")

    def account(self) -> dict[str, Message]:
        """What else is told of a decision, by topic."""
        return {}

    def empty(self, name: str) -> Message:
        """The last command for as long as it may be kept, then none; none for a past moment."""
        kept = 0 <= self._stamp_ns - self._last_ns <= self.config.hold * 1e9
        return Actuators(normalized=array("d", self._command if kept and not self._past else ()))


def _place(pose: Any) -> Place:
    at, turn = pose.position, pose.orientation
    return at.x, at.y, at.z, yaw_of(turn.x, turn.y, turn.z, turn.w)
