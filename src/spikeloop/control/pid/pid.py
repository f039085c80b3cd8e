"""PID control of one quantity (Astrom and Haegglund, Advanced PID Control, chapter 3)."""

from __future__ import annotations

import math

from spikeloop.control.pid.config import PidConfig


class Pid:
    """u = kp e + ki (integral of e) - kd (filtered derivative of the measurement), saturated.

    The derivative is taken of the measurement, so a step of the set-point gives no kick, through
    a first-order low-pass (backward difference). Anti-windup is conditional: the integral
    advances only where that doesn't push a saturated output farther out, and its term never
    leaves the output's own range.

    Attributes:
        direct: proportional and derivative term of the last decision, before saturation.
        integral: its integral term.

    """

    def __init__(self, config: PidConfig) -> None:
        """Start without history."""
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget integral, derivative and the last measurement."""
        self.direct = 0.0
        self.integral = 0.0
        self._slope = 0.0
        self._measurement: float | None = None

    def update(self, setpoint: float, measurement: float, dt: float) -> float:
        """One decision.

        Args:
            setpoint: wanted value, m.
            measurement: measured value, m.
            dt: time since the last decision, s; the first one has no derivative.

        Returns:
            The command, within the output limits.

        Raises:
            ValueError: an argument isn't finite, or dt isn't above 0; the state is as before.

        """
        _check_arguments(setpoint, measurement, dt)
        config = self.config
        error = setpoint - measurement
        if self._measurement is not None:
            change = measurement - self._measurement
            filtered = config.derivative_filter * self._slope + change
            self._slope = filtered / (config.derivative_filter + dt)
        self._measurement = measurement

        self.direct = config.kp * error - config.kd * self._slope
        increment = config.ki * error * dt
        wanted = self.direct + self.integral + increment
        winds_up = (wanted > config.output_high and increment > 0.0) or (
            wanted < config.output_low and increment < 0.0
        )
        if not winds_up:
            self.integral = self._saturate(self.integral + increment)
        return self._saturate(self.direct + self.integral)

    def _saturate(self, value: float) -> float:
        return min(max(value, self.config.output_low), self.config.output_high)


def _check_arguments(setpoint: float, measurement: float, dt: float) -> None:
    for name, value in (("setpoint", setpoint), ("measurement", measurement), ("dt", dt)):
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}; it must be finite")
    if dt <= 0.0:
        raise ValueError(f"dt must be above 0 s, not {dt:g}")
