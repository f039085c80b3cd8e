"""Ground truth of simulated cameras as ROS messages, made by the code that makes recordings'."""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

import numpy as np
from spikeloop_sim.robot import TruthReading

from spikeloop.nodes.messages import Message, message_class


def truth_message(reading: TruthReading, frame_id: str, stamp_ns: int) -> Message:
    """The message of one topic of ground truth; the camera's pose is in `map`."""
    return _maker().truth(reading.topic, stamp_ns, frame_id, reading.view)


@cache
def _maker() -> Any:
    # Its definitions of messages take time to load, and few missions ask for truth.
    from spikeloop_sim.datasets.messages import Messages

    return Messages(_ros_message)


def _ros_message(kind: str, **fields: Any) -> Message:
    """A message of rclpy's; arrays as its fields take them without looking at each element."""
    for name, value in fields.items():
        if isinstance(value, np.ndarray) and value.dtype == np.uint8:
            data = array("B")
            data.frombytes(np.ascontiguousarray(value).data)
            fields[name] = data
    package, _, name = kind.partition("/")
    return message_class(f"{package}/msg/{name}")(**fields)
