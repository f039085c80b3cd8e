"""Follows a drive over a map whose pictures come at any rate: sequences by the way travelled.

A sequence is made of the pictures that were taken one spacing of the map apart, by odometry, so a
robot that drives slowly, fast or stands still is matched as well as one that sees each place once.
Along it evidence is gathered for each place, as in a cumulative sum test (Page, "Continuous
inspection schemes", Biometrika 1954): a picture adds how much more than `DOUBT` the place stands
out, or takes away how much less; below nothing it doesn't fall.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spikeloop.perception.place.pictures import small_picture
from spikeloop.perception.place.place_map import PlaceMap
from spikeloop.perception.place.quantised import QuantisedEnsemble
from spikeloop.perception.place.recogniser import NEIGHBOURS, Match, scorer
from spikeloop.perception.place.sequence import sequence_scores

Scores = NDArray[np.float64]
STOOD = 0.05
"""Part of a spacing below which two pictures count as taken at one place."""
STRETCH = 15
"""Places to each side that share their view with a place."""
BLOCKS, BLOCK = 6, 50
LEAST_PLACES = 2 * NEIGHBOURS + 3
"""Of a map: whatever place a picture is of, two at least are no neighbours, so they deviate."""
DOUBT = 3.25
"""Deviations by which the best place stands out about as often when the picture is of none: what
is more speaks for the place, what is less against it."""
NEW_SHARE, NEW_LEAST = 0.9, 2.0
"""Part of the evidence for wrong places that the threshold is above, and its least value, which
also counts where a map is too short to tell of wrong places."""
KEPT_SHARE, KEPT_LEAST, LED_PLACES = 0.5, 0.5, 1.5
"""Who was on the map stays there unless pictures say otherwise: a threshold that fewer wrong
places stay below, for the place to which the way led."""
APART = 0.75
"""Parts of a spacing that a picture may be from where a sequence needs one."""


class WayFollower:
    """Recognises the place of each picture. `reset` forgets the way.

    Attributes:
        map: of the route.
        spacing: m between its places, the median.
        threshold: evidence below which a place counts as new; -inf, so that nothing is new, on a
            map of fewer than `LEAST_PLACES`, where a match can't be judged by other places.
        kept: the same for a place to which the way led from one that was just known.

    """

    def __init__(self, place_map: PlaceMap, method: str = "temporal", length: int = 10) -> None:
        """Take a map.

        Args:
            place_map: of the route.
            method: "temporal" for the map's networks, "sad" for the edges of its pictures.
            length: places of a sequence.

        Raises:
            ValueError: another method, a length below 1, or networks asked of a map without.

        Networks answer in whole numbers of 8 bits; see `quantised`.

        """
        if length < 1:
            raise ValueError(f"length must be at least 1, not {length}")
        self.map, self._length = place_map, length
        self._score = scorer(place_map, method)
        networks = place_map.networks if method == "temporal" else ()
        limited = networks and not any(network.bare for network in networks)
        self._quick = QuantisedEnsemble(networks) if limited else None
        steps = np.linalg.norm(np.diff(place_map.poses[:, :2], axis=0), axis=1)
        self.spacing = max(float(np.median(steps)), 1e-3) if len(steps) else 1.0
        self.threshold = self.kept = -np.inf
        if place_map.places >= LEAST_PLACES:
            record = _best_wrong(self._score, place_map.references, length)
            self.threshold = _above(record, NEW_SHARE, NEW_LEAST)
            self.kept = _above(record, KEPT_SHARE, KEPT_LEAST)
        self.reset()

    def reset(self) -> None:
        """Forget the pictures so far."""
        self._known: tuple[float, int] | None = None
        self._ways: list[float] = []
        self._seen: list[Scores] = []

    def feed(self, picture: NDArray[np.generic], way_m: float | None = None) -> Match | None:
        """Recognise a picture; shapes, values and errors as `small_picture` says.

        Args:
            picture: the newest.
            way_m: m travelled so far, forward; None where nothing tells, and then each picture
                counts as of the next place.

        Returns:
            The match; None for a picture without any contrast, which shows nothing and is left
            out of sequences.

        """
        small = small_picture(picture, self.map.picture)
        if not small.any():
            return None
        if way_m is None:
            way_m = self._ways[-1] + self.spacing if self._ways else 0.0
        if self._ways and abs(way_m - self._ways[-1]) < STOOD * self.spacing:
            self._ways.pop()
            self._seen.pop()
        self._ways.append(way_m)
        self._seen.append(_among_places(self._one(small)[None])[0])
        self._forget(way_m - self._length * self.spacing)
        return self._match(np.stack(self._rows(way_m)), way_m)

    def _one(self, small: NDArray[np.float32]) -> Scores:
        """Scores of one picture, (places,)."""
        if self._quick is not None:
            return self._quick.scores(small)
        return np.asarray(self._score(small[None, None])[0], np.float64)

    def _forget(self, before_m: float) -> None:
        while len(self._ways) > 1 and self._ways[0] < before_m:
            del self._ways[0], self._seen[0]

    def _rows(self, way_m: float) -> list[Scores]:
        """Scores at each place of the sequence, the oldest first, up to the first that is missing.

        What is missing counts as never seen: near the begin of a way, or where pictures failed.
        """
        ways, rows = np.array(self._ways), []
        for back in range(self._length):
            apart = np.abs(ways - (way_m - back * self.spacing))
            nearest = int(apart.argmin())
            if apart[nearest] > APART * self.spacing:
                break
            rows.append(self._seen[nearest])
        return rows[::-1]

    def _match(self, apart: Scores, way_m: float) -> Match:
        """The place that the sequence speaks for, (pictures, places); else the most alike."""
        scores = evidence(apart, self._length)[-1]
        alike = scores if scores.any() else sequence_scores(apart, self._length)[-1]
        index = int(alike.argmax())
        best = float(scores[index])
        near = np.abs(np.arange(len(scores)) - index) <= NEIGHBOURS
        other = float(scores[~near].max()) if not near.all() else float(scores.min())
        x, y, heading = self.map.poses[index].tolist()
        threshold = self.kept if self._led_here(index, way_m) else self.threshold
        match = Match(index, best, threshold, best - other, (x, y, heading))
        self._known = None if match.is_new else (way_m, index)
        return match

    def _led_here(self, index: int, way_m: float) -> bool:
        """Whether the way since the last answer leads from a known place to this one."""
        if self._known is None:
            return False
        before_m, before = self._known
        return abs(before + (way_m - before_m) / self.spacing - index) <= LED_PLACES


def evidence(apart: NDArray[np.floating], length: int) -> Scores:
    """Evidence for each place as the newest of a sequence; see the module.

    Args:
        apart: (pictures, places) how far each place stands out, one spacing after another.
        length: pictures of a sequence; before it nothing is known.

    Returns:
        (pictures, places), 0 or more.

    """
    found = np.zeros(apart.shape)
    for back in reversed(range(min(length, len(apart)))):
        before = np.pad(found[back:, :-1], ((0, 0), (1, 0)))
        found[back:] = np.maximum(before + apart[: len(apart) - back] - DOUBT, 0.0)
    return found


def _among_places(scores: NDArray[np.floating]) -> Scores:
    """How far each place stands out of those that a picture isn't of, in their deviations.

    What it is of, if on the map, is the best one with its neighbours, which are left out of mean
    and deviation. So the light of a dusk, in which a picture is less like all places, leaves it as
    it is, and a threshold from the day's drives holds. NaN are left out as well. Where fewer than
    two are left to deviate, all places count, of which none then stands out. (n, places).
    """
    values = np.asarray(scores, np.float64)
    best = np.where(np.isnan(values), -np.inf, values).argmax(1)
    apart = np.abs(np.arange(values.shape[1])[None] - best[:, None])
    rest = np.where(apart > NEIGHBOURS, values, np.nan)
    few = (~np.isnan(rest)).sum(1) < 2
    rest[few] = values[few]
    spread = np.maximum(np.nanstd(rest, axis=1, keepdims=True), 1e-9)
    normal: Scores = (values - np.nanmean(rest, axis=1, keepdims=True)) / spread
    return normal


def _best_wrong(
    score: Callable[[NDArray[np.float32]], Scores], references: NDArray[np.float32], length: int
) -> Scores:
    """What the record's pictures score on a map without their stretch; empty for a short map.

    The stretch is what can be seen of a place from others: `STRETCH` to each side. Of a long record
    `BLOCKS` blocks are taken, for a start shouldn't take minutes: of `BLOCK` places, or of twice
    the sequence's. Half of a block at least answers, even if the sequence is longer than the map.
    """
    places, size = references.shape[1], max(BLOCK, 2 * length)
    number, best = np.arange(places), []
    blocks = [number] if places <= BLOCKS * size else _blocks(places, size)
    for drive in references:
        for block in blocks:
            near = np.abs(block[:, None] - number[None]) <= STRETCH
            if (~near).sum(1).min() < LEAST_PLACES:
                continue
            wrong = np.where(near, np.nan, score(drive[None, block]))
            apart = np.nan_to_num(_among_places(wrong), nan=-1e6)
            first = min(length, (len(block) + 1) // 2) - 1
            best.append(evidence(apart, length)[first:].max(1))
    return np.concatenate(best) if best else np.zeros(0)


def _blocks(places: int, size: int) -> list[NDArray[np.intp]]:
    starts = np.linspace(0, places - size, BLOCKS).round().astype(int)
    return [np.arange(start, start + size) for start in starts]


def _above(record: Scores, share: float, least: float) -> float:
    """What a share of the record stays below; the least where that is less, or nothing recorded."""
    return max(float(np.quantile(record, share)), least) if len(record) else least
