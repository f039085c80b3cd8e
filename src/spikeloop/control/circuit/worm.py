"""The swimming circuit of C. elegans, graded and spiking: four weights, whatever the length.

After Bhattasali, Zador and Engel, "Neural Circuit Architectural Priors for Embodied Control"
(NeurIPS 2022, arXiv 2201.05242). At each joint a dorsal and a ventral motor neuron pull their own
muscle and relax the other's. At the head they follow an oscillator, at all other joints the
bend of the joint before, so that a wave runs to the tail. Weights are shared by all joints, and
their signs are fixed: `proprioception`, `oscillator` and `ipsilateral` excite, `contralateral`
inhibits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEIGHTS = ("proprioception", "oscillator", "ipsilateral", "contralateral")
SIGNS = np.array([1.0, 1.0, 1.0, -1.0])
INITIAL = SIGNS.copy()
"""Weights before any learning."""

TICKS = 8
"""Time steps of the neurons in a decision."""
MEMBRANE_S = 0.05
MUSCLE_S = 0.03
CEILING = 4.0
"""Largest membrane before the reset: a strong input is answered by a burst, but not for long."""


def signed(points: Floats) -> Floats:
    """Weights with a wrong sign are 0; (..., 4)."""
    return np.asarray(SIGNS * np.maximum(SIGNS * points, 0.0))


def bend(angles: Floats) -> Floats:
    """Stretch of the dorsal and ventral side, 0 to 1; (n, joints, 2) of angles (n, joints)."""
    most = 2.0 * math.pi / (angles.shape[1] + 1)
    part = np.clip(angles / most, -1.0, 1.0)
    return np.stack([np.maximum(part, 0.0), np.maximum(-part, 0.0)], -1)


@dataclass
class GradedCircuit:
    """Neurons with graded potentials, as in the paper.

    Attributes:
        points: (n, 4) weights of n circuits; signs that don't fit count as 0.
        cycle: decisions of the oscillator's period.
        sign_constrained: whether signs are fixed; else any will do, as an ablation.
        decision: how many were made.

    """

    points: Floats
    cycle: float
    sign_constrained: bool = True
    decision: int = 0

    def __post_init__(self) -> None:
        """Fix the signs."""
        if self.sign_constrained:
            self.points = signed(self.points)

    def reset(self) -> None:
        """Begin at the oscillator's start."""
        self.decision = 0

    def oscillator(self) -> Floats:
        """Its dorsal and ventral half, (2,): the first, then the other is 1."""
        first = (self.decision % self.cycle) < 0.5 * self.cycle
        return np.array([float(first), float(not first)])

    def act(self, angles: Floats) -> Floats:
        """Torques (n, joints), -1 to 1, of joint angles (n, joints) in rad."""
        proprioception, oscillator, same, other = (w[:, None, None] for w in self.points.T)
        motor = np.empty((*angles.shape, 2))
        motor[:, :1] = np.clip(oscillator * self.oscillator(), 0.0, 1.0)
        motor[:, 1:] = np.clip(proprioception * bend(angles)[:, :-1], 0.0, 1.0)
        muscle = np.clip(same * motor + other * motor[..., ::-1], 0.0, 1.0)
        self.decision += 1
        return np.asarray(muscle[..., 0] - muscle[..., 1])


class SpikingCircuit(GradedCircuit):
    """The same with leaky integrate-and-fire neurons; between joint angle and muscle all is spikes.

    Stretch sensors, pacemakers and motor neurons fire; a muscle's activity follows its motor
    neurons' spikes with a time constant of 30 ms. In each tick

        v <- min(max(keep v + I, 0), 4);  s = [v >= 1];  v <- v - s

    Attributes:
        spikes: of the newest decision, (n,) summed over all neurons.
        fired: which of the neurons fired in it, (n, joints, 4) bool: sensors dorsal and ventral,
            motor neurons dorsal and ventral. Pacemakers are told by `oscillator`.

    """

    def __init__(
        self, points: Floats, cycle: float, period_s: float, sign_constrained: bool = True
    ) -> None:
        """Start at rest; `period_s` is the time of a decision."""
        super().__init__(points, cycle, sign_constrained)
        tick = period_s / TICKS
        self._keep = math.exp(-tick / MEMBRANE_S)
        self._relax = math.exp(-tick / MUSCLE_S)
        self.reset()

    def reset(self) -> None:
        """Rest."""
        super().reset()
        self._sensor = self._motor = self._muscle = np.zeros((1, 1, 2))
        self.spikes = np.zeros(len(self.points))
        self.fired = np.zeros((len(self.points), 1, 4), bool)

    def act(self, angles: Floats) -> Floats:
        """See `GradedCircuit.act`."""
        proprioception, oscillator, same, other = (w[:, None, None] for w in self.points.T)
        shape = (*angles.shape, 2)
        sensor, motor, muscle = (
            np.broadcast_to(x, shape) for x in (self._sensor, self._motor, self._muscle)
        )
        stretch, pacemaker = bend(angles), oscillator * self.oscillator()
        felt_sum, pulled_sum = np.zeros(shape), np.zeros(shape)
        current = np.empty(shape)
        for _ in range(TICKS):
            sensor, felt = self._fire(sensor, stretch)
            current[:, :1] = pacemaker
            current[:, 1:] = proprioception * felt[:, :-1]
            motor, pulled = self._fire(motor, current)
            drive = same * pulled + other * pulled[..., ::-1]
            muscle = self._relax * muscle + (1.0 - self._relax) * drive
            felt_sum, pulled_sum = felt_sum + felt, pulled_sum + pulled
        self._sensor, self._motor, self._muscle = sensor, motor, muscle
        pull = np.clip(muscle, 0.0, 1.0)
        self.fired = np.concatenate([felt_sum, pulled_sum], -1) > 0
        self.spikes = TICKS + felt_sum.sum((1, 2)) + pulled_sum.sum((1, 2))
        self.decision += 1
        return np.asarray(pull[..., 0] - pull[..., 1])

    def _fire(self, membrane: Floats, current: Floats) -> tuple[Floats, Floats]:
        charged = np.clip(self._keep * membrane + current, 0.0, CEILING)
        spikes = (charged >= 1.0).astype(np.float64)
        return charged - spikes, spikes
