"""Coverage-guided search for bytes that break a decoder or a reader.

    NUMBA_DISABLE_JIT=1 python tests/events/fuzzing.py evt3 CORPUS_FOLDER -max_total_time=600

runs the plain Python form of everything under atheris (`pip install atheris`), with libFuzzer's
options behind the folder. `test_fuzzing.py` runs what was found again, compiled.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np

if __name__ == "__main__":
    # Before they are imported by name, so that atheris sees which lines run.
    import atheris

    INSTRUMENTED = {
        "file_ros1": ["spikeloop.events", "spikeloop.bags", "rosbags"],
        "file_mcap": ["spikeloop.events", "spikeloop.bags", "rosbags", "mcap"],
        "file_db3": ["spikeloop.events", "spikeloop.bags", "rosbags"],
        "pcap": ["spikeloop.lidar"],
        "pcd": ["spikeloop.lidar"],
    }
    packages = INSTRUMENTED.get(sys.argv[1], ["spikeloop.events"])
    with atheris.instrument_imports(include=packages):
        for package in packages:
            if package.startswith("spikeloop"):
                folder = importlib.import_module(package).__path__
                for found in pkgutil.walk_packages(folder, f"{package}."):
                    importlib.import_module(found.name)

from fuzz_seeds import description

from spikeloop.bags.bag import Bag
from spikeloop.events import event_array, evt21
from spikeloop.events.array import joined, joined_triggers
from spikeloop.events.codecs import DECODERS, make_decoder
from spikeloop.events.files import ecf
from spikeloop.events.files.opening import open_source
from spikeloop.events.recording import RecordingError
from spikeloop.lidar.cloud import LidarFileError
from spikeloop.lidar.ouster import OusterCapture
from spikeloop.lidar.pcd import read_pcd

WIDTH, HEIGHT = 320, 240


def decoder_target(encoding: str, form: int | None = None) -> Callable[[bytes], None]:
    """The first byte says where the rest is cut: the events must be the same, and inside.

    With the `form` of EVT2.1, where that is stated.
    """

    def run(data: bytes) -> None:
        if not data:
            return
        cut, body = data[0], data[1:]
        results = []
        for pieces in ([body], [body[:cut], body[cut : 2 * cut + 1], body[2 * cut + 1 :]]):
            decoder = make_decoder(encoding, WIDTH, HEIGHT)
            if form is not None:
                cast("evt21.Evt21Decoder", decoder).form = form
                decoder.reset()
            decoder.begin_packet(123_456)
            out = [decoder.decode(piece) for piece in pieces]
            events, triggers = joined([e for e, _ in out]), joined_triggers([t for _, t in out])
            assert not len(events) or (events.x.max() < WIDTH and events.y.max() < HEIGHT)
            assert not len(events) or events.p.max() <= 1
            # An event takes at least a twelfth of the smallest word.
            assert len(events) <= 8 * len(body) and len(triggers) <= len(body)
            columns = (events.nanoseconds(), events.x, events.y, events.p, triggers.t)
            results.append(([c.tolist() for c in columns], decoder.counts))
        assert results[0] == results[1]

    return run


def reader_target(suffix: str) -> Callable[[bytes], None]:
    """A file either opens and reads, or names itself in an error."""
    path = _scratch() / f"a{suffix}"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            for events, _ in open_source(path).pieces():
                assert not len(events) or (events.x.max() < events.width)
                assert not len(events) or (events.y.max() < events.height)
        except RecordingError as error:
            assert str(path) in str(error)

    return run


def bag_target(suffix: str) -> Callable[[bytes], None]:
    """As an event file, and with all its topics as `bag_player` reads it."""
    path, as_events = _scratch() / f"b{suffix}", reader_target(suffix)

    def run(data: bytes) -> None:
        as_events(data)
        path.write_bytes(data)
        try:
            bag = Bag(path)
            names = {topic.name for topic in bag.topics}
            for stored in bag.messages():
                assert stored.topic in names
        except RecordingError as error:
            assert str(path) in str(error)

    return run


def pcap_target() -> Callable[[bytes], None]:
    """A capture of a small Ouster."""
    path = _scratch() / "a.pcap"
    path.with_suffix(".json").write_bytes(description())

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            for _ in OusterCapture(path).items():
                pass
        except LidarFileError as error:
            assert str(path) in str(error)

    return run


def pcd_target() -> Callable[[bytes], None]:
    """A file of a cloud."""
    path = _scratch() / "a.pcd"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            read_pcd(path).points()
        except LidarFileError as error:
            assert str(path) in str(error)

    return run


def _scratch() -> Path:
    """A folder that goes with the process, in memory where that can be."""
    memory = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    _folders.append(folder)
    return Path(folder.name)


_folders: list[tempfile.TemporaryDirectory[str]] = []


def ecf_target(data: bytes) -> None:
    """A chunk of the HDF5 filter."""
    try:
        t, _, _, _ = ecf.decode(data)
    except ecf.EcfError:
        return
    assert len(t) <= ecf.MOST


def event_array_target(data: bytes) -> None:
    """A message of the older types; the first byte chooses ROS 1 or 2."""
    try:
        message = event_array.parse(data[1:], is_ros1=bool(data[:1] and data[0] & 1))
        event_array.mono_packets(message.t, message.x, message.y, message.p)
    except ValueError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    **{name: decoder_target(name) for name in sorted(DECODERS)},
    "evt21_legacy": decoder_target("evt21", evt21.LEGACY),
    **{
        name: reader_target(suffix)
        for name, suffix in (
            ("file_raw", ".raw"),
            ("file_dat", ".dat"),
            ("file_aedat", ".aedat"),
            ("file_aedat4", ".aedat4"),
            ("file_text", ".txt"),
            ("file_hdf5", ".h5"),
            ("file_npz", ".npz"),
        )
    },
    "file_ros1": bag_target(".bag"),
    "file_mcap": bag_target(".mcap"),
    "file_db3": bag_target(".db3"),
    "pcap": pcap_target(),
    "pcd": pcd_target(),
    "ecf": ecf_target,
    "event_array": event_array_target,
}


def main() -> None:
    """Search with atheris until libFuzzer's options end it."""
    name = sys.argv.pop(1)
    target = TARGETS[name]
    # Warnings of overflow belong to the plain form only; compiled code wraps around.
    np.seterr(all="ignore")
    sys.stderr = io.TextIOWrapper(sys.stderr.buffer, line_buffering=True)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
