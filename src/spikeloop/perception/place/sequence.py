"""Sequence matching: consecutive pictures agree on a place that moves on with them.

Hussaini, Milford and Fischer, T-RO 2024 (arXiv 2311.13186), section III.D: constant speed, one
place a picture, so scores are added along diagonals of the matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sequence_scores(scores: NDArray[np.floating], length: int) -> NDArray[np.float64]:
    """Sum of scores over the last `length` pictures, for each place as the newest.

    Near the start of queries or map the sum is shorter, and is scaled up to full length, so that
    every query has an answer.

    Args:
        scores: (queries, places), in the order of driving; larger is more alike.
        length: pictures of a sequence; 1 changes nothing.

    Raises:
        ValueError: the length is below 1.

    """
    if length < 1:
        raise ValueError(f"a sequence has at least one picture, not {length}")
    total = np.array(scores, np.float64)
    count = np.ones_like(total)
    for back in range(1, min(length, *total.shape)):
        total[back:, back:] += scores[:-back, :-back]
        count[back:, back:] += 1.0
    out: NDArray[np.float64] = total * (length / count)
    return out
