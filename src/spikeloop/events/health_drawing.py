"""A drawing of a stream's health: the rate over time and the activity of each pixel, as SVG."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spikeloop.events.health import StreamHealth

WIDTH, PLOT_HEIGHT, MARGIN = 960, 220, 60


def draw(health: StreamHealth, title: str) -> str:
    """The SVG text."""
    begins, rate = health.rate()
    height = PLOT_HEIGHT + 3 * MARGIN + _map_height(health)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#222">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{MARGIN}" y="28" font-size="17">{escape(title)}</text>',
        *_rate_plot(begins, rate, health.bin_us),
        *_activity_map(health, PLOT_HEIGHT + 2 * MARGIN),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rate_plot(begins: NDArray[np.int64], rate: NDArray[np.float64], bin_us: int) -> list[str]:
    top, bottom, right = MARGIN, MARGIN + PLOT_HEIGHT, WIDTH - MARGIN
    parts = [
        f'<path d="M{MARGIN} {top}V{bottom}H{right}" fill="none" stroke="#888"/>',
        f'<text x="{MARGIN}" y="{top - 8}">events/s, mean of {bin_us / 1000:g} ms</text>',
    ]
    if not len(rate):
        return [*parts, f'<text x="{MARGIN + 20}" y="{bottom - 20}">no events</text>']
    highest = float(rate.max()) or 1.0
    span = max(1, int(begins[-1] - begins[0]) + bin_us)
    x = MARGIN + (begins - begins[0] + bin_us / 2) / span * (right - MARGIN)
    y = bottom - rate / highest * PLOT_HEIGHT
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return [
        *parts,
        f'<polyline points="{points}" fill="none" stroke="#2060c0"/>',
        f'<text x="{right}" y="{top - 8}" text-anchor="end">highest {highest:,.0f}</text>',
        f'<text x="{MARGIN}" y="{bottom + 20}">{begins[0] / 1e6:.6f} s</text>',
        f'<text x="{right}" y="{bottom + 20}" text-anchor="end">'
        f"{(begins[0] + span) / 1e6:.6f} s, sensor time</text>",
    ]


def _map_height(health: StreamHealth) -> int:
    return round((WIDTH - 2 * MARGIN) / 2 * health.height / health.width)


def _activity_map(health: StreamHealth, top: int) -> list[str]:
    side, height = (WIDTH - 2 * MARGIN) // 2 - 10, _map_height(health)
    parts = []
    for k, (name, counts) in enumerate(zip(("OFF", "ON"), health.counts, strict=True)):
        # Logarithmic, for a hot pixel has thousands of times the events of others.
        shade = np.log1p(counts) / np.log1p(max(1, int(counts.max())))
        picture = io.BytesIO()
        Image.fromarray((255 - 255 * shade).astype(np.uint8)).save(picture, "PNG")
        data = base64.b64encode(picture.getvalue()).decode()
        left = MARGIN + k * (side + 20)
        parts += [
            f'<text x="{left}" y="{top - 8}">{name} events of each pixel, '
            f"logarithmic, at most {int(counts.max()):,}</text>",
            f'<image x="{left}" y="{top}" width="{side}" height="{height}" '
            f'preserveAspectRatio="none" image-rendering="pixelated" '
            f'href="data:image/png;base64,{data}"/>',
            f'<rect x="{left}" y="{top}" width="{side}" height="{height}" fill="none" '
            'stroke="#888"/>',
        ]
    return parts
