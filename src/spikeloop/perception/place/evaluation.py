"""All methods of place recognition on the same routes, and the figures that must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.parallel import run_all
from spikeloop.perception.place.baselines import BASELINES
from spikeloop.perception.place.ensemble import Network, glance_inputs, train_ensemble
from spikeloop.perception.place.modular_stdp import train_stdp_network
from spikeloop.perception.place.pictures import (
    PictureConfig,
    Small,
    edge_amplitudes,
    intensities,
    small_picture,
)
from spikeloop.perception.place.read_out import READ_OUTS
from spikeloop.perception.place.routes import Route
from spikeloop.perception.place.scoring import PlaceScores, place_scores, places_away
from spikeloop.perception.place.sequence import sequence_scores
from spikeloop.perception.place.stdp_config import StdpConfig
from spikeloop.perception.place.temporal_config import PUBLISHED, TemporalConfig

LENGTHS = (1, 4, 10)
_AT_ONCE = 100
"""Queries recognised at once, for memory's sake."""
STDP_PICTURES = tuple(PictureConfig(side=28, patch=patch) for patch in (7, 3, 5, 11, 15))
"""What the members of the STDP ensemble see, in turn: each normalises contrast in a window of its
own, so they err apart. Their constants belong to so many inputs: with more, neurons fire
together."""
SINGLE, ENSEMBLE = "temporal_single", "temporal_ensemble"
Scores = NDArray[np.float64]
Told = Callable[[float], object]
Row = dict[str, float]
"""Recall and precision of a method, by the names of `_figures`."""


