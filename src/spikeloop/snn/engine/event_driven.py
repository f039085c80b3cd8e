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

from spikeloop.snn.engine.bits import words
from spikeloop.snn.engine.kernels import settle, stage_pass, window_pass
from spikeloop.snn.engine.pictures import draw_spikes, list_spikes, pack_bits
from spikeloop.snn.engine.plan import Stage
from spikeloop.snn.engine.vectors import DRIVE, KEEP, LANES, THRESHOLD

WINDOW_BITS = 8
"""Inputs in a row of the first stage's window up to which it is run by patterns."""
LONGEST = 2**30
"""Steps after which they are counted anew; pixels keep theirs in 32 bits."""
UNROLLED = (3,)
"""Rows of a window for which a pass is compiled on their own."""


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
    """A list of spikes, see `kernels`."""

    rows: int
    columns: int
    keys: NDArray[np.int32]
    starts: NDArray[np.int32]
    occupied: NDArray[np.uint64]

    @classmethod
    def empty(cls, rows: int, columns: int, capacity: int) -> Spikes:
        """No spikes yet, room for some."""
        return cls(
            rows,
            columns,
            # A vector of keys is written at a time.
            np.zeros(capacity + LANES, np.int32),
            np.zeros(rows * (columns + 1) + LANES, np.int32),
            np.zeros(rows * words(columns), np.uint64),
        )

    def __len__(self) -> int:
        """Number of spikes."""
        return int(self.starts[self.rows * (self.columns + 1) - 1])


