"""The page of a mission: one HTML file without references, legible on a phone and offline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spikeloop.loop.criteria import judge_type
from spikeloop.loop.criteria.judge import Judge
from spikeloop.loop.drawing import bars, lines, raster
from spikeloop.loop.flight import USUAL
from spikeloop.loop.page_parts import text
from spikeloop.loop.recording import RecordingError
from spikeloop.loop.spiking import SpikingRecord, spiking_records
from spikeloop.metrics.distribution import distribution

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.45 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
.verdict{display:inline-block;padding:.15rem .6rem;border-radius:.3rem;color:#fff;font-weight:600}
.yes{background:#15803d}.no{background:#b91c1c}
svg{width:100%;height:auto;display:block}
svg text{font-size:13px;fill:currentColor}
table{border-collapse:collapse;width:100%}
td:first-child{overflow-wrap:anywhere}
td,th{text-align:left;padding:.25rem .5rem .25rem 0;border-bottom:1px solid #8884}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.wide{overflow-x:auto}
.key{margin:0;font-size:.9rem}
h3{font-size:.95rem;margin:.9rem 0 .2rem}
.sights{display:flex;flex-wrap:wrap;gap:.4rem;align-items:flex-start}
.sights img{flex:1 1 8rem;min-width:0;max-width:15rem;height:auto}
"""


COST_NOTE = """<p class="key">A PID of the same task needs 5 multiplications and 7 additions a
decision, about 0.03 nJ by the same model: it costs less on any machine. The spiking controller is
for neuromorphic hardware, where it shares a chip and a number format with spiking perception, and
for learning controllers of which no formula is known.</p>"""


def write_page(folder: Path) -> Path:
    """Write `report.html` beside `report.json`.

    A recording that can't be read, as of a recorder that was killed, is named on the page and
    left out.

    Raises:
        OSError: `report.json` can't be read or the page not be written.

    """
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    path = folder / "report.html"
    recording: Path | None = folder / "recording.mcap"
    records: Mapping[str, SpikingRecord] = {}
    damage = ""
    try:
        if recording and recording.exists():
            records = spiking_records(recording)
        else:
            recording = None
    except RecordingError as error:
        recording, damage = None, f"Shown without what was recorded: {error}"
    path.write_text(page(report, records, recording, damage), encoding="utf-8")
    return path


def page(
    report: dict[str, Any],
    records: Mapping[str, SpikingRecord],
    recording: Path | None = None,
    damage: str = "",
) -> str:
    """The page of a report as `Flight.report` gives it, and of what spiking nodes told.

    Args:
        report: see there.
        records: by node, of the recording.
        recording: its file.
        damage: what is wrong with a recording that is left out.

    """
    judge = judge_type(report.get("kind", USUAL))
    verdict = "success" if report["success"] else "failed"
    nodes = ", ".join(f"{slot}: {node}" for slot, node in report["nodes"].items())
    parts = [
        f"<h1>{text(report['mission'])}</h1>",
        f'<p><span class="verdict {"yes" if report["success"] else "no"}">{verdict}</span> '
        f"seed {report['seed']} &middot; {text(nodes)}</p>",
        f"<p>{text(report['failure'])}</p>" if report["failure"] else "",
        f"<p>{text(damage)}</p>" if damage else "",
        *judge.figures(report, recording),
        "<h2>Criteria</h2>",
        _criteria(report["criteria"]),
        _comparison(report, judge),
        *(_spiking(name, record) for name, record in records.items()),
        COST_NOTE if records and _flew(report, "pid") else "",
        _stops(report["safety_stops"]),
        _stages(report["timing"].get("stages", [])),
        _messages(report["timing"].get("messages", [])),
        "<h2>Timing</h2>",
        _timing(report["timing"]),
    ]
    return document(f"{report['mission']}: {verdict}", parts)


