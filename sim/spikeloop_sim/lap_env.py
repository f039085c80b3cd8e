"""Driving once around as Gymnasium environment: a race track, a route outdoors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from spikeloop_sim.drive_env import (
    ARRIVAL,
    COLLISION,
    TIME_PRICE,
    DriveEnv,
    seen_box,
    within,
)
from spikeloop_sim.lane import Lane, LanePoint
from spikeloop_sim.robot_env import Action, Observation

ASIDE_M, BEND = 4.0, 1.0
"""How far aside of the line an episode ends; greatest curvature that is told, 1/m."""
SPEED = 3.0


class LapEnv(DriveEnv):
    """Drive around a closed line, as far as it goes; one action is one decision at 10 Hz.

    Observation: Box (41,) float32: distance in m to the nearest obstacle in each of 36 sectors,
    at most 10, the first one ahead and on to the left; then, as a camera of the lane would tell
    them, how far the robot is to the left of the line (m), its heading from the line's (rad, left
    positive) and the line's curvature ahead (1/m, left positive); speed (m/s) and turn rate
    (rad/s). Where on the line it is, it isn't told.

    Action: Box (2,) float32 from -1 to 1: speed and turn rate in parts of the base's limits;
    backwards in parts of its speed backwards. The base goes up to 3 m/s unless `speed` is given.

    Reward: metres along the line, minus 0.02 a decision; 10 for the lap, -10 when something is
    touched or the line is more than 4 m away.

    An episode terminates after a lap, or as the reward says. Each seed makes a world and the
    robot's parts; splits as in `PatrolEnv`.

    Info: every value of the robot's `truth`, with `way` (m along the line since the start),
    `lap` (m, the line's length), `is_success`, `world_seed` and `time_s`.
    """

    def __init__(
        self,
        world: str,
        render_mode: str | None = None,
        split: str = "train",
        width: int = 320,
        height: int = 240,
        world_parameters: Mapping[str, object] | None = None,
        **config: Any,
    ) -> None:
        """Build the robot; errors as `PatrolEnv`."""
        wanted = {"speed": SPEED} | config
        super().__init__(world, render_mode, split, (width, height), world_parameters, wanted)
        speed, turn = self._drive.config.speed, self._drive.config.turn_rate
        self.observation_space = seen_box(
            [
                (-2.0 * ASIDE_M, 2.0 * ASIDE_M),
                (-math.pi, math.pi),
                (-BEND, BEND),
                (-2.0 * speed, 2.0 * speed),
                (-2.0 * turn, 2.0 * turn),
            ]
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode in another world; with a seed, all depends on it alone."""
        super().reset(seed=seed)
        self.begin(seed)
        self._lane = Lane(self._drive.world.surroundings.route)
        truth = self._drive.truth()
        self._at, self._way = self._point(truth), 0.0
        self.show()
        return self._observation(truth), self._info(truth, False)

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Drive for 0.1 s.

        Raises:
            ValueError: the action isn't two finite values.

        """
        truth = self.drive(action)
        before, self._at = self._at, self._point(truth)
        progress = math.remainder(self._at.way - before.way, self._lane.length)
        self._way += progress
        done = self._way >= self._lane.length
        lost = truth["collisions"] > 0.0 or abs(self._at.offset) > ASIDE_M
        reward = progress - TIME_PRICE + ARRIVAL * done - COLLISION * lost
        self.show()
        info = self._info(truth, done and not lost)
        return self._observation(truth), float(reward), bool(done or lost), False, info

    def _point(self, truth: Mapping[str, float]) -> LanePoint:
        return self._lane.at(truth["x"], truth["y"], truth["yaw"])

    def _observation(self, truth: Mapping[str, float]) -> Observation:
        at = self._at
        state = (at.offset, at.heading_error, at.curvature, truth["speed"], truth["turn_rate"])
        return within(self.observation_space, self.around(), state)

    def _info(self, truth: Mapping[str, float], done: bool) -> dict[str, Any]:
        return self.told(truth, done) | {"way": self._way, "lap": self._lane.length}


class RaceTrackLapEnv(LapEnv):
    """`LapEnv` on a race track between walls or cones."""

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        """Options as of `LapEnv`."""
        super().__init__("race_track", render_mode, **options)


class RouteLapEnv(LapEnv):
    """`LapEnv` on a loop of several hundred metres through streets, parks and gardens."""

    def __init__(self, render_mode: str | None = None, **options: Any) -> None:
        """Options as of `LapEnv`."""
        super().__init__("route", render_mode, **options)
