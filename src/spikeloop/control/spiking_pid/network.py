"""The spiking controller: two symmetric networks whose outputs are summed.

After Burgers, Stroobants and de Croon, Evolving Spiking Neural Networks to Mimic PID Control for
Autonomous Blimps (arXiv 2309.12937): one network for the proportional and derivative part, one
for the integral part, both fed with the error alone. Each has 40 encoding neurons, 40 hidden
neurons with input-weighted threshold adaptation (IWTA; Stroobants et al., arXiv 2304.08778) and
one leaky output. One tick, for the error e in m and spikes s in {0, 1}:

    encoding   i <- l_i i + w e + b          v <- l_v v (1 - s) + i        s = [v > theta]
    hidden     i <- l_i i + W s_in + b       v <- l_v v (1 - s) + i        s = [v > theta_0 + d]
               d <- l_t d + A s_in
    output     u <- l_o u + (1 - l_o) w_o s

Neurons come in pairs of opposite sign that share all other parameters: encoding weights are
(w, -w), W has blocks ((same, cross), (cross, same)), A blocks a ((-1, 1), (1, -1)), output weights
are (w, -w). So u(-e) = -u(e) exactly, and half of the numbers are left to find: 281 a network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.metrics.energy import Counts, operation_energy

Floats = NDArray[np.float64]

PAIRS = 20
NETWORKS = ("pd", "i")
NEURONS = len(NETWORKS) * 2 * 2 * PAIRS

ROWS = (
    "encoding_weight",
    "encoding_bias",
    "encoding_current_leak",
    "encoding_voltage_leak",
    "encoding_threshold",
    "hidden_same",
    "hidden_cross",
    "hidden_bias",
    "hidden_current_leak",
    "hidden_voltage_leak",
    "hidden_threshold",
    "adaptation",
    "adaptation_leak",
    "output_weight",
)
"""Parameters of a pair, in the order of the first axis of `Weights.pairs`."""

WEIGHT_ROWS = tuple(
    ROWS.index(name)
    for name in ("encoding_weight", "hidden_same", "hidden_cross", "adaptation", "output_weight")
)
"""Those of the rows that are synaptic weights."""

PARAMETER_ROWS = len(ROWS)

# Rows of the state: for encoding and hidden neurons currents, voltages and spikes of + and -;
# adaptation; what the pair adds to the output.
STATE_ROWS = 14
_ENCODING_SPIKES, _HIDDEN_SPIKES = slice(4, 6), slice(10, 12)

# Synapses behind a spike: an encoding one reaches the two hidden neurons of its pair and the two
# thresholds; a hidden one the output.
ENCODING_FAN_OUT, HIDDEN_FAN_OUT = 4, 1
MAC_J = operation_energy(Counts(macs=1.0)).joules
"""Energy of a multiply-accumulate in 45 nm, 32 bit floats (Horowitz 2014), J."""
AC_J = operation_energy(Counts(acs=1.0)).joules
"""The same of an accumulate."""


@dataclass(frozen=True)
class Weights:
    """Parameters of both networks.

    Attributes:
        pairs: (2, 14, 20) float64: network (pd, i), row as in `ROWS`, pair.
        output_leak: (2,) float64, l_o of each network.

    """

    pairs: Floats
    output_leak: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of another shape, or numbers that aren't finite."""
        for name, array, shape in (
            ("pairs", self.pairs, (len(NETWORKS), len(ROWS), PAIRS)),
            ("output_leak", self.output_leak, (len(NETWORKS),)),
        ):
            if array.shape != shape or array.dtype != np.float64:
                raise ValueError(
                    f"{name} must be {shape} of float64, not {array.shape} of {array.dtype}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that aren't finite")


@dataclass(frozen=True)
class DecisionCost:
    """What one decision cost.

    Attributes:
        spikes: spikes of all neurons.
        synaptic_operations: accumulates, one for each synapse that a spike reached.
        macs: multiply-accumulates; only the real-valued error needs them.
        energy_j: `MAC_J` for each MAC and `AC_J` for each accumulate, J. Leaks are not counted.

    """

    spikes: int
    synaptic_operations: int
    macs: int
    energy_j: float


