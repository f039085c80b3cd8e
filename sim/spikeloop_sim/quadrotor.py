"""The attitude of a quadrotor: a rigid body turned by four rotors that lag behind.

Equations of Mahony, Kumar and Corke, Multirotor Aerial Vehicles (IEEE Robotics & Automation
Magazine 19(3), 2012): J dw/dt = -w x J w + torque, with the torque of rotors in plus formation
((2)-(6)), and roll, pitch, yaw turning by the inverse of the ZYX rates' matrix. Mass, arm and
inertia are those of the AscTec Hummingbird, and rotors that follow by a first-order lag, rising
quicker than falling, as in RotorS (Furrer et al., Robot Operating System, vol. 1, 2016). Its weight
isn't in its middle, which gives a torque that nobody is told of, and gusts twist it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.parameters import parameter
from spikeloop_sim.robot import (
    CommandKind,
    Reading,
    SensorSpec,
    VectorReading,
    checked_command,
    no_such_topic,
    random_stream,
)

GRAVITY = 9.81
ATTITUDE = "observation"
LABELS = ("roll", "pitch", "yaw")


@dataclass(frozen=True)
class QuadrotorConfig:
    """A quadrotor of 0.7 kg that hovers."""

    mass: float = parameter(0.716, "Mass.", unit="kg", low=0.01, high=100.0)
    arm: float = parameter(0.17, "From the middle to a rotor.", unit="m", low=0.01, high=5.0)
    inertia: tuple[float, ...] = parameter(
        (0.007, 0.007, 0.012), "About x, y and z.", unit="kg m^2", low=1e-6, high=100.0
    )
    authority: float = parameter(
        0.8, "Largest change of a rotor's thrust, as a part of that in hover.", low=0.01, high=1.0
    )
    lag_rising: float = parameter(
        0.0125, "Time constant of a rotor whose thrust rises.", unit="s", low=1e-3, high=1.0
    )
    lag_falling: float = parameter(
        0.025, "Time constant of a rotor whose thrust falls.", unit="s", low=1e-3, high=1.0
    )
    offset_low: float = parameter(
        0.05, "Least torque of the weight, as a part of the rotors' largest.", low=0.0, high=0.9
    )
    offset_high: float = parameter(0.15, "Greatest such torque.", low=0.0, high=0.9)
    gust: float = parameter(
        0.03, "Standard deviation of the gusts' torque, as such a part.", low=0.0, high=0.9
    )
    gust_time_constant: float = parameter(
        0.2, "Correlation time of the gusts.", unit="s", low=0.01, high=60.0
    )
    noise: float = parameter(
        0.003, "Standard deviation of a sample of an angle.", unit="rad", low=0.0, high=1.0
    )

    def __post_init__(self) -> None:
        """Refuse bounds in the wrong order and vectors of the wrong length."""
        if self.offset_low > self.offset_high:
            raise ValueError(
                f"offset_low ({self.offset_low:g}) is above offset_high ({self.offset_high:g})"
            )
        if len(self.inertia) != 3:
            raise ValueError(f"inertia needs 3 values (x, y, z), not {len(self.inertia)}")


class Quadrotor:
    """The attitude as a `Robot`: torques about x, y and z as actuators, angles at 100 Hz.

    A command of 1 about x or y asks two opposite rotors for `authority` more and less; about z it
    is a tenth of that torque, as drag gives it.
    """

    tick_s = 0.002
    command_kind: CommandKind = "actuators"
    actuator_names = ("roll", "pitch", "yaw")
    sensors = (SensorSpec(ATTITUDE, "vector", 5, "base_link"),)

    def __init__(self, config: QuadrotorConfig | None = None) -> None:
        """Build it and reset it with seed 0."""
        self.config = config or QuadrotorConfig()
        change = self.config.authority * self.config.mass * GRAVITY / 4.0
        self._most = 2.0 * self.config.arm * change * np.array([1.0, 1.0, 0.1])
        self._rising = 1.0 - math.exp(-self.tick_s / self.config.lag_rising)
        self._falling = 1.0 - math.exp(-self.tick_s / self.config.lag_falling)
        self._decay = math.exp(-self.tick_s / self.config.gust_time_constant)
        self.reset(0)

    @property
    def safe_command(self) -> NDArray[np.float64]:
        """No torque, (3,)."""
        return np.zeros(3)

    def reset(self, seed: int) -> None:
        """Level and at rest; see `Robot.reset`."""
        random, config = random_stream(seed, "quadrotor"), self.config
        size = random.uniform(config.offset_low, config.offset_high, 2)
        self.offset = (*(size * random.choice((-1.0, 1.0), 2)).tolist(), 0.0)
        self._random = random
        self._gust = config.gust * random.standard_normal(3)
        self._angles = [0.0, 0.0, 0.0]
        self._rates = [0.0, 0.0, 0.0]
        self._drive = [[0.0, 0.0] for _ in range(3)]
        self._tick = 0
        self._sense()

    def step(self, command: NDArray[np.float64]) -> None:
        """Advance by 2 ms; see `Robot.step`."""
        targets = checked_command(command, self.actuator_names)
        config = self.config
        kick = config.gust * math.sqrt(1.0 - self._decay**2)
        self._gust = self._decay * self._gust + kick * self._random.standard_normal(3)
        torque = []
        for axis, target in enumerate(targets):
            # Of each pair one rotor rises while the other falls.
            pair = self._drive[axis]
            for side, wanted in enumerate((target, -target)):
                part = self._rising if wanted > pair[side] else self._falling
                pair[side] += part * (wanted - pair[side])
            drive = 0.5 * (pair[0] - pair[1])
            part = drive + self.offset[axis] + float(self._gust[axis]) * (axis < 2)
            torque.append(part * float(self._most[axis]))
        self._turn(torque)
        self._tick += 1
        if self._tick % self.sensors[0].period_ticks == 0:
            self._sense()

    def _turn(self, torque: list[float]) -> None:
        jx, jy, jz = self.config.inertia
        p, q, r = self._rates
        p += self.tick_s * (torque[0] - (jz - jy) * q * r) / jx
        q += self.tick_s * (torque[1] - (jx - jz) * r * p) / jy
        r += self.tick_s * (torque[2] - (jy - jx) * p * q) / jz
        self._rates = [p, q, r]
        roll, pitch, yaw = self._angles
        # Short of straight up, where ZYX angles end; nobody flies there by these commands.
        pitch_seen = min(max(pitch, -1.5), 1.5)
        aside = math.sin(roll) * q + math.cos(roll) * r
        self._angles = [
            roll + self.tick_s * (p + math.tan(pitch_seen) * aside),
            pitch + self.tick_s * (math.cos(roll) * q - math.sin(roll) * r),
            yaw + self.tick_s * aside / math.cos(pitch_seen),
        ]

    def read(self, topic: str) -> Reading:
        """The newest sample; see `Robot.read`."""
        if topic != ATTITUDE:
            raise no_such_topic(topic, self.sensors)
        return self._sample

    def truth(self) -> dict[str, float]:
        """Angles roll, pitch, yaw (rad), and the rates p, q, r about the body's axes (rad/s)."""
        return dict(zip((*LABELS, "p", "q", "r"), (*self._angles, *self._rates), strict=True))

    def _sense(self) -> None:
        noise = self.config.noise * self._random.standard_normal(3)
        self._sample = VectorReading(LABELS, tuple(np.add(self._angles, noise).tolist()))
