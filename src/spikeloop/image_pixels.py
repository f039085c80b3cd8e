"""Pixels of a sensor_msgs/Image, checked against what it says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODINGS = {
    "mono8": ("u1", 1), "8UC1": ("u1", 1), "mono16": ("u2", 1), "16UC1": ("u2", 1),
    "rgb8": ("u1", 3), "bgr8": ("u1", 3), "8UC3": ("u1", 3), "rgba8": ("u1", 4), "bgra8": ("u1", 4),
}  # fmt: skip
"""Element type and channels of each encoding that is known."""


def pixels_of(message: Any) -> NDArray[np.unsignedinteger]:
    """(height, width) or (height, width, 3) in the order red, green, blue; uint8 or uint16.

    Args:
        message: of rclpy, or of rosbags.

    Raises:
        ValueError: an encoding that isn't known, or data that don't fit the size.

    """
    if message.encoding not in ENCODINGS:
        raise ValueError(
            f"pictures with the encoding '{message.encoding}' aren't known; "
            f"there are: {', '.join(ENCODINGS)}"
        )
    kind, channels = ENCODINGS[message.encoding]
    size = int(kind[1]) * channels
    height, width, step = message.height, message.width, message.step
    data = np.frombuffer(memoryview(message.data), np.uint8)
    if step < width * size or len(data) != height * step or not len(data):
        raise ValueError(
            f"a picture of {width} x {height} '{message.encoding}' with a step of {step} bytes "
            f"can't have {len(data)} bytes"
        )
    order = ">" if message.is_bigendian else "<"
    rows = np.ascontiguousarray(data.reshape(height, step)[:, : width * size])
    values = rows.view(order + kind).reshape(height, width, channels)
    values = values.astype(kind, copy=False)
    if channels == 1:
        return values[..., 0]
    return values[..., 2::-1] if message.encoding.startswith("bgr") else values[..., :3]
