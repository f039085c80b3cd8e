"""Several reference drives of one route, brought to the same places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.drive import Drive, DriveError
from spikeloop.perception.place.pictures import Small


def aligned(
    drives: Sequence[Drive], names: Sequence[str], reach: float
) -> tuple[Small, NDArray[np.float64]]:
    """The first drive's places, and of each further drive the picture nearest to each.

    Args:
        drives: at least one; with positions, or all of equal length.
        names: of the drives, for messages.
        reach: m within which a picture counts as of a place.

    Returns:
        (drives, places, side, side) float32 and poses (places, 3).

    Raises:
        DriveError: a place has no picture in some drive; it is named.

    """
    poses = drives[0].poses
    chosen = [drives[0].pictures]
    for drive, name in zip(drives[1:], names[1:], strict=True):
        way = np.linalg.norm(drive.poses[None, :, :2] - poses[:, None, :2], axis=2)
        nearest = way.argmin(1)
        far = np.flatnonzero(way.min(1) > reach)
        if len(far):
            x, y = poses[far[0], :2]
            raise DriveError(
                f"{name}: no picture within {reach:g} m of {len(far)} places of {names[0]}, "
                f"the first at ({x:.1f}, {y:.1f}); were both drives along the same route?"
            )
        chosen.append(drive.pictures[nearest])
    return np.stack(chosen), poses