def document(title: str, parts: Sequence[str]) -> str:
    """An HTML document of parts, with the style inside."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _criteria(entries: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td>{'&#10003;' if e['held'] else '&#10007;'} {text(e['name'])}</td>"
        f'<td class="n">{"never" if e["value"] is None else format(e["value"], ".2f")}</td>'
        f'<td class="n">{"&ge;" if e.get("least") else "&le;"} {e["bound"]:g} '
        f"{text(e['unit'])}</td></tr>"
        for e in entries
    ]
    return f"<table>{''.join(rows)}</table>"


def _flew(report: dict[str, Any], node: str) -> bool:
    return any(node in other["nodes"].values() for other in report.get("comparison", []))


def _comparison(report: dict[str, Any], judge: type[Judge]) -> str:
    """The same mission flown otherwise, on the same seed."""
    others = report.get("comparison", [])
    if not others:
        return ""
    own = {"label": "as flown", **{key: report[key] for key in ("metrics", "success", "series")}}
    rows = [own, *others]
    names = [name for name in own["metrics"] if all(name in row["metrics"] for row in rows)]
    head = "".join(f"<th>{text(name)}</th>" for name in ("", "success", *names))
    body = "".join(
        f"<tr><td>{text(row['label'])}</td><td>{'yes' if row['success'] else 'no'}</td>"
        + "".join(f'<td class="n">{row["metrics"][name]:.3f}</td>' for name in names)
        + "</tr>"
        for row in rows
    )
    return (
        "".join(judge.comparison([(row["label"], row["series"]) for row in rows]))
        + f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
    )


def _spiking(name: str, record: SpikingRecord) -> str:
    """Spikes and membranes of a node, and what a decision cost."""
    cost = record.mean_cost()
    parts = [f"<h2>Spikes of {text(name)}</h2>"]
    if record.layers:
        parts.append(raster(record.time, record.fired, record.layers))
    if record.potentials:
        parts += [
            "<h2>Membrane potential of its outputs</h2>",
            lines(record.time, record.potentials),
        ]
    if cost:
        parts.append(
            f"<h2>Cost of a decision of {text(name)}, mean</h2><table>"
            f'<tr><td>spikes</td><td class="n">{cost["spikes"]:.1f}</td></tr>'
            f'<tr><td>accumulates</td><td class="n">{cost["accumulates"]:.0f}</td></tr>'
            f"<tr><td>multiply-accumulates</td>"
            f'<td class="n">{cost["multiply_accumulates"]:.0f}</td></tr>'
            f'<tr><td>energy, modelled</td><td class="n">{cost["energy"] * 1e9:.3f} nJ</td></tr>'
            f'</table><p class="key">Energy by {text(record.energy_model)}.</p>'
        )
    return "".join(parts)


def _stops(stops: list[list[Any]]) -> str:
    if not stops:
        return ""
    rows = "".join(
        f'<tr><td class="n">{at:.2f} s</td><td>{text(why)}</td></tr>' for at, why in stops
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
        rows.append(f'<tr><td>{text(name)}</td><td class="n">{text(value)}</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _stages(stages: list[dict[str, Any]]) -> str:
    """When, after the measurement, each stage had its input and gave its output."""
    timed = [s for s in stages if s["since_measurement_ms"]]
    if not timed:
        return ""
    spans, rows = [], []
    for stage in timed:
        since, own = stage["since_measurement_ms"], stage["own_ms"]
        name = f"{stage['node'].lstrip('/')}: {stage['topic']}"
        spans.append((name, max(0.0, since["median"] - own["median"]), since["median"]))
        rows.append(
            f'<tr><td>{text(name)}</td><td class="n">{own["median"]:.2f} / {own["p99"]:.2f}</td>'
            f'<td class="n">{since["median"]:.2f} / {since["p99"]:.2f}</td></tr>'
        )
    head = "<tr><th>median / p99</th><th>own time</th><th>since the measurement</th></tr>"
    return f"<h2>Stage latencies, ms</h2>{bars(spans)}<table>{head}{''.join(rows)}</table>"


def _messages(entries: list[dict[str, Any]]) -> str:
    if not entries:
        return ""
    rows = "".join(
        f"<tr><td>{text(e['topic'])}: {text(e['writer'].lstrip('/'))} to "
        f'{text(e["reader"].lstrip("/"))}</td><td class="n">{e["sent"]}</td>'
        f'<td class="n">{e["lost"]}</td></tr>'
        for e in entries
    )
    head = "<tr><th>messages</th><th>sent</th><th>lost</th></tr>"
    return f"<h2>Messages lost</h2><table>{head}{rows}</table>"


def _distribution(values: list[float]) -> str:
    if not values:
        return "-"
    return ", ".join(f"{name} {value:.2f}" for name, value in distribution(values).items())
