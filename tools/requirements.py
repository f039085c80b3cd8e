"""Print what a checkout needs, from pyproject.toml: the dependencies and most extras.

python tools/requirements.py | pip install -r /dev/stdin
"""

from __future__ import annotations

from pathlib import Path

import tomllib

LEFT_OUT = ("bench", "camera")
"""Peers of `spikeloop bench`, and drivers of hardware."""


def main() -> None:
    """One requirement a line."""
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(r for n in extras if n not in LEFT_OUT for r in extras[n]),
    ]
    print("\n".join(wanted))


if __name__ == "__main__":
    main()
