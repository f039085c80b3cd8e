"""Forms of event tensors, by name, with their spaces."""

from __future__ import annotations

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events
from spikeloop.events.representations.histogram import histogram
from spikeloop.events.representations.voxel import voxel_grid
from spikeloop.parameters import suggestion

FORMS = ("histogram", "voxel_grid")


class EventTensor:
    """Turns the events of a decision into a tensor of a form.

    "histogram": (2, height, width), events of each polarity, negative first. "voxel_grid":
    (bins, height, width), polarities spread over time bins, the first at the decision's begin and
    the last at its end (Zhu et al. 2019). Both float32.
    """

    def __init__(self, form: str, bins: int, width: int, height: int) -> None:
        """Choose.

        Raises:
            ValueError: an unknown form, or no bins.

        """
        if form not in FORMS:
            raise ValueError(
                f"unknown form '{form}'{suggestion(form, FORMS)}; there are: {', '.join(FORMS)}"
            )
        if bins < 1:
            raise ValueError(f"bins must be at least 1, not {bins}")
        self._form, self._bins = form, bins
        is_grid = form == "voxel_grid"
        shape = (bins if is_grid else 2, height, width)
        low = -np.inf if is_grid else 0.0
        self.space = gymnasium.spaces.Box(low, np.inf, shape, np.float32)

    def __call__(self, events: Events, begin_us: int, end_us: int) -> NDArray[np.float32]:
        """The tensor of the events from `begin_us` to `end_us`."""
        if self._form == "histogram":
            return histogram(events).astype(np.float32)
        return voxel_grid(events, self._bins, begin=begin_us, end=end_us)
