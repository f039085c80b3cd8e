"""Packet captures: the UDP datagrams in them, put together where they went in fragments.

Layout of the files: libpcap's (magic, 16 bytes before each frame), Ethernet or raw IPv4 inside.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spikeloop.lidar.cloud import LidarFileError

# Byte order and ns of a tick, by the magic.
MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
PCAPNG = b"\x0a\x0d\x0d\x0a"
# Bytes before the IP header, by the type of the link: Ethernet, raw IP, Linux "any" 1 and 2.
LINKS = {1: 14, 101: 0, 113: 16, 276: 20}
LARGEST = 1 << 18
MOST_FRAGMENTED = 64
"""Datagrams that are waited for at once; a piece of an older one was lost."""


class Datagram(NamedTuple):
    """One UDP datagram: time of capture in ns, port it went to, content."""

    captured_ns: int
    port: int
    data: bytes


def datagrams(path: Path) -> Iterator[Datagram]:
    """All UDP datagrams of a capture over IPv4, in order.

    Raises:
        LidarFileError: it is no capture, or breaks off here; what came before was given out.
        OSError: it can't be opened.

    """
    with path.open("rb") as file:
        head = file.read(24)
        if head[:4] == PCAPNG:
            raise LidarFileError(
                f"{path}: is a pcapng; editcap -F pcap {path.name} OUT converts it"
            )
        if len(head) < 24 or head[:4] not in MAGIC:
            raise LidarFileError(f"{path}: is no packet capture")
        order, tick = MAGIC[head[:4]]
        link = struct.unpack(order + "I", head[20:])[0] & 0xFFFF
        if link not in LINKS:
            raise LidarFileError(f"{path}: captured from a link of type {link}, which isn't known")
        waiting: dict[tuple[bytes, bytes], dict[int, bytes]] = {}
        while frame := file.read(16):
            at = file.tell() - len(frame)
            seconds, part, size, _ = struct.unpack(order + "4I", frame.ljust(16, b"\0"))
            data = file.read(size) if len(frame) == 16 and size <= LARGEST else b""
            if len(frame) < 16 or len(data) < size:
                raise LidarFileError(f"{path}: breaks off at byte {at}, within a frame")
            whole = _udp(data[LINKS[link] :], waiting)
            if whole is not None:
                yield Datagram(seconds * 1_000_000_000 + part * tick, *whole)


def _udp(
    ip: bytes, waiting: dict[tuple[bytes, bytes], dict[int, bytes]]
) -> tuple[int, bytes] | None:
    """Port and content of a datagram that this IP packet completes."""
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != 17:
        return None
    header = 4 * (ip[0] & 0xF)
    total, number, place = struct.unpack(">HHH", ip[2:8])
    content = ip[header:total] if total else ip[header:]
    offset, more = 8 * (place & 0x1FFF), bool(place & 0x2000)
    if offset or more:
        key = (ip[12:20], number.to_bytes(2, "big"))
        parts = waiting.setdefault(key, {})
        parts[offset] = content
        if not more:
            parts[-1] = b""  # the last one is there, so that the length is known
        joined = _joined(parts)
        if joined is None:
            if len(waiting) > MOST_FRAGMENTED:
                waiting.pop(next(iter(waiting)))
            return None
        del waiting[key]
        content = joined
    if len(content) < 8:
        return None
    port, length = struct.unpack(">HH", content[2:6])
    return port, content[8 : length if length >= 8 else None]


def _joined(parts: dict[int, bytes]) -> bytes | None:
    if -1 not in parts:
        return None
    whole = b""
    for offset in sorted(o for o in parts if o >= 0):
        if offset != len(whole):
            return None
        whole += parts[offset]
    return whole
