"""Steering by the balance of flow at left and right, stopping by its expansion, with spikes.

Bees keep to the middle of a tunnel by balancing the flow that their eyes see (Srinivasan et al.,
"Honeybee navigation en route to the goal", J. Exp. Biol. 1996). Here the flow, less what the
robot's own turning adds (Longuet-Higgins and Prazdny 1980, eq. 2.7), gives each band of columns
its rate of expansion, u / x = V / Z, the inverse of the time until that depth is passed. It charges
one leaky integrate-and-fire neuron a band. Bands excite the motor neuron that turns away from
their side and inhibit the other; all excite one that slows down and stops. The motor neurons'
spikes, low-passed, are the command (as in Milde et al., "Obstacle avoidance and target acquisition
for robot navigation using a mixed signal analog/digital neuromorphic processing system", Front.
Neurorobot. 2017, by other weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.control.flow_reflex.config import FlowReflexConfig

DT_S = 0.001
LEFT, RIGHT, STOP = range(3)
LEAST_PIXELS, LEAST_SQUARES = 12, 4.0
"""With flow of fewer pixels, or of less weight, nothing is said."""
MIDDLE_X = 0.2
"""So near to the middle, in focal lengths, flow tells of turning, hardly of depth."""


@dataclass(frozen=True)
class ReflexCost:
    """What the last decision took.

    Attributes:
        spikes: of all neurons.
        accumulates: synaptic operations that spikes caused.

    """

    spikes: int
    accumulates: int


class FlowReflex:
    """One decision a flow field: forward speed and turn rate."""

    def __init__(self, config: FlowReflexConfig | None = None) -> None:
        """Bring all membranes to rest."""
        self.config = config or FlowReflexConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        bands = self.config.bands
        self.membranes = np.zeros(bands + 3)
        self.fired: NDArray[np.int64] = np.zeros(bands + 3, np.int64)
        self.traces = np.zeros(3)
        self._sums = np.zeros((2, bands))
        self.cost = ReflexCost(0, 0)

    def decide(
        self, flow: NDArray[np.float32], turn_rate: float, duration_s: float
    ) -> tuple[float, float]:
        """Run the network on a flow field.

        Args:
            flow: (h, w, 2) pixels/s along columns and rows, NaN where unknown.
            turn_rate: of the robot, rad/s, left positive, while the flow was seen.
            duration_s: so long the field is shown to the network; a step is 1 ms.

        Returns:
            forward speed, m/s, and turn rate, rad/s, left positive.

        """
        c = self.config
        charges = c.gain * DT_S * self.expansion(flow, turn_rate)
        steps = max(1, round(duration_s / DT_S))
        self.fired[:] = 0
        operations = _run(
            self.membranes, self.fired, self.traces, charges, steps,
            math.exp(-DT_S / c.tau), math.exp(-DT_S / c.trace_tau), 1.0 / c.trace_tau,
        )  # fmt: skip
        self.cost = ReflexCost(int(self.fired.sum()), int(operations))
        turn = c.turn_gain * (self.traces[LEFT] - self.traces[RIGHT])
        speed = c.speed * max(0.0, 1.0 - c.stop_gain * self.traces[STOP])
        return float(speed), float(min(max(turn, -c.turn_rate), c.turn_rate))

    def expansion(self, flow: NDArray[np.float32], turn_rate: float) -> NDArray[np.float64]:
        """What each band adds to V / Z of its half of the picture, 1/s.

        The sum over a half is the least-squares fit of u = x V / Z to all of its pixels, of this
        flow and, fading, of those before; so near to the middle, where x is small, flow counts
        for little. `turn_rate` and `flow` as in `decide`.
        """
        c = self.config
        flow = flow[: max(1, round(c.rows * len(flow)))]
        width = flow.shape[1]
        focal = c.focal * width if c.focal > 0.0 else 0.5 * width / math.tan(0.5 * c.field)
        x = (np.arange(width) - 0.5 * (width - 1)) / focal
        # Turning to the left moves what is seen to the right.
        u = flow[..., 0] / focal - turn_rate * (1.0 + x * x)
        known = np.isfinite(u)
        # What the gyroscope's and the flow's times differ by is a turn too; the middle shows it.
        middle = known & (np.abs(x) < MIDDLE_X)
        if middle.sum() >= LEAST_PIXELS:
            u = u - u[middle].mean() * (1.0 + x * x)
        edges = np.linspace(0, width, c.bands + 1).astype(int)[:-1]
        now = [
            np.add.reduceat(np.where(known, part, 0.0).sum(axis=0), edges)
            for part in (u * x, np.broadcast_to(x * x, u.shape))
        ]
        self._sums = c.fading * self._sums + np.stack(now)
        products, squares = self._sums
        half = c.bands // 2
        sides = np.repeat([squares[:half].sum(), squares[half:].sum()], half)
        out = np.zeros(c.bands)
        np.divide(products, sides, out=out, where=sides > LEAST_SQUARES)
        return out


@numba.njit(cache=True, nogil=True)
def _run(membranes, fired, traces, charges, steps, keep, keep_trace, rise):  # type: ignore[no-untyped-def]
    """Step the network, 1 ms each; thresholds are 1, resets subtract it."""
    bands = len(charges)
    half = bands // 2
    weight = 0.5
    operations = 0
    for _ in range(steps):
        left = right = stop = 0.0
        for k in range(bands):
            membranes[k] = max(keep * membranes[k] + charges[k], -1.0)
            if membranes[k] >= 1.0:
                membranes[k] -= 1.0
                fired[k] += 1
                # What nears at the right turns to the left.
                away = weight if k >= half else -weight
                left += away
                right -= away
                operations += 3
                stop += weight
        for k, charge in ((0, left), (1, right), (2, stop)):
            n = bands + k
            membranes[n] = max(keep * membranes[n] + charge, -1.0)
            traces[k] *= keep_trace
            if membranes[n] >= 1.0:
                membranes[n] -= 1.0
                fired[n] += 1
                traces[k] += rise
    return operations
