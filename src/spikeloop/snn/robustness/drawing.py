"""A picture of accuracy over severity, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

from spikeloop.snn.robustness.corruptions import CORRUPTIONS

WIDTH, HEIGHT, MARGIN = 260, 180, 40


def curves_svg(found: Mapping[str, float]) -> str:
    """Small graphs, one a corruption, of what `bench.bench` found."""
    parts = [
        _graph(k, name, found) for k, name in enumerate(CORRUPTIONS) if f"{name}_mean" in found
    ]
    total = WIDTH * len(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11"><rect width="{total}" height="{HEIGHT}" '
        f'fill="white"/>{"".join(parts)}</svg>\n'
    )


def _graph(index: int, name: str, found: Mapping[str, float]) -> str:
    severities = [s for s in CORRUPTIONS[name][1] if f"{name}_{s:g}" in found]
    values = [found["clean"], *(found[f"{name}_{s:g}"] for s in severities)]
    left, top = index * WIDTH + MARGIN, 24
    wide, high = WIDTH - MARGIN - 15, HEIGHT - top - 44
    step = wide / max(1, len(values) - 1)
    points = [(left + k * step, top + high * (1 - v)) for k, v in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f77b4"/>' for x, y in points)
    ticks = "".join(
        f'<text x="{left + k * step:.1f}" y="{top + high + 14}" text-anchor="middle">{s:g}</text>'
        for k, s in enumerate([0.0, *severities])
    )
    grid = "".join(
        f'<line x1="{left}" x2="{left + wide}" y1="{top + high * (1 - v):.1f}" '
        f'y2="{top + high * (1 - v):.1f}" stroke="#ccc"/><text x="{left - 5}" '
        f'y="{top + high * (1 - v) + 4:.1f}" text-anchor="end">{100 * v:.0f} %</text>'
        for v in (0.0, 0.5, 1.0)
    )
    middle, unit = left + wide / 2, CORRUPTIONS[name][2]
    return (
        f'<text x="{middle:.1f}" y="15" text-anchor="middle">{name.replace("_", " ")}</text>{grid}'
        f'<polyline points="{line}" fill="none" stroke="#1f77b4" stroke-width="2"/>{marks}{ticks}'
        f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{unit}</text>'
    )
