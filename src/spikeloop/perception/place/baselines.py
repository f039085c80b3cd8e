"""Conventional place recognition, measured beside the networks.

All take small pictures (`pictures.small_picture`) of reference traversals, (traversals, places,
side, side), and of queries, (n, side, side), and give scores (n, places), larger where more alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop.perception.place.pictures import GLANCES, edge_amplitudes, glanced
from spikeloop.perception.place.temporal import input_gains

Pictures = NDArray[np.float32]
Flat = NDArray[np.float32]
Scores = NDArray[np.float64]
CELLS, BEARINGS = 7, 9
RIDGE = 30.0
WEIGHING = 2.0
"""Exponent of the gains of edges."""


def absolute_differences(references: Pictures, queries: Pictures) -> Scores:
    """Negative mean of absolute differences to the most alike of the traversals.

    Milford and Wyeth, "SeqSLAM", ICRA 2012, equation 1.
    """
    scores: Scores = -_differences(references, queries).min(0)
    return scores


def edge_differences(references: Pictures) -> Callable[[Pictures], Scores]:
    """Scores by absolute differences of `pictures.edge_amplitudes`, best over drives and glances.

    Conventional, and yet with all that the networks see: their edges, each weighed by how well it
    tells places apart and stays the same from drive to drive (`temporal.input_gains`).
    """
    edges = _edges(references)
    side = edges.shape[-1]
    gains = input_gains(edges.reshape(*edges.shape[:2], -1), WEIGHING).reshape(side, side)
    weighed = edges * gains

    def scores(queries: Pictures) -> Scores:
        moved = [
            -_differences(weighed, _edges(picture) * gains).min(0) for picture in glanced(queries)
        ]
        best: Scores = np.max(moved, axis=0)
        return best

    return scores


def _edges(pictures: Pictures) -> Pictures:
    edges: Pictures = edge_amplitudes(pictures).reshape(pictures.shape)
    return edges


def difference_scores(references: Pictures, queries: Pictures) -> dict[str, Scores]:
    """All that follows from absolute differences, which are computed once.

    Returns:
        "sad": as `absolute_differences` says; "sad_sum": the negative sum over the traversals;
        "sad_glances": the best also over the glances that the networks have; "sad_edges": as
        `edge_differences` says;
        "seqslam": as `local_contrast` says.

    """
    aside = {
        moved: _differences(references, picture)
        for moved, picture in zip(GLANCES, glanced(queries), strict=True)
    }
    least = aside[0].min(0)
    return {
        "sad": -least,
        "sad_sum": -aside[0].sum(0),
        "sad_glances": -np.min([part.min(0) for part in aside.values()], axis=0),
        "sad_edges": edge_differences(references)(queries),
        "seqslam": local_contrast(least),
    }


def local_contrast(difference: Scores, window: int = 10) -> Scores:
    """Differences, (n, places), each normalised among the places near it.

    Milford and Wyeth, ICRA 2012, equation 2: minus the mean, over the deviation of the places
    within half a window.
    """
    places = difference.shape[1]
    out: Scores = np.empty_like(difference)
    for place in range(places):
        near = difference[:, max(0, place - window // 2) : place + window // 2 + 1]
        spread = np.maximum(near.std(1), 1e-9)
        out[:, place] = (near.mean(1) - difference[:, place]) / spread
    return out


def gradient_histograms(references: Pictures, queries: Pictures) -> Scores:
    """Cosine of histograms of oriented gradients, the best over traversals.

    Dalal and Triggs, CVPR 2005: 9 unsigned bearings, cells of a seventh of the picture's side,
    normalised in blocks of 2 x 2 cells.
    """
    query = _oriented(queries)
    scores: Scores = np.max([query @ _oriented(traversal).T for traversal in references], axis=0)
    return scores


def ridge_regression(references: Pictures, queries: Pictures) -> Scores:
    """Regression from pixels to places, one target a place, with a penalty on the weights."""
    count, places = references.shape[:2]
    x = references.reshape(count * places, -1).astype(np.float64)
    mean = x.mean(0)
    x = x - mean
    # The dual form: as many unknowns as pictures, not as pixels, whichever is less.
    y = np.tile(np.eye(places), (count, 1)) - 1.0 / places
    if len(x) < x.shape[1]:
        weights = x.T @ np.linalg.solve(x @ x.T + RIDGE * np.eye(len(x)), y)
    else:
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    flat = queries.reshape(len(queries), -1).astype(np.float64) - mean
    scores: Scores = flat @ weights
    return scores


BASELINES: dict[str, Callable[[Pictures, Pictures], dict[str, Scores]]] = {
    "differences": difference_scores,
    "hog": lambda references, queries: {"hog": gradient_histograms(references, queries)},
    "ridge": lambda references, queries: {"ridge": ridge_regression(references, queries)},
}
"""What is measured beside the networks: each gives scores by the name of the method."""


def _differences(references: Pictures, queries: Pictures) -> Scores:
    """Mean absolute difference, (traversals, n, places)."""
    flat = np.ascontiguousarray(queries, np.float32).reshape(len(queries), -1)
    out = np.empty((len(references), len(queries), references.shape[1]))
    for number, traversal in enumerate(references):
        places = np.ascontiguousarray(traversal, np.float32).reshape(len(traversal), -1)
        _mean_differences(places, flat, out[number])
    return out


@njit(cache=True, fastmath=True, nogil=True)
def _mean_differences(places: Flat, flat: Flat, out: Scores) -> None:
    for n in range(flat.shape[0]):
        for p in range(places.shape[0]):
            total = np.float32(0.0)
            for i in range(flat.shape[1]):
                total += abs(places[p, i] - flat[n, i])
            out[n, p] = total / flat.shape[1]


def _oriented(pictures: Pictures) -> Scores:
    """Descriptors of unit length, (n, blocks * 4 * bearings)."""
    dy, dx = np.gradient(pictures.astype(np.float64), axis=(1, 2))
    strength, bearing = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi
    place = bearing / np.pi * BEARINGS
    low = np.floor(place).astype(int) % BEARINGS
    part = place - np.floor(place)
    count, side = pictures.shape[0], pictures.shape[1]
    cell = np.minimum(np.arange(side) * CELLS // side, CELLS - 1)
    cells = np.zeros((count, CELLS, CELLS, BEARINGS))
    index = (
        np.arange(count)[:, None, None],
        np.broadcast_to(cell[:, None], (side, side))[None],
        np.broadcast_to(cell[None, :], (side, side))[None],
    )
    np.add.at(cells, (*index, low), strength * (1.0 - part))
    np.add.at(cells, (*index, (low + 1) % BEARINGS), strength * part)
    blocks = np.concatenate(
        [cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]], axis=-1
    )
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3
    flat: Scores = blocks.reshape(count, -1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-9
    return flat
