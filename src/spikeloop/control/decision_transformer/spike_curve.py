"""What a spike penalty costs: returns of trained networks against the spikes of a decision."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 220, 52, 12, 26, 40
RETURN, SHUFFLED = "#1668b8", "#c2410c"


class SpikeCurveError(ValueError):
    """A file that isn't the sidecar of an evaluated network; the message names it."""


@dataclass(frozen=True)
class Point:
    """Networks of one spike penalty.

    Attributes:
        task: that they learned.
        penalty: price of a spike a neuron and step.
        spikes: a decision, all layers.
        attended: of these, by the result of attention.
        mean: return over training seeds and test starts.
        low: of the worst training seed.
        high: of the best training seed.
        shuffled: mean return where others are asked for at random.

    """

    task: str
    penalty: float
    spikes: float
    attended: float
    mean: float
    low: float
    high: float
    shuffled: float


def read_points(paths: Sequence[Path]) -> list[Point]:
    """Points of sidecars that `spikeloop train decision_transformer` wrote, by task and penalty.

    Raises:
        SpikeCurveError: a file is missing, or isn't such a sidecar.

    """
    return sorted((_read(path) for path in paths), key=lambda p: (p.task, p.penalty))


def _read(path: Path) -> Point:
    try:
        sidecar = json.loads(path.read_text(encoding="utf-8"))
        test = sidecar["test"]
        return Point(
            str(sidecar["task"]),
            float(sidecar["training"]["spike_penalty"]),
            float(test["spikes_per_decision"]),
            sum(float(v) for name, v in test.items() if name.startswith("spikes_attended")),
            float(test["return"]),
            float(test["return_seed_low"]),
            float(test["return_seed_high"]),
            float(test["shuffled_return"]),
        )
    except OSError as error:
        raise SpikeCurveError(f"--curve: {path} can't be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SpikeCurveError(
            f"--curve: {path} is no sidecar of `spikeloop train {__package__.split('.')[-1]}`: "
            f"{type(error).__name__} {error}"
        ) from error


def metrics_of(points: Sequence[Point]) -> dict[str, float]:
    """Flat metrics, such as `cartpole_penalty_0.01_return`."""
    found: dict[str, float] = {}
    for point in points:
        name = f"{point.task}_penalty_{point.penalty:g}"
        found |= {
            f"{name}_return": point.mean,
            f"{name}_return_seed_low": point.low,
            f"{name}_return_seed_high": point.high,
            f"{name}_shuffled_return": point.shuffled,
            f"{name}_spikes_per_decision": point.spikes,
            f"{name}_spikes_attended": point.attended,
        }
    return found


def curve_svg(points: Sequence[Point]) -> str:
    """A graph for each task: return over spikes, with the spread of seeds; as SVG."""
    tasks = sorted({point.task for point in points})
    graphs = "".join(_graph(k, [p for p in points if p.task == t]) for k, t in enumerate(tasks))
    total = WIDTH * len(tasks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="{total}" height="{HEIGHT}" '
        f'fill="white"/>{graphs}</svg>\n'
    )


def _graph(index: int, points: Sequence[Point]) -> str:
    left, right = index * WIDTH + LEFT, (index + 1) * WIDTH - RIGHT
    bottom, name = HEIGHT - BOTTOM, html.escape(points[0].task.replace("_", " "))
    fewest, most = min(p.spikes for p in points), max(p.spikes for p in points)
    octaves = math.log2(max(most, 1.0) / max(fewest, 1.0)) or 1.0
    low = min(min(point.low, point.shuffled) for point in points)
    high = max(max(point.high, point.shuffled) for point in points)
    reach = (high - low) or 1.0

    def x(spikes: float) -> float:
        # Each penalty halves the spikes or so.
        share = math.log2(max(spikes, 1.0) / max(fewest, 1.0)) / octaves
        return left + 10 + (right - left - 20) * share

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - low) / reach

    parts = [
        f'<text x="{(left + right) / 2:.1f}" y="15" text-anchor="middle">{name}</text>',
        f'<text x="{(left + right) / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        "spikes a decision</text>",
        f'<path d="M{left} {TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
    ]
    for value in (low, high):
        parts.append(
            f'<text x="{left - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>'
        )
    for spikes in (fewest, most):
        parts.append(
            f'<text x="{x(spikes):.1f}" y="{bottom + 14}" text-anchor="middle">{spikes:.0f}</text>'
        )
    for point in points:
        title = f"penalty {point.penalty:g}: {point.mean:.1f} with {point.spikes:.0f} spikes"
        parts.append(
            f'<path d="M{x(point.spikes):.1f} {y(point.low):.1f}V{y(point.high):.1f}" '
            f'stroke="{RETURN}" stroke-opacity="0.4" stroke-width="3"/>'
            f'<circle cx="{x(point.spikes):.1f}" cy="{y(point.mean):.1f}" r="3" fill="{RETURN}">'
            f"<title>{title}</title></circle>"
            f'<circle cx="{x(point.spikes):.1f}" cy="{y(point.shuffled):.1f}" r="3" fill="none" '
            f'stroke="{SHUFFLED}"/>'
        )
    return "".join(parts)
