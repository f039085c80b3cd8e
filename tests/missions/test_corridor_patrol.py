"""A robot with LiDAR and cameras in a mission: the same for the same seed, and a page to look at."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from mcap.reader import make_reader

SHORT = ("corridor_patrol", "--seed", "2", "--duration", "2")


def test_same_seed_same_report(fly: Any) -> None:
    first = fly(*SHORT)
    first.end()
    second = fly(*SHORT)
    second.end()
    assert first.report["failure"] == "" and first.report["safety_stops"] == []
    assert first.report | {"timing": {}} == second.report | {"timing": {}}
    series = first.report["series"]
    assert len(series["time"]) == 20 and series["x"][-1] > series["x"][0] + 0.3
    assert first.report["place"]["world"] == "corridor"


def _topics(folder: Path) -> Counter[str]:
    seen: Counter[str] = Counter()
    with (folder / "recording.mcap").open("rb") as file:
        for _, channel, _ in make_reader(file).iter_messages():
            seen[channel.topic] += 1
    return seen


def test_the_recording_has_all_sensors_and_the_page_shows_them(fly: Any, tmp_path: Path) -> None:
    mission = fly(*SHORT)
    mission.end()
    seen = _topics(mission.folder)
    for topic, least in {
        "/lidar/points": 15, "/event_camera/events": 80, "/camera/image_raw": 8, "/odom": 80,
        "/imu/data": 150, "/joint_states": 80, "/contact": 30, "/tf": 80, "/tf_static": 1,
        "/robot_description": 1, "/event_camera/camera_info": 1, "/cmd_vel": 15,
    }.items():  # fmt: skip
        assert seen[topic] >= least, f"{topic}: {seen[topic]}"
    page = mission.folder / "report.html"
    text = page.read_text()
    for part in ("The way from above", "What was seen", "Clearance, m", "1: start"):
        assert part in text
    assert text.count("src=") == text.count('src="data:image/png;base64,') >= 6
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "a browser is needed: apt-get install chromium"
    probe = (
        "<script>document.body.dataset.seen = [...document.images]"
        ".filter(i => i.complete && i.naturalWidth > 20).length;"
        "document.body.dataset.width = document.documentElement.scrollWidth</script></body>"
    )
    copy = tmp_path / "probed.html"
    copy.write_text(text.replace("</body>", probe))
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=390,800",
            "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom", copy.as_uri(),
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    pictures = int(done.stdout.split('data-seen="')[1].split('"')[0])
    assert pictures == text.count("src=")
    assert int(done.stdout.split('data-width="')[1].split('"')[0]) <= 500
