"""Records a world: rosbag2 and DSEC's layout with all ground truth, to be gone on with at any time.

A recording is made of parts. A part's pictures are written, then the state from which the next
part follows, and last its file of the bag, which marks it as done; each file appears at once. So a
recording that was killed goes on behind its last whole part, and ends with the same bytes as one
that never was.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spikeloop.events.array import Events
from spikeloop.events.files.opening import open_source
from spikeloop.parameters import build_config
from spikeloop_sim.datasets.bag_parts import BagParts
from spikeloop_sim.datasets.config import RecordConfig
from spikeloop_sim.datasets.dsec_layout import DsecFolder, save_bytes
from spikeloop_sim.datasets.publishing import Publisher
from spikeloop_sim.datasets.rig import START_US, Part, Rig
from spikeloop_sim.datasets.stage import make_stage
from spikeloop_sim.event_camera.config import EventCameraConfig
from spikeloop_sim.frame_camera_config import FrameCameraConfig
from spikeloop_sim.worlds.catalogue import split_of

FORMAT = 1
NOTE = "recording.json"


class SimRecordingError(ValueError):
    """A recording can't be made or gone on with; the message says where and why."""


@dataclass(frozen=True)
class Order:
    """What is to be recorded; the same order gives the same bytes.

    Attributes:
        world: name.
        seed: of world, path and sensors.
        seconds: how long, rounded up to whole packets.
        out: folder.
        world_parameters: of the world.
        camera_parameters: of the event cameras; see `EventCameraConfig`.
        frame_parameters: of the frame cameras; see `FrameCameraConfig`.
        rig: of the rig and its sensors; see `RecordConfig`.

    """

    world: str
    seed: int
    seconds: float
    out: Path
    world_parameters: Mapping[str, Any] = field(default_factory=dict)
    camera_parameters: Mapping[str, Any] = field(default_factory=dict)
    frame_parameters: Mapping[str, Any] = field(default_factory=dict)
    rig: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What was recorded.

    Attributes:
        out: folder.
        parts: how many there are, those of earlier runs included.
        resumed: parts that were there already.
        events: of each camera.

    """

    out: Path
    parts: int
    resumed: int
    events: Mapping[str, int]


Told = Callable[[float, float], None]
"""Called with the seconds that are recorded, and all."""


def record(order: Order, tell: Told | None = None) -> Outcome:
    """Record a world, or go on with what is there.

    Args:
        order: what.
        tell: hears of the progress.

    Raises:
        SimRecordingError: the folder holds something else, or another process records into it.
        ValueError: a parameter is unknown or out of its range; the message names it.
        RuntimeError: this machine can't draw off-screen.
        OSError: something can't be written.

    """
    owner = "sim record: "
    config = build_config(RecordConfig, order.rig, owner)
    event_config = build_config(EventCameraConfig, order.camera_parameters, owner)
    frame_config = build_config(FrameCameraConfig, order.frame_parameters, owner)
    if not order.seconds > 0.0:
        raise SimRecordingError(f"seconds must be above 0, not {order.seconds}")
    last = max(int(np.ceil(1e6 * order.seconds / config.period_us - 1e-9)), 1)
    stage = make_stage(order.world, order.seed, order.world_parameters)
    _claim(order, config, event_config, frame_config)
    with _alone(order.out):
        rig = Rig(
            stage, config, event_config, frame_config, order.seed, 1e-6 * last * config.period_us
        )
        with contextlib.closing(rig):
            recording = _Recording(order.out, rig, last, order.seed)
            return recording.run(tell or (lambda done, of: None))


class _Recording:
    """One recording in the making."""

    def __init__(self, out: Path, rig: Rig, last: int, seed: int) -> None:
        self._out, self._rig, self._last = out, rig, last
        self._scratch = out / ".resume"
        self._publisher = Publisher(rig, seed)
        self._bag = BagParts(out / "bag", self._scratch / "bag", self._publisher.store)
        self._dsec = DsecFolder(out / "dsec" / out.name)
        self._parts = -(-last // rig.config.segment)

    def run(self, tell: Told) -> Outcome:
        """All parts that are missing, then what is made from all."""
        done, period_s = self._bag.complete, 1e-6 * self._rig.config.period_us
        whole = period_s * self._last
        if done >= self._parts and not self._scratch.joinpath("bag/metadata_0.yaml").exists():
            return self._outcome(done)
        if done:
            self._restore(done)
        for index in range(done, self._parts):
            tell(min(index * self._rig.config.segment * period_s, whole), whole)
            part = self._rig.part(index, self._last)
            messages = self._publisher.part(part, index)
            self._save_pictures(part)
            self._save_notes(part, index)
            self._save_state(index + 1)
            self._bag.write(index, self._publisher.topics, messages)
        self._finish()
        tell(whole, whole)
        return self._outcome(done)

    def _save_pictures(self, part: Part) -> None:
        dsec, config = self._dsec, self._rig.config
        stride = config.frame_rate / config.rate
        for seen in part.seen:
            # Numbered like the frame of the same time, where there is one.
            number = round(seen.number * stride) if stride == int(stride) else seen.number
            dsec.disparity(number, seen.view.disparity)
            dsec.masks(number, seen.view.instances, seen.view.truth.independent)
            if seen.number < self._last:
                dsec.flow("forward", number, *seen.forward)
            if seen.number:
                dsec.flow("backward", number, *seen.backward)
        for number, pictures in part.frames:
            for side, picture in pictures.items():
                dsec.frame(side, number, picture.pixels)

    def _save_notes(self, part: Part, index: int) -> None:
        """What the lists at the end are made from."""
        notes = {
            "times": [seen.time_us for seen in part.seen],
            "poses": [[*s.view.pose.position, *s.view.pose.rotation.ravel()] for s in part.seen],
            "boxes": [[asdict(box) for box in seen.view.boxes] for seen in part.seen],
            "exposures": [[p["left"].begin_us, p["left"].end_us] for _, p in part.frames],
        }
        save_bytes(self._scratch / f"notes_{index}.json", json.dumps(notes).encode())

    def _save_state(self, index: int) -> None:
        path = self._scratch / f"state_{index}.npz"
        scratch = path.with_name(f".{path.name}")
        with scratch.open("wb") as file:
            state: dict[str, Any] = {**self._rig.state(), **self._publisher.state()}
            np.savez(file, **state)
        scratch.replace(path)
        # The last but one is needed until this part's file of the bag is in its place.
        self._scratch.joinpath(f"state_{index - 2}.npz").unlink(missing_ok=True)

    def _restore(self, index: int) -> None:
        path = self._scratch / f"state_{index}.npz"
        try:
            with np.load(path, allow_pickle=False) as file:
                state = {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise SimRecordingError(
                f"{self._out}: can't go on behind part {index - 1}: {path.name} is missing or "
                "damaged; delete the folder and record anew"
            ) from error
        self._rig.restore(state)
        self._publisher.restore(state)

    def _finish(self) -> None:
        """Lists, calibration, all events in HDF5, and the bag's metadata."""
        from spikeloop_sim.datasets.lists import write_lists

        config, dsec = self._rig.config, self._dsec
        write_lists(dsec, [self._scratch / f"notes_{k}.json" for k in range(self._parts)], config)
        dsec.calibration(self._rig.stereo)
        save_bytes(self._out / "camchain.yaml", self._rig.stereo.kalibr().encode())
        self._bag.finish()
        for side in self._rig.sides:
            dsec.rectify_map(side, config.width, config.height)
            dsec.events(side, self._stored_events(side), config.width, config.height)
        shutil.rmtree(self._scratch)

    def _stored_events(self, side: str) -> Iterator[Events]:
        source = open_source(self._out / "bag", topic=self._publisher.event_topic(side))
        for events, _ in source.pieces():
            if len(events):
                yield events

    def _outcome(self, resumed: int) -> Outcome:
        import h5py

        counts = {}
        for side in self._rig.sides:
            with h5py.File(self._dsec.folder / f"events/{side}/events.h5", "r") as file:
                counts[side] = len(file["events/t"])
        return Outcome(self._out, self._parts, min(resumed, self._parts), counts)


