"""Drives of published data sets as place recognition takes them: a picture every so many metres."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spikeloop.datasets import brisbane_event, robotcar, st_lucia
from spikeloop.datasets.brisbane_event import EVENTS_TOPIC, FRAMES_TOPIC, BrisbaneTraverse
from spikeloop.datasets.positions import Spacer, spaced
from spikeloop.datasets.robotcar import RobotCarTraverse
from spikeloop.datasets.source import DatasetError
from spikeloop.events.files.opening import open_source
from spikeloop.events.recording import RecordingError
from spikeloop.parameters import suggestion
from spikeloop.perception.place.drive import Drive, Sampling
from spikeloop.perception.place.drive_bag import timed_pictures
from spikeloop.perception.place.event_window import EventWindow
from spikeloop.perception.place.pictures import PictureConfig, small_picture

WITHIN_M = {
    "brisbane_event": brisbane_event.TOLERANCE_M,
    "st_lucia": st_lucia.TOLERANCE_M,
}
"""How near a place is right, m, as users of these sets count; elsewhere only the nearest."""
STEP_S = 0.02
"""Times of a track at which a place may begin: 0.3 m apart at 60 km/h."""
Loader = Callable[[Path, str, Sampling, PictureConfig], Drive]
Picture = NDArray[np.generic]


class _Pictures(Protocol):
    """A traverse whose pictures have positions."""

    @property
    def positions(self) -> NDArray[np.float64]: ...

    def picture(self, index: int) -> NDArray[np.uint8]: ...


def _robotcar(path: Path, name: str, sampling: Sampling, config: PictureConfig) -> Drive:
    folder = _named(path, name, robotcar.traverse_folders(path))
    return _of_pictures(folder, RobotCarTraverse(folder), sampling, config)


def _st_lucia(path: Path, name: str, sampling: Sampling, config: PictureConfig) -> Drive:
    folder = _named(path, name, st_lucia.traverse_folders(path))
    return _of_pictures(folder, st_lucia.st_lucia(folder), sampling, config)


def _brisbane_event(path: Path, name: str, sampling: Sampling, config: PictureConfig) -> Drive:
    """Events; frames where their topic is named: those that were extracted, else the bag's."""
    traverse = BrisbaneTraverse(path, name, sampling.shift)
    topic = "/" + sampling.topic.lstrip("/")
    if topic == FRAMES_TOPIC:
        return _of_frames(traverse, sampling, config)
    if topic not in ("/", EVENTS_TOPIC):
        raise DatasetError(
            f"{path}: no topic '{sampling.topic}'; there are: {EVENTS_TOPIC}, {FRAMES_TOPIC}"
        )
    times = np.arange(traverse.track[0, 0], traverse.track[-1, 0], STEP_S)
    chosen = times[spaced(traverse.positions(times), sampling.spacing)]
    begun, small = [], []
    for time, picture in _event_pictures(traverse, chosen, sampling.window):
        begun.append(time)
        small.append(small_picture(picture, config))
    at = traverse.positions(np.array(begun))
    return _drive(traverse.recording, small, at, "events")


LOADERS: dict[str, Loader] = {
    "robotcar": _robotcar,
    "st_lucia": _st_lucia,
    "brisbane_event": _brisbane_event,
}
"""By the name of a data set as `datasets.recognising.recognise` tells it."""
OPTIONS = {
    "robotcar": ("within", "spacing"),
    "st_lucia": ("within", "spacing"),
    "brisbane_event": ("within", "topic", "spacing", "window", "shift"),
}
"""What can be chosen of each."""


def _named(path: Path, name: str, known: Mapping[str, Path]) -> Path:
    if name not in known:
        raise DatasetError(
            f"{path}: no traverse '{name}'{suggestion(name, known)}; "
            f"there are: {', '.join(sorted(known))}"
        )
    return known[name]


def _of_pictures(
    path: Path, traverse: _Pictures, sampling: Sampling, config: PictureConfig
) -> Drive:
    chosen = spaced(traverse.positions, sampling.spacing)
    small = [small_picture(traverse.picture(int(index)), config) for index in chosen]
    return _drive(path, small, traverse.positions[chosen])


def _of_frames(traverse: BrisbaneTraverse, sampling: Sampling, config: PictureConfig) -> Drive:
    if traverse.has_frames:
        at = traverse.positions(traverse.frame_times)
        chosen = spaced(at, sampling.spacing)
        small = [small_picture(traverse.frame(int(index)), config) for index in chosen]
        return _drive(traverse.frames[0].parent, small, at[chosen])
    spacer = Spacer(sampling.spacing)

    def wanted(time_s: float) -> bool:
        (at,) = traverse.positions(np.array([time_s]))
        return spacer.takes(*at.tolist())

    times, small = [], []
    for time_s, picture in timed_pictures(traverse.recording, sampling, wanted):
        times.append(time_s)
        small.append(small_picture(picture, config))
    return _drive(traverse.recording, small, traverse.positions(np.array(times)))


def _event_pictures(
    traverse: BrisbaneTraverse, times_s: NDArray[np.float64], window_s: float
) -> Iterator[tuple[float, Picture]]:
    """At each time the events of the window before it, where there are any."""
    window = EventWindow(window_s)
    times = iter(times_s.tolist())
    time = next(times, np.inf)
    try:
        for events, _ in open_source(traverse.recording).pieces():
            left = events
            while len(left) and 1e-6 * int(left.t[-1]) >= time:
                cut = int(np.searchsorted(left.t, round(1e6 * time)))
                window.add(left[:cut])
                left = left[cut:]
                picture = window.picture() if window.is_full else None
                # Where the camera paused, what it saw before it isn't of this place.
                if picture is not None and 1e-6 * window.newest_us > time - window_s:
                    yield time, picture
                time = next(times, np.inf)
            window.add(left)
    except RecordingError as error:
        raise DatasetError(str(error)) from error


def _drive(
    path: Path, small: list[NDArray[np.float32]], at: NDArray[np.float64], source: str = "image"
) -> Drive:
    if not small:
        raise DatasetError(
            f"{path}: holds no {'events' if source == 'events' else 'picture'} of a time and "
            "place that the track tells"
        )
    poses = np.zeros((len(small), 3))
    poses[:, :2] = at
    return Drive(np.stack(small), poses, source)
