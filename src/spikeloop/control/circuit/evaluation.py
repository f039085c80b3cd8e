"""How circuits compare with perceptrons, on starts that nothing was learned or chosen by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spikeloop.control.circuit.bodies import Body, body_of
from spikeloop.control.circuit.learning import PERCEPTRON, start_weights, swim
from spikeloop.control.circuit.perceptron import size_of
from spikeloop.control.circuit.storage import BadWeightsError
from spikeloop.control.circuit.worm import CIRCUITS

Floats = NDArray[np.float64]

TEST_STARTS = 900_000_000
EPISODES, QUICK_EPISODES = 300, 6
NEEDED = ("proprioceptive", "spiking", PERCEPTRON)
TENTH = 0.1
ENOUGH = 0.9
LENGTHS = (4, 5, 8, 10, 12)
"""Links of the bodies that circuits are moved to."""
TRANSFERRED = 20


def test_starts(count: int) -> NDArray[np.int64]:
    """Seeds of `count` starts."""
    return TEST_STARTS + np.arange(count)


def measure_body(
    body: Body, cycle: float, arrays: Mapping[str, Floats], quick: bool = False
) -> dict[str, float]:
    """Flat metrics of one body; see the docs for what they are.

    Args:
        body: what swims.
        cycle: decisions of the oscillator's period.
        arrays: weights and curves, see `storage`.
        quick: 6 episodes a kind instead of 300.

    Raises:
        BadWeightsError: one of `NEEDED` isn't there for this body.

    """
    found: dict[str, float] = {}
    curves: dict[str, Floats] = {}
    for kind in (*CIRCUITS, PERCEPTRON):
        seeds = _seeds(arrays, body, kind)
        if not seeds:
            if kind in NEEDED:
                raise BadWeightsError(f"the weights hold no {kind} swimmer of body '{body.name}'")
            continue
        starts = test_starts((QUICK_EPISODES if quick else EPISODES) // len(seeds))
        returns = []
        for seed in seeds:
            own = arrays[f"{body.name}/{kind}/{seed}"]
            value, spikes = swim(kind, body, cycle, np.tile(own, (len(starts), 1)), starts)
            returns.append(value)
        means = np.array([value.mean() for value in returns])
        found[f"{kind}_return"] = float(means.mean())
        found[f"{kind}_return_seed_low"] = float(means.min())
        found[f"{kind}_return_seed_high"] = float(means.max())
        first = start_weights(kind, body, seeds[0])
        untrained, _ = swim(kind, body, cycle, np.tile(first, (len(starts), 1)), starts)
        found[f"{kind}_untrained_return"] = float(untrained.mean())
        if spikes:
            found[f"{kind}_spikes_per_decision"] = spikes
        own_curves = [arrays[f"{body.name}/{kind}/{seed}/curve"] for seed in seeds]
        # Searches that stopped at different lengths are compared as far as all go.
        shortest = min(curve.shape[1] for curve in own_curves)
        curves[kind] = np.array([curve[:, :shortest] for curve in own_curves])
    baseline = found["perceptron_return"]
    for kind in curves.keys() - {PERCEPTRON}:
        found[f"{kind}_vs_mlp"] = found[f"{kind}_return"] / baseline
        found[f"{kind}_ahead_in_first_tenth"] = ahead(
            curves[kind].mean(0), curves[PERCEPTRON].mean(0)
        )
    for kind, curve in curves.items():
        needed = episodes_to(curve.mean(0), ENOUGH * baseline)
        if np.isfinite(needed):
            found[f"{kind}_episodes_to_90_pct"] = needed
    found["perceptron_episodes"] = float(curves[PERCEPTRON][:, 0, -1].mean())
    most = max(len(circuit.wiring.signs) for circuit in CIRCUITS.values())
    found["params_ratio"] = most / size_of(body.observations, body.joints)
    return found


def ahead(curve: Floats, baseline: Floats) -> float:
    """Share of the baseline's points in its first tenth of samples at which a curve lies above.

    Args:
        curve: (2, points) samples and returns; its last value is kept where it ends earlier.
        baseline: likewise.

    """
    early = baseline[:, baseline[0] <= TENTH * baseline[0, -1]]
    own = np.interp(early[0], curve[0], curve[1])
    return float((own > early[1]).mean())


def episodes_to(curve: Floats, wanted: float) -> float:
    """Samples at the first point that reaches `wanted`; infinite where none does."""
    reached = np.flatnonzero(curve[1] >= wanted)
    return float(curve[0, reached[0]]) if len(reached) else float("inf")


def transfer(
    suite: str, cycle: float, points: Mapping[str, Floats], quick: bool = False
) -> dict[str, float]:
    """Returns on bodies of other lengths, without any learning there.

    Args:
        suite: of the bodies.
        cycle: decisions of the oscillator's period.
        points: (4,) weights of each kind of circuit.
        quick: few episodes and lengths.

    """
    found = {}
    starts = test_starts(2 if quick else TRANSFERRED)
    for links in LENGTHS[:1] if quick else LENGTHS:
        body = body_of(suite, links)
        for kind, weights in points.items():
            rows = np.tile(weights, (len(starts), 1))
            found[f"{kind}_return_at_{links}_links"] = float(
                swim(kind, body, cycle, rows, starts)[0].mean()
            )
    return found


def _seeds(arrays: Mapping[str, Floats], body: Body, kind: str) -> list[int]:
    prefix = f"{body.name}/{kind}/"
    names = (k.removeprefix(prefix) for k in arrays if k.startswith(prefix))
    return sorted(int(name) for name in names if name.isdigit())
