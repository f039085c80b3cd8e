"""A point cloud in memory, organised in rows where its source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.recording import RecordingError


class LidarFileError(RecordingError):
    """A file can't be read; the message names it, the place and the cause."""


@dataclass(frozen=True)
class Cloud:
    """Points of one scan.

    Attributes:
        fields: (height, width) each, by name; `x`, `y`, `z` are float32 metres, NaN where there is
            no point. A field of several elements a point is (height, width, count).
        time_ns: of the newest point, on the sensor's clock; 0 where the file has none.

    """

    fields: Mapping[str, NDArray[Any]]
    time_ns: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.fields["x"].shape[:2]
        return height, width

    def points(self) -> NDArray[np.float32]:
        """(height, width, 3) float32, m."""
        return np.stack([self.fields[axis] for axis in "xyz"], axis=-1)
