"""Seeded messages of any type, to try a node out with: equal seeds give equal bytes."""

from __future__ import annotations

from array import array

import numpy as np
from event_camera_msgs.msg import EventPacket
from sensor_msgs.msg import Image, PointCloud2, PointField

from spikeloop.nodes.messages import Message, message_class, numbers_of

WIDTH, HEIGHT, POINTS = 64, 48, 32
FLOATS = ("float", "double")


def stimulus(type_name: str, generator: np.random.Generator, length: int) -> Message:
    """A message of plausible content: every number is between 0.1 and 1.

    Args:
        type_name: ROS type such as "sensor_msgs/msg/Imu".
        generator: source of the numbers.
        length: how many elements lists of numbers get.

    """
    kind = message_class(type_name)
    if kind is EventPacket:
        return _packet(generator)
    if kind is Image:
        return _image(generator)
    if kind is PointCloud2:
        return _cloud(generator)
    message = kind()
    _fill(message, lambda count: generator.uniform(0.1, 1.0, count), length)
    return message


def spoiled(type_name: str, value: float, length: int) -> Message | None:
    """A message of which every number is `value`, such as NaN; None where it has no numbers.

    Pictures, clouds and events have none in this sense: they are judged where they are decoded.
    """
    message = message_class(type_name)()
    _fill(message, lambda count: np.full(count, value), length)
    return message if numbers_of(message) else None


def _fill(message: Message, draw: object, length: int) -> None:
    """Set every floating-point field of a message and of the messages in it."""
    assert callable(draw)
    for name, kind in message.get_fields_and_field_types().items():
        if kind in FLOATS:
            setattr(message, name, float(draw(1)[0]))
        elif kind.startswith("sequence<") and kind[9:-1] in FLOATS:
            setattr(message, name, array("d" if "double" in kind else "f", draw(length)))
        elif "/" in kind and "[" not in kind and "<" not in kind and name != "header":
            _fill(getattr(message, name), draw, length)


def _packet(generator: np.random.Generator) -> EventPacket:
    data = generator.integers(0, 256, 512, dtype=np.uint8)
    return EventPacket(
        width=WIDTH, height=HEIGHT, encoding="evt3", events=array("B", data.tobytes())
    )


def _image(generator: np.random.Generator) -> Image:
    data = generator.integers(0, 256, WIDTH * HEIGHT, dtype=np.uint8)
    return Image(
        width=WIDTH,
        height=HEIGHT,
        encoding="mono8",
        step=WIDTH,
        data=array("B", data.tobytes()),
    )


def _cloud(generator: np.random.Generator) -> PointCloud2:
    points = generator.uniform(-5.0, 5.0, (POINTS, 3)).astype("<f4")
    fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate("xyz")
    ]
    return PointCloud2(
        height=1,
        width=POINTS,
        fields=fields,
        point_step=12,
        row_step=12 * POINTS,
        data=array("B", points.tobytes()),
        is_dense=True,
    )
