"""A chain of stages, run event by event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spikeloop.snn.engine.kernels import (
    draw_spikes,
    list_spikes,
    pack_bits,
    settle,
    stage_pass,
    window_pass,
    words,
)
from spikeloop.snn.engine.plan import STEPS, Stage
from spikeloop.snn.engine.vectors import DRIVE, KEEP, LANES, THRESHOLD

WINDOW_BITS = 8
"""Inputs in a row of the first stage's window up to which it is run by patterns."""


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy that begins at a cache line, so that no vector lies across two."""
    flat = np.ascontiguousarray(array).reshape(-1)
    room = np.zeros(flat.nbytes + 64, np.uint8)
    begin = -room.ctypes.data % 64
    found = room[begin : begin + flat.nbytes].view(flat.dtype)
    found[:] = flat
    return found


MOST = 8
"""Greatest number of spikes of one input in a step."""


@dataclass
class Spikes:
    """A list of spikes, see `kernels`; `starts[-1]` is their number."""

    keys: NDArray[np.int32]
    starts: NDArray[np.int64]
    occupied: NDArray[np.uint64]

    @classmethod
    def empty(cls, rows: int, columns: int, capacity: int) -> Spikes:
        """No spikes yet, room for some."""
        return cls(
            # A vector of keys is written at a time.
            np.zeros(capacity + LANES, np.int32),
            np.zeros(rows * (columns + 1), np.int64),
            np.zeros(rows * words(columns), np.uint64),
        )

    def __len__(self) -> int:
        """Number of spikes."""
        return int(self.starts[-1])


class _Running:
    """A stage and all that changes while it runs."""

    def __init__(self, stage: Stage, doubled_in: int, doubled: int) -> None:
        rows, columns, columns_in = (stage.size(n) for n in ("rows", "columns", "columns_in"))
        channels, padded = stage.size("channels"), stage.size("padded")
        kernel_rows = stage.size("kernel_rows")
        self.stage = stage
        self.weight, self.table = aligned(stage.weight), aligned(stage.table)
        self.power, self.shift = aligned(stage.power), aligned(stage.shift)
        flat = aligned(np.zeros(rows * columns * padded, np.float32))
        self.states = flat.reshape(rows * columns, padded)
        self.last = np.zeros(rows * columns, np.int32)
        self.out = Spikes.empty(rows, columns, rows * columns * channels * doubled)
        self.none = Spikes.empty(rows, columns, 0)
        self.hot = [np.zeros(rows * words(columns), np.uint64) for _ in range(2)]
        self.scratch = np.zeros((2, kernel_rows), np.int64)
        window = kernel_rows * stage.size("kernel_columns") * stage.size("channels_in")
        self.found = np.zeros(window * doubled_in + LANES, np.int32)
        self.wanted = np.zeros(words(columns_in), np.uint64)
        self.first = _first_window(stage, np.arange(columns_in))
        self.run = stage_pass(min(4, padded // LANES))
        self.touched = 0

    def reset(self) -> None:
        self.states[:] = 0
        self.last[:] = 0
        for hot in self.hot:
            hot[:] = 0

    def step(self, spikes: Spikes, aside: Spikes, now: int) -> Spikes:
        before, after = self.hot
        self.touched = self.run(
            spikes.keys, spikes.starts, spikes.occupied, aside.keys, aside.starts, aside.occupied,
            self.weight, self.stage.geometry, self.states.reshape(-1), self.last, now,
            self.stage.always, self.table, self.power, self.shift, STEPS, self.first, before,
            after, self.scratch, self.found, self.wanted, self.out.keys, self.out.starts,
            self.out.occupied,
        )  # fmt: skip
        self.hot.reverse()
        return self.out

    def settle(self, now: int) -> None:
        settle(self.states, self.last, now, self.power, self.shift, STEPS)


class _Windows:
    """The first stage by patterns of bits; it shares the states of the running stage."""

    def __init__(self, running: _Running) -> None:
        stage = self.stage = running.stage
        self.running = running
        channels, self.pad = stage.size("channels_in"), stage.size("pad_columns")
        places = (stage.size("columns_in") + 2 * self.pad) * channels
        # One word more than needed, since a pattern may reach into the next.
        self.words = words(places) + 1
        self.bits = np.zeros(stage.size("rows_in") * self.words, np.uint64)
        self.wanted = np.zeros(self.words, np.uint64)
        self.patterns = np.zeros(stage.size("kernel_rows") + LANES, np.int32)
        self.first = _first_window(stage, np.arange(places) // channels - self.pad)
        size = stage.size("kernel_columns") * channels
        chosen = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        sums = chosen.astype(np.float64) @ stage.weight.astype(np.float64)
        self.weight = aligned(sums.astype(np.float32))
        self.run = window_pass(min(4, stage.size("padded") // LANES))

    def pack(self, picture: NDArray[np.float32]) -> int:
        sizes = [self.stage.size(n) for n in ("channels_in", "rows_in", "columns_in")]
        return int(pack_bits(picture, *sizes, self.pad, self.bits, self.words))

    def step(self, now: int) -> Spikes:
        r = self.running
        before, after = r.hot
        r.touched = self.run(
            self.bits, self.words, self.weight, self.stage.geometry, r.states.reshape(-1), r.last,
            now, self.stage.always, r.table, r.power, r.shift, STEPS, self.first, before, after,
            r.scratch, self.patterns, self.wanted, r.out.keys, r.out.starts, r.out.occupied,
        )  # fmt: skip
        r.hot.reverse()
        return r.out


def _first_window(stage: Stage, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first output column whose window holds each input column."""
    behind = columns + stage.size("pad_columns") - stage.size("kernel_columns") + 1
    first: NDArray[np.int64] = np.maximum(0, -(-behind // stage.size("stride_columns")))
    return first.astype(np.int64)


class EventEngine:
    """Runs stages for one sample, one step a call.

    Args:
        stages: see `plan`.
        shape: of the input, without batch.

    Attributes:
        spikes: number of input spikes and of those of each stage, in the last step.
        touched: pixels that each stage touched in the last step.

    """

    def __init__(self, stages: Sequence[Stage], shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self._picture = self.shape if len(self.shape) == 3 else (self.shape[0], 1, 1)
        channels, rows, columns = self._picture
        self._input = Spikes.empty(rows, columns, MOST * channels * rows * columns)
        most = [MOST]
        for stage in stages:
            most.append(1 + (0 if stage.shortcut is None else most[stage.shortcut]))
        self._running = [
            _Running(stage, *both) for stage, both in zip(stages, pairwise(most), strict=True)
        ]
        few = stages[0].size("kernel_columns") * channels <= WINDOW_BITS
        named = any(stage.shortcut == 0 for stage in stages)
        self._windows = _Windows(self._running[0]) if few and not named else None
        final = stages[-1]
        self.output_shape = tuple(final.size(n) for n in ("channels", "rows", "columns"))
        self._now = 0
        self.spikes: list[int] = []
        self.touched: list[int] = []

    def reset(self) -> None:
        """Forget the states."""
        self._now = 0
        for stage in self._running:
            stage.reset()

    def step(self, x: Tensor) -> Tensor:
        """One time step: (1, channels, rows, columns) or (1, features), whole numbers of spikes.

        Returns:
            (1, channels, rows, columns), or (1, channels) where the last stage is a linear one.

        Raises:
            ValueError: the input has another shape or type, or isn't whole numbers. Then nothing
                has changed.

        """
        if tuple(x.shape) != (1, *self.shape) or x.dtype != torch.float32:
            raise ValueError(
                f"the engine takes float32 of shape {(1, *self.shape)}, not {x.dtype} of shape "
                f"{tuple(x.shape)}"
            )
        picture = x.detach().contiguous().numpy().reshape(-1)
        if self._windows is not None:
            count = self._windows.pack(picture)
            if count >= 0:
                self._now += 1
                return self._follow([count], [self._windows.step(self._now)], 1)
        given = self._input
        count = list_spikes(picture, *self._picture, MOST, given.keys, given.starts, given.occupied)
        if count < 0:
            raise ValueError(
                f"the event-driven form takes spikes, whole numbers from 0 to {MOST}; use the "
                "dense form for other values"
            )
        return self.step_spikes(given)

    def step_spikes(self, given: Spikes) -> Tensor:
        """One time step from a list of spikes."""
        self._now += 1
        return self._follow([], [given], 0)

    def _follow(self, counts: list[int], lists: list[Spikes], done: int) -> Tensor:
        """Run the stages from `done` on; `lists` holds the spikes so far, but for counted ones."""
        for running in self._running[done:]:
            shortcut = running.stage.shortcut
            aside = running.none if shortcut is None else lists[shortcut - len(counts)]
            lists.append(running.step(lists[-1], aside, self._now))
        self.spikes = counts + [len(spikes) for spikes in lists]
        self.touched = [running.touched for running in self._running]
        return self._output()

    def _output(self) -> Tensor:
        last = self._running[-1]
        if last.stage.gives_states:
            values = last.states[:, : self.output_shape[0]].T.reshape(self.output_shape)
            y = torch.from_numpy(values.copy())
        else:
            y = torch.zeros(self.output_shape)
            draw_spikes(y.numpy().reshape(-1), *self.output_shape, last.out.keys, last.out.starts)
        return y.view(1, -1) if last.stage.flat else y.unsqueeze(0)

    def write_states(self) -> None:
        """Put the states into the model's neurons, as if the torch form had run."""
        for running in self._running:
            if running.stage.neuron is not None:
                running.settle(self._now)
                running.stage.neuron.state = (self._states(running).clone(),)

    def read_states(self) -> None:
        """Take the states from the model's neurons."""
        for running in self._running:
            neuron = running.stage.neuron
            running.reset()
            running.last[:] = self._now
            if neuron is not None and neuron.state is not None:
                self._states(running).copy_(neuron.state[0].detach())
                self._mark_hot(running)

    def _states(self, running: _Running) -> Tensor:
        """A view of the states, shaped like those of the neurons."""
        stage = running.stage
        channels, rows, columns = (stage.size(n) for n in ("channels", "rows", "columns"))
        view = torch.from_numpy(running.states).view(rows, columns, -1)[..., :channels]
        view = view.permute(2, 0, 1).unsqueeze(0)
        return view[..., 0, 0] if stage.flat else view

    def _mark_hot(self, running: _Running) -> None:
        stage = running.stage
        ahead = running.states * stage.table[KEEP] + stage.table[DRIVE] >= stage.table[THRESHOLD]
        width = stage.size("columns")
        for pixel in np.flatnonzero(ahead.any(axis=1)).tolist():
            y, x = divmod(pixel, width)
            running.hot[0][y * words(width) + x // 64] |= np.uint64(1 << (x % 64))