def _claim(
    order: Order,
    config: RecordConfig,
    event_config: EventCameraConfig,
    frame_config: FrameCameraConfig,
) -> None:
    """Note the order in its folder, or compare it with the one that is there."""
    wanted = {
        "format": FORMAT,
        "world": order.world,
        "seed": order.seed,
        "split": split_of(order.seed),
        "seconds": order.seconds,
        "clock_starts_at_us": START_US,
        "world_parameters": dict(order.world_parameters),
        "rig": asdict(config),
        "event_camera": asdict(event_config),
        "frame_camera": asdict(frame_config),
    }
    text = json.dumps(wanted, indent=1, sort_keys=True)
    wanted = json.loads(text)
    note = order.out / NOTE
    if not note.exists():
        if order.out.exists() and any(order.out.iterdir()):
            raise SimRecordingError(f"{order.out}: isn't empty and holds no recording ({NOTE})")
        save_bytes(note, (text + "\n").encode())
        return
    try:
        there = json.loads(note.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SimRecordingError(f"{note}: can't be read: {error}") from error
    for name, value in wanted.items():
        if there.get(name) != value:
            raise SimRecordingError(
                f"{order.out}: holds a recording with another '{name}' "
                f"({_difference(there.get(name), value)}); choose another folder"
            )


def _difference(there: Any, wanted: Any) -> str:
    if isinstance(there, dict) and isinstance(wanted, dict):
        for name in sorted({*there, *wanted}):
            if there.get(name) != wanted.get(name):
                return f"{name} {there.get(name)}, not {wanted.get(name)}"
    return f"{there}, not {wanted}"


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder; a process that dies lets go of it."""
    with (out / NOTE).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SimRecordingError(f"{out}: another process is recording into it") from error
        yield
