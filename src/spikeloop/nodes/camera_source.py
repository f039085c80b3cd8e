"""Event cameras by neuromorphic-drivers: found, set, and read as pieces of our own arrays.

Chosen over dv-processing (Apache-2.0, iniVation's cameras only, 24 MB): MIT, small, maintained,
and it reads DAVIS346, DVXplorer, EVK3 HD, EVK4 and others alike. It is imported when it is needed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloop.events.array import Events, Triggers

TIMEOUT_S = 0.1
Sample = tuple[int, NDArray[np.float64], NDArray[np.float64]]
"""Time in us, acceleration in m/s^2, rate in rad/s."""


class CameraError(RuntimeError):
    """There is no camera, or it can't be opened; the message says what is needed."""


@dataclass(frozen=True)
class CameraPiece:
    """What the camera sent at once.

    Attributes:
        events: on the camera's clock.
        triggers: on the same clock.
        samples: of its inertial unit.
        dropped: USB packets that the computer was too slow for, since the piece before.

    """

    events: Events
    triggers: Triggers
    samples: list[Sample] = field(default_factory=list)
    dropped: int = 0


class Camera:
    """An open camera."""

    def __init__(self, device: Any) -> None:
        """Take an open device of neuromorphic-drivers."""
        self._device = device
        properties = device.properties()
        self.width, self.height = int(properties.width), int(properties.height)
        name = device.name()
        self.name = f"{getattr(name, 'value', name)}, serial {device.serial()}"

    def pieces(self) -> Iterator[CameraPiece]:
        """What it sends, without end; an empty piece now and then while it is silent."""
        dropped = 0
        for status, packet in self._device:
            ring = getattr(status, "ring", None)
            total = int(getattr(ring, "dropped_packets", 0) or 0) if ring is not None else dropped
            if packet is None:
                yield CameraPiece(Events.none(self.width, self.height), Triggers.none())
                continue
            yield CameraPiece(
                self._events(packet), _triggers(packet), _samples(packet), max(0, total - dropped)
            )
            dropped = max(dropped, total)

    def _events(self, packet: Any) -> Events:
        found = getattr(packet, "polarity_events", None)
        if found is None or not len(found):
            return Events.none(self.width, self.height)
        names = found.dtype.names
        p = found["on" if "on" in names else "polarity"]
        inside = (found["x"] < self.width) & (found["y"] < self.height)
        return Events(
            found["t"].astype(np.int64),
            found["x"].astype(np.uint16),
            found["y"].astype(np.uint16),
            p.astype(np.uint8),
            self.width,
            self.height,
        )[inside]


def _triggers(packet: Any) -> Triggers:
    found = getattr(packet, "trigger_events", None)
    if found is None or not len(found):
        return Triggers.none()
    names = found.dtype.names
    value = found["polarity" if "polarity" in names else "rising"].astype(np.uint8)
    channel = found["id"] if "id" in names else np.zeros(len(found))
    return Triggers(found["t"].astype(np.int64), channel.astype(np.uint16), value)


def _samples(packet: Any) -> list[Sample]:
    found = getattr(packet, "imu_events", None)
    if found is None:
        return []
    return [
        (
            int(row["t"]),
            np.array([row[f"accelerometer_{axis}"] for axis in "xyz"], dtype=np.float64),
            np.array([row[f"gyroscope_{axis}"] for axis in "xyz"], dtype=np.float64),
        )
        for row in found
    ]


@contextlib.contextmanager
def find_camera(serial: str, biases: Mapping[str, int]) -> Iterator[Camera]:
    """Open the camera of that serial number, or the first one found, with these biases.

    Raises:
        CameraError: the library isn't installed, no camera is there, it can't be opened (often for
            want of rights to the USB device), or it has no such bias.

    """
    try:
        library: Any = importlib.import_module("neuromorphic_drivers")
    except ImportError as error:
        raise CameraError(
            "neuromorphic-drivers isn't installed (pip install 'spikeloop[camera]')"
        ) from error
    try:
        listed = [d for d in library.list_devices() if serial in ("", d.serial or "")]
    except Exception as error:
        # Without a USB bus, as in a container, the library can't even look.
        raise CameraError(f"no event camera is connected (USB: {error})") from error
    if not listed:
        wanted = f" with serial {serial}" if serial else ""
        raise CameraError(f"no event camera{wanted} is connected")
    usable = [device for device in listed if device.error is None]
    if not usable:
        raise CameraError(
            f"{listed[0].name.value} can't be opened: {listed[0].error} (the USB device may need a "
            "udev rule: sudo neuromorphic-drivers-install-udev-rules)"
        )
    configuration = _configuration(library, usable[0], biases)
    try:
        device = library.open(
            serial=usable[0].serial, iterator_timeout=TIMEOUT_S, configuration=configuration
        )
    except Exception as error:
        raise CameraError(f"{usable[0].name.value} can't be opened: {error}") from error
    try:
        with device:
            yield Camera(device)
    finally:
        with contextlib.suppress(Exception):
            device.close()


def _configuration(library: Any, device: Any, biases: Mapping[str, int]) -> Any:
    """The camera's own configuration with these biases; None where it is to stay as it is."""
    if not biases:
        return None
    module: Any = getattr(library, device.name.name.lower(), None)
    if module is None:
        raise CameraError(f"biases of {device.name.value} can't be set by this library")
    configuration = module.Configuration()
    known = {f.name for f in dataclasses.fields(configuration.biases)}
    for name, value in biases.items():
        if name not in known:
            raise CameraError(
                f"{device.name.value} has no bias '{name}'; there are: {', '.join(sorted(known))}"
            )
        setattr(configuration.biases, name, value)
    return configuration
