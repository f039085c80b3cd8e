"""Several drives of one route, brought to the same places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.drive import SOURCE_WORDS, Drive, DriveError
from spikeloop.perception.place.pictures import Small

TURNED_RAD = 0.5 * np.pi
"""Pictures whose headings differ more show other things, be they of one spot."""


def aligned(
    drives: Sequence[Drive], names: Sequence[str], reach: float
) -> tuple[Small, NDArray[np.float64]]:
    """The first drive's places, and of each further drive the picture nearest to each.

    Without positions picture n of each drive shows place n.

    Args:
        drives: at least one.
        names: of the drives, for messages.
        reach: m within which a picture counts as of a place.

    Returns:
        (drives, places, side, side) float32 and poses (places, 3).

    Raises:
        DriveError: a place has no picture in some drive, or the drives aren't alike; see
            `check_alike`. The drive is named.

    """
    first = drives[0]
    chosen = [first.pictures]
    for drive, name in zip(drives[1:], names[1:], strict=True):
        check_alike(first, names[0], drive, name)
        if not first.placed:
            if len(drive.pictures) != len(first.pictures):
                raise DriveError(
                    f"{name}: {len(drive.pictures)} pictures, {names[0]} has "
                    f"{len(first.pictures)}, and nothing tells where they were taken"
                )
            chosen.append(drive.pictures)
            continue
        way = metres_between(first.poses, drive.poses)
        far = np.flatnonzero(way.min(1) > reach)
        if len(far):
            x, y = first.poses[far[0], :2]
            raise DriveError(
                f"{name}: no picture within {reach:g} m of {len(far)} places of {names[0]}, "
                f"the first at ({x:.1f}, {y:.1f}); were both drives along the same route?"
            )
        chosen.append(drive.pictures[way.argmin(1)])
    return np.stack(chosen), first.poses


def check_alike(first: Drive, first_name: str, drive: Drive, name: str) -> None:
    """Refuse a drive that can't be compared with the first.

    Raises:
        DriveError: one holds events and the other pictures, or only one has positions.

    """
    if drive.source != first.source:
        raise DriveError(
            f"{name}: holds {SOURCE_WORDS[drive.source]}, "
            f"but {first_name} {SOURCE_WORDS[first.source]}"
        )
    if drive.placed != first.placed:
        with_, without = (name, first_name) if drive.placed else (first_name, name)
        raise DriveError(f"{without}: nothing tells where its pictures were taken, as in {with_}")


def metres_between(poses: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) m from each pose to each other, (n, 3) and (m, 3); inf where they look elsewhere."""
    way = np.linalg.norm(poses[:, None, :2] - others[None, :, :2], axis=2)
    turned = poses[:, None, 2] - others[None, :, 2]
    out: NDArray[np.float64] = np.where(np.cos(turned) < np.cos(TURNED_RAD), np.inf, way)
    return out
