"""A spiking network that is made for given gains of a PID, without any search.

Proportional, integral and derivative part are each read from the spikes of a population. Errors are
coded by pairs of integrate-and-fire neurons of opposite sign that share a membrane and are reset by
subtraction, so that a pair's spikes sum up to its input to half a spike (a sigma-delta modulator:
Yoon, IEEE TNNLS 28(5), 2017). Pair k codes one stretch of the error: those before it fire at each
tick then, those behind it never. Stretches grow from pair to pair, as in the codes of spiking PIDs
on neuromorphic chips (Stagsted et al., RSS 2020), so small errors are told apart most finely. One
tick, with x = |e|, sign s and all pairs k:

    encoding     v_k <- v_k + s min(max(w_k x + b_k, 0), 1)   z_k = +-1 where |v_k| >= 1/2
                 v_k <- v_k - z_k
    interneuron  f = sum_k t_k z_k      m <- a m + (1 - a) f          (fast and slow synapse)
    derivative   as encoding, with f - m in place of the error, and spikes y_k
    outputs      P = sum p_k z_k        D = sum d_k y_k               (means over the decision)
                 I <- I + sum i_k z_k   within the command's limits
    command      P + I + D

f - m is the filtered derivative times its time constant, exactly as a PID filters it by backward
differences, if a tick is a decision. While the command is beyond a limit a saturation neuron fires,
which shunts what would bring I farther that way: nothing winds up.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.control.pid.config import PidConfig
from spikeloop.control.spiking_pid.network import AC_J, MAC_J, DecisionCost

Floats = NDArray[np.float64]

PAIRS = 24
TICKS = 8
QUANTUM = 0.02
"""What one spike of the finest pair adds to the command of a decision."""
ENCODING_ROWS = ("weight", "bias", "trace", "proportional", "integral")
DERIVATIVE_ROWS = ("weight", "bias", "output")
ENCODING_FAN_OUT, DERIVATIVE_FAN_OUT = 4, 1
"""P, I, and the interneuron by a fast and a slow synapse; the output."""


@dataclass(frozen=True)
class TermWeights:
    """Parameters of the network.

    Attributes:
        encoding: (5, n) float64, rows as `ENCODING_ROWS`.
        derivative: (3, n) float64, rows as `DERIVATIVE_ROWS`.
        slow: (1,), a of the interneuron's slow synapse.
        ticks: (1,), in a decision.
        period: (1,), of a decision, s.

    """

    encoding: Floats
    derivative: Floats
    slow: Floats
    ticks: Floats
    period: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of another shape, or numbers that can't be."""
        count = self.encoding.shape[1] if self.encoding.ndim == 2 else 0
        for name, array, shape in (
            ("encoding", self.encoding, (len(ENCODING_ROWS), count)),
            ("derivative", self.derivative, (len(DERIVATIVE_ROWS), count)),
            *[(name, getattr(self, name), (1,)) for name in ("slow", "ticks", "period")],
        ):
            if array.shape != shape or array.dtype != np.float64 or not count:
                raise ValueError(
                    f"{name} must be {shape} of float64, not {array.shape} of {array.dtype}"
                )
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds numbers that aren't finite")
        if not 0.0 <= self.slow[0] < 1.0 or self.ticks[0] < 1.0 or self.period[0] <= 0.0:
            raise ValueError("slow must be from 0 to 1, ticks at least 1, and period above 0")


