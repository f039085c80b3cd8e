"""The spiking circuit as controller of a swimmer: observations in, torques out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.circuit.worm import TICKS, CircuitKind, SpikingCircuit, bend
from spikeloop.metrics.energy import Counts, operation_energy

Floats = NDArray[np.float64]


class Controller:
    """Decides, and counts what that costs.

    Attributes:
        joints: motors of the body.
        torques: of the newest decision, (joints,).

    """

    def __init__(
        self, kind: CircuitKind, weights: Floats, links: int, cycle: float, period_s: float
    ) -> None:
        """Take the weights.

        Args:
            kind: a form of the circuit that spikes.
            weights: (weights,) as its wiring names them.
            links: of the body, 3 or more.
            cycle: decisions of the oscillator's period, if it has one.
            period_s: time of a decision.

        Raises:
            ValueError: `kind` has graded neurons.

        """
        if not kind.spiking:
            raise ValueError("this circuit has graded neurons; the controller is for spiking ones")
        self.joints = links - 1
        self.values = 2 * self.joints + 4
        """Of an observation of Gymnasium's swimmer: heading, joints, and the rates of all."""
        self._circuit = SpikingCircuit(
            weights[None], kind.wiring, cycle, period_s, kind.sign_constrained
        )
        self.torques = np.zeros(self.joints)
        self._stretched = 0

    def reset(self) -> None:
        """Rest, and the oscillator's start."""
        self._circuit.reset()
        self.torques = np.zeros(self.joints)

    def decide(self, observation: Sequence[float]) -> list[float]:
        """Torques from -1 to 1 for an observation of Gymnasium's swimmer.

        Raises:
            ValueError: the observation has another number of values, or one that isn't finite.

        """
        if len(observation) != self.values:
            raise ValueError(
                f"an observation of {len(observation)} values, but a swimmer of "
                f"{self.joints + 1} links has {self.values}"
            )
        if not all(map(math.isfinite, observation)):
            raise ValueError("an observation that isn't finite")
        angles = np.asarray(observation[1 : 1 + self.joints], np.float64)[None]
        self._stretched = int((bend(angles) > 0).sum())
        self.torques = self._circuit.act(angles)[0]
        return [float(torque) for torque in self.torques]

    @property
    def spikes(self) -> int:
        """Of the newest decision, with the oscillator's."""
        return int(self._circuit.spikes[0])

    @property
    def counts(self) -> Counts:
        """Operations of the newest decision.

        A pacemaker's spike goes to one motor neuron, a sensor's to those that its wiring says, a
        motor neuron's to two muscles; the bend of each joint is a current, so that it costs a
        multiply-accumulate a tick.
        """
        neurons = 4 * self.joints
        circuit = self._circuit
        sensed = circuit.sensor_spikes[0].sum(1) @ circuit.wiring.reach(self.joints)
        return Counts(
            macs=float(TICKS * self._stretched),
            acs=float(circuit.pacemaker_spikes + sensed + 2.0 * circuit.motor_spikes.sum()),
            updates=float(TICKS * neurons),
        )

    @property
    def energy_j(self) -> float:
        """Of the newest decision, by the model of 45 nm operations, J."""
        return operation_energy(self.counts).joules

    def fired(self) -> list[int]:
        """Which neurons fired: sensors of all joints, dorsal then ventral, then motor neurons."""
        both = (self._circuit.sensor_spikes[0], self._circuit.motor_spikes[0])
        flags = np.concatenate([spikes.ravel() for spikes in both])
        return [int(index) for index in np.flatnonzero(flags)]
