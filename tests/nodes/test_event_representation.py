"""Arrays over the wire equal those of the functions; pictures come when somebody looks."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import launch_pytest
import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from spikeloop.msg import EventRepresentation

from spikeloop.events.array import Events
from spikeloop.events.event_array import mono_packets
from spikeloop.events.representations.binary import spike_tensor
from spikeloop.events.representations.group_tokens import group_tokens
from spikeloop.events.representations.histogram import histogram
from spikeloop.events.representations.time_surface import TimeSurface
from spikeloop.events.representations.voxel import voxel_grid
from spikeloop.loop.slots import EVENTS, TOPICS
from spikeloop.nodes.event_representation import AXES, picture_of
from spikeloop.nodes.messages import qos_profile


@launch_pytest.fixture
def launched(description: Any, ros_domain: int) -> Any:
    return description


def some(seed: int) -> Events:
    rng, n = np.random.default_rng(seed), 500
    return Events(
        np.sort(rng.integers(0, 20_000, n)).astype(np.int64) + 20_000 * seed,
        rng.integers(0, 64, n).astype(np.uint16),
        rng.integers(0, 48, n).astype(np.uint16),
        rng.integers(0, 2, n).astype(np.uint8),
        64,
        48,
    )


def surface(events: list[Events]) -> Any:
    made = TimeSurface(64, 48, by_polarity=True)
    for each in events:
        made.add(each)
    return made.exponential(30_000)


# What the second of two messages must hold.
WANTED: dict[str, Callable[[list[Events]], Any]] = {
    "histogram": lambda e: histogram(e[-1]),
    "voxel_grid": lambda e: voxel_grid(e[-1], 5),
    "spikes": lambda e: spike_tensor(e[-1], 1000, steps=20),
    "group_tokens": lambda e: group_tokens(e[-1], 5, 4),
    "time_surface_by_polarity": surface,
}


@pytest.mark.launch(fixture=launched)
@pytest.mark.parametrize(
    ("nodes", "kind"),
    [({"event_representation": {"kind": k, "steps": 20}}, k) for k in WANTED],
    indirect=["nodes"],
    ids=list(WANTED),
)
def test_the_array_of_a_slice_is_that_of_its_function(nodes: Any, kind: str, peer: Any) -> None:
    got: list[Any] = []
    pictures: list[Any] = []
    name = "event_camera/representation"
    create = peer.node.create_subscription
    hearing = [
        create(EventRepresentation, name, got.append, qos_profile(TOPICS[name].qos)),
        create(Image, "event_camera/picture", pictures.append, qos_profile_sensor_data),
    ]
    out = peer.node.create_publisher(EventPacket, "event_camera/slices", qos_profile(EVENTS))
    peer.join("event_representation", [out, *hearing])
    events = [some(0), some(1)]
    for seq, each in enumerate(events, 1):
        base, data = mono_packets(1000 * each.t, each.x, each.y, each.p)[0]
        out.publish(
            EventPacket(
                seq=seq,
                width=64,
                height=48,
                encoding="mono",
                time_base=base,
                events=array("B", data),
            )
        )
    message = peer.wait(lambda: len(got) == 2 and got[1])
    wanted = WANTED[kind](events)
    values = np.frombuffer(message.data, message.dtype).reshape(message.shape)
    assert np.array_equal(values, wanted) and values.dtype == wanted.dtype
    assert len(message.axes.split(", ")) == wanted.ndim
    assert (message.events, message.first_time) == (500, int(events[1].t[0]))
    picture = peer.wait(lambda: pictures and pictures[-1])
    assert picture.encoding == "rgb8"


def test_every_kind_names_its_axes_and_pictures_show_off_in_blue() -> None:
    assert set(WANTED) < set(AXES)
    off = np.zeros((2, 3, 4), np.int32)
    off[0, 1, 2] = 3
    assert picture_of(off)[1, 2].tolist() == [0, 0, 255]
    assert picture_of(-off[0])[1, 2].tolist() == [0, 0, 255]
    assert picture_of(off[0])[1, 2].tolist() == [255, 0, 0]