def construct(
    gains: PidConfig, reach: float, pairs: int = PAIRS, ticks: int = TICKS, finest: float = QUANTUM
) -> TermWeights:
    """The network for gains.

    Args:
        gains: those of the PID, its period, and the limits of its command.
        reach: larger errors count as this, in the unit of the error.
        pairs: in each of the two populations.
        ticks: in a decision.
        finest: what one spike of the finest pair may add to the command of a decision.

    Raises:
        ValueError: `reach` or `finest` isn't above 0, or a count isn't at least 1.

    """
    if not (np.isfinite(reach) and reach > 0.0):
        raise ValueError(f"reach must be above 0, not {reach:g}")
    if pairs < 1 or ticks < 1:
        raise ValueError(f"pairs and ticks must be at least 1, not {pairs} and {ticks}")
    if not (np.isfinite(finest) and finest > 0.0):
        raise ValueError(f"finest must be above 0, not {finest:g}")
    tick_s = gains.period / ticks
    filter_s = max(gains.derivative_filter, 0.5 * gains.period)
    slope = gains.kd / filter_s
    most = max(abs(gains.output_low), abs(gains.output_high))
    total = max(gains.kp + slope, gains.ki * gains.period, 1e-9)
    widths = stretches(reach, finest * ticks * most / total, pairs)
    encoding = np.empty((len(ENCODING_ROWS), pairs))
    encoding[0], encoding[1] = _coding(widths)
    encoding[2], encoding[3] = widths, gains.kp * widths
    encoding[4] = gains.ki * tick_s * widths
    # As far as the derivative can outdo the proportional part and ask for the whole opposite.
    room = (gains.kp * reach + 2.0 * most) / slope if slope else reach
    widths = stretches(min(reach, room), finest * ticks * most / max(slope, 1e-9), pairs)
    derivative = np.stack([*_coding(widths), slope * widths])
    slow = filter_s / (filter_s + tick_s)
    one = [np.array([value], np.float64) for value in (slow, ticks, gains.period)]
    return TermWeights(encoding, derivative, *one)


def stretches(reach: float, finest: float, count: int) -> Floats:
    """Widths of stretches that grow by a constant factor and fill `reach`, (count,).

    The first is `finest` wide, or all are equal where that would more than fill it.
    """
    finest = min(finest, reach / count)
    low, high = 1.0, 100.0
    for _ in range(80):
        factor = 0.5 * (low + high)
        total = finest * np.power(factor, np.arange(count)).sum()
        low, high = (factor, high) if total < reach else (low, factor)
    widths = finest * np.power(0.5 * (low + high), np.arange(count))
    return np.asarray(widths * (reach / widths.sum()), np.float64)


def _coding(widths: Floats) -> tuple[Floats, Floats]:
    """Weight and bias of the pairs of these stretches."""
    begins = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    return 1.0 / widths, -begins / widths


@njit(cache=True, inline="always")
def _code(weight, bias, alive, v, spikes, x):  # type: ignore[no-untyped-def]
    """One tick of a population, in place; spikes are -1, 0 or 1."""
    size = abs(x)
    for k in range(v.shape[0]):
        drive = min(max(weight[k] * size + bias[k], 0.0), 1.0)
        v[k] += drive if x > 0.0 else -drive
        if v[k] >= 0.5:
            spikes[k] = alive[0, k]
            v[k] -= 1.0
        elif v[k] <= -0.5:
            spikes[k] = -alive[1, k]
            v[k] += 1.0
        else:
            spikes[k] = 0.0


@njit(cache=True)
def decide(  # type: ignore[no-untyped-def]
    encoding, derivative, slow, ticks, alive, v, spikes, counts, memory, error, low, high
):
    """All ticks of a decision, in place.

    Args:
        encoding: as `TermWeights`.
        derivative: as `TermWeights`.
        slow: a.
        ticks: how many.
        alive: (2, 2, n): population, sign; 0 for a dead neuron.
        v: (2, n) membranes.
        spikes: (2, n) of the last tick.
        counts: (2, 2, n) spikes in this decision.
        memory: (5,) m, I, P, D, and whether the command was beyond a limit: -1, 0, 1.
        error: of this decision.
        low: least command.
        high: greatest command.

    """
    counts[:] = 0.0
    proportional, derived = 0.0, 0.0
    for _ in range(ticks):
        _code(encoding[0], encoding[1], alive[0], v[0], spikes[0], error)
        fast, now, step = 0.0, 0.0, 0.0
        for k in range(v.shape[1]):
            z = spikes[0, k]
            fast += encoding[2, k] * z
            now += encoding[3, k] * z
            step += encoding[4, k] * z
            counts[0, 0, k] += max(z, 0.0)
            counts[0, 1, k] += max(-z, 0.0)
        memory[0] = slow * memory[0] + (1.0 - slow) * fast
        _code(derivative[0], derivative[1], alive[1], v[1], spikes[1], fast - memory[0])
        change = 0.0
        for k in range(v.shape[1]):
            y = spikes[1, k]
            change += derivative[2, k] * y
            counts[1, 0, k] += max(y, 0.0)
            counts[1, 1, k] += max(-y, 0.0)
        proportional += now / ticks
        derived += change / ticks
        if memory[4] * step <= 0.0:
            memory[1] = min(max(memory[1] + step, low), high)
    memory[2], memory[3] = proportional, derived
    wanted = proportional + derived + memory[1]
    memory[4] = 1.0 if wanted > high else (-1.0 if wanted < low else 0.0)
    return min(max(wanted, low), high)


