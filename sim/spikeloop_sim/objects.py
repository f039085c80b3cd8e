"""Which thing each pixel shows, and the boxes around what is seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Thing:
    """An object of a world.

    Attributes:
        name: unique in the world.
        label: its class, such as "car".
        geoms: ids of the geoms that it consists of.
        moves: whether it moves by itself.

    """

    name: str
    label: str
    geoms: tuple[int, ...]
    moves: bool = True


@dataclass(frozen=True)
class Box:
    """What is seen of a thing.

    Attributes:
        number: of the thing: 1 + its place in the table.
        label: its class.
        x: left edge, px; a pixel's area reaches from half a pixel before its centre to half behind.
        y: upper edge, px.
        width: px.
        height: px.
        pixels: how many of them show the thing.
        depth: median of theirs, m.

    """

    number: int
    label: str
    x: float
    y: float
    width: float
    height: float
    pixels: int
    depth: float


class Things:
    """The table of a world's objects; they are numbered from 1 on, 0 is all the rest."""

    def __init__(self, things: Sequence[Thing], geoms: int) -> None:
        """Number them.

        Args:
            things: the objects; no geom belongs to two.
            geoms: how many geoms the world has.

        Raises:
            ValueError: two things have a geom in common, or there are more than 65535.

        """
        if len(things) > 0xFFFF:
            raise ValueError(f"at most 65535 things can be numbered, not {len(things)}")
        self.things = tuple(things)
        # One entry more, so that geom -1, which is nothing, finds 0 as well.
        self._number = np.zeros(geoms + 1, np.uint16)
        for number, thing in enumerate(things, 1):
            for geom in thing.geoms:
                if self._number[geom]:
                    other = things[int(self._number[geom]) - 1].name
                    raise ValueError(f"geom {geom} belongs to '{other}' and to '{thing.name}'")
                self._number[geom] = number

    def instances(self, geoms: NDArray[np.int32]) -> NDArray[np.uint16]:
        """(h, w) numbers of the things, 0 where there is none, from (h, w) ids of geoms."""
        seen: NDArray[np.uint16] = self._number[geoms]
        return seen

    def boxes(
        self, instances: NDArray[np.uint16], depth: NDArray[np.float32], least: int = 1
    ) -> list[Box]:
        """Boxes around the visible parts, by number.

        Args:
            instances: (h, w), from `instances`.
            depth: (h, w) m.
            least: pixels that a thing must show.

        """
        found = []
        for number in np.unique(instances[instances > 0]).tolist():
            rows, columns = np.nonzero(instances == number)
            if len(rows) < least:
                continue
            left, top = int(columns.min()), int(rows.min())
            found.append(
                Box(
                    number,
                    self.things[number - 1].label,
                    left - 0.5,
                    top - 0.5,
                    float(columns.max() - left + 1),
                    float(rows.max() - top + 1),
                    len(rows),
                    float(np.median(depth[rows, columns])),
                )
            )
        return found
