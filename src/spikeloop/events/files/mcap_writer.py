"""Writes rosbag2 recordings (MCAP, zstd) with EventPackets, as a folder or a single file.

The encoding is evt3 where that holds everything, else mono, which keeps nanoseconds and times
since the epoch; triggers go into packets of encoding `trigger` then. Each packet's stamps are the
sensor's time of its last event, for a file of events has no other.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as BagWriter
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.array import Events, Triggers
from spikeloop.events.encoder import LARGEST, EncodingError, time_origin
from spikeloop.events.event_array import mono_packets
from spikeloop.events.evt3_encoder import Evt3Encoder
from spikeloop.events.files.writer import Writer
from spikeloop.events.recording import EVENT_PACKET, FIELDS, Packet

SPAN_US, MOST = 20_000, 100_000
"""A packet is no longer and holds no more events."""
TOPIC, FRAME = "/event_camera/events", "event_camera"


class McapWriter(Writer):
    """A rosbag2 recording of one topic."""

    keeps_fine = True

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        notes: dict[str, str],
        encoding: str = "",
        topic: str = TOPIC,
    ) -> None:
        """Begin it.

        Raises:
            ValueError: the encoding isn't evt3, mono, or empty for whichever holds everything.
            OSError: it can't be written, or is there already.

        """
        super().__init__(path, width, height, notes)
        if encoding not in ("", "evt3", "mono"):
            raise ValueError(f"packets are written in evt3 or mono, not in '{encoding}'")
        self._encoding, self._is_chosen, self._seq = encoding, bool(encoding), 0
        self._received_ns = 0
        self._folder = path
        if path.suffix == ".mcap":
            self._scratch = tempfile.TemporaryDirectory(dir=path.parent)
            self._folder = Path(self._scratch.name) / path.stem
        elif path.exists():
            raise FileExistsError(0, "is there already, and a recording isn't overwritten")
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
        self._bag = BagWriter(self._folder, version=9, storage_plugin=StoragePlugin.MCAP)
        self._bag.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        for name, text in notes.items():
            self._bag.set_custom_data(name, text)
        self._bag.open()
        self._connection = self._bag.add_connection(topic, EVENT_PACKET, typestore=self._store)

    def put(self, packet: Packet) -> None:
        """Write a packet as it is."""
        kinds: Any = self._store.types
        time = kinds["builtin_interfaces/msg/Time"](*divmod(packet.stamp_ns, 1_000_000_000))
        message = kinds[EVENT_PACKET](
            header=kinds["std_msgs/msg/Header"](stamp=time, frame_id=packet.frame_id),
            height=packet.height,
            width=packet.width,
            seq=packet.seq,
            time_base=packet.time_base,
            encoding=packet.encoding,
            is_bigendian=packet.is_bigendian,
            events=np.frombuffer(packet.data, np.uint8),
        )
        raw = self._store.serialize_cdr(message, EVENT_PACKET)
        self._bag.write(self._connection, packet.received_ns, raw)

    def _write(self, events: Events, triggers: Triggers) -> None:
        first = min(int(part.t[0]) for part in (events, triggers) if len(part))
        if not self._encoding:
            small = self.width <= LARGEST and self.height <= LARGEST
            whole = events.fine is None and triggers.fine is None
            holds = 0 <= first < 1 << Evt3Encoder.time_bits and small and whole
            self._encoding = "evt3" if holds else "mono"
        if self._encoding == "evt3":
            self._write_evt3(events, triggers, first)
        else:
            self._write_mono(events, triggers)

    def _write_evt3(self, events: Events, triggers: Triggers, first: int) -> None:
        if not self._seq:
            self._encoder = Evt3Encoder(self.width, self.height, packets=True)
            self._origin = time_origin(first, Evt3Encoder.time_bits)
            if self._origin:
                self.dropped[f"the first {self._origin:,} us of every time"] = 1
        if events.fine is not None or triggers.fine is not None:
            raise EncodingError("EVT3 can't hold times below 1 us; encoding mono does")
        given = 0
        for begin, end in _cuts(events):
            part = events[begin:end]
            until = int(part.t[-1])
            edges = int(np.searchsorted(triggers.t, until, side="right"))
            edges = len(triggers) if end == len(events) else max(edges, given)
            self._put_evt3(part, _part(triggers, given, edges), until)
            given = edges
        if not len(events):
            self._put_evt3(events, triggers, int(triggers.t[-1]))

    def _put_evt3(self, events: Events, triggers: Triggers, until: int) -> None:
        if self._encoding == "mono":
            self._write_mono(events, triggers)
            return
        moved, edges = events, triggers
        if self._origin:
            moved = Events(
                events.t - self._origin, events.x, events.y, events.p, self.width, self.height
            )
            edges = Triggers(triggers.t - self._origin, triggers.channel, triggers.value)
        try:
            data = self._encoder.encode(moved, edges).tobytes()
        except EncodingError:
            if self._is_chosen:
                raise
            # The time jumps further than EVT3 can say; from here on in the encoding that can.
            self._encoding = "mono"
            self._write_mono(events, triggers)
        else:
            self._put("evt3", 0, data, 1000 * until)

    def _write_mono(self, events: Events, triggers: Triggers) -> None:
        for begin, end in _cuts(events):
            part = events[begin:end]
            t = part.nanoseconds()
            for base, data in mono_packets(t, part.x, part.y, part.p):
                self._put("mono", base, data, int(t[-1]))
        if len(triggers):
            t = 1000 * triggers.t
            if triggers.fine is not None:
                t += triggers.fine
            # The same layout, with the channel in place of the row.
            column = np.zeros(len(t), np.uint16)
            for base, data in mono_packets(t, column, triggers.channel, triggers.value):
                self._put("trigger", base, data, int(t[-1]))

    def _put(self, encoding: str, base: int, data: bytes, stamp_ns: int) -> None:
        if base < 0:
            raise EncodingError(f"times before 0 ({base} ns) can't be held by packets")
        self._seq += 1
        # Bags and ROS take a stamp of 0 for none, and readers sort by the time of receipt.
        stamp_ns = max(1, stamp_ns)
        self._received_ns = max(self._received_ns + 1, stamp_ns)
        self.put(
            Packet(
                self._received_ns, stamp_ns, FRAME, self.width, self.height, self._seq, base,
                encoding, False, data,
            )
        )  # fmt: skip

    def close(self) -> None:
        """Finish the recording."""
        self._bag.close()
        if self._folder != self.path:
            shutil.move(next(self._folder.glob("*.mcap")), self.path)
            self._scratch.cleanup()


def _cuts(events: Events) -> list[tuple[int, int]]:
    """Where packets begin and end."""
    if not len(events):
        return []
    windows = (events.t - events.t[0]) // SPAN_US
    changes = np.flatnonzero(np.diff(windows)) + 1
    edges = [0, *changes.tolist(), len(events)]
    cuts = []
    for begin, end in itertools.pairwise(edges):
        cuts += [(at, min(end, at + MOST)) for at in range(begin, end, MOST)]
    return cuts


def _part(triggers: Triggers, begin: int, end: int) -> Triggers:
    return Triggers(triggers.t[begin:end], triggers.channel[begin:end], triggers.value[begin:end])
