"""What the nodes of the slot `place` have in common: a map, pictures or events, and odometry.

Each names its method of `spikeloop.perception.place`; all else is here.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from numpy.typing import NDArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

from spikeloop.events.array import Events, Triggers
from spikeloop.image_pixels import pixels_of
from spikeloop.loop.health import Level
from spikeloop.msg import LoopCost, PlaceMatch
from spikeloop.nodes.event_node import EventNode, Output
from spikeloop.nodes.messages import Message, stamp_of
from spikeloop.nodes.slot import InputError
from spikeloop.parameters import parameter

if TYPE_CHECKING:
    from spikeloop.perception.place.cost import PlaceCost
    from spikeloop.perception.place.recogniser import Match

PLACE, POSE, COST, ODOM = "perception/place", "perception/place_pose", "loop/cost", "odom"
SOURCES = {
    "image": "camera/image_raw",
    "events": "event_camera/events",
    "slices": "event_camera/slices",
}
UNKNOWN_M2, UNKNOWN_RAD2 = 1e6, math.pi**2
"""Variances of a pose that nothing is known of."""
JUMP_M, FASTEST_M_S = 5.0, 50.0
"""Odometry that moves further between two of its messages, and faster, has begun anew."""


@dataclass(frozen=True)
class PlaceNodeConfig:
    """Which map, and what is looked at."""

    map: str = parameter(
        "", "File of the map; `spikeloop train place` makes one (place.npz).", fixed=True
    )
    source: str = parameter(
        "image",
        "What is recognised: pictures, events as the camera gives them, or slices of them.",
        choices=tuple(SOURCES),
        fixed=True,
    )
    length: int = parameter(6, "Places that a sequence looks back on.", low=1, high=100)
    odometry: bool = parameter(
        True,
        "Pick the pictures of a sequence by the way travelled; else each counts as the next place.",
        fixed=True,
    )
    window: float = parameter(
        0.25, "Events of so long are one picture.", unit="s", low=0.001, high=10.0, fixed=True
    )
    period: float = parameter(
        0.5, "Time between two answers, by stamps.", unit="s", low=0.001, high=60.0, fixed=True
    )


class PlaceNode(EventNode):
    """Pictures or events in; place, its pose, and the cost out."""

    slot = "place"
    config_type = PlaceNodeConfig
    publishes = (PLACE, POSE, COST)
    config: PlaceNodeConfig
    method: ClassVar[str]
    """As `recogniser.scorer` knows it."""

    @classmethod
    def source_of(cls, config: PlaceNodeConfig) -> str:
        """The topic of pictures or events."""
        return SOURCES[config.source]

    @classmethod
    def others_of(cls, config: PlaceNodeConfig) -> tuple[str, ...]:
        """Odometry, if it is used."""
        return (ODOM,) if config.odometry else ()

    @classmethod
    def wiring(cls, config: Any) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """In lockstep an answer waits for both, so that a seed fixes it."""
        reads = (cls.source_of(config), *cls.others_of(config))
        return cls.publishes, reads, reads

    def wire(self) -> None:
        """Join picture and odometry in lockstep."""
        super().wire()
        if self.lockstep is not None:
            self.joins, self.subscribes = (self.source, *self.others), ()

    # --- lifecycle -----------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the map."""
        from spikeloop.perception.place.cost import CostOf
        from spikeloop.perception.place.event_window import EventWindow
        from spikeloop.perception.place.following import LEAST_PLACES, WayFollower
        from spikeloop.perception.place.place_map import MapError, load_map

        try:
            if not self.config.map:
                raise MapError("names no file; `spikeloop train place` makes one")
            self.map = load_map(Path(self.config.map).expanduser())
            wanted = "image" if self.config.source == "image" else "events"
            if self.map.source != wanted:
                raise MapError(
                    f"{self.config.map}: was made of {self.map.source}, but parameter 'source' is "
                    f"'{self.config.source}'"
                )
            self.follower = WayFollower(self.map, self.method, self.config.length)
        except ValueError as error:
            self.diagnoser.report(Level.ERROR, f"parameter 'map': {error}")
            return TransitionCallbackReturn.FAILURE
        if self.config.odometry and not self.map.placed:
            self.diagnoser.report(
                Level.ERROR,
                f"parameter 'odometry': the places of {self.config.map} have no positions, so no "
                "way can lead from one to the next; set odometry:=false",
            )
            return TransitionCallbackReturn.FAILURE
        if self.map.places < LEAST_PLACES:
            self.diagnoser.report(
                Level.WARN,
                f"{self.config.map}: of {self.map.places} places; with fewer than {LEAST_PLACES} "
                "no picture is told from what isn't on the map, so none is called new; learn a "
                "longer route",
            )
        self._cost_of = CostOf(self.map, self.method)
        self._window = EventWindow(self.config.window)
        return super().on_configure(state)

    def reset(self) -> None:
        """Nothing seen, no way travelled."""
        self.follower.reset()
        self._window.reset()
        self._way = 0.0
        self._at: tuple[tuple[float, float], int] | None = None
        self._told: Counter[str] = Counter()

    def stream_restarted(self) -> None:
        """Forget the events; the sequence goes by the way and stays."""
        self._window.reset()

    def config_changed(self) -> None:
        """A new length begins a new sequence."""
        from spikeloop.perception.place.following import WayFollower

        self.follower = WayFollower(self.map, self.method, self.config.length)

    def _warm_up(self) -> None:
        """Decoders of events are compiled; nothing else is."""
        if self.config.source != "image":
            super()._warm_up()

    # --- inputs --------------------------------------------------------------------------------

    def on_message(self, name: str, message: Message) -> None:
        """On the wall clock: pictures in their period, all events, all odometry."""
        if name != self.source or self.config.source != "image":
            super().on_message(name, message)
        elif self._is_due(stamp := stamp_of(message)):
            received = time.monotonic_ns()
            try:
                outputs = self._seen(self._pixels(message), message.header.frame_id, stamp)
            except InputError as error:
                self.diagnoser.report(Level.ERROR, str(error))
                return
            for topic, out, stamp_ns in outputs:
                self.publish(topic, out, stamp_ns, received if topic != COST else 0)

    def on_other(self, name: str, message: Message) -> None:
        """Add up the way that odometry tells, forward and back."""
        position, ahead = message.pose.pose.position, message.twist.twist.linear.x
        here, stamp_ns = (position.x, position.y), stamp_of(message)
        before, before_ns = self._at or (here, stamp_ns)
        self._at = (here, stamp_ns)
        step = math.dist(here, before)
        if step < max(JUMP_M, FASTEST_M_S * 1e-9 * (stamp_ns - before_ns)):
            self._way += math.copysign(step, ahead)

    def answer(self, stamp_ns: int, inputs: dict[str, Message]) -> dict[str, Message]:
        """In lockstep: the newest picture, or all events up to a stamp."""
        if ODOM in inputs:
            self.on_other(ODOM, inputs[ODOM])
        if self.config.source != "image":
            return super().answer(stamp_ns, inputs)
        if self.source not in inputs:
            raise InputError(f"{self.source}: none has come yet")
        message = inputs[self.source]
        outputs = self._seen(self._pixels(message), message.header.frame_id, stamp_ns)
        return {topic: out for topic, out, _ in outputs}

    def feed(self, events: Events, triggers: Triggers, stamp_ns: int) -> list[Output]:
        """Gather events; recognise when it is time."""
        self._window.add(events)
        if self.lockstep is None and not self._is_due(stamp_ns):
            return []
        picture = self._window.picture()
        if picture is None:
            return self._outputs(None, None, self.reader.frame_id, stamp_ns)
        return self._seen(picture, self.reader.frame_id, stamp_ns)

    def _join_by_stamp(self, name: str, stamp_ns: int, message: Message, received: int) -> None:
        super()._join_by_stamp(name, stamp_ns, message, received)
        if self.config.source == "image":
            self._waiting.clear()

    def _pixels(self, message: Message) -> NDArray[np.generic]:
        try:
            return pixels_of(message)
        except ValueError as error:
            raise InputError(f"{self.source}: {error}") from error

    # --- outputs -------------------------------------------------------------------------------

    def _seen(self, picture: NDArray[np.generic], frame_id: str, stamp_ns: int) -> list[Output]:
        try:
            way = self._way if self.config.odometry else None
            match = self.follower.feed(picture, way)
            cost = self._cost_of.cost(picture)
        except ValueError as error:
            raise InputError(f"{self.source}: {error}") from error
        if match is None:
            self.diagnoser.report(Level.WARN, f"{self.source}: shows nothing, it has no contrast")
        return self._outputs(match, cost, frame_id, stamp_ns)

    def _outputs(
        self, match: Match | None, cost: PlaceCost | None, frame_id: str, stamp_ns: int
    ) -> list[Output]:
        self._told["new" if match is None or match.is_new else "recognised"] += 1
        place, pose = self.empty(PLACE), self.empty(POSE)
        place.header.frame_id = frame_id
        if match is not None:
            place.index, place.score, place.margin = match.index, match.score, match.margin
            place.threshold, place.is_new = match.threshold, bool(match.is_new)
            if self.map.placed and not match.is_new:
                _put(pose, match.pose, self.follower.spacing**2)
        outputs = [Output(PLACE, place, stamp_ns), Output(POSE, pose, stamp_ns)]
        if cost is not None:
            outputs.append(Output(COST, self._cost(cost), stamp_ns))
        return outputs

    def empty(self, name: str) -> Message:
        """Nothing recognised: index -1, and a pose of which nothing is known."""
        if name == PLACE:
            threshold = float(self.follower.threshold)
            return PlaceMatch(map_id=self.map.identity, index=-1, threshold=threshold)
        pose = PoseWithCovarianceStamped()
        pose.header.frame_id = "map"
        pose.pose.pose.orientation.w = 1.0
        pose.pose.covariance[[0, 7, 14]] = UNKNOWN_M2
        pose.pose.covariance[[21, 28, 35]] = UNKNOWN_RAD2
        return pose

    def _cost(self, cost: PlaceCost) -> LoopCost:
        return LoopCost(
            node=self.get_fully_qualified_name(),
            spikes=cost.spikes,
            accumulates=cost.accumulates,
            multiply_accumulates=cost.multiply_accumulates,
            energy=cost.energy_j,
            energy_model=cost.energy_model,
        )

    def figures(self) -> dict[str, str]:
        """The map, and how often a place was recognised or new."""
        told = {name: str(self._told[name]) for name in ("recognised", "new")}
        return {"map": self.map.identity, "places": str(self.map.places), **told}


def _put(
    message: PoseWithCovarianceStamped, pose: tuple[float, float, float], variance: float
) -> None:
    """A pose on the ground with its variance, m^2; its heading is known to about 0.1 rad."""
    at, turn = message.pose.pose.position, message.pose.pose.orientation
    at.x, at.y, heading = pose
    turn.z, turn.w = math.sin(0.5 * heading), math.cos(0.5 * heading)
    message.pose.covariance[[0, 7]] = variance
    message.pose.covariance[35] = 0.01
