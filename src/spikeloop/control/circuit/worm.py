"""The swimming circuit of C. elegans, graded and spiking: four weights, whatever the length.

At each joint a dorsal and a ventral motor neuron pull their own muscle and relax the other's. How
they are driven is a *wiring*, whose few weights all joints share, with fixed signs:

`OSCILLATOR`, after Bhattasali, Zador and Engel, "Neural Circuit Architectural Priors for Embodied
Control" (NeurIPS 2022, arXiv 2201.05242): the head follows an oscillator, all other joints the bend
of the joint before, so that a wave runs to the tail.

`PROPRIOCEPTION`: no oscillator. The head bends away from where the joint behind it is bent, as by
the stretch receptors along the body from which Boyle, Berri and Cohen ("Gait modulation in C.
elegans: an integrated neuromechanical model", Front. Comput. Neurosci. 6:10, 2012) get the worm's
rhythm; all other joints follow the joint before, each resists its own bend, and dorsal and ventral
motor neurons inhibit each other. The rhythm comes from the body, and fits it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TICKS = 8
"""Time steps of the neurons in a decision."""
MUSCLE_S = 0.03
CEILING = 4.0
"""Largest membrane before the reset: a strong input is answered by a burst, but not for long."""


class Wiring(ABC):
    """Who drives the motor neurons.

    Attributes:
        weights: names of the weights.
        signs: of these, (weights,).
        initial: before any learning, (weights,).
        membrane_s: time constant of its neurons where they spike, s.
        paced: whether an oscillator takes part.

    """

    weights: tuple[str, ...]
    signs: Floats
    initial: Floats
    membrane_s: float
    paced: bool

    @abstractmethod
    def drive(self, points: Floats, felt: Floats, pacemaker: Floats) -> Floats:
        """Currents of the motor neurons, (n, joints, 2) dorsal and ventral.

        Args:
            points: (n, weights).
            felt: (n, joints, 2) stretch of the dorsal and ventral side, or its spikes.
            pacemaker: (2,) the oscillator's dorsal and ventral half.

        """

    @abstractmethod
    def pull(self, points: Floats, motor: Floats) -> Floats:
        """What reaches the muscles, (n, joints, 2), of the motor neurons' activity."""

    @abstractmethod
    def reach(self, joints: int) -> Floats:
        """To how many motor neurons each joint's sensors go, (joints,)."""


class _Oscillator(Wiring):
    """The paper's wiring."""

    weights = ("proprioception", "oscillator", "ipsilateral", "contralateral")
    signs = np.array([1.0, 1.0, 1.0, -1.0])
    initial = signs.copy()
    membrane_s = 0.05
    paced = True

    def drive(self, points: Floats, felt: Floats, pacemaker: Floats) -> Floats:
        current = np.empty_like(felt)
        current[:, :1] = points[:, 1, None, None] * pacemaker
        current[:, 1:] = points[:, 0, None, None] * felt[:, :-1]
        return current

    def pull(self, points: Floats, motor: Floats) -> Floats:
        same, other = points[:, 2, None, None], points[:, 3, None, None]
        return np.asarray(same * motor + other * motor[..., ::-1])

    def reach(self, joints: int) -> Floats:
        return np.array([1.0] * (joints - 1) + [0.0])


class _Proprioception(Wiring):
    """Stretch alone; see the module."""

    weights = ("posterior", "anterior", "own", "muscle")
    signs = np.array([-1.0, 1.0, -1.0, 1.0])
    initial = 3.0 * signs
    # Sensors that leak less fire at smaller bends; a rhythm made of bends lives by these.
    membrane_s = 0.2
    paced = False

    def drive(self, points: Floats, felt: Floats, pacemaker: Floats) -> Floats:
        if felt.shape[1] < 2:
            raise ValueError("a rhythm by proprioception needs a body of two joints or more")
        posterior, anterior, own = (points[:, k, None, None] for k in range(3))
        bent = felt - felt[..., ::-1]
        current = own * bent
        current[:, 1:] += anterior * bent[:, :-1]
        current[:, :1] += posterior * bent[:, 1:2]
        return np.asarray(current)

    def pull(self, points: Floats, motor: Floats) -> Floats:
        return np.asarray(points[:, 3, None, None] * (motor - motor[..., ::-1]))

    def reach(self, joints: int) -> Floats:
        reached = np.full(joints, 4.0)  # both motor neurons of its own joint and of the next
        reached[-1] -= 2.0
        reached[1] += 2.0  # the head's
        return reached


OSCILLATOR: Wiring = _Oscillator()
PROPRIOCEPTION: Wiring = _Proprioception()


@dataclass(frozen=True)
class CircuitKind:
    """A form of the circuit."""

    wiring: Wiring
    spiking: bool = True
    sign_constrained: bool = True


CIRCUITS = {
    "proprioceptive": CircuitKind(PROPRIOCEPTION),
    "proprioceptive_graded": CircuitKind(PROPRIOCEPTION, spiking=False),
    "spiking": CircuitKind(OSCILLATOR),
    "graded": CircuitKind(OSCILLATOR, spiking=False),
    "unsigned": CircuitKind(OSCILLATOR, sign_constrained=False),
}
"""By name; "unsigned" is an ablation, the spiking circuit that doesn't know its signs."""


