"""The pages of missions in a real browser: offline, on the screen of a phone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from spikeloop.loop.mission import load_mission
from spikeloop.loop.report import write_page

PHONE = 390


def _rendered(page: Path, folder: Path) -> str:
    """The document after layout, with its width as an attribute of its body."""
    probe = (
        "<script>document.body.dataset.width = document.documentElement.scrollWidth;"
        "document.body.dataset.drawn = [...document.querySelectorAll('svg')]"
        ".filter(s => s.getBoundingClientRect().height > 20).length</script></body>"
    )
    copy = folder / "probed.html"
    copy.write_text(page.read_text().replace("</body>", probe))
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "a browser is needed: apt-get install chromium"
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            # Nothing outside this file can be reached.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--window-size={PHONE},800",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            copy.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_page_shows_both_controllers_spikes_and_costs(fly: Any, tmp_path: Path) -> None:
    mission = fly("blimp_altitude", "--duration", "24", compare=True)
    mission.end(120.0)
    labels = [variant.label for variant in load_mission("blimp_altitude").compare]
    assert [other["label"] for other in mission.report["comparison"]] == labels
    page = _rendered(mission.folder / "report.html", tmp_path)
    for text in (*labels, "Spikes of spiking_pid", "energy, modelled", "Messages lost"):
        assert text in page
    # Altitude, commands, comparison, raster, membranes, latencies.
    assert 'data-drawn="6"' in page
    # Chromium's narrowest window is 500 wide.
    width = int(page.split('data-width="')[1].split('"')[0])
    assert width <= 500
    assert "http" not in page and "src=" not in page
    # A recorder that was killed leaves the end of its file open.
    recording = mission.folder / "recording.mcap"
    recording.write_bytes(recording.read_bytes()[:1000] + bytes(64))
    page = write_page(mission.folder).read_text(encoding="utf-8")
    assert "Shown without what was recorded" in page and "recording.mcap" in page
    assert "Spikes of" not in page


def test_page_of_several_seeds_pools_them(fly: Any, tmp_path: Path) -> None:
    mission = fly("blimp_altitude", "controller:=pid", "--seeds", "2", "--duration", "40")
    mission.end(120.0)
    assert mission.report["seeds"] == [0, 1]
    (flown,) = mission.report["flights"]
    assert flown["metrics"]["mae_m"] > 0.0
    page = _rendered(mission.folder / "report.html", tmp_path)
    assert "of 2" in page and 'data-drawn="1"' in page
    assert (mission.folder / "seed_1" / "report.html").exists()
