"""A trained network decides, one observation after the other: compiled, and without torch.

The equations are those of `attention.SpikingBlock` and `streaming.Stream`, to which a test compares
it. Weights are added for each spike, so silent neurons cost nothing here either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spikeloop.control.decision_transformer.config import STEP_S, TAU_S, TOKENS, ModelConfig
from spikeloop.control.decision_transformer.cost import Cost, assembled

Floats = NDArray[np.float32]
ONE, ZERO, LOWEST = np.float32(1.0), np.float32(0.0), np.float32(-np.inf)
INPUTS = ("before", "returns", "state")
LAYERS = ("key", "value", "query", "attended", "hidden", "output")


class CompiledStream:
    """One episode at a time; the spikes of earlier tokens are kept, as in `Stream`.

    Attributes:
        cost: of the newest decision.
        spikes: newest spikes of each layer by its name, (tokens, steps, neurons) float32.

    """

    def __init__(self, config: ModelConfig, arrays: Mapping[str, Floats]) -> None:
        """Take the weights.

        Args:
            config: sizes and switches.
            arrays: the spiking model's state, by its names in torch.

        """
        self.config = config
        self._encode = [
            (_turned(arrays, f"encode.{name}"), _flat(arrays[f"encode.{name}.bias"]))
            for name in INPUTS
        ]
        self._head = np.array(arrays["head.weight"]), np.array(arrays["head.bias"])
        self._keep = np.float32(math.exp(-STEP_S / TAU_S))
        self._blocks = [
            _Block(config, arrays, index, index == config.blocks - 1)
            for index in range(config.blocks)
        ]
        self._tokens = np.zeros((TOKENS, config.steps, config.width), np.float32)
        self.spikes = {f"lif.{name}": self._tokens[i : i + 1] for i, name in enumerate(INPUTS)}
        for index, block in enumerate(self._blocks):
            names = (f"blocks.{index}.lif.{name}" for name in LAYERS)
            self.spikes |= dict(zip(names, block.layers, strict=True))
        self._inputs = sum(weight.size for weight, _ in self._encode)
        self.cost = Cost()
        self.decision = 0

    def reset(self) -> None:
        """Forget the context."""
        self.decision = 0

    def decide(self, returns: Floats, states: Floats, before: Floats) -> Floats:
        """The output for the newest state, (actions,); arguments as of `Stream`, without batch."""
        config = self.config
        values = (before, returns, states)
        for token, (weight, bias), given in zip(self._tokens, self._encode, values, strict=True):
            _encode(given, weight, bias, self._keep, token)
        slot = self.decision % config.context
        filled = TOKENS * min(self.decision + 1, config.context)
        accumulated, visible = 0.0, 0
        x = self._tokens
        for block in self._blocks:
            x, more = block.run(x, self._keep, slot, filled)
            accumulated += more
            visible += config.heads * len(x) * filled if config.attention else 0
        self.decision += 1
        layers = {name: float(spikes.sum()) for name, spikes in self.spikes.items()}
        updates = float(sum(spikes.size for spikes in self.spikes.values()))
        weight, bias = self._head
        self.cost = assembled(
            config, len(bias), layers, accumulated, self._inputs + visible, updates
        )
        output: Floats = weight @ x[-1].mean(0) + bias
        return output


class _Block:
    """Weights, phase gates, cache and newest spikes of a block."""

    def __init__(
        self, config: ModelConfig, arrays: Mapping[str, Floats], index: int, last: bool
    ) -> None:
        self._config = config
        own = {
            name.removeprefix(f"blocks.{index}."): value
            for name, value in arrays.items()
            if name.startswith(f"blocks.{index}.")
        }
        steps, width, asking = config.steps, config.width, 1 if last else TOKENS
        self._weights: tuple[Any, ...] = (
            *[_turned(own, name) for name in ("key", "value", "query", "into", "mixed", "back")],
            *[_flat(own[f"{name}.bias"]) for name in ("key", "value", "query", "into", "back")],
            _flat(own["sharpness"]),
            _flat(own["gain"]),
            np.array(own["route.weight"]),
            _flat(own["route.bias"]),
        )
        n = np.arange(config.context * steps, dtype=np.float32)[:, None]
        wave = np.sin(n * own["code.frequency"] + own["code.phase"])
        gates = (wave >= 0.0) if config.phase else np.ones_like(wave)
        self._gates = gates.astype(np.float32).reshape(config.context, steps, config.heads)
        self._cache = np.zeros((2, TOKENS * config.context, steps, width), np.float32)
        sizes = (width, width, width, width, config.hidden, width)
        counts = (TOKENS, TOKENS, asking, asking, asking, asking)
        self.layers = [
            np.zeros((count, steps, size), np.float32)
            for count, size in zip(counts, sizes, strict=True)
        ]

    def run(self, x: Floats, keep: np.float32, slot: int, filled: int) -> tuple[Floats, float]:
        """The output's spikes, and the accumulates of the attention."""
        config = self._config
        accumulated = _run(
            x, keep, TOKENS * slot, filled, self._gates[slot], self._cache,
            config.attention, config.routing, *self._weights, *self.layers,
        )  # fmt: skip
        return self.layers[-1], float(accumulated)


def _turned(arrays: Mapping[str, Floats], name: str) -> Floats:
    """A weight as (inputs, outputs)."""
    return np.ascontiguousarray(arrays[f"{name}.weight"].T)


def _flat(array: Floats) -> Floats:
    return np.ascontiguousarray(array.reshape(-1))


