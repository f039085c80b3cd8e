"""From the spikes of a population to a score for each place.

Hussaini, Milford and Fischer, RA-L 2022 (arXiv 2109.06452), section III.C: the standard, the
probability-based and the weighted (ambiguity-informed) assignment of neurons to places. The
calibrated read-out is ours: the angle between answers, each place's score normalised over the
answers to the reference record, so that places which answer to everything don't win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Responses = NDArray[np.float64]
AMBIGUOUS_SHARE = 0.02
LEARNED_SHARE = 0.1


@dataclass(frozen=True)
class Record:
    """Answers of a population to the pictures that it has learned.

    Attributes:
        counts: (places, neurons), mean over the traversals.
        single: (traversals * places, neurons), each picture's own.

    """

    counts: Responses
    single: Responses

    @staticmethod
    def of(counts: NDArray[np.generic], places: int) -> Record:
        """From answers to whole traversals one after the other, (traversals * places, neurons)."""
        single = np.asarray(counts, np.float64)
        return Record(single.reshape(-1, places, single.shape[1]).mean(0), single)


def standard(query: Responses, record: Record) -> Responses:
    """Mean spikes of the neurons whose strongest answer was to the place; (n, places)."""
    learned = record.counts.argmax(0)
    member = np.zeros_like(record.counts)
    member[learned, np.arange(record.counts.shape[1])] = record.counts.max(0) > 0.0
    size = member.sum(1)
    scores: Responses = query @ member.T / np.maximum(size, 1.0)
    return scores


def probability(query: Responses, record: Record) -> Responses:
    """The standard scores of each picture as probabilities."""
    return as_probabilities(standard(query, record))


def as_probabilities(scores: Responses) -> Responses:
    """Each picture's scores from 0 on, with the sum 1; even where all are equal."""
    low, high = scores.min(1, keepdims=True), scores.max(1, keepdims=True)
    spread = np.where(high > low, high - low, 1.0)
    part = (scores - low) / spread
    total = part.sum(1, keepdims=True)
    even = np.full_like(part, 1.0 / part.shape[1])
    out: Responses = np.where(total > 0.0, part / np.where(total > 0.0, total, 1.0), even)
    return out


def weighted(query: Responses, record: Record) -> Responses:
    """Neurons that learned many places count less, and each by its share for the place."""
    counts = record.counts
    total = counts.sum(0)
    share = counts / np.where(total > 0.0, total, 1.0)
    member = share > LEARNED_SHARE
    number = member.sum(0)
    certain = np.where(number >= AMBIGUOUS_SHARE * len(counts), 1.0 / np.maximum(number, 1), 1.0)
    weights = share * member * certain
    scores = query @ weights.T
    fired = (query > 0.0).astype(np.float64) @ (counts * member).T
    whole = np.maximum((counts * member).sum(1), 1e-12)
    out: Responses = scores * fired / whole
    return out


def calibrated(query: Responses, record: Record) -> Responses:
    """Cosine of the answers, each place in deviations from its mean over the record."""
    references = _unit(record.counts)
    seen = _unit(record.single) @ references.T
    mean, deviation = seen.mean(0), seen.std(0)
    scores: Responses = (_unit(query) @ references.T - mean) / np.maximum(deviation, 1e-6)
    return scores


READ_OUTS: dict[str, Callable[[Responses, Record], Responses]] = {
    "standard": standard,
    "probability": probability,
    "weighted": weighted,
    "calibrated": calibrated,
}


def hyperactive(answers: NDArray[np.generic], limit: int) -> NDArray[np.bool_]:
    """Neurons that answer to at least `limit` pictures of all regions; (neurons,) bool.

    Hussaini, Milford and Fischer, ICRA 2023 (arXiv 2209.08723), section III.D: they are silenced,
    for they would answer outside their module's region.

    Args:
        answers: (pictures, neurons) spikes of one module to the pictures of all regions.
        limit: chosen on calibration places.

    """
    found: NDArray[np.bool_] = (np.asarray(answers) > 0).sum(0) >= limit
    return found


def _unit(answers: Responses) -> Responses:
    length = np.linalg.norm(answers, axis=1, keepdims=True)
    out: Responses = answers / np.where(length > 0.0, length, 1.0)
    return out
