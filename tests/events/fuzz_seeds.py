"""Small whole files from which the search of `fuzzing.py` begins: it wouldn't find them itself."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.events.array import Events
from spikeloop.events.packet_encoder import PacketEncoder
from spikeloop.events.recording import EVENT_PACKET, FIELDS

PEERS = Path(__file__).parents[1] / "data" / "peers"
EVENT_ARRAY = "std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n"
EVENT = "uint16 x\nuint16 y\ntime ts\nbool polarity\n"
OUSTER = {
    "data_format": {
        "pixels_per_column": 2,
        "columns_per_frame": 8,
        "columns_per_packet": 4,
        "udp_profile_lidar": "RNG15_RFL8_NIR8",
        "pixel_shift_by_row": [0, 1],
    },
    "beam_altitude_angles": [10.0, -10.0],
    "beam_azimuth_angles": [0.0, 1.0],
}
"""The description of a small sensor."""
Folder = Path


def _events() -> Events:
    t = np.array([5, 9, 40, 5000])
    x, y = np.array([3, 4, 5, 319], np.uint16), np.array([0, 1, 239, 7], np.uint16)
    return Events(t, x, y, np.array([0, 1, 1, 0], np.uint8), 320, 240)


def _hdf5(folder: Folder) -> list[bytes]:
    e, made = _events(), []
    for compression in (None, "gzip"):
        path = folder / f"{compression}.h5"
        with h5py.File(path, "w", libver="latest") as file:
            for name in "txyp":
                file.create_dataset(
                    f"events/{name}", data=getattr(e, name), compression=compression
                )
            file["t_offset"] = 7
        made.append(path.read_bytes())
    with np.load(PEERS / "metavision_ecf.npz") as peer:
        kind = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
        records = np.array(
            [tuple(row) for row in zip(*(peer[c][:4] for c in "xypt"), strict=True)], kind
        )
    path = folder / "metavision.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["geometry"] = "1280x720"
        file.create_dataset("CD/events", data=records, chunks=(4,))
    return [*made, path.read_bytes()]


def _npz(folder: Folder) -> list[bytes]:
    e = _events()
    columns = {name: getattr(e, name) for name in "txyp"}
    files = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **columns, width=320, height=240, trigger_t=e.t, trigger_channel=e.x,
             trigger_value=e.p)  # fmt: skip
        files.append(file.getvalue())
    record = np.zeros(3, [("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "u1")])
    file = io.BytesIO()
    np.savez(file, events=record)
    return [*files, file.getvalue()]


def _write_bag(bag: Any, store: Any, connections: dict[str, Any]) -> None:
    """Two packets, and two messages of another topic."""
    kinds, e = store.types, _events()
    ros1 = isinstance(bag, Ros1Writer)
    serialize = store.serialize_ros1 if ros1 else store.serialize_cdr
    number = {"seq": 1} if ros1 else {}
    stamp = kinds["builtin_interfaces/msg/Time"](1, 2)
    header = kinds["std_msgs/msg/Header"](stamp=stamp, frame_id="eye", **number)
    encoder = PacketEncoder(320, 240, "evt3")
    for k in range(2):
        packet = kinds[EVENT_PACKET](
            header=header, height=240, width=320, seq=k, time_base=0, encoding="evt3",
            is_bigendian=False, events=encoder.encode(e[2 * k : 2 * k + 2]).data,
        )  # fmt: skip
        bag.write(connections["e"], 10 + k, serialize(packet, EVENT_PACKET))
        text = kinds["std_msgs/msg/String"](f"word {k}")
        bag.write(connections["s"], 10 + k, serialize(text, "std_msgs/msg/String"))


def _ros1(folder: Folder) -> list[bytes]:
    store: Any = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
    made = []
    for compression in (None, Ros1Writer.CompressionFormat.LZ4):
        path = folder / f"{compression}.bag"
        bag = Ros1Writer(path)
        if compression is not None:
            bag.set_compression(compression)
        with bag:
            connections = {
                "e": bag.add_connection("/events", EVENT_PACKET, typestore=store),
                "s": bag.add_connection("/text", "std_msgs/msg/String", typestore=store),
            }
            _write_bag(bag, store, connections)
        made.append(path.read_bytes())
    return [*made, *_arrays(folder)]


def _arrays(folder: Folder) -> list[bytes]:
    store: Any = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg(EVENT, "dvs_msgs/msg/Event"))
    store.register(get_types_from_msg(EVENT_ARRAY, "dvs_msgs/msg/EventArray"))
    kinds = store.types
    stamp = kinds["builtin_interfaces/msg/Time"](1, 2)
    header = kinds["std_msgs/msg/Header"](seq=1, stamp=stamp, frame_id="eye")
    event = kinds["dvs_msgs/msg/Event"](3, 4, stamp, True)
    path = folder / "array.bag"
    with Ros1Writer(path) as bag:
        connection = bag.add_connection("/dvs", "dvs_msgs/msg/EventArray", typestore=store)
        message = kinds["dvs_msgs/msg/EventArray"](header, 240, 320, [event, event])
        data = store.serialize_ros1(message, "dvs_msgs/msg/EventArray")
        bag.write(connection, 5, data)
    return [path.read_bytes()]


def _rosbag2(plugin: StoragePlugin) -> Callable[[Folder], list[bytes]]:
    def make(folder: Folder) -> list[bytes]:
        store: Any = get_typestore(Stores.ROS2_JAZZY)
        store.register(get_types_from_msg(FIELDS, EVENT_PACKET))
        made = []
        for name, mode in (("plain", None), ("packed", CompressionMode.STORAGE)):
            if mode is not None and plugin is StoragePlugin.SQLITE3:
                continue
            bag = Ros2Writer(folder / name, version=9, storage_plugin=plugin)
            if mode is not None:
                bag.set_compression(mode, CompressionFormat.ZSTD)
            with bag:
                connections = {
                    "e": bag.add_connection("/events", EVENT_PACKET, typestore=store),
                    "s": bag.add_connection("/text", "std_msgs/msg/String", typestore=store),
                }
                _write_bag(bag, store, connections)
            for path in (folder / name).glob(f"*{_suffix(plugin)}"):
                if plugin is StoragePlugin.SQLITE3:
                    _shrink(path)
                made.append(path.read_bytes())
        return made

    return make


def _shrink(path: Path) -> None:
    """Short inputs are tried more often."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA page_size=512")
        database.execute("VACUUM")


