"""Pictures of a report as SVG: they scale to a phone, need no script and no file beside them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import cycle

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 220, 46, 8, 6, 24
LABELS = 96
"""Width that a raster leaves for the names of its layers."""
COLOURS = ("#1668b8", "#c2410c", "#4d7c0f", "#7e22ce", "#0f766e", "#a16207")


def lines(time: Sequence[float], series: Mapping[str, Sequence[float]]) -> str:
    """Series over time with axes and a key.

    Args:
        time: s, rising.
        series: name to values, one for each time.

    """
    values = [value for line in series.values() for value in line]
    if len(time) < 2 or not values:
        return "<p>Nothing was recorded.</p>"
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 1.0
    low, high = low - margin, high + margin
    parts = [*_axes(time, low, high)]
    for colour, line in zip(cycle(COLOURS), series.values(), strict=False):
        points = " ".join(
            f"{_x(at, time):.1f},{_y(value, low, high):.1f}"
            for at, value in zip(time, line, strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
    key = " &middot; ".join(
        f'<span style="color:{colour}">&#9632;</span> {html.escape(name)}'
        for colour, name in zip(cycle(COLOURS), series, strict=False)
    )
    return _svg(HEIGHT, parts) + f'<p class="key">{key}</p>'


def raster(time: Sequence[float], fired: Sequence[Sequence[int]], layers: Mapping[str, int]) -> str:
    """A dot for each spike: time across, neurons down, layer by layer.

    Args:
        time: s of each decision, rising.
        fired: indices of the neurons that fired in each, counted through all layers.
        layers: name to number of neurons, in order.

    """
    total = sum(layers.values())
    if len(time) < 2 or not total:
        return "<p>No neuron was recorded.</p>"
    height = HEIGHT + BOTTOM
    scale = (height - TOP - BOTTOM) / total
    parts = []
    first = 0
    for colour, (name, size) in zip(cycle(COLOURS), layers.items(), strict=False):
        dots = "".join(
            f"M{_x(at, time, LABELS):.1f} {TOP + (index + 0.5) * scale:.1f}h1.2"
            for at, indices in zip(time, fired, strict=True)
            for index in indices
            if first <= index < first + size
        )
        middle = TOP + (first + size / 2) * scale
        parts.append(
            f'<path d="{dots}" stroke="{colour}" stroke-width="{max(0.6, scale):.1f}"/>'
            f'<text x="2" y="{middle:.1f}" style="fill:{colour}">{html.escape(name)}</text>'
        )
        first += size
    return _svg(height, [*parts, *_time_axis(time, height, LABELS)])


def bars(rows: Sequence[tuple[str, float, float]]) -> str:
    """Spans on one scale from 0, a row each.

    Args:
        rows: (name, begin, end), all at least 0, in one unit.

    """
    longest = max((end for _, _, end in rows), default=0.0) or 1.0
    row_height, scale = 30, (WIDTH - RIGHT) / longest
    parts = [
        f'<text x="2" y="{row_height * index + 13}">{html.escape(name)}</text>'
        f'<rect x="{begin * scale:.1f}" y="{row_height * index + 17}" '
        f'width="{max(2.0, (end - begin) * scale):.1f}" height="8" '
        f'fill="{COLOURS[index % len(COLOURS)]}"/>'
        for index, (name, begin, end) in enumerate(rows)
    ]
    return _svg(row_height * len(rows), parts)


def _svg(height: float, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img">{"".join(parts)}</svg>'


def _x(at: float, time: Sequence[float], left: float = LEFT) -> float:
    return left + (at - time[0]) / (time[-1] - time[0]) * (WIDTH - left - RIGHT)


def _y(value: float, low: float, high: float) -> float:
    return (high - value) / (high - low) * (HEIGHT - BOTTOM - TOP) + TOP


def _axes(time: Sequence[float], low: float, high: float) -> list[str]:
    parts = []
    for step in range(5):
        value = low + (high - low) * step / 4
        y = _y(value, low, high)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        )
    return [*parts, *_time_axis(time, HEIGHT)]


def _time_axis(time: Sequence[float], height: float, left: float = LEFT) -> list[str]:
    ticks = [time[0] + (time[-1] - time[0]) * step / 4 for step in range(5)]
    anchors = ("middle", "middle", "middle", "middle", "end")
    return [
        f'<text x="{_x(at, time, left):.1f}" y="{height - 6}" '
        f'text-anchor="{anchor}">{at:.0f} s</text>'
        for at, anchor in zip(ticks, anchors, strict=True)
    ]
