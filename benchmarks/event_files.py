"""Event files of about 1 GB of every kind: how fast they are read, and in how much memory.

Each is made in a temporary folder (out of the shared recording, over and over), read in a process
of its own, and deleted. Figures end in `_mib` (largest memory of that process beyond what it takes
to read a small file of the kind) or `_mev_s` (million events a second of CPU time).
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.array import Events, joined
from spikeloop.events.files.aedat4 import Aedat4Source
from spikeloop.events.files.opening import open_source
from spikeloop.events.recording import EVENT_PACKET, FIELDS, Recording

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
BAG, DAVIS = DATA / "evt3_test_events_1", DATA / "aedat4_davis346" / "davis.aedat4"
SMALL, LARGE = 4 << 20, 1 << 30
READER = """
import json, sys, time
from pathlib import Path
from spikeloop.events.files.opening import open_source
began = time.process_time()
source, count = open_source(Path(sys.argv[1])), 0
for events, triggers in source.pieces():
    count += len(events)
# The largest memory by the kernel's count of this program; that of getrusage begins with the
# parent's.
status = Path("/proc/self/status").read_text()
largest = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps([count, largest, time.process_time() - began]))
"""


def measure() -> dict[str, float]:
    """All figures."""
    figures: dict[str, float] = {}
    events = joined([part for part, _ in open_source(BAG).pieces()])
    for name, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as folder:
            (_, before, _), (count, after, seconds) = (
                _read(write(Path(folder) / f"{size}", events, size)) for size in (SMALL, LARGE)
            )
        figures[f"{name}_mib"] = after - before
        figures[f"{name}_mev_s"] = count / seconds / 1e6
    return figures


def _read(path: Path) -> tuple[int, float, float]:
    """Events, largest memory in MiB, and seconds of CPU."""
    out = subprocess.run(
        [sys.executable, "-c", READER, str(path)], check=True, capture_output=True, text=True
    )
    count, memory, seconds = json.loads(out.stdout)
    return count, memory, seconds


def _tiled(path: Path, head: bytes, part: bytes, size: int) -> Path:
    with path.open("wb") as file:
        file.write(head)
        for _ in range(max(1, size // len(part))):
            file.write(part)
    return path


def _raw(path: Path, events: Events, size: int) -> Path:
    words = b"".join(packet.data for packet in Recording(BAG).packets())
    head = b"% evt 3.0\n% format EVT3;height=480;width=640\n% end\n"
    return _tiled(path.with_suffix(".raw"), head, words, size)


def _dat(path: Path, events: Events, size: int) -> Path:
    address = events.p.astype("<u4") << 28 | events.y.astype("<u4") << 14 | events.x
    records = np.stack([events.t.astype("<u4"), address], axis=1).tobytes()
    head = b"% Version 2\n% Height 480\n% Width 640\n% end\n\x0c\x08"
    return _tiled(path.with_suffix(".dat"), head, records, size)


def _aedat2(path: Path, events: Events, size: int) -> Path:
    address = events.y.astype(np.uint32) << 22 | events.x.astype(np.uint32) << 12
    address |= events.p.astype(np.uint32) << 11
    records = np.stack([address, events.t.astype(np.uint32)], axis=1).astype(">u4").tobytes()
    head = b"#!AER-DAT2.0\r\n# AEChip: DAVIS640\r\n"
    return _tiled(path.with_suffix(".aedat"), head, records, size)


def _aedat4(path: Path, events: Events, size: int) -> Path:
    data, source = DAVIS.read_bytes(), Aedat4Source(DAVIS)
    start, end = source._start, source._end
    # The place of the table behind the packets, which isn't needed, becomes unknown.
    head = data[:start].replace(struct.pack("<q", end), struct.pack("<q", -1))
    return _tiled(path.with_suffix(".aedat4"), head, data[start:end], size)


def _text(path: Path, events: Events, size: int) -> Path:
    rows = np.stack([events.t, events.x, events.y, events.p], axis=1).tolist()
    lines = "".join(f"{t / 1e6:.6f} {x} {y} {p}\n" for t, x, y, p in rows)
    return _tiled(path.with_suffix(".txt"), b"640 480\n", lines.encode(), size)


def _columns(events: Events, size: int) -> dict[str, np.ndarray]:
    times = max(1, size // (13 * len(events)))
    return {name: np.tile(getattr(events, name), times) for name in "txyp"}


def _hdf5(path: Path, events: Events, size: int) -> Path:
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        for name, column in _columns(events, size).items():
            file.create_dataset(f"events/{name}", data=column, chunks=(1 << 16,))
    return path


def _npz(path: Path, events: Events, size: int) -> Path:
    path = path.with_suffix(".npz")
    np.savez(path, **_columns(events, size), width=640, height=480)  # type: ignore[arg-type]
    return path


def _rosbag2(plugin: StoragePlugin) -> Callable[[Path, Events, int], Path]:
    def write(path: Path, events: Events, size: int) -> Path:
        store = get_typestore(Stores.ROS2_JAZZY)
        store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
        messages = [(raw, stamp) for stamp, raw, _ in Recording(BAG)._raw_messages()]
        total = sum(len(raw) for raw, _ in messages)
        with Ros2Writer(path, version=9, storage_plugin=plugin) as bag:
            connection = bag.add_connection("/events", EVENT_PACKET, typestore=store)
            for k in range(max(1, size // total)):
                for raw, stamp in messages:
                    bag.write(connection, stamp + k * 3_000_000_000, raw)
        return path

    return write


def _ros1(path: Path, events: Events, size: int) -> Path:
    path = path.with_suffix(".bag")
    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    ros2 = get_typestore(Stores.ROS2_JAZZY)
    ros2.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    kinds, messages = store.types, []
    for stamp, raw, _ in Recording(BAG)._raw_messages():
        message = ros2.deserialize_cdr(raw, EVENT_PACKET)
        time = kinds["builtin_interfaces/msg/Time"](0, 0)
        message.header = kinds["std_msgs/msg/Header"](seq=0, stamp=time, frame_id="")
        messages.append((stamp, bytes(store.serialize_ros1(message, EVENT_PACKET))))
    total = sum(len(raw) for _, raw in messages)
    with Ros1Writer(path) as bag:
        connection = bag.add_connection("/events", EVENT_PACKET, typestore=store)
        for k in range(max(1, size // total)):
            for stamp, raw in messages:
                bag.write(connection, stamp + k * 3_000_000_000, raw)
    return path


WRITERS: dict[str, Callable[[Path, Events, int], Path]] = {
    "raw": _raw,
    "dat": _dat,
    "aedat2": _aedat2,
    "aedat4": _aedat4,
    "text": _text,
    "hdf5": _hdf5,
    "npz": _npz,
    "mcap": _rosbag2(StoragePlugin.MCAP),
    "db3": _rosbag2(StoragePlugin.SQLITE3),
    "ros1": _ros1,
}
