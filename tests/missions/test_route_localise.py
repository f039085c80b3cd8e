"""A mission that makes its map first, and is judged by what perception told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from spikeloop_sim.preparations import prepared
from spikeloop_sim.route_events import by_events
from spikeloop_sim.route_map import view_route
from spikeloop_sim.worlds.catalogue import TEST

from spikeloop.loop.mission import load_mission, missions
from spikeloop.perception.place.pictures import small_picture
from spikeloop.perception.place.place_map import load_map
from spikeloop.perception.place.recogniser import scorer


def test_a_map_is_made_and_the_place_that_is_told_is_judged(fly: Any, tmp_path: Path) -> None:
    mission = yaml.safe_load(missions()["route_localise"].read_text())
    mission["world_parameters"] |= {"places": 120}
    mission["robot_parameters"] |= {"carried_from": 1, "carried_to": 12}
    mission["prepare"] |= {"places": 24, "drives": 1, "networks": 1}
    mission["criteria"] |= {"map_places": 24, "end_place": 14, "new_pct": 0.0}
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


def test_a_map_of_events_knows_its_places_at_dusk(tmp_path: Path) -> None:
    mission = load_mission("route_localise_events")
    place, driven = mission.parameters["place"], mission.prepare
    assert (place["source"], place["window"]) == (driven["source"], driven["window"])
    assert mission.parameters["controller"]["speed"] == driven["speed"]
    # Without networks, which need more places than these to tell them apart.
    short = replace(mission, prepare={**driven, "places": 6, "drives": 1, "networks": 0})
    made = load_map(Path(prepared(short, 4, tmp_path)["place"]["map"]))
    assert (made.source, made.places) == ("events", 6)
    with np.load(tmp_path / "place_views.npz") as views:
        assert str(views["source"]) == "events" and views["pictures"].shape == (6, 130, 173)
    seen = view_route(TEST + 4, mission.world_parameters, [9], 6, by_events(), "dusk")
    np.testing.assert_allclose(seen.poses, made.poses)
    small = np.array([small_picture(picture, made.picture) for picture in seen.pictures[0]])
    told = scorer(made, "sad")(small[None]).argmax(1)
    assert (np.abs(told - np.arange(6)) <= 1).all(), told
