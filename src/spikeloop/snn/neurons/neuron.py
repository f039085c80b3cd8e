"""What all neuron models share: parameters in physical units, firing and reset."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from spikeloop.parameters import suggestion
from spikeloop.snn.stateful import State, Stateful, per_channel, tensor_of
from spikeloop.snn.surrogates import ATan, Surrogate

RESETS = ("hard", "soft", "none")
SOLVERS = ("exact", "euler")


def fire(
    v: Tensor,
    threshold: Tensor,
    v_reset: Tensor,
    reset: str,
    spike: Surrogate,
    detach_reset: bool = False,
) -> tuple[Tensor, Tensor]:
    """Spikes of membranes that have been charged, and the membranes after them.

    A neuron fires where v >= threshold. Then a hard reset sets v to v_reset, a soft one takes the
    threshold off, and none leaves v as it is.

    Args:
        v: (batch, ...) membrane potentials.
        threshold: broadcasts against v.
        v_reset: broadcasts against v; for the hard reset only.
        reset: "hard", "soft" or "none".
        spike: the surrogate, which makes the spikes.
        detach_reset: let no gradient through the reset.

    Returns:
        spikes and membranes, shaped like v.

    """
    s = spike(v - threshold)
    if reset == "none":
        return s, v
    back = s.detach() if detach_reset else s
    if reset == "soft":
        return s, v - back * threshold
    return s, v * (1 - back) + v_reset * back


def decay(tau: Tensor, dt: float, solver: str) -> Tensor:
    """Factor by which a leak of time constant tau shrinks a state in dt, both in s.

    "exact": exp(-dt/tau), for an input that is constant through the step. "euler": 1 - dt/tau,
    the forward Euler step that most libraries and NIR's references take.
    """
    return torch.exp(-dt / tau) if solver == "exact" else 1 - dt / tau


class Neuron(Stateful):
    """Base of the neuron models.

    Args:
        dt: time step, s.
        threshold: potential at which it fires.
        v_reset: potential after a hard reset.
        reset: "hard", "soft" or "none".
        solver: "exact" or "euler", see `decay`.
        surrogate: gradient of the spike.
        detach_reset: let no gradient through the reset.
        learn: names of parameters to learn, of `learnable`. Time constants are learned as
            tau = floor + exp(raw), with floor dt for the Euler solver (there dt/tau is then
            sigmoid(-raw + log(dt)), as in PLIF) and 0 otherwise; thresholds as exp(raw).
        channels: learn one value a channel instead of one for all.

    Raises:
        ValueError: an unknown name, or a number that makes no sense; the message says which.

    """

    learnable: tuple[str, ...] = ("threshold", "v_reset")
    positive: tuple[str, ...] = ("threshold",)
    time_constants: tuple[str, ...] = ()

    def __init__(
        self,
        dt: float,
        *,
        threshold: Any = 1.0,
        v_reset: Any = 0.0,
        reset: str = "hard",
        solver: str = "exact",
        surrogate: Surrogate | None = None,
        detach_reset: bool = False,
        learn: Collection[str] = (),
        channels: int | None = None,
    ) -> None:
        super().__init__()
        _check_choice("reset", reset, RESETS)
        _check_choice("solver", solver, SOLVERS)
        for name in learn:
            _check_choice("learn", name, self.learnable)
        if not (math.isfinite(dt) and dt > 0):
            raise ValueError(f"{self.label}: dt must be a positive time in s, not {dt}")
        self.dt, self.reset_mode, self.solver = float(dt), reset, solver
        self.surrogate: Surrogate = surrogate or ATan()
        self.detach_reset = detach_reset
        self._learn, self._channels = tuple(learn), channels
        self.declare("threshold", threshold)
        self.declare("v_reset", v_reset)

    def declare(self, name: str, value: Any) -> None:
        """Make a parameter: learned if the constructor was told so, else a buffer.

        Raises:
            ValueError: a time constant that isn't positive, or shorter than an Euler step.

        """
        tensor = tensor_of(value)
        if name in self.time_constants:
            shortest = float(tensor.min())
            if not shortest > 0:
                raise ValueError(f"{self.label}: {name} must be a positive time in s")
            # Files tell time constants in float32, dt in float64.
            if self.solver == "euler" and shortest < self.dt * (1 - 1e-6):
                raise ValueError(
                    f"{self.label}: {name} {shortest:g} s is shorter than the step dt "
                    f"{self.dt:g} s, which the Euler solver can't take; use solver='exact' or a "
                    "smaller dt"
                )
        if name not in self._learn:
            self.register_buffer(name, tensor)
            return
        tensor = tensor.to(torch.get_default_dtype())
        if self._channels is not None and tensor.ndim == 0:
            tensor = tensor.repeat(self._channels)
        if name in self.positive and not bool((tensor > 0).all()):
            raise ValueError(f"{self.label}: a learned {name} must start above 0")
        tensor = tensor - self._floor(name)
        if name in self.positive or name in self.time_constants:
            tensor = tensor.clamp_min(1e-12).log()
        setattr(self, f"{name}_raw", nn.Parameter(tensor))

    def _floor(self, name: str) -> float:
        return self.dt if name in self.time_constants and self.solver == "euler" else 0.0

    def value(self, name: str) -> Tensor:
        """A parameter in its unit, learned or not: () , (channels,) or a neuron's shape."""
        if name not in self._learn:
            tensor: Tensor = getattr(self, name)
            return tensor
        raw: Tensor = getattr(self, f"{name}_raw")
        if name in self.positive or name in self.time_constants:
            return raw.exp() + self._floor(name)
        return raw

    def fitted(self, name: str, x: Tensor) -> Tensor:
        """The same, in the type of x and ready to broadcast against it."""
        return self.shaped(name, x).to(x.dtype)

    def shaped(self, name: str, x: Tensor) -> Tensor:
        """The same in its own type, so that coefficients are rounded only once."""
        return per_channel(self.value(name), x, self.label, name)

    def keep(self, name: str, x: Tensor) -> Tensor:
        """Factor that a state with this time constant keeps in one step, in its own type."""
        return per_channel(decay(self.value(name), self.dt, self.solver), x, self.label, name)

    def initial_state(self, x: Tensor) -> State:
        """All at 0."""
        return tuple(torch.zeros_like(x) for _ in self.state_names)

    def fire(self, v: Tensor, threshold: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Spikes, and the membranes after the reset, by this neuron's parameters."""
        level = self.fitted("threshold", v) if threshold is None else threshold
        back = self.fitted("v_reset", v)
        return fire(v, level, back, self.reset_mode, self.surrogate, self.detach_reset)

    def extra_repr(self) -> str:
        """What `print(model)` tells."""
        return f"dt={self.dt:g}, reset={self.reset_mode}, solver={self.solver}"


def _check_choice(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(
            f"{name} must be one of {', '.join(known)}, not '{value}'{suggestion(value, known)}"
        )
