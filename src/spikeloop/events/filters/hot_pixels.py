"""Hot pixels: those that fire far more than their neighbours, learned while events pass.

In each window of time a pixel is suspected if its rate is above a limit and above a multiple of
the second largest of the 24 pixels around it: even the end of a thin edge has two such neighbours,
a defect has none, and two defects side by side don't hide each other. A pixel suspected in several
windows in a row is hot from then on. What was learned can be kept in a file.
"""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import yaml
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.filters.filter import Filter

REACH = 2
"""Pixels around one that are looked at, on each side."""


class HotPixels(Filter):
    """Removes the events of hot pixels.

    Attributes:
        hot: (height, width) bool, the pixels known to be hot.

    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        window_us: int = 200_000,
        rate_hz: float = 100.0,
        factor: float = 10.0,
        windows: int = 3,
    ) -> None:
        """Learn from nothing.

        Args:
            width: columns of the sensor.
            height: rows of the sensor.
            window_us: length of a window, us.
            rate_hz: below this rate no pixel is suspected.
            factor: how many times the second largest around it has to be exceeded.
            windows: how many windows in a row make it hot.

        Raises:
            ValueError: one of them isn't positive.

        """
        super().__init__(width, height)
        if min(window_us, rate_hz, factor, windows) <= 0:
            raise ValueError(
                f"window_us ({window_us}), rate_hz ({rate_hz}), factor ({factor}) and windows "
                f"({windows}) must be positive"
            )
        self.window_us, self.rate_hz, self.factor, self.windows = (
            window_us,
            rate_hz,
            factor,
            windows,
        )
        self.hot = np.zeros((height, width), dtype=np.bool_)
        self.reset()

    def reset(self) -> None:
        """Forget the windows, as for a new stream; what is hot stays so."""
        super().reset()
        # A border, so that neighbours need no check.
        self._counts = np.zeros((self.height + 2 * REACH, self.width + 2 * REACH), dtype=np.uint32)
        self._suspected = np.zeros((self.height, self.width), dtype=np.int32)
        self._end: int | None = None

    def save(self, path: Path) -> None:
        """Write the hot pixels into a YAML file.

        Raises:
            OSError: it can't be written.

        """
        rows, columns = np.nonzero(self.hot)
        pixels = [[int(x), int(y)] for x, y in zip(columns, rows, strict=True)]
        content = {"width": self.width, "height": self.height, "hot_pixels": pixels}
        path.write_text(yaml.safe_dump(content, default_flow_style=None), encoding="utf-8")

    def load(self, path: Path) -> None:
        """Take the hot pixels of a file too.

        Raises:
            ValueError: it is none of ours, or of another sensor.
            OSError: it can't be read.

        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            size = (int(content["width"]), int(content["height"]))
            pixels = np.array(content["hot_pixels"], dtype=np.int64).reshape(-1, 2)
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: must hold width, height and hot_pixels: {error}") from error
        if size != (self.width, self.height):
            raise ValueError(
                f"{path}: is of a {size[0]}x{size[1]} sensor, not of {self.width}x{self.height}"
            )
        if len(pixels) and (pixels.min() < 0 or (pixels >= size).any()):
            raise ValueError(f"{path}: has pixels outside {size[0]}x{size[1]}")
        self.hot[pixels[:, 1], pixels[:, 0]] = True

    def _apply(self, events: Events) -> Events:
        if self._end is None or events.t[0] < self._end - self.window_us:
            self._end = int(events.t[0]) + self.window_us
        begin, kept = 0, []
        # Windows end where the time passes them for the first time; it may fall in between.
        passed = np.maximum.accumulate(events.t)
        while begin < len(events):
            end = int(np.searchsorted(passed, self._end))
            if end > begin:
                part = events[begin:end]
                index = np.empty(len(part), np.int64)
                n = _pass(part.x, part.y, self.hot, self._counts, index)
                kept.append(index[:n] + begin)
                begin = end
            if begin < len(events):
                self._judge()
                # Windows without events are skipped at once.
                behind = int(passed[begin]) - self._end
                self._end += self.window_us * (behind // self.window_us + 1)
        return events[np.concatenate(kept)]

    def _judge(self) -> None:
        least = self.rate_hz * self.window_us * 1e-6
        suspects = _suspects(self._counts, np.float64(least), np.float64(self.factor))
        self._suspected = np.where(suspects, self._suspected + 1, 0).astype(np.int32)
        self.hot |= self._suspected >= self.windows
        self._counts[:] = 0


@numba.njit(cache=True)
def _pass(
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    hot: NDArray[np.bool_],
    counts: NDArray[np.uint32],
    index: NDArray[np.int64],
) -> int:
    n = 0
    for i in range(len(x)):
        counts[y[i] + REACH, x[i] + REACH] += np.uint32(1)
        if not hot[y[i], x[i]]:
            index[n] = i
            n += 1
    return n


@numba.njit(cache=True)
def _suspects(counts: NDArray[np.uint32], least: float, factor: float) -> NDArray[np.bool_]:
    rows, columns = counts.shape[0] - 2 * REACH, counts.shape[1] - 2 * REACH
    found = np.zeros((rows, columns), np.bool_)
    for row in range(rows):
        for column in range(columns):
            count = counts[row + REACH, column + REACH]
            if count < least:
                continue
            largest, second = np.uint32(0), np.uint32(0)
            for dy in range(2 * REACH + 1):
                for dx in range(2 * REACH + 1):
                    if dy != REACH or dx != REACH:
                        other = counts[row + dy, column + dx]
                        second = max(second, min(other, largest))
                        largest = max(largest, other)
            found[row, column] = count > factor * second
    return found
