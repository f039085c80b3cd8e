"""How far a flow field is from the truth.

Endpoint error as in Baker et al., "A database and evaluation methodology for optical flow" (IJCV
2011), section 4.1; angles in the picture plane; outliers as in KITTI and DSEC (3 pixels in the
time between two fields).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FlowErrors:
    """Of the pixels that were asked for.

    Attributes:
        endpoint: (n,) pixels/s, where flow was told.
        relative: (n,) endpoint error as a part of the true speed.
        angle: (n,) between told and true flow, rad.
        gain: (n,) told flow along the true one, as a part of it.
        asked: pixels for which flow was wanted.

    """

    endpoint: NDArray[np.float32]
    relative: NDArray[np.float32]
    angle: NDArray[np.float32]
    gain: NDArray[np.float32]
    asked: int

    def outlier_ratio(self, seconds: float, pixels: float = 3.0) -> float:
        """Part of the told pixels that are more than `pixels` off after `seconds`; NaN if none."""
        return float(np.mean(self.endpoint * seconds > pixels)) if len(self.endpoint) else np.nan


def flow_errors(
    flow: NDArray[np.float32],
    truth: NDArray[np.float32],
    where: NDArray[np.bool_],
    slowest: float = 3.0,
) -> FlowErrors:
    """Compare two fields.

    Args:
        flow: (h, w, 2) pixels/s, NaN where it isn't told.
        truth: (h, w, 2) pixels/s.
        where: (h, w) pixels that count, such as those with events.
        slowest: pixels of slower true flow, pixels/s, don't count: they have no direction.

    Raises:
        ValueError: shapes differ.

    """
    if flow.shape != truth.shape or flow.shape[:2] != where.shape or flow.shape[2:] != (2,):
        raise ValueError(
            f"flow {flow.shape}, truth {truth.shape} and pixels {where.shape} don't belong together"
        )
    speed = np.hypot(truth[..., 0], truth[..., 1])
    asked = where & (speed >= slowest)
    told = asked & np.isfinite(flow).all(axis=-1)
    ours, true, fast = flow[told], truth[told], speed[told]
    error = np.hypot(*(ours - true).T)
    along = (ours * true).sum(axis=-1)
    across = ours[:, 0] * true[:, 1] - ours[:, 1] * true[:, 0]
    angle = np.abs(np.arctan2(across, along))
    return FlowErrors(error, error / fast, angle, along / fast**2, int(asked.sum()))