@dataclass
class _Places:
    """Where the windows of an output row's pixels begin; see `kernels`."""

    hop: int
    begins: NDArray[np.uint64]
    column: NDArray[np.int32]

    @classmethod
    def of(cls, stage: Stage, channels: int) -> _Places:
        """Places are columns times `channels`, with the padding."""
        hop = stage.size("stride_columns") * channels
        size = words((stage.size("columns_in") + 2 * stage.size("pad_columns")) * channels)
        begins, column = np.zeros(size, np.uint64), np.zeros(64 * size, np.int32)
        for x in range(stage.size("columns")):
            column[x * hop] = x
            begins[x * hop // 64] |= np.uint64(1 << (x * hop % 64))
        return cls(hop, begins, column)

    def __len__(self) -> int:
        """Number of words."""
        return len(self.begins)


class _Running:
    """A stage and all that changes while it runs."""

    def __init__(self, stage: Stage, doubled_in: int, doubled: int) -> None:
        rows, columns = stage.size("rows"), stage.size("columns")
        padded, kernel_rows = stage.size("padded"), stage.size("kernel_rows")
        self.stage = stage
        self.weight, self.table = aligned(stage.weight), aligned(stage.table)
        self.power, self.shift = aligned(stage.power), aligned(stage.shift)
        self.flat = aligned(np.zeros(rows * columns * padded, np.float32))
        self.states = self.flat.reshape(rows * columns, padded)
        self.last = np.zeros(rows * columns, np.int32)
        self.out = Spikes.empty(rows, columns, rows * columns * stage.size("channels") * doubled)
        self.none = Spikes.empty(rows, columns, 0)
        self.scratch = np.zeros((2, kernel_rows), np.int64)
        window = kernel_rows * stage.size("kernel_columns") * stage.size("channels_in")
        self.found = np.zeros(window * doubled_in + LANES, np.int32)
        self.pixels = np.arange(columns, dtype=np.int32)
        self.place(_Places.of(stage, 1))
        self.bits = sum_bits(stage, doubled_in)
        self.taps = kernel_rows if kernel_rows in UNROLLED else 0
        self.run = stage_pass(padded, self.taps, self.bits)
        self.touched = 0

    def place(self, places: _Places) -> None:
        """Mark pixels at these places."""
        self.places = places
        self.wanted = np.zeros(len(places) + 1, np.uint64)
        size = self.stage.size("rows") * len(places)
        self.hot = [np.zeros(size, np.uint64) for _ in range(2)]

    def reset(self) -> None:
        self.states[:] = 0
        self.last[:] = 0
        for hot in self.hot:
            hot[:] = 0

    def step(self, spikes: Spikes, aside: Spikes, now: int) -> Spikes:
        before, after = self.hot
        self.touched = self.run(
            spikes.keys, spikes.starts, spikes.occupied, aside.keys, aside.starts, aside.occupied,
            self.weight, self.stage.geometry, self.flat, self.last, now, self.stage.always,
            self.table, self.power, self.shift, self.places.begins, self.places.column, before,
            after, self.scratch, self.found, self.wanted, self.pixels, self.out.keys,
            self.out.starts, self.out.occupied,
        )  # fmt: skip
        self.hot.reverse()
        return self.out

    def settle(self, now: int) -> None:
        padded, pixels = self.stage.size("padded"), len(self.last)
        settle(self.flat, self.last, padded, 0, pixels, now, self.power, self.shift)

    def mark_hot(self) -> None:
        """Mark the pixels that would fire without input."""
        table = self.stage.table
        ahead = self.states * table[KEEP] + table[DRIVE] >= table[THRESHOLD]
        for pixel in np.flatnonzero(ahead.any(axis=1)).tolist():
            y, x = divmod(pixel, self.stage.size("columns"))
            place = x * self.places.hop
            self.hot[0][y * len(self.places) + place // 64] |= np.uint64(1 << (place % 64))


def sum_bits(stage: Stage, most: int) -> int:
    """Size of the integers that hold any sum of a stage's weights; 0 for float weights.

    Args:
        stage: see `plan`.
        most: greatest number of spikes of one input in a step.

    """
    if stage.weight.dtype == np.float32:
        return 0
    greatest = most * int(np.abs(stage.weight.astype(np.int64)).sum(axis=(0, 1)).max())
    return 16 if greatest < 2**15 else 32


class _Windows:
    """The first stage by patterns of bits; it shares the states of the running stage."""

    def __init__(self, running: _Running) -> None:
        stage = self.stage = running.stage
        self.running = running
        channels, self.pad = stage.size("channels_in"), stage.size("pad_columns")
        running.place(_Places.of(stage, channels))
        self.words = len(running.places)
        # Rows of zeros around, and a word behind the last, into which a pattern may reach.
        above, inside = stage.size("pad_rows"), stage.size("rows_in")
        below = (stage.size("rows") - 1) * stage.size("stride_rows") + stage.size("kernel_rows")
        self.bits = np.zeros(max(above + inside, below) * self.words + 1, np.uint64)
        self.inside = self.bits[above * self.words : (above + inside) * self.words + 1]
        self.patterns = np.zeros(stage.size("kernel_rows") + LANES, np.int32)
        size = stage.size("kernel_columns") * channels
        chosen = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        sums = chosen.astype(np.float64) @ stage.weight.astype(np.float64)
        kind = np.float32 if stage.weight.dtype == np.float32 else np.int16
        self.weight = aligned(sums.astype(kind))
        self.run = window_pass(stage.size("padded"), running.taps, running.bits)

    def pack(self, picture: NDArray[np.float32]) -> int:
        sizes = [self.stage.size(n) for n in ("channels_in", "rows_in", "columns_in")]
        return int(pack_bits(picture, *sizes, self.pad, self.inside, self.words))

    def step(self, now: int) -> Spikes:
        r = self.running
        before, after = r.hot
        r.touched = self.run(
            self.bits, self.weight, self.stage.geometry, r.flat, r.last, now, self.stage.always,
            r.table, r.power, r.shift, r.places.begins, r.places.column, before, after, r.scratch,
            self.patterns, r.wanted, r.pixels, r.out.keys, r.out.starts, r.out.occupied,
        )  # fmt: skip
        r.hot.reverse()
        return r.out


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
                self._tick()
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
        self._tick()
        return self._follow([], [given], 0)

    def _tick(self) -> None:
        """Count the step, and begin anew before the counter of a pixel overflows."""
        if self._now >= LONGEST:
            for running in self._running:
                running.settle(self._now)
                running.last[:] = 0
            self._now = 0
        self._now += 1

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
            out = last.out
            draw_spikes(
                y.numpy().reshape(-1), *self.output_shape, out.keys, out.starts, out.occupied
            )
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
                running.mark_hot()

    def _states(self, running: _Running) -> Tensor:
        """A view of the states, shaped like those of the neurons."""
        stage = running.stage
        channels, rows, columns = (stage.size(n) for n in ("channels", "rows", "columns"))
        view = torch.from_numpy(running.states).view(rows, columns, -1)[..., :channels]
        view = view.permute(2, 0, 1).unsqueeze(0)
        return view[..., 0, 0] if stage.flat else view
