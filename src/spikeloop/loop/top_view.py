"""A way seen from above, as SVG: what stands in the world, where the robot went, key moments."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from spikeloop.loop.drawing import COLOURS, WIDTH
from spikeloop.loop.moments import Moment

MOST_HEIGHT, EDGE = 520.0, 14.0
FLAG_M = 0.8


class _Map:
    """Metres to pixels, the whole of some points on the picture."""

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        self._left, self._top = min(xs), max(ys)
        across, down = max(max(xs) - self._left, 1e-3), max(self._top - min(ys), 1e-3)
        room = WIDTH - 2.0 * EDGE
        self.scale = min(room / across, (MOST_HEIGHT - 2.0 * EDGE) / down)
        self.height = down * self.scale + 2.0 * EDGE
        self._shift = EDGE + 0.5 * (room - across * self.scale)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Column and row."""
        return (x - self._left) * self.scale + self._shift, (self._top - y) * self.scale + EDGE

    def path(self, points: Sequence[Sequence[float]]) -> str:
        """As the attribute `points`."""
        return " ".join(f"{u:.1f},{v:.1f}" for u, v in (self.at(p[0], p[1]) for p in points))


def ways_compared(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """All ways of one seed, (label, series) each, in one picture."""
    return [top_view("Compared on the same seed", {}, rows, [])]


def ways_of_seeds(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """The way of each seed in its own world, small."""
    views = [
        top_view(
            f"seed {report['seed']}: {'success' if report['success'] else 'failed'}",
            report.get("place", {}),
            [("", report["series"])],
            [],
            level=3,
        )
        for report in reports
        if len(report["series"]["time"]) > 1
    ]
    return ["<h2>The ways from above</h2>", *views]


def top_view(
    title: str,
    place: Mapping[str, Any],
    ways: Sequence[tuple[str, Mapping[str, Any]]],
    keys: Sequence[Moment],
    level: int = 2,
) -> str:
    """A heading and the picture.

    Args:
        title: of the heading.
        place: as `Surroundings.as_plan` has it; empty where nothing is known.
        ways: (label, series with `x` and `y`), the first one's goal is shown.
        keys: moments of the first way, which get a number.
        level: of the heading.

    """
    tracks = [(label, list(zip(s["x"], s["y"], strict=True)), s) for label, s in ways]
    points = [p for _, track, _ in tracks for p in track]
    outlines = place.get("outlines", [])
    goal = _goal(place, ways[0][1])
    shown = [*points, goal] if goal else points
    near = [o for o in outlines if _is_near(o, shown)]
    view = _Map([*shown, *[_clipped(p, shown) for outline in near for p in outline]])
    parts = [
        f'<polygon points="{view.path(outline)}" fill="currentColor" fill-opacity=".35"/>'
        for outline in near
    ]
    if goal:
        u, v = view.at(*goal)
        parts.append(
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="{max(FLAG_M * view.scale, 4.0):.1f}" '
            'fill="#15803d" fill-opacity=".25" stroke="#15803d"/>'
        )
    for colour, (_, track, _) in zip(cycle(COLOURS), tracks, strict=False):
        parts.append(
            f'<polyline points="{view.path(track)}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
    for number, key in enumerate(keys, 1):
        u, v = view.at(*tracks[0][1][key.index])
        parts.append(
            f'<circle cx="{u:.1f}" cy="{v:.1f}" r="9" fill="#b91c1c"/>'
            f'<text x="{u:.1f}" y="{v + 4.5:.1f}" text-anchor="middle" '
            f'style="fill:#fff">{number}</text>'
        )
    named = [
        f'<span style="color:{colour}">&#9632;</span> {html.escape(label)}'
        for colour, (label, _, _) in zip(cycle(COLOURS), tracks, strict=False)
        if label
    ]
    named += [f"{n}: {html.escape(k.label)}, {k.time_s:.1f} s" for n, k in enumerate(keys, 1)]
    key_line = f'<p class="key">{" &middot; ".join(named)}</p>' if named else ""
    return (
        f"<h{level}>{html.escape(title)}</h{level}>"
        f'<svg viewBox="0 0 {WIDTH} {view.height:.0f}" role="img" '
        f'style="max-height:{MOST_HEIGHT:.0f}px">{"".join(parts)}</svg>{key_line}'
    )


def _goal(place: Mapping[str, Any], series: Mapping[str, Any]) -> tuple[float, float] | None:
    if series.get("goal_x"):
        return series["goal_x"][-1], series["goal_y"][-1]
    goal = place.get("goal")
    return (goal[0], goal[1]) if goal else None


def _box(points: Sequence[Sequence[float]], margin: float) -> tuple[float, float, float, float]:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs) - margin, max(xs) + margin, min(ys) - margin, max(ys) + margin


def _is_near(outline: Sequence[Sequence[float]], points: Sequence[Sequence[float]]) -> bool:
    """Whether an outline reaches to within 5 m of the box of some points."""
    left, right, low, high = _box(points, 5.0)
    a, b, c, d = _box(outline, 0.0)
    return bool(a < right and b > left and c < high and d > low)


def _clipped(point: Sequence[float], points: Sequence[Sequence[float]]) -> tuple[float, float]:
    """A far end of a long wall doesn't make the picture small."""
    left, right, low, high = _box(points, 5.0)
    return min(max(point[0], left), right), min(max(point[1], low), high)