@numba.njit(cache=True)
def _fire(current: Floats, keep: np.float32, spikes: Floats) -> None:
    """LIF neurons from rest, with soft reset; (steps, n) both."""
    for i in range(current.shape[1]):
        v = ZERO
        for t in range(len(current)):
            v = current[t, i] + keep * v
            spikes[t, i] = ONE if v >= ONE else ZERO
            v -= spikes[t, i]


@numba.njit(cache=True)
def _encode(values, weight, bias, keep, spikes):  # type: ignore[no-untyped-def]
    """Spikes (steps, width) of a token, whose current is the same in all steps."""
    current = np.zeros(spikes.shape, np.float32)
    for o in range(len(bias)):
        total = bias[o]
        for i in range(len(values)):
            total += weight[i, o] * values[i]
        current[:, o] = total
    _fire(current, keep, spikes)


@numba.njit(cache=True)
def _add(spikes, weight, current):  # type: ignore[no-untyped-def]
    """Add to currents (steps, outputs) what spikes (steps, inputs) bring, gated or not."""
    for t in range(len(spikes)):
        for i in range(spikes.shape[1]):
            size = spikes[t, i]
            if size != ZERO:
                for o in range(weight.shape[1]):
                    current[t, o] += size * weight[i, o]


@numba.njit(cache=True)
def _layer(spikes, weight, bias, keep, fired):  # type: ignore[no-untyped-def]
    current = np.zeros(fired.shape, np.float32)
    current[:] = bias
    _add(spikes, weight, current)
    _fire(current, keep, fired)


@numba.njit(cache=True)
def _gated(spikes, gates, out):  # type: ignore[no-untyped-def]
    """Spikes (steps, width) times the gates (steps, heads) of their heads."""
    size = spikes.shape[1] // gates.shape[1]
    for t in range(len(spikes)):
        for i in range(spikes.shape[1]):
            out[t, i] = spikes[t, i] * gates[t, i // size]


@numba.njit(cache=True)
def _attend(query, cache, filled, masked, end, sharpness, gain, current):  # type: ignore[no-untyped-def]
    """Currents (steps, width) of what is attended to, and how many spikes coincided.

    Slots from `masked` to before `end` aren't seen.
    """
    heads = len(sharpness)
    size = query.shape[1] // heads
    coincided = 0.0
    weight = np.zeros(filled, np.float32)
    for head in range(heads):
        columns = range(head * size, (head + 1) * size)
        most = LOWEST
        for slot in range(filled):
            if masked <= slot < end:
                continue
            agreed = ZERO
            for t in range(len(query)):
                for i in columns:
                    agreed += query[t, i] * cache[0, slot, t, i]
            coincided += float(agreed)
            weight[slot] = sharpness[head] * agreed
            most = max(most, weight[slot])
        total = ZERO
        for slot in range(filled):
            weight[slot] = ZERO if masked <= slot < end else np.exp(weight[slot] - most)
            total += weight[slot]
        for slot in range(filled):
            share = weight[slot] / total
            if share != ZERO:
                for t in range(len(query)):
                    for i in columns:
                        current[t, i] += share * cache[1, slot, t, i]
        for t in range(len(query)):
            for i in columns:
                current[t, i] *= gain[head]
    return coincided


@numba.njit(cache=True)
def _route(attended, weight, bias, gates):  # type: ignore[no-untyped-def]
    """Gates (steps, heads) of the heads, by the activity of all."""
    steps, heads = gates.shape
    size = attended.shape[1] // heads
    for t in range(steps):
        for head in range(heads):
            total = bias[head]
            for other in range(heads):
                rate = attended[t, other * size : (other + 1) * size].sum() / np.float32(size)
                total += weight[head, other] * rate
            gates[t, head] = np.float32(2.0) / (ONE + np.exp(-total))


@numba.njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    x, keep, here, filled, gates, cache, attends, routes,
    w_key, w_value, w_query, w_into, w_mixed, w_back, b_key, b_value, b_query, b_into, b_back,
    sharpness, gain, w_route, b_route, keys, values, queries, attended, hidden, output,
):  # fmt: skip
    """A block; x (tokens, steps, width), the last six are filled. Returns accumulates."""
    for j in range(len(x)):
        _layer(x[j], w_key, b_key, keep, keys[j])
        _layer(x[j], w_value, b_value, keep, values[j])
        _gated(keys[j], gates, cache[0, here + j])
        _gated(values[j], gates, cache[1, here + j])
    accumulated = 0.0
    query, routed = np.zeros_like(x[0]), np.zeros_like(x[0])
    first = len(x) - len(output)
    for m in range(len(output)):
        j = first + m
        _layer(x[j], w_query, b_query, keep, queries[m])
        current = np.zeros_like(x[0])
        if attends:
            _gated(queries[m], gates, query)
            accumulated += _attend(
                query, cache, filled, here + j + 1, here + len(x), sharpness, gain, current
            )
            accumulated += cache[1, :filled].sum()
        _fire(current, keep, attended[m])
        routed[:] = attended[m]
        if routes:
            of_heads = np.zeros_like(gates)
            _route(attended[m], w_route, b_route, of_heads)
            _gated(attended[m], of_heads, routed)
        current = np.zeros(hidden[m].shape, np.float32)
        current[:] = b_into
        _add(x[j], w_into, current)
        _add(routed, w_mixed, current)
        _fire(current, keep, hidden[m])
        _layer(hidden[m], w_back, b_back, keep, output[m])
    return accumulated