def signed(points: Floats, signs: Floats) -> Floats:
    """Weights with a wrong sign are 0; (..., weights)."""
    return np.asarray(signs * np.maximum(signs * points, 0.0))


def bend(angles: Floats) -> Floats:
    """Stretch of the dorsal and ventral side, 0 to 1; (n, joints, 2) of angles (n, joints)."""
    most = 2.0 * math.pi / (angles.shape[1] + 1)
    part = np.clip(angles / most, -1.0, 1.0)
    return np.stack([np.maximum(part, 0.0), np.maximum(-part, 0.0)], -1)


@dataclass
class GradedCircuit:
    """Neurons with graded potentials, cut to 0..1, as in the paper.

    Attributes:
        points: (n, weights) of n circuits; signs that don't fit count as 0.
        wiring: which weights these are.
        cycle: decisions of the oscillator's period, if the wiring has one.
        sign_constrained: whether signs are fixed; else any will do, as an ablation.
        decision: how many were made.

    """

    points: Floats
    wiring: Wiring
    cycle: float
    sign_constrained: bool = True
    decision: int = 0

    def __post_init__(self) -> None:
        """Fix the signs."""
        if self.sign_constrained:
            self.points = signed(self.points, self.wiring.signs)

    def reset(self) -> None:
        """Begin at the oscillator's start."""
        self.decision = 0

    def oscillator(self) -> Floats:
        """Its dorsal and ventral half, (2,): the first, then the other is 1."""
        first = (self.decision % self.cycle) < 0.5 * self.cycle
        return np.array([float(first), float(not first)])

    def act(self, angles: Floats) -> Floats:
        """Torques (n, joints), -1 to 1, of joint angles (n, joints) in rad."""
        motor = self.wiring.drive(self.points, bend(angles), self.oscillator())
        muscle = np.clip(self.wiring.pull(self.points, np.clip(motor, 0.0, 1.0)), 0.0, 1.0)
        self.decision += 1
        return np.asarray(muscle[..., 0] - muscle[..., 1])


class SpikingCircuit(GradedCircuit):
    """The same with leaky integrate-and-fire neurons; between joint angle and muscle all is spikes.

    Stretch sensors, pacemakers and motor neurons fire; a muscle's activity follows its motor
    neurons' spikes with a time constant of 30 ms. In each tick

        v <- min(max(keep v + I, 0), 4);  s = [v >= 1];  v <- v - s

    Attributes:
        sensor_spikes: of the newest decision, (n, joints, 2) dorsal and ventral.
        motor_spikes: likewise.
        pacemaker_spikes: likewise, of both halves together; 0 without an oscillator.

    """

    def __init__(
        self,
        points: Floats,
        wiring: Wiring,
        cycle: float,
        period_s: float,
        sign_constrained: bool = True,
    ) -> None:
        """Start at rest; `period_s` is the time of a decision."""
        super().__init__(points, wiring, cycle, sign_constrained)
        tick = period_s / TICKS
        self._keep = math.exp(-tick / wiring.membrane_s)
        self._relax = math.exp(-tick / MUSCLE_S)
        self.pacemaker_spikes = TICKS * wiring.paced
        self.reset()

    def reset(self) -> None:
        """Rest."""
        super().reset()
        self._sensor = self._motor = self._muscle = np.zeros((1, 1, 2))
        self.sensor_spikes = self.motor_spikes = np.zeros((len(self.points), 1, 2))

    @property
    def spikes(self) -> Floats:
        """Of the newest decision, (n,) summed over all neurons."""
        both = self.sensor_spikes.sum((1, 2)) + self.motor_spikes.sum((1, 2))
        return np.asarray(self.pacemaker_spikes + both)

    def act(self, angles: Floats) -> Floats:
        """See `GradedCircuit.act`."""
        shape = (*angles.shape, 2)
        sensor, motor, muscle = (
            np.broadcast_to(x, shape) for x in (self._sensor, self._motor, self._muscle)
        )
        stretch, pacemaker = bend(angles), self.oscillator()
        felt_sum, pulled_sum = np.zeros(shape), np.zeros(shape)
        for _ in range(TICKS):
            sensor, felt = self._fire(sensor, stretch)
            motor, pulled = self._fire(motor, self.wiring.drive(self.points, felt, pacemaker))
            drive = self.wiring.pull(self.points, pulled)
            muscle = self._relax * muscle + (1.0 - self._relax) * drive
            felt_sum, pulled_sum = felt_sum + felt, pulled_sum + pulled
        self._sensor, self._motor, self._muscle = sensor, motor, muscle
        pull = np.clip(muscle, 0.0, 1.0)
        self.sensor_spikes, self.motor_spikes = felt_sum, pulled_sum
        self.decision += 1
        return np.asarray(pull[..., 0] - pull[..., 1])

    def _fire(self, membrane: Floats, current: Floats) -> tuple[Floats, Floats]:
        charged = np.clip(self._keep * membrane + current, 0.0, CEILING)
        spikes = (charged >= 1.0).astype(np.float64)
        return charged - spikes, spikes