class SpikingTerms:
    """The controller: error in, command out."""

    layers = ("encoding", "derivative")
    output_names = ("P", "D", "I")

    def __init__(self, weights: TermWeights, low: float = -1.0, high: float = 1.0) -> None:
        """Start at rest; commands are limited to [low, high]. Compiles, or loads the compiled."""
        self.weights = weights
        self.low, self.high = low, high
        self._pairs = weights.encoding.shape[1]
        self._ticks = int(weights.ticks[0])
        self._reach = float(weights.encoding[2].sum())
        self.alive = np.ones((2, 2, self._pairs))
        self.reset()
        self.update(0.0)
        self.reset()

    def reset(self) -> None:
        """All membranes, traces and outputs at 0."""
        self._v = np.zeros((2, self._pairs))
        self._spikes = np.zeros((2, self._pairs))
        self._counts = np.zeros((2, 2, self._pairs))
        self._memory = np.zeros(5)

    def update(self, error: float, jump: float = 0.0) -> float:
        """One decision.

        Args:
            error: set-point minus measurement, in the unit that the network was made for.
            jump: how far the set-point has moved since the last decision, of which the
                interneuron is told, so that it isn't taken for a motion; 0 where the error alone
                is known.

        Returns:
            The command, within the limits.

        Raises:
            ValueError: the error or the jump isn't finite; the state is as before.

        """
        for name, value in (("error", error), ("jump", jump)):
            if not np.isfinite(value):
                raise ValueError(f"{name} is {value}; it must be finite")
        weights = self.weights
        self._memory[0] = min(max(self._memory[0] + jump, -self._reach), self._reach)
        return float(
            decide(
                weights.encoding, weights.derivative, float(weights.slow[0]), self._ticks,
                self.alive, self._v, self._spikes, self._counts, self._memory, float(error),
                self.low, self.high,
            )
        )  # fmt: skip

    @property
    def outputs(self) -> tuple[float, float, float]:
        """P, D and I, which together are the command before its limits."""
        return float(self._memory[2]), float(self._memory[3]), float(self._memory[1])

    @property
    def spikes(self) -> NDArray[np.bool_]:
        """Who fired in the last decision, (4 n,): encoding +, -, derivative +, -."""
        fired: NDArray[np.bool_] = self._counts.reshape(-1) > 0.0
        return fired

    @property
    def cost(self) -> DecisionCost:
        """What the last decision cost: errors enter once, the interneuron's membrane each tick."""
        encoding, derivative = self._counts.reshape(2, -1).sum(axis=1).astype(int).tolist()
        operations = encoding * ENCODING_FAN_OUT + derivative * DERIVATIVE_FAN_OUT
        macs = 2 * self._pairs * (1 + self._ticks)
        return DecisionCost(
            encoding + derivative, operations, macs, macs * MAC_J + operations * AC_J
        )


def arrays_of(weights: TermWeights) -> dict[str, Floats]:
    """The arrays by name, as they are stored."""
    return {field.name: getattr(weights, field.name) for field in fields(weights)}