@njit(cache=True, inline="always")
def tick(p, output_leak, alive, s, output, n, error):  # type: ignore[no-untyped-def]
    """One tick of one network, in place; returns its output.

    Arrays come flat: with constant distances between their rows the compiler makes SIMD of the
    loop, four times as quick. Sums run in one order everywhere, so results are equal to the bit.

    Args:
        p: (2 * 14 * 20,), the pairs of `Weights`.
        output_leak: (2,).
        alive: (2 * 4 * 20,): 1 for a neuron that can fire, 0 for a dead one; rows are encoding +,
            -, hidden +, -.
        s: state, (2 * 14 * 20,).
        output: (2,).
        n: index of the network, 0 or 1.
        error: m.

    """
    q, r, a = n * PARAMETER_ROWS * PAIRS, n * STATE_ROWS * PAIRS, n * 4 * PAIRS
    for k in range(PAIRS):
        drive = p[q + k] * error
        i_p = p[q + 2 * PAIRS + k] * s[r + k] + (p[q + PAIRS + k] + drive)
        i_m = p[q + 2 * PAIRS + k] * s[r + PAIRS + k] + (p[q + PAIRS + k] - drive)
        keep = p[q + 3 * PAIRS + k]
        v_p = keep * s[r + 2 * PAIRS + k] * (1.0 - s[r + 4 * PAIRS + k]) + i_p
        v_m = keep * s[r + 3 * PAIRS + k] * (1.0 - s[r + 5 * PAIRS + k]) + i_m
        threshold = p[q + 4 * PAIRS + k]
        e_p = alive[a + k] if v_p > threshold else 0.0
        e_m = alive[a + PAIRS + k] if v_m > threshold else 0.0
        s[r + k], s[r + PAIRS + k] = i_p, i_m
        s[r + 2 * PAIRS + k], s[r + 3 * PAIRS + k] = v_p, v_m
        s[r + 4 * PAIRS + k], s[r + 5 * PAIRS + k] = e_p, e_m

        same, cross, bias = p[q + 5 * PAIRS + k], p[q + 6 * PAIRS + k], p[q + 7 * PAIRS + k]
        d = p[q + 12 * PAIRS + k] * s[r + 12 * PAIRS + k] + p[q + 11 * PAIRS + k] * (e_m - e_p)
        i_p = p[q + 8 * PAIRS + k] * s[r + 6 * PAIRS + k] + (bias + (same * e_p + cross * e_m))
        i_m = p[q + 8 * PAIRS + k] * s[r + 7 * PAIRS + k] + (bias + (same * e_m + cross * e_p))
        keep = p[q + 9 * PAIRS + k]
        v_p = keep * s[r + 8 * PAIRS + k] * (1.0 - s[r + 10 * PAIRS + k]) + i_p
        v_m = keep * s[r + 9 * PAIRS + k] * (1.0 - s[r + 11 * PAIRS + k]) + i_m
        threshold = p[q + 10 * PAIRS + k]
        h_p = alive[a + 2 * PAIRS + k] if v_p > threshold + d else 0.0
        h_m = alive[a + 3 * PAIRS + k] if v_m > threshold - d else 0.0
        s[r + 6 * PAIRS + k], s[r + 7 * PAIRS + k] = i_p, i_m
        s[r + 8 * PAIRS + k], s[r + 9 * PAIRS + k] = v_p, v_m
        s[r + 10 * PAIRS + k], s[r + 11 * PAIRS + k] = h_p, h_m
        s[r + 12 * PAIRS + k] = d
        s[r + 13 * PAIRS + k] = p[q + 13 * PAIRS + k] * (h_p - h_m)
    total = 0.0
    for k in range(PAIRS):
        total += s[r + 13 * PAIRS + k]
    output[n] = output_leak[n] * output[n] + (1.0 - output_leak[n]) * total
    return output[n]


@njit(cache=True)
def decide(pairs, output_leak, alive, state, output, error):  # type: ignore[no-untyped-def]
    """One tick of both networks, in place; returns the sum of their outputs. See `tick`."""
    return tick(pairs, output_leak, alive, state, output, 0, error) + tick(
        pairs, output_leak, alive, state, output, 1, error
    )


class SpikingPid:
    """The controller: error in, command out, one tick a decision.

    Beside the two networks there is nothing: no proportional term, no derivative, no integrator.
    """

    layers = ("PD encoding", "PD hidden", "I encoding", "I hidden")
    output_names: tuple[str, ...] = ("PD", "I")

    def __init__(self, weights: Weights, low: float = -1.0, high: float = 1.0) -> None:
        """Start at rest; commands are limited to [low, high]. Compiles, or loads the compiled."""
        self.weights = weights
        self.low, self.high = low, high
        self.alive = np.ones((len(NETWORKS), 4, PAIRS))
        self._flat = weights.pairs.reshape(-1)
        self.reset()
        self.update(0.0)
        self.reset()

    def reset(self) -> None:
        """All currents, voltages, spikes, thresholds' adaptation and outputs at 0."""
        self._state = np.zeros((len(NETWORKS), STATE_ROWS, PAIRS))
        self._output = np.zeros(len(NETWORKS))

    def update(self, error: float, jump: float = 0.0) -> float:
        """One decision.

        Args:
            error: set-point minus measurement, m.
            jump: how far the set-point has moved, of which these networks aren't told.

        Returns:
            The command, within the limits.

        Raises:
            ValueError: the error isn't finite; the state is as before.

        """
        if not np.isfinite(error):
            raise ValueError(f"error is {error}; it must be finite")
        command = decide(
            self._flat,
            self.weights.output_leak,
            self.alive.reshape(-1),
            self._state.reshape(-1),
            self._output,
            float(error),
        )
        return min(max(float(command), self.low), self.high)

    @property
    def outputs(self) -> tuple[float, float]:
        """Membranes of the two outputs, PD and I; their sum is the command before its limits."""
        return float(self._output[0]), float(self._output[1])

    @property
    def spikes(self) -> NDArray[np.bool_]:
        """Who fired in the last tick, (160,): PD's encoding +, -, hidden +, -, then the I's."""
        rows = (self._state[:, _ENCODING_SPIKES], self._state[:, _HIDDEN_SPIKES])
        fired: NDArray[np.bool_] = np.concatenate(rows, axis=1).reshape(NEURONS) > 0.0
        return fired

    @property
    def cost(self) -> DecisionCost:
        """What the last decision cost."""
        encoding = int(self._state[:, _ENCODING_SPIKES].sum())
        hidden = int(self._state[:, _HIDDEN_SPIKES].sum())
        operations = encoding * ENCODING_FAN_OUT + hidden * HIDDEN_FAN_OUT
        macs = len(NETWORKS) * 2 * PAIRS
        return DecisionCost(encoding + hidden, operations, macs, macs * MAC_J + operations * AC_J)
