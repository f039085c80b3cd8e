"""Optical flow's message as a field, refused where it isn't one."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from spikeloop.nodes.messages import Message
from spikeloop.nodes.slot import InputError


def flow_of(name: str, message: Message) -> NDArray[np.float32]:
    """(h, w, 2) of a flow picture, pixels/s along columns and rows, NaN where unknown.

    Raises:
        InputError: it has another encoding, or its size doesn't fit its data.

    """
    if message.encoding != "32FC2":
        raise InputError(f"{name}: encoding '{message.encoding}' where 32FC2 is expected")
    height, width = message.height, message.width
    if height * width == 0:
        raise InputError(f"{name}: a picture without pixels")
    if message.step != 8 * width or len(message.data) != height * message.step:
        raise InputError(
            f"{name}: {len(message.data)} bytes in rows of {message.step} for {width}x{height} "
            "pixels of 8 bytes"
        )
    order = ">" if message.is_bigendian else "<"
    values = np.frombuffer(message.data, f"{order}f4").reshape(height, width, 2)
    if message.is_bigendian == (sys.byteorder == "little"):
        values = values.astype(np.float32)
    return values
