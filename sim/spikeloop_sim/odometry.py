"""Wheel odometry of a differential drive: what encoders count, taken for what the base travelled.

Its errors are those of real bases: wheels slip on the ground (in the physics, so the count is of
what turned, not of what moved), radii and track aren't quite what the base takes them for, and
encoders have steps. As calibrated bases do, it can take its heading from a gyroscope, whose bias it
learnt while standing.
"""

from __future__ import annotations

import math

from spikeloop_sim.robot import OdometryReading


class WheelOdometry:
    """Dead reckoning by arcs, from two encoders."""

    def __init__(
        self,
        radii: tuple[float, float],
        track: float,
        encoder_steps: int,
        start: tuple[float, float, float],
    ) -> None:
        """Begin at a pose.

        Args:
            radii: what the base takes the left and the right wheel's radius for, m.
            track: what it takes the distance between them for, m.
            encoder_steps: in a turn.
            start: x, y (m) and yaw (rad) at which it begins.

        """
        self._radii, self._track = radii, track
        self._step = 2.0 * math.pi / encoder_steps
        self._counts = (0, 0)
        self.pose = start
        self.velocity = (0.0, 0.0)

    def update(
        self,
        left_rad: float,
        right_rad: float,
        duration_s: float,
        turn_rate: float | None = None,
    ) -> None:
        """Go on by what has turned.

        Args:
            left_rad: angle of the left wheel since the beginning.
            right_rad: of the right wheel.
            duration_s: time since the last call.
            turn_rate: of a gyroscope meanwhile, rad/s; None to go by the wheels alone.

        """
        counts = (math.floor(left_rad / self._step), math.floor(right_rad / self._step))
        ways = [
            (now - before) * self._step * radius
            for now, before, radius in zip(counts, self._counts, self._radii, strict=True)
        ]
        self._counts = counts
        way, turn = 0.5 * (ways[0] + ways[1]), (ways[1] - ways[0]) / self._track
        if turn_rate is not None:
            turn = turn_rate * duration_s
        x, y, yaw = self.pose
        # Along the chord of the arc.
        chord = way if abs(turn) < 1e-9 else way * math.sin(0.5 * turn) / (0.5 * turn)
        self.pose = (
            x + chord * math.cos(yaw + 0.5 * turn),
            y + chord * math.sin(yaw + 0.5 * turn),
            yaw + turn,
        )
        self.velocity = (way / duration_s, turn / duration_s)

    def reading(self, child_frame_id: str) -> OdometryReading:
        """The pose and velocity now."""
        x, y, yaw = self.pose
        return OdometryReading(
            (x, y, 0.0),
            (0.0, 0.0, math.sin(0.5 * yaw), math.cos(0.5 * yaw)),
            (self.velocity[0], 0.0, 0.0),
            (0.0, 0.0, self.velocity[1]),
            child_frame_id,
        )
