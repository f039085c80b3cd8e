"""The older messages dvs_msgs/EventArray and prophesee_event_msgs/EventArray, from their bytes.

Both hold a header, height, width and events of x, y, a ROS time and a polarity (their message
files). They are turned into packets of encoding `mono`, which keeps everything: ns and all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloop.events import mono_encoder
from spikeloop.events.mono import SPAN_NS

KINDS = ("dvs_msgs/msg/EventArray", "prophesee_event_msgs/msg/EventArray")


@dataclass(frozen=True)
class EventArray:
    """What a message holds.

    Attributes:
        stamp_ns: of its header.
        frame_id: of its header.
        width: columns of the sensor.
        height: rows of the sensor.
        t: (n,) int64, ns.
        x: (n,) uint16.
        y: (n,) uint16.
        p: (n,) uint8.

    """

    stamp_ns: int
    frame_id: str
    width: int
    height: int
    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.uint8]


def parse(raw: bytes | memoryview, *, is_ros1: bool) -> EventArray:
    """Read a message.

    Args:
        raw: its bytes, serialized as ROS 1 does or as CDR.
        is_ros1: which of them.

    Raises:
        ValueError: it ends too early.

    """
    data = bytes(raw)
    order = "<" if is_ros1 or data[1:2] == b"\x01" else ">"
    body = data if is_ros1 else data[4:]
    at = 4 if is_ros1 else 0
    stamp, at = _numbers(body, at, order, 2)
    (length,), at = _numbers(body, at, order, 1)
    frame_id = body[at : at + length].rstrip(b"\0").decode("utf-8", "replace")
    at += length
    (height, width, count), at = _numbers(body, at if is_ros1 else at + -at % 4, order, 3)
    records = _records(body, at, count, order, is_ros1=is_ros1)
    times = records["s"].astype(np.int64) * 1_000_000_000 + records["ns"]
    return EventArray(
        (stamp[0] - (stamp[0] >> 31 << 32)) * 1_000_000_000 + stamp[1],
        frame_id,
        width,
        height,
        times,
        records["x"].astype(np.uint16),
        records["y"].astype(np.uint16),
        (records["p"] != 0).astype(np.uint8),
    )


def _records(body: bytes, at: int, count: int, order: str, *, is_ros1: bool) -> NDArray[np.void]:
    """Events of fields x, y, s, ns, p."""
    # ROS 1 packs 13 bytes an event; CDR aligns each number, so that the first takes 14 bytes and
    # each further one 16.
    if is_ros1:
        offsets, stride, needed = (0, 2, 4, 8, 12), 13, 13 * count
    else:
        offsets, stride, needed = (0, 2, 6, 10, 14), 16, 16 * count - 3
    if count and at + needed > len(body):
        raise ValueError(f"a message of {len(body)} bytes ends within its {count} events")
    kind = np.dtype(
        {
            "names": ["x", "y", "s", "ns", "p"],
            "formats": [order + "u2", order + "u2", order + "i4", order + "u4", "u1"],
            "offsets": offsets,
            "itemsize": stride,
        }
    )
    if is_ros1:
        return np.frombuffer(body, kind, count, at)
    # The first event starts where 4 bytes are aligned, so it has no gap behind y.
    head = body[at : at + 4] + b"\0\0" + body[at + 4 : at + 13]
    rest = body[at + 14 : at + needed]
    return np.frombuffer((head + b"\0" + rest)[: 16 * count].ljust(16 * count, b"\0"), kind)


def _numbers(body: bytes, at: int, order: str, count: int) -> tuple[list[int], int]:
    if at + 4 * count > len(body):
        raise ValueError(f"a message ends at byte {len(body)}, within its header")
    return np.frombuffer(body, order + "u4", count, at).tolist(), at + 4 * count


def mono_packets(
    t: NDArray[np.int64],
    x: NDArray[np.uint16],
    y: NDArray[np.uint16],
    p: NDArray[np.uint8],
) -> list[tuple[int, bytes]]:
    """Time base, ns, and bytes of as many packets of `mono` as the span of the times needs.

    Raises:
        ValueError: a row is beyond the format's 15 bits.

    """
    if len(t) and int(y.max()) >= mono_encoder.LARGEST:
        raise ValueError(
            f"row {int(y.max())} is beyond the {mono_encoder.LARGEST} of the encoding mono"
        )
    if len(t) > 1 and int(t.max()) - int(t.min()) >= SPAN_NS:
        half = len(t) // 2
        return mono_packets(t[:half], x[:half], y[:half], p[:half]) + mono_packets(
            t[half:], x[half:], y[half:], p[half:]
        )
    base = int(t.min()) if len(t) else 0
    return [(base, mono_encoder.words(t, base, 1, x, y, p).tobytes())]
