"""The report of many flights of one mission: who succeeded how often, and the pooled figures."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikeloop.loop.criteria import judge_type
from spikeloop.loop.flight import USUAL
from spikeloop.loop.report import document

AS_FLOWN = "as flown"


def summarise(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Pool the reports of several seeds of one mission.

    Args:
        reports: as `report.json` has them, at least one.

    Returns:
        `mission`, `seeds`, and as `flights` an entry for the mission as flown and for each that
        it was compared with: `label`, `nodes`, `succeeded`, `metrics` (pooled over all seeds).

    """
    flights = []
    judge = judge_type(reports[0].get("kind", USUAL))
    labels = [AS_FLOWN, *(other["label"] for other in reports[0].get("comparison", []))]
    for label in labels:
        flown = [_flight(report, label) for report in reports]
        flights.append(
            {
                "label": label,
                "nodes": flown[0]["nodes"],
                "succeeded": sum(flight["success"] for flight in flown),
                "metrics": judge.pooled([flight["series"] for flight in flown]),
            }
        )
    seeds = [report["seed"] for report in reports]
    return {"mission": reports[0]["mission"], "seeds": seeds, "flights": flights}


def _flight(report: dict[str, Any], label: str) -> dict[str, Any]:
    others = {other["label"]: other for other in report.get("comparison", [])}
    return report if label == AS_FLOWN else others[label]


def write_summary(folder: Path, reports: Sequence[dict[str, Any]]) -> None:
    """Write `report.json` and `report.html` above the folders `seed_N` of the flights.

    Raises:
        OSError: they can't be written.

    """
    summary = summarise(reports)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, sort_keys=True) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    (folder / "report.html").write_text(_page(summary, reports), encoding="utf-8")


def _page(summary: dict[str, Any], reports: Sequence[dict[str, Any]]) -> str:
    count = len(summary["seeds"])
    names = list(summary["flights"][0]["metrics"])
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", "succeeded", *names))
    rows = "".join(
        f"<tr><td>{html.escape(flight['label'])}</td>"
        f'<td class="n">{flight["succeeded"]} of {count}</td>'
        + "".join(f'<td class="n">{flight["metrics"].get(n, float("nan")):.3f}</td>' for n in names)
        + "</tr>"
        for flight in summary["flights"]
    )
    judge = judge_type(reports[0].get("kind", USUAL))
    links = ", ".join(f'<a href="seed_{seed}/report.html">{seed}</a>' for seed in summary["seeds"])
    return document(
        f"{summary['mission']}: {count} seeds",
        [
            f"<h1>{html.escape(summary['mission'])}</h1>",
            f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>',
            *judge.overview(reports),
            f"<p>Each seed: {links}</p>",
        ],
    )