@dataclass(frozen=True)
class Trial:
    """A route made small, with what each query really shows.

    Attributes:
        name: for tables.
        references: (traversals, places, side, side) float32.
        queries: of each condition, (n, side, side) float32.
        away: of each condition, (n, places) how many places each is away from a right one.

    """

    name: str
    references: Small
    queries: dict[str, Small]
    away: dict[str, NDArray[np.float32]]

    @staticmethod
    def of(route: Route, config: PictureConfig) -> Trial:
        """Make a rendered route small: picture n of a query shows place n."""
        references = np.stack([_small(drive, config) for drive in route.references])
        queries = {name: _small(drive, config) for name, drive in route.queries.items()}
        places = references.shape[1]
        away = {n: places_away(np.arange(len(drive)), places) for n, drive in queries.items()}
        return Trial(route.name, references, queries, away)

    def beginning(self, places: int) -> Trial:
        """The first places only, and the queries that show them; a condition without is left."""
        shown = {name: away.argmin(1) < places for name, away in self.away.items()}
        shown = {name: kept for name, kept in shown.items() if kept.any()}
        return Trial(
            self.name,
            self.references[:, :places],
            {name: self.queries[name][kept] for name, kept in shown.items()},
            {name: self.away[name][kept, :places] for name, kept in shown.items()},
        )


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        temporal: configuration of each member of the temporal ensemble.
        published: the same of the ensemble that is as the published program.
        stdp: configuration of each module of the STDP networks.
        networks: members of each temporal ensemble.
        stdp_networks: members of the STDP ensemble; 0 leaves the STDP networks out.
        stdp_pictures: what these see, in turn.
        stdp_places: only so many places of a route are given to them; 0 for all.
        tolerance: how many places away still counts as right, beside what the trial says.
        seed: of the first member.
        workers: processes at once.
        cluster: see `spikeloop.parallel.run_all`.

    """

    temporal: TemporalConfig = field(default_factory=TemporalConfig)
    published: TemporalConfig = PUBLISHED
    stdp: StdpConfig = field(default_factory=StdpConfig)
    networks: int = 5
    stdp_networks: int = 5
    stdp_pictures: tuple[PictureConfig, ...] = STDP_PICTURES
    stdp_places: int = 500
    tolerance: int = 0
    seed: int = 0
    workers: int = 1
    cluster: str = ""

    @property
    def steps(self) -> int:
        """Parts of the work on a route that `measure` tells of."""
        return len(BASELINES) + len(_SIGHTS) * self.networks


Result = dict[str, dict[str, dict[int, Row]]]
"""By condition, method and length of the sequence."""


def measure(trial: Trial, settings: Settings, progress: Told = lambda part: None) -> Result:
    """Score every method but the STDP networks at every length on one route.

    Args:
        trial: the route.
        settings: what is measured.
        progress: told how many of `settings.steps` are done since it was last told.

    """
    found: Result = {name: {} for name in trial.queries}
    for baseline in BASELINES.values():
        for name, queries in trial.queries.items():
            scores = baseline(trial.references, queries)
            _enter(found[name], scores, trial.away[name], settings.tolerance)
        progress(1.0)
    _measure_temporal(trial, settings, found, progress)
    return found


def measure_stdp(
    views: Sequence[Trial], settings: Settings, progress: Told = lambda part: None
) -> Result:
    """Score the STDP networks with every read-out, beside absolute differences (`stdp_sad`).

    Args:
        views: the route, of pictures as each of `settings.stdp_pictures` says;
            its first `settings.stdp_places` are used. Absolute differences have the first.
        settings: what is measured.
        progress: told of each member.

    """
    places = settings.stdp_places
    parts = [trial.beginning(places) if places else trial for trial in views]
    found: Result = {name: {} for name in parts[0].queries}
    if found:
        _measure_stdp(parts, settings, found, progress)
    return found


def merged(first: Result, second: Result) -> Result:
    """The methods of both."""
    return {name: methods | second.get(name, {}) for name, methods in first.items()}


def _small(drive: NDArray[np.uint8], config: PictureConfig) -> Small:
    return np.stack([small_picture(picture, config) for picture in drive])


def _enter(
    found: dict[str, dict[int, Row]],
    scores: Mapping[str, Scores],
    away: NDArray[np.float32],
    tolerance: int,
) -> None:
    for method, matrix in scores.items():
        found[method] = _at_lengths(matrix, away, tolerance)


def _at_lengths(scores: Scores, away: NDArray[np.float32], tolerance: int) -> dict[int, Row]:
    return {
        length: _figures(place_scores(sequence_scores(scores, length), away, tolerance))
        for length in LENGTHS
    }


def _figures(found: PlaceScores) -> Row:
    return {
        "recall": found.recall[1],
        "recall_within_one": found.recall_within_one,
        "recall_at_5": found.recall[5],
        "precision_at_full_recall": found.precision_at_full_recall,
        "recall_at_full_precision": found.recall_at_full_precision,
        "area": found.area,
    }


def _mean_of(rows: Sequence[dict[int, Row]]) -> dict[int, Row]:
    return {
        length: {key: float(np.mean([row[length][key] for row in rows])) for key in rows[0][length]}
        for length in rows[0]
    }


# --- networks --------------------------------------------------------------------------------


def _measure_temporal(trial: Trial, settings: Settings, found: Result, progress: Told) -> None:
    for kind, (seen, looked, bare) in _SIGHTS.items():
        config = settings.published if bare else settings.temporal
        jobs = [
            (seen(trial.references), config, settings.seed + n, bare)
            for n in range(settings.networks)
        ]
        members: list[Network] = run_all(
            _temporal_member, jobs, workers=settings.workers, cluster=settings.cluster,
            tell=lambda place, result: progress(1.0),
        )  # fmt: skip
        for name, queries in trial.queries.items():
            alone, together = _recognised(members, queries, looked)
            away = trial.away[name]
            rows = [_at_lengths(scores, away, settings.tolerance) for scores in alone]
            found[name][f"{kind}_single"] = _mean_of(rows)
            _enter(found[name], {f"{kind}_ensemble": together}, away, settings.tolerance)
            if not bare:
                spikes = _spikes(members, queries[:_AT_ONCE], looked)
                for row in found[name][f"{kind}_ensemble"].values():
                    row["spikes"] = spikes


_SIGHTS: dict[str, tuple[Callable[[Small], Any], Callable[[Small], Any], bool]] = {
    "vprtempo": (intensities, intensities, True),
    "temporal": (edge_amplitudes, glance_inputs, False),
}
"""How references and queries are seen, and whether spikes have no limits, as published."""


def _recognised(
    members: Sequence[Network], queries: Small, looked: Callable[[Small], Any]
) -> tuple[list[Scores], Scores]:
    """Scores of each member, and of all together, (n, places)."""
    alone: list[list[Scores]] = [[] for _ in members]
    together = []
    for first in range(0, len(queries), _AT_ONCE):
        part = queries[first : first + _AT_ONCE]
        inputs = looked(part)
        shape = (-1, len(part), members[0].mean.shape[0])
        glances = [member.scores(inputs).reshape(shape) for member in members]
        for mine, scores in zip(alone, glances, strict=True):
            mine.append(scores.max(0))
        together.append(np.mean(glances, axis=0).max(0))
    return [np.concatenate(mine) for mine in alone], np.concatenate(together)


def _spikes(members: Sequence[Network], queries: Small, looked: Callable[[Small], Any]) -> float:
    """Spikes of inputs and feature neurons of all members for one picture, all glances."""
    inputs = looked(queries)
    count = 0
    for member in members:
        for module in member.modules:
            count += int((inputs > 0.0).sum()) + int((module.spikes(inputs) > 0.0).sum())
    return count / len(queries)


def _temporal_member(
    references: NDArray[np.float32], config: TemporalConfig, seed: int, bare: bool
) -> Network:
    return train_ensemble(references, config, [seed], bare=bare)[0]


def _measure_stdp(
    parts: Sequence[Trial], settings: Settings, found: Result, progress: Told
) -> None:
    jobs = [
        (parts[n % len(parts)], settings.stdp, settings.seed + n)
        for n in range(settings.stdp_networks)
    ]
    members = run_all(
        _stdp_member, jobs, workers=settings.workers, cluster=settings.cluster,
        tell=lambda place, result: progress(1.0),
    )  # fmt: skip
    seen = parts[0]
    for name, queries in seen.queries.items():
        away = seen.away[name]
        for read_out in READ_OUTS:
            scores = [member[name][read_out] for member in members]
            alone = [_at_lengths(matrix, away, settings.tolerance) for matrix in scores]
            found[name][f"stdp_{read_out}_single"] = _mean_of(alone)
            together = {f"stdp_{read_out}_ensemble": np.mean(scores, axis=0)}
            _enter(found[name], together, away, settings.tolerance)
        # The yardstick on as few places.
        beside = BASELINES["differences"](seen.references, queries)
        _enter(found[name], {"stdp_sad": beside["sad"]}, away, settings.tolerance)


def _stdp_member(trial: Trial, config: StdpConfig, seed: int) -> dict[str, dict[str, Scores]]:
    network = train_stdp_network(intensities(trial.references), config, seed)
    # Members see different pictures and fire as much as these make them, so scores are added in
    # each member's own unit.
    unit = {read_out: network.unit(read_out) for read_out in READ_OUTS}
    out = {}
    for name, queries in trial.queries.items():
        answers = network.answers(intensities(queries))
        out[name] = {
            read_out: network.scores(answers, read_out) / unit[read_out] for read_out in READ_OUTS
        }
    return out


# --- what must hold --------------------------------------------------------------------------


def averaged(results: Sequence[Result]) -> dict[str, dict[str, dict[int, dict[str, Any]]]]:
    """Mean and standard deviation over routes: by condition, method, length and figure."""
    out: dict[str, dict[str, dict[int, dict[str, Any]]]] = {}
    for condition, methods in results[0].items():
        out[condition] = {}
        for method, lengths in methods.items():
            out[condition][method] = {
                length: {
                    key: _spread([found[condition][method][length][key] for found in results])
                    for key in row
                }
                for length, row in lengths.items()
            }
    return out


def _spread(values: Sequence[float]) -> tuple[float, float]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return round(float(np.mean(values)), 4), round(deviation, 4)


def key_figures(results: Sequence[Result], season: str = "winter") -> dict[str, float]:
    """Differences in points of recall@1, means over routes.

    Args:
        results: of `measure`, one a route.
        season: condition that is named by itself; the others' worst is named as such.

    """
    mean = averaged(results)

    def recall(condition: str, method: str, length: int = 1) -> float:
        value: float = mean[condition][method][length]["recall"][0]
        return value

    out = {}
    for name in mean:
        out[f"ensemble_gain_{name}"] = recall(name, ENSEMBLE) - recall(name, SINGLE)
    for length in LENGTHS:
        ahead = {
            name: recall(name, ENSEMBLE, length) - recall(name, "sad", length) for name in mean
        }
        for name, value in ahead.items():
            out[f"{name}_vs_sad_l{length}"] = value
        others = [value for name, value in ahead.items() if name != season]
        if others:
            out[f"worst_vs_sad_l{length}"] = min(others)
    spikes = [mean[name][ENSEMBLE][1]["spikes"][0] for name in mean]
    out["spikes_per_picture"] = float(np.mean(spikes))
    seen = [name for name in mean if "stdp_sad" in mean[name]]
    if seen:
        hardest = sorted(seen, key=lambda name: recall(name, "stdp_sad"))[:2]

        def hard(method: str) -> float:
            return float(np.mean([recall(name, method) for name in hardest]))

        alone = hard("stdp_calibrated_single")
        out["stdp_calibration_gain"] = alone / max(hard("stdp_standard_single"), 1e-9)
        out["stdp_ensemble_gain"] = hard("stdp_calibrated_ensemble") - alone
    return {key: round(value, 4) for key, value in out.items()}


def table(results: Sequence[Result], figure: str = "recall") -> str:
    """Mean and spread of a figure in lines of text, in Markdown."""
    lines = []
    for condition, methods in averaged(results).items():
        lines += [
            f"| {condition}: {figure.replace('_', ' ')} | "
            + " | ".join(f"L {length}" for length in LENGTHS)
            + " |",
            "|---" * (1 + len(LENGTHS)) + "|",
        ]
        for method, lengths in methods.items():
            digits = 3 if figure == "area" else 1
            cells = [
                f"{row[figure][0]:.{digits}f} ± {row[figure][1]:.{digits}f}"
                for row in lengths.values()
            ]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)
