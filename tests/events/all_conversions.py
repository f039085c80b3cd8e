"""Every recording into every format and back, bit for bit; run by hand, for it takes a minute.

  python tests/events/all_conversions.py FOLDER_OF_RECORDINGS ...

A pair that differs in what the format can hold is an error; what a format can't hold must be said.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from spikeloop.events.array import Events, Triggers, joined, joined_triggers
from spikeloop.events.files.converting import convert
from spikeloop.events.files.opening import open_source
from spikeloop.events.recording import RecordingError

TARGETS = (
    ("a.raw", "evt3"), ("b.raw", "evt2"), ("a.h5", ""), ("a.npz", ""), ("a.mcap", ""),
    ("folder", ""), ("c.mcap", "evt3"), ("d.mcap", "mono"),
)  # fmt: skip
Content = tuple[Events, Triggers]


def _read(path: Path) -> Content:
    pieces = list(open_source(path).pieces())
    return joined([events for events, _ in pieces]), joined_triggers([t for _, t in pieces])


def _differences(one: Content, other: Content) -> list[str]:
    found = []
    for a, b, names in zip(
        one, other, (("t", "x", "y", "p"), ("t", "channel", "value")), strict=True
    ):
        found += [name for name in names if not np.array_equal(getattr(a, name), getattr(b, name))]
        fine = [np.zeros(len(part), "u2") if part.fine is None else part.fine for part in (a, b)]
        found += [] if np.array_equal(*fine) else ["fine"]
    same_size = (one[0].width, one[0].height) == (other[0].width, other[0].height)
    return found + ([] if same_size else ["size"])


def _try(source: Path, folder: Path, name: str, encoding: str) -> str:
    """What came of a pair: nothing for bit for bit, or what was said or is wrong."""
    try:
        done = convert(open_source(source), folder / name, encoding=encoding)
        direct = _differences(_read(source), _read(folder / name))
        back = folder / f"back_{name}.npz"
        convert(open_source(folder / name), back)
    except RecordingError as error:
        return f"refused: {error}"
    again = _differences(_read(folder / name), _read(back))
    said = "; ".join(f"{reason}: {n}" for reason, n in done.dropped.items())
    if done.inferred:
        direct = [name for name in direct if name != "size"]
    if again or (direct and not said):
        return f"DIFFERS in {', '.join(direct + again)}; said: {said or 'nothing'}"
    return f"said: {said}" if said else "bit for bit"


def main(folders: list[str]) -> int:
    """0 if no pair differs silently."""
    known = (".db3", ".mcap", ".bag", ".aedat4", ".aedat", ".raw", ".dat", ".h5", ".npz", ".txt")
    wrong = 0
    for source in sorted(p for f in folders for p in Path(f).rglob("*") if p.suffix in known):
        try:
            open_source(source)
        except RecordingError:
            continue
        for name, encoding in TARGETS:
            with tempfile.TemporaryDirectory() as folder:
                result = _try(source, Path(folder), name, encoding)
            wrong += "DIFFERS" in result
            print(f"{source.name:28} {name:8} {encoding:5} {result}", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
