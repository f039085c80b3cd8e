"""`compile`: the form of a model that is fastest for streaming one sample.

The event-driven form costs by the spikes, the dense one by the size. Which is faster depends on
the activity, so a compiled model measures that and switches, taking its states along. It decides by
the counted activity alone, never by the clock, so that a run can be repeated to the bit.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from spikeloop.parameters import suggestion
from spikeloop.snn.engine.event_driven import EventEngine
from spikeloop.snn.engine.plan import WEIGHTS, NotEventDrivenError, Stage, plan
from spikeloop.snn.engine.quantisation import quantised
from spikeloop.snn.stateful import copy_without_state, reset

FORMS = ("auto", "event", "dense")
LIMIT = 0.35
"""Share of active inputs from which the dense form is faster, where none was measured."""
PATIENCE, PROBE = 4, 32


class CompiledModel:
    """A model for one sample, one step a call, without gradients.

    Attributes:
        form: "event" or "dense", that of the last step.
        reason: why there is no event-driven form, or an empty string.
        limit: share of active inputs of all synapses above which it runs dense.
        activity: that share, of the last event-driven step.

    """

    def __init__(
        self,
        model: nn.Module,
        shape: Sequence[int],
        form: str,
        limit: float,
        weights: str = "float32",
    ) -> None:
        self.limit, self.activity, self.reason = limit, 0.0, ""
        self._shape, self._wish = tuple(shape), form
        copied = quantised(model) if weights == "int8" else copy_without_state(model)
        self._dense = copied.eval()
        self._dense.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._engine: EventEngine | None = None
        stages: list[Stage] = []
        try:
            stages = plan(self._dense, shape, weights) if form != "dense" else []
            self._engine = EventEngine(stages, shape) if stages else None
        except NotEventDrivenError as error:
            if form == "event":
                raise
            self.reason = str(error)
        sizes = ("channels_in", "rows_in", "columns_in")
        self._inputs = sum(math.prod(stage.size(name) for name in sizes) for stage in stages)
        self.form = "event" if self._engine else "dense"
        self._busy = self._steps = 0

    def __call__(self, x: Tensor) -> Tensor:
        """One time step: (1, ...) float32 to (1, ...)."""
        if self._engine is None:
            return self._step_dense(x)
        if self._wish == "auto":
            self._choose()
        if self.form == "dense":
            self._steps += 1
            return self._step_dense(x)
        return self._step_event(self._engine, x)

    def reset(self) -> None:
        """Forget the states and what was measured of the activity."""
        reset(self._dense)
        if self._engine is not None:
            self._engine.reset()
            self.form = "event"
        self._busy = self._steps = 0

    def run(self, sequence: Tensor) -> Tensor:
        """(time, 1, ...) to (time, 1, ...), from the state that is held."""
        return torch.stack([self(x) for x in sequence])

    def _step_dense(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y: Tensor = self._dense(
                x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
            )
        return y

    def _step_event(self, engine: EventEngine, x: Tensor) -> Tensor:
        y = engine.step(x)
        self.activity = sum(engine.spikes[:-1]) / self._inputs
        above = self.activity > (self.limit if self._busy < PATIENCE else 0.8 * self.limit)
        self._busy = self._busy + 1 if above else 0
        return y

    def _choose(self) -> None:
        """Go dense after some busy steps in a row; while dense, look in now and then."""
        assert self._engine is not None
        if self.form == "event" and self._busy >= PATIENCE:
            self._engine.write_states()
            self.form, self._steps = "dense", 0
        elif self.form == "dense" and self._steps >= PROBE:
            self._engine.read_states()
            self.form = "event"

    def measure(self, sequence: Tensor, repeats: int = 3) -> None:
        """Set `limit` by timing both forms on an example, then forget the states.

        The time of an event-driven step is taken as a line over the activity. Where the example's
        activity hardly varies, that line goes through a tenth of the time at no activity.

        Args:
            sequence: (time, 1, ...), such as the model will see.
            repeats: how often.

        """
        if self._engine is None:
            return
        dense: list[float] = []
        points: list[tuple[float, float]] = []
        for _ in range(repeats):
            self.reset()
            for x in sequence:
                began = time.perf_counter()
                self._step_event(self._engine, x)
                points.append((self.activity, time.perf_counter() - began))
            for x in sequence:
                began = time.perf_counter()
                self._step_dense(x)
                dense.append(time.perf_counter() - began)
        self.limit = _crossing(points, statistics.median(dense))
        self.reset()


def _crossing(points: list[tuple[float, float]], dense: float) -> float:
    """Activity at which a line through (activity, time) comes to the dense time."""
    activity, taken = np.array(points).T
    middle, typical = float(np.median(activity)), float(np.median(taken))
    slope = 0.9 * typical / max(middle, 1e-6)
    if activity.std() > 0.1 * activity.mean() and activity.mean() > 0:
        slope = max(float(np.polyfit(activity, taken, 1)[0]), 1e-9)
    return min(1.0, max(0.0, middle + (dense - typical) / slope))


def compile(
    model: nn.Module,
    shape: Sequence[int],
    form: str = "auto",
    limit: float = LIMIT,
    example: Tensor | None = None,
    weights: str = "float32",
) -> CompiledModel:
    """Compile a model for streaming one sample.

    The model is copied, in evaluation mode. Spikes equal the model's but for ties: sums are taken
    in another order, so that a membrane within about 1e-6 of its threshold may fall on either side.

    Args:
        model: any module; an event-driven form has a chain of convolutions, linear layers (with
            batch normalisation and pooling) and LIF or IF neurons (also with normalised
            membranes), and SEW blocks that add. The inputs must then be whole numbers of spikes.
        shape: of the input, without batch.
        form: "auto", "event" or "dense".
        limit: share of active inputs above which "auto" runs dense.
        example: (time, 1, ...); measures the limit instead.
        weights: "float32", or "int8" for synapses rounded as `quantisation` tells. The event-driven
            form then keeps a quarter of the bytes and adds up whole numbers, without error; the
            dense one runs the rounded weights as floats.

    Raises:
        NotEventDrivenError: form is "event", and there is none.
        ValueError: an unknown form or kind of weights.

    """
    if weights not in WEIGHTS:
        raise ValueError(
            f"weights must be one of {WEIGHTS}, not '{weights}'{suggestion(weights, WEIGHTS)}"
        )
    if form not in FORMS:
        raise ValueError(f"form must be one of {FORMS}, not '{form}'{suggestion(form, FORMS)}")
    compiled = CompiledModel(model, shape, form, limit, weights)
    if example is not None:
        compiled.measure(example)
    return compiled
