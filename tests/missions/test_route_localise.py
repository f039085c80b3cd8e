"""A mission that makes its map first, and is judged by what perception told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from spikeloop.loop.mission import missions


def test_a_map_is_made_and_the_place_that_is_told_is_judged(fly: Any, tmp_path: Path) -> None:
    mission = yaml.safe_load(missions()["route_localise"].read_text())
    mission["world_parameters"] |= {"places": 120}
    mission["robot_parameters"] |= {"carried_from": 1, "carried_to": 12}
    mission["prepare"] |= {"places": 24, "drives": 1, "networks": 1}
    mission["criteria"] |= {"map_places": 24, "end_place": 14}
    mission["duration"] = 12.0
    file = tmp_path / "short.yaml"
    file.write_text(yaml.safe_dump(mission))
    flown = fly(str(file), "place:=sad", "--seed", "4")
    flown.end()
    report = flown.report
    assert report["failure"] == "" and report["safety_stops"] == []
    assert report["nodes"]["place"] == "place_sad"
    series = report["series"]
    assert series["carried"][-1] == 1.0 and series["place"][-1] >= 14.0
    # Before it was carried off it knew its first place.
    assert series["told_place"][10] in (0.0, 1.0, 2.0)
    assert max(series["told_score"]) > 0.0 > min(series["told_place"]) - 1.0
    names = [entry["name"].split(",")[0] for entry in report["criteria"]]
    assert names[:3] == ["within 2 places", "found again after", "called new"]
    text = (flown.folder / "report.html").read_text()
    for part in ("What was seen, and the place of the map", "before it was carried off", "Score"):
        assert part in text
    assert text.count('src="data:image/png;base64,') >= 6
    assert (flown.folder / "place.npz").exists()
