"""Prophesee's automotive data sets, Gen1 and 1 Megapixel: events of driving with boxes.

Layout after their toolbox (prophesee-ai/prophesee-automotive-dataset-toolbox) and de Tournemire et
al., A large scale event-based detection dataset for automotive, 2020 (Gen1), Perot et al., Learning
to detect objects with a 1 megapixel event camera, NeurIPS 2020 (1Mpx):

    {train,val,test}/NAME_td.dat     events, see `spikeloop.events.files.dat`
    {train,val,test}/NAME_bbox.npy   records x, y, w, h, class_id, track_id, and of Gen1 ts and
                                     confidence, of 1Mpx t and class_confidence
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets.dsec import TRACKS
from spikeloop.datasets.source import DatasetError, need_fields, need_file, need_folder
from spikeloop.events.array import Events, joined
from spikeloop.events.files.dat import DatSource
from spikeloop.events.recording import RecordingError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
EVENTS, BOXES = "_td.dat", "_bbox.npy"


@dataclass(frozen=True)
class Kind:
    """One of the two sets.

    Attributes:
        name: of the set.
        width: columns.
        height: rows.
        classes: names by number.
        least_diagonal: px; smaller boxes aren't scored.
        least_side: px, likewise.

    """

    name: str
    width: int
    height: int
    classes: tuple[str, ...]
    least_diagonal: float
    least_side: float


GEN1 = Kind("gen1", 304, 240, ("car", "pedestrian"), 30.0, 10.0)
MEGAPIXEL = Kind(
    "1mpx",
    1280,
    720,
    ("pedestrian", "two wheeler", "car", "truck", "bus", "traffic sign", "traffic light"),
    60.0,
    20.0,
)
SKIPPED_US = 500_000
"""Boxes in the first half second of a recording aren't scored."""


@dataclass(frozen=True)
class PropheseeRecording:
    """A recording with its boxes.

    Attributes:
        path: of the events.
        kind: which set it is of.

    """

    path: Path
    kind: Kind

    @property
    def name(self) -> str:
        """Of both files, without their endings."""
        return self.path.name.removesuffix(EVENTS)

    def events(self, begin_us: int | None = None, end_us: int | None = None) -> Events:
        """Events with begin <= t < end, us; all without bounds.

        Raises:
            DatasetError: the file is missing or damaged.

        """
        need_file(self.path, "events")
        kept = [Events.none(self.kind.width, self.kind.height)]
        try:
            for part, _ in DatSource(self.path, self.kind.width, self.kind.height).pieces():
                if end_us is not None and len(part) and part.t[0] >= end_us:
                    break
                low = -(1 << 62) if begin_us is None else begin_us
                high = 1 << 62 if end_us is None else end_us
                chosen = part.between(low, high)
                if len(chosen):
                    kept.append(chosen)
            return joined(kept)
        except (RecordingError, ValueError) as error:
            raise DatasetError(str(error)) from error

    def boxes(self, *, scored: bool = False) -> NDArray[Any]:
        """Records of `dsec.TRACKS`, by time; t counts from the recording's start, us.

        Args:
            scored: only those that the toolbox scores: late and large enough.

        Raises:
            DatasetError: the file or one of its fields is missing.

        """
        path = self.path.with_name(self.name + BOXES)
        need_file(path, f"the boxes of {self.path.name}")
        try:
            stored = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: can't be read as NPY: {error}") from error
        names = stored.dtype.names or ()
        # Gen1 calls two fields otherwise.
        older = {"t": "ts", "class_confidence": "confidence"}
        source = {n: older[n] if n in older and n not in names else n for n in TRACKS.names or ()}
        need_fields(stored, tuple(source.values()), path)
        found = np.zeros(len(stored), TRACKS)
        for name, original in source.items():
            found[name] = stored[original]
        if len(found) and int(found["class_id"].max()) >= len(self.kind.classes):
            raise DatasetError(
                f"{path}: class_id {int(found['class_id'].max())} isn't one of the "
                f"{len(self.kind.classes)} classes of {self.kind.name}"
            )
        found = np.sort(found, order="t", kind="stable")
        return found[self._is_scored(found)] if scored else found

    def _is_scored(self, boxes: NDArray[Any]) -> NDArray[np.bool_]:
        large = np.hypot(boxes["w"], boxes["h"]) >= self.kind.least_diagonal
        sides = np.minimum(boxes["w"], boxes["h"]) >= self.kind.least_side
        scored: NDArray[np.bool_] = large & sides & (boxes["t"] > SKIPPED_US)
        return scored


def recordings(path: Path, split: Split, kind: Kind | None = None) -> list[PropheseeRecording]:
    """Recordings of a split.

    Args:
        path: folder that holds the splits.
        split: which of them.
        kind: which set it is; None to tell by the first file's size of the sensor.

    Raises:
        DatasetError: there are none, or the sensor is of neither set.

    """
    folder = need_folder(path / split, f"the {split} split")
    files = sorted(folder.rglob(f"*{EVENTS}"))
    if not files:
        raise DatasetError(f"{folder}: holds no NAME{EVENTS}, as Gen1 and 1Mpx do")
    kind = kind or _kind_of(files[0])
    return [PropheseeRecording(file, kind) for file in files]


def _kind_of(path: Path) -> Kind:
    try:
        source = DatSource(path)
    except RecordingError as error:
        raise DatasetError(str(error)) from error
    for kind in (GEN1, MEGAPIXEL):
        if (source.width, source.height) == (kind.width, kind.height):
            return kind
    raise DatasetError(
        f"{path}: states a sensor of {source.width}x{source.height}; Gen1 has 304x240, "
        "1Mpx 1280x720; say which it is"
    )