def _suffix(plugin: StoragePlugin) -> str:
    return ".mcap" if plugin is StoragePlugin.MCAP else ".db3"


def _frame(payload: bytes, port: int) -> bytes:
    udp = struct.pack(">HHHH", 1, port, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, b"abcd", b"efgh")
    data = b"\0" * 12 + b"\x08\0" + head + udp
    return struct.pack("<4I", 1, 2, len(data), len(data)) + data


def _pcap(folder: Folder) -> list[bytes]:
    column = struct.pack("<QHH", 5, 3, 1) + bytes(8)
    packet = struct.pack("<HH", 1, 2) + bytes(28) + 4 * column + bytes(32)
    imu = bytes(8) + struct.pack("<Q", 99) + bytes(32)
    head = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return [head + _frame(packet, 7502) + _frame(imu, 7503) + _frame(packet, 7502)]


def _pcd(folder: Folder) -> list[bytes]:
    head = (
        "VERSION 0.7\nFIELDS x y z _\nSIZE 4 4 4 1\nTYPE F F F U\nCOUNT 1 1 1 2\nWIDTH 2\n"
        "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA "
    )
    body = np.arange(7, dtype="<f4").tobytes()
    # LZF: a run of literals has its length less one before it.
    packed = b"\x1b" + body
    return [
        (head + "ascii\n1 2 3 0 0\nnan 2 3 1 1\n").encode(),
        (head + "binary\n").encode() + body,
        (head + "binary_compressed\n").encode() + struct.pack("<2I", len(packed), 28) + packed,
    ]


MAKERS: dict[str, Callable[[Folder], list[bytes]]] = {
    "file_hdf5": _hdf5,
    "file_npz": _npz,
    "file_ros1": _ros1,
    "file_mcap": _rosbag2(StoragePlugin.MCAP),
    "file_db3": _rosbag2(StoragePlugin.SQLITE3),
    "pcap": _pcap,
    "pcd": _pcd,
}


def seeds(name: str) -> list[bytes]:
    """Whole files for a target; none for those that find their own."""
    if name not in MAKERS:
        return []
    with tempfile.TemporaryDirectory() as folder:
        return MAKERS[name](Path(folder))


def description() -> bytes:
    """Of the sensor of `pcap`."""
    return json.dumps(OUSTER).encode()
