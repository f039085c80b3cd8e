"""Recall and precision of place recognition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PlaceScores:
    """How well places were recognised, in percent but for the area.

    Attributes:
        recall: recall@N for N of 1, 5, 10, 20: a right place is among the N best.
        recall_within_one: recall@1 that also takes the neighbouring places.
        precision_at_full_recall: share of right answers where all are given.
        recall_at_full_precision: most right answers above a threshold that no wrong one passes.
        area: under the curve of precision over recall, 0 to 1.

    """

    recall: dict[int, float]
    recall_within_one: float
    precision_at_full_recall: float
    recall_at_full_precision: float
    area: float


def places_away(truth: NDArray[np.integer], places: int) -> NDArray[np.float32]:
    """How many places each place is away from what a query shows, counted along the map.

    Args:
        truth: (queries,) the place that each shows.
        places: of the map.

    Returns:
        (queries, places) float32.

    Raises:
        ValueError: a true place that isn't on the map.

    """
    if truth.size and (truth.min() < 0 or truth.max() >= places):
        raise ValueError(f"true places must be 0 to {places - 1}: the map has no others")
    return np.abs(np.arange(places)[None] - truth[:, None]).astype(np.float32)


def steps_away(way: NDArray[np.floating], step: float, within: float) -> NDArray[np.float32]:
    """The same by position: what is beyond `within` of a query, in steps of the map.

    So a place that a loop comes back to is right too. The nearest place always is.

    Args:
        way: (queries, places) m from each query to each place; inf where they look elsewhere.
        step: m between two places of the map.
        within: m from a query within which a place is right.

    Returns:
        (queries, places) float32, whole numbers; inf where they look elsewhere.

    """
    away = np.where(way <= within, 0.0, np.maximum(np.rint((way - within) / step), 1.0))
    away[np.arange(len(away)), way.argmin(1)] = 0.0
    return away.astype(np.float32)


def place_scores(
    scores: NDArray[np.floating],
    away: NDArray[np.floating],
    tolerance: float = 0.0,
) -> PlaceScores:
    """Judge a matrix of scores.

    Precision and recall take each query's best place with its score as confidence; all queries
    have a right place, so recall is the share of queries that are answered rightly.

    Args:
        scores: (queries, places); larger is more alike.
        away: (queries, places) places from what the query shows; see `places_away`.
        tolerance: how many places away still counts as right.

    Raises:
        ValueError: shapes that don't fit, no query, scores that aren't finite, or a query that
            no place is right for.

    """
    if scores.ndim != 2 or not scores.size or away.shape != scores.shape:
        raise ValueError(
            f"scores and what is away are (queries, places), not {scores.shape} and "
            f"{away.shape}; at least one of each"
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    right = away <= tolerance
    if not right.any(1).all():
        raise ValueError("each query must have a place that is right")
    # Equal scores are no knowledge: of those the worst place counts, never a lucky one.
    best_right = np.where(right, scores, -np.inf).max(1)
    best_wrong = np.where(right, -np.inf, scores)
    rank = (best_wrong >= best_right[:, None]).sum(1)
    recall = {n: 100.0 * float((rank < n).mean()) for n in (1, 5, 10, 20)}
    near = away <= tolerance + 1
    other = np.where(near, -np.inf, scores).max(1)
    within = np.where(near, scores, -np.inf).max(1) > other
    correct = rank == 0
    full, area = _curve(correct, scores.max(1))
    return PlaceScores(recall, 100.0 * float(within.mean()), recall[1], 100.0 * full, area)


def _curve(correct: NDArray[np.bool_], confidence: NDArray[np.floating]) -> tuple[float, float]:
    """Recall at full precision, and area under precision over recall (steps, no interpolation)."""
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(correct[order])
    answered = np.arange(1, len(order) + 1)
    # Queries of equal confidence pass a threshold together.
    last = np.append(np.diff(confidence[order]) != 0.0, True)
    precision, recall = (hits / answered)[last], (hits / len(order))[last]
    full = float(recall[precision == 1.0].max(initial=0.0))
    area = float((np.diff(recall, prepend=0.0) * precision).sum())
    return full, area
