"""The shipped launch files, as `ros2 launch` starts them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = str(Path(sys.prefix) / "bin" / "spikeloop")
LAUNCH = Path(__file__).parents[2] / "launch"


def test_mission_launch_flies_the_mission_of_its_arguments(tmp_path: Path) -> None:
    arguments = (
        "mission:=blimp_altitude",
        "controller:=pid",
        "seed:=5",
        "duration:=2",
        f"report:={tmp_path}",
    )
    command = [COMMAND, "launch", str(LAUNCH / "mission.launch.py"), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["nodes"]["controller"] == "pid"
    assert (report["seed"], len(report["series"]["time"])) == (5, 20)


def test_node_launch_starts_any_one_node() -> None:
    command = [COMMAND, "launch", str(LAUNCH / "node.launch.py"), "node:=gate"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "no command yet" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
        assert process.wait(10) == 0, rest
    assert "process has finished cleanly" in rest


@pytest.mark.parametrize(
    ("argument", "message"), [("node:=gaet", "did you mean 'gate'?"), ("nod:=gate", "node")]
)
def test_node_launch_names_what_is_wrong(argument: str, message: str) -> None:
    command = [COMMAND, "launch", str(LAUNCH / "node.launch.py"), argument]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
