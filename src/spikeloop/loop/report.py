"""The page of a mission: one HTML file without references, legible on a phone and offline."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikeloop.metrics.distribution import distribution

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 220, 46, 24
COLOURS = ("#1668b8", "#c2410c", "#4d7c0f", "#7e22ce")

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.45 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
.verdict{display:inline-block;padding:.15rem .6rem;border-radius:.3rem;color:#fff;font-weight:600}
.yes{background:#15803d}.no{background:#b91c1c}
svg{width:100%;height:auto;display:block}
svg text{font-size:13px;fill:currentColor}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .5rem .25rem 0;border-bottom:1px solid #8884}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.key{margin:0;font-size:.9rem}
"""


def write_page(folder: Path) -> Path:
    """Write `report.html` beside `report.json`.

    Raises:
        OSError: `report.json` can't be read or the page not be written.

    """
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    path = folder / "report.html"
    path.write_text(page(report), encoding="utf-8")
    return path


def page(report: dict[str, Any]) -> str:
    """The page of a report as `Flight.report` gives it."""
    verdict = "success" if report["success"] else "failed"
    series = report["series"]
    time = series["time"]
    commands = list(zip(*series["commands"], strict=True))
    nodes = ", ".join(f"{slot}: {node}" for slot, node in report["nodes"].items())
    parts = [
        f"<h1>{_text(report['mission'])}</h1>",
        f'<p><span class="verdict {"yes" if report["success"] else "no"}">{verdict}</span> '
        f"seed {report['seed']} &middot; {_text(nodes)}</p>",
        f"<p>{_text(report['failure'])}</p>" if report["failure"] else "",
        "<h2>Altitude, m</h2>",
        _plot(time, {"altitude": series["altitude"], "set-point": series["setpoint"]}),
        "<h2>Commands of the thrusters, -1 to 1</h2>",
        _plot(time, {f"actuator {i}": values for i, values in enumerate(commands)}),
        "<h2>Criteria</h2>",
        _criteria(report["criteria"]),
        _stops(report["safety_stops"]),
        _stages(report["timing"].get("stages", [])),
        _messages(report["timing"].get("messages", [])),
        "<h2>Timing</h2>",
        _timing(report["timing"]),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(report['mission'])}: {verdict}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _plot(time: Sequence[float], lines: dict[str, Sequence[float]]) -> str:
    """Lines over time as an SVG with its key."""
    values = [value for line in lines.values() for value in line]
    if len(time) < 2 or not values:
        return "<p>Nothing was recorded.</p>"
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 1.0
    low, high = low - margin, high + margin

    def x(at: float) -> float:
        return LEFT + (at - time[0]) / (time[-1] - time[0]) * (WIDTH - LEFT - 8)

    def y(value: float) -> float:
        return (high - value) / (high - low) * (HEIGHT - BOTTOM - 6) + 6

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for step in range(5):
        value = low + (high - low) * step / 4
        at = time[0] + (time[-1] - time[0]) * step / 4
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            'stroke="currentColor" stroke-opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>'
            f'<text x="{x(at):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{at:.0f} s</text>'
        )
    for colour, line in zip(COLOURS, lines.values(), strict=False):
        points = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in zip(time, line, strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
    key = " &middot; ".join(
        f'<span style="color:{colour}">&#9632;</span> {_text(name)}'
        for colour, name in zip(COLOURS, lines, strict=False)
    )
    return "".join(parts) + f'</svg><p class="key">{key}</p>'


def _criteria(entries: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td>{'&#10003;' if e['held'] else '&#10007;'} {_text(e['name'])}</td>"
        f'<td class="n">{"never" if e["value"] is None else format(e["value"], ".2f")}</td>'
        f'<td class="n">&le; {e["bound"]:g} {_text(e["unit"])}</td></tr>'
        for e in entries
    ]
    return f"<table>{''.join(rows)}</table>"


def _stops(stops: list[list[Any]]) -> str:
    if not stops:
        return ""
    rows = "".join(
        f'<tr><td class="n">{at:.2f} s</td><td>{_text(why)}</td></tr>' for at, why in stops
    )
    return f"<h2>Safety stops</h2><table>{rows}</table>"


def _timing(timing: dict[str, Any]) -> str:
    rows = []
    for name, value in timing.items():
        if name in ("stages", "messages"):
            continue
        if isinstance(value, list):
            value = _distribution(value)
        elif isinstance(value, float):
            value = f"{value:.2f}"
        rows.append(f'<tr><td>{_text(name)}</td><td class="n">{_text(value)}</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _stages(stages: list[dict[str, Any]]) -> str:
    """Bars on one scale: when, after the measurement, a stage had its input and gave its output."""
    timed = [s for s in stages if s["since_measurement_ms"]]
    if not timed:
        return ""
    longest = max(s["since_measurement_ms"]["median"] for s in timed) or 1.0
    row_height, scale = 30, (WIDTH - 8) / longest
    parts = [f'<svg viewBox="0 0 {WIDTH} {row_height * len(timed)}" role="img">']
    rows = []
    for index, stage in enumerate(timed):
        since, own = stage["since_measurement_ms"], stage["own_ms"]
        end, width = since["median"] * scale, max(2.0, own["median"] * scale)
        name = _text(f"{stage['node'].lstrip('/')}: {stage['topic']}")
        parts.append(
            f'<text x="2" y="{row_height * index + 13}">{name}</text>'
            f'<rect x="{max(0.0, end - width):.1f}" y="{row_height * index + 17}" '
            f'width="{width:.1f}" height="8" fill="{COLOURS[index % len(COLOURS)]}"/>'
        )
        rows.append(
            f'<tr><td>{name}</td><td class="n">{own["median"]:.2f} / {own["p99"]:.2f}</td>'
            f'<td class="n">{since["median"]:.2f} / {since["p99"]:.2f}</td></tr>'
        )
    head = "<tr><th>median / p99</th><th>own time</th><th>since the measurement</th></tr>"
    return (
        "<h2>Stage latencies, ms</h2>"
        + "".join(parts)
        + f"</svg><table>{head}{''.join(rows)}</table>"
    )


def _messages(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    rows = "".join(
        f"<tr><td>{_text(e['topic'])}: {_text(e['writer'].lstrip('/'))} to "
        f'{_text(e["reader"].lstrip("/"))}</td><td class="n">{e["sent"]}</td>'
        f'<td class="n">{e["lost"]}</td></tr>'
        for e in entries
    )
    head = "<tr><th>messages</th><th>sent</th><th>lost</th></tr>"
    return f"<h2>Messages lost</h2><table>{head}{rows}</table>"


def _distribution(values: list[float]) -> str:
    if not values:
        return "-"
    return ", ".join(f"{name} {value:.2f}" for name, value in distribution(values).items())
