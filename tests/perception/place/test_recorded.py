"""Recorded drives as trials: tiny drives in the layouts of data sets, read and scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from spikeloop.cli.main import main
from spikeloop.datasets.brisbane_event import RECORDINGS
from spikeloop.datasets.source import DatasetError
from spikeloop.perception.place.drive import DriveError, Sampling
from spikeloop.perception.place.evaluation import Trial
from spikeloop.perception.place.pictures import PictureConfig
from spikeloop.perception.place.recorded import Choice, recorded_trial

PICTURE = PictureConfig(side=12, patch=5)
DEGREE_M = 6_371_000.0 * np.pi / 180.0
BEGIN_S = 1_587_452_584  # 2020-04-21 07:03:04 UTC
HEIGHT, WIDTH = 24, 32


def scene(place: int) -> np.ndarray:
    """(24, 32) uint8 of a place."""
    return np.random.default_rng((3, place)).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def told_rightly(trial: Trial, query: str) -> list[bool]:
    """Whether the reference that is most like each picture is of a right place."""
    apart = np.abs(trial.queries[query][:, None] - trial.references[0][None]).sum((2, 3))
    return [bool(trial.away[query][n, best] == 0.0) for n, best in enumerate(apart.argmin(1))]


# --- folders and Nordland --------------------------------------------------------------------


def test_folders_become_a_trial(tmp_path: Path) -> None:
    for name, first in (("day", 0), ("dusk", 2)):
        (tmp_path / name).mkdir()
        lines = ["file,x,y,heading"]
        for n in range(4):
            Image.fromarray(scene(n)).save(tmp_path / name / f"{n}.png")
            lines.append(f"{n}.png,{3.0 * (n + first)},0.5,0")
        (tmp_path / name / "poses.csv").write_text("\n".join(lines))
    choice = Choice(["day"], ["dusk"], 1, Sampling(spacing=2.0))
    found = recorded_trial(tmp_path, choice, PICTURE)
    # Two of the four pictures were taken beyond the last place.
    assert found.away["dusk"].tolist() == [[2, 1, 0, 1], [3, 2, 1, 0]]
    assert found.references.shape == (1, 4, 12, 12) and found.queries["dusk"].shape == (2, 12, 12)
    wide = Choice(["day"], ["dusk"], 1, Sampling(spacing=2.0), within=4.0)
    found = recorded_trial(tmp_path, wide, PICTURE)
    assert found.away["dusk"].tolist() == [[1, 0, 0, 0], [2, 1, 0, 0], [3, 2, 1, 0]]
    assert found.away["dusk"].dtype == np.float32
    # What lies there for another task makes no data set for this one of it.
    (tmp_path / "cars_td.dat").touch()
    kept = Choice(["day"], ["dusk"], 1, Sampling(spacing=2.0, odometry="/odom"))
    assert len(recorded_trial(tmp_path, kept, PICTURE).queries["dusk"]) == 2
    for wrong, words in (
        (Choice(["day"], ["dawn"], 1, Sampling()), "no drive 'dawn'"),
        (Choice([], ["dusk"], 1, Sampling()), "--reference"),
        (Choice(["day"], ["dusk"], 8, Sampling()), "--every does nothing for folders and bags"),
        (Choice(["day"], ["dusk"], 1, Sampling(shift=1.0)), "--shift does nothing for folders"),
    ):
        with pytest.raises(DriveError, match=words):
            recorded_trial(tmp_path, wrong, PICTURE)
    with pytest.raises(DatasetError, match="nothing: no such folder"):
        recorded_trial(tmp_path / "nothing", choice, PICTURE)


def test_without_positions_pictures_show_places_in_their_order(tmp_path: Path) -> None:
    for name, count in (("day", 4), ("dusk", 3), ("long", 5)):
        (tmp_path / name).mkdir()
        for n in range(count):
            Image.fromarray(scene(n)).save(tmp_path / name / f"{n}.png")
    found = recorded_trial(tmp_path, Choice(["day"], ["dusk"], 1, Sampling()), PICTURE)
    assert found.away["dusk"].tolist() == [[0, 1, 2, 3], [1, 0, 1, 2], [2, 1, 0, 1]]
    assert found.beginning(2).away["dusk"].tolist() == [[0, 1], [1, 0]]
    with pytest.raises(DriveError, match="long: 5 pictures for 4 places, and nothing tells"):
        recorded_trial(tmp_path, Choice(["day"], ["long"], 1, Sampling()), PICTURE)
    with pytest.raises(DriveError, match="dusk: nothing tells what is within metres"):
        recorded_trial(tmp_path, Choice(["day"], ["dusk"], 1, Sampling(), 5.0), PICTURE)
    rows = [f"{n}.png,{2.0 * n},0,0" for n in range(3)]
    (tmp_path / "dusk" / "poses.csv").write_text("\n".join(["file,x,y,heading", *rows]))
    with pytest.raises(DriveError, match="day: nothing tells where its pictures were taken"):
        recorded_trial(tmp_path, Choice(["day"], ["dusk"], 1, Sampling()), PICTURE)


def test_a_condition_behind_the_first_places_is_left(tmp_path: Path) -> None:
    for name, first, count in (("day", 0, 6), ("end", 4, 2)):
        (tmp_path / name).mkdir()
        rows = ["file,x,y,heading"]
        for n in range(count):
            Image.fromarray(scene(first + n)).save(tmp_path / name / f"{n}.png")
            rows.append(f"{n}.png,{2.0 * (first + n)},0,0")
        (tmp_path / name / "poses.csv").write_text("\n".join(rows))
    found = recorded_trial(tmp_path, Choice(["day"], ["end"], 1, Sampling()), PICTURE)
    assert found.beginning(3).queries == {} and set(found.beginning(5).queries) == {"end"}
    command = ["eval", "place", "--data", str(tmp_path), "--reference", "day", "--query", "end"]
    assert main([*command, "--networks", "1", "--stdp-places", "3", "--workers", "1"]) == 0


def test_seasons_of_nordland_become_a_trial(tmp_path: Path) -> None:
    for season in ("spring", "winter"):
        (tmp_path / season).mkdir()
        for n in range(3):
            Image.fromarray(scene(n)).save(tmp_path / season / f"{n}.png")
    found = recorded_trial(tmp_path, Choice(["spring"], ["winter"], 1, Sampling()), PICTURE)
    for choice, option in (
        (Choice(["spring"], ["winter"], 1, Sampling(), 5.0), "within"),
        (Choice(["spring"], ["winter"], 1, Sampling(topic="/camera/image_raw")), "topic"),
        (Choice(["spring"], ["winter"], 1, Sampling(odometry="/odom")), "odometry"),
        (Choice(["spring"], ["winter"], 1, Sampling(shift=1.0)), "shift"),
    ):
        with pytest.raises(DriveError, match=f"--{option} does nothing for .* layout of nordland"):
            recorded_trial(tmp_path, choice, PICTURE)
    np.testing.assert_array_equal(found.references[0], found.queries["winter"])
    assert found.away["winter"].tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


# --- RobotCar --------------------------------------------------------------------------------


def robotcar_traverse(path: Path, shift_m: float) -> None:
    """Pictures every 0.1 s at 10 m/s; a scene lasts 5 m."""
    (path / "stereo/centre").mkdir(parents=True)
    (path / "gps").mkdir()
    times = [1_418_132_416_000_000 + 100_000 * k for k in range(40)]
    (path / "stereo.timestamps").write_text("".join(f"{time} 1\n" for time in times))
    rows = ["timestamp,northing,easting"]
    for k, time in enumerate(times):
        north = k + shift_m
        cv2.imwrite(str(path / f"stereo/centre/{time}.png"), scene(int(north // 5)))
        rows.append(f"{time},{5_735_000 + north},620000")
    (path / "gps/ins.csv").write_text("\n".join(rows) + "\n")


def test_traverses_of_robotcar_become_a_trial(tmp_path: Path) -> None:
    robotcar_traverse(tmp_path / "2014-12-09-13-21-02", 0.0)
    robotcar_traverse(tmp_path / "2014-12-16-18-44-24", 6.0)
    choice = Choice(["2014-12-09-13-21-02"], ["2014-12-16-18-44-24"], 1, Sampling(spacing=5.0))
    found = recorded_trial(tmp_path, choice, PICTURE)
    assert found.references.shape[1] == 8
    # The last picture was taken 6 m behind the last place.
    assert [row.argmin() for row in found.away["2014-12-16-18-44-24"]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(told_rightly(found, "2014-12-16-18-44-24"))
    idle = replace(choice, sampling=Sampling(topic="/stereo/centre"))
    with pytest.raises(DriveError, match=r"--topic does nothing for .* layout of robotcar"):
        recorded_trial(tmp_path, idle, PICTURE)
    wrong = Choice(["2014-12-09-13-21-02"], ["2014-12-16"], 1, Sampling())
    with pytest.raises(DatasetError, match=r"no traverse '2014-12-16' \(did you mean '2014-12-16"):
        recorded_trial(tmp_path, wrong, PICTURE)


# --- St Lucia --------------------------------------------------------------------------------


def st_lucia_traverse(path: Path, shift_m: float) -> None:
    """Pictures every 2 m to the south; a scene lasts 10 m; of the fourth no place is known."""
    path.mkdir()
    rows = []
    for k in range(40):
        way = 2.0 * k + shift_m
        Image.fromarray(scene(int(way // 10))).save(path / f"{k:06}.png")
        rows.append("0, 0" if k == 3 else f"{27.5 + way / DEGREE_M:.9f}, 153.0")
    (path / "fGPS.txt").write_text("\n".join(rows) + "\n")


def test_traverses_of_st_lucia_become_a_trial(tmp_path: Path) -> None:
    for name in ("100909_0845", "180809_1545"):
        st_lucia_traverse(tmp_path / name, 0.0)
    choice = Choice(["100909_0845"], ["180809_1545"], 1, Sampling(spacing=9.9))
    found = recorded_trial(tmp_path, choice, PICTURE)
    assert found.references.shape[1] == 8 and all(told_rightly(found, "180809_1545"))
    # Within 20 m, as its users count.
    assert found.away["180809_1545"][0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    near = Choice(["100909_0845"], ["180809_1545"], 1, Sampling(spacing=9.9), within=1.0)
    assert recorded_trial(tmp_path, near, PICTURE).away["180809_1545"][0, :3].tolist() == [0, 1, 2]


# --- Brisbane-Event-VPR ----------------------------------------------------------------------


class Street:
    """A bag of ROS 1 with events and frames of a street whose scene changes every 20 m."""

    def __init__(self, path: Path) -> None:
        self._store: Any = get_typestore(Stores.ROS1_NOETIC)
        event = "uint16 x\nuint16 y\ntime ts\nbool polarity\n"
        array = "std_msgs/Header header\nuint32 height\nuint32 width\ndvs_msgs/Event[] events\n"
        self._store.register(get_types_from_msg(event, "dvs_msgs/msg/Event"))
        self._store.register(get_types_from_msg(array, "dvs_msgs/msg/EventArray"))
        self._bag = Writer(path)
        self._random = np.random.default_rng(len(path.name))

    def __enter__(self) -> Street:
        self._bag.open()
        self._topics = {
            kind: self._bag.add_connection(topic, kind, typestore=self._store)
            for topic, kind in (
                ("/dvs/events", "dvs_msgs/msg/EventArray"),
                ("/dvs/image_raw", "sensor_msgs/msg/Image"),
            )
        }
        return self

    def __exit__(self, *error: object) -> None:
        self._bag.close()

    def look(self, ms: int, place: int) -> None:
        """Fifty milliseconds of events, and a frame at their end."""
        kinds = self._store.types
        bright = np.argwhere(scene(place) > 200)
        chosen = bright[self._random.integers(len(bright), size=60)]
        events = [
            kinds["dvs_msgs/msg/Event"](int(x), int(y), self._stamp(1e-3 * ms + 8e-4 * n), True)
            for n, (y, x) in enumerate(chosen)
        ]
        header = kinds["std_msgs/msg/Header"](seq=1, stamp=self._stamp(1e-3 * ms), frame_id="dvs")
        self._write(kinds["dvs_msgs/msg/EventArray"](header, HEIGHT, WIDTH, events), ms)
        pixels = scene(place).reshape(-1)
        image = kinds["sensor_msgs/msg/Image"](header, HEIGHT, WIDTH, "mono8", 0, WIDTH, pixels)
        self._write(image, ms)

    def _stamp(self, time_s: float) -> Any:
        whole = int(time_s)
        stamp = self._store.types["builtin_interfaces/msg/Time"]
        return stamp(BEGIN_S + whole, int(1e9 * (time_s - whole)))

    def _write(self, message: Any, ms: int) -> None:
        kind = message.__msgtype__
        data = self._store.serialize_ros1(message, kind)
        self._bag.write(self._topics[kind], 1_000_000 * ms, data)


def sentence(second: int, way_m: float) -> str:
    minutes = 29.862 + way_m / DEGREE_M * 60.0
    body = f"GPRMC,0703{second:02d}.00,A,27{minutes:08.5f},S,15300.78000,E,20.0,180.0,210420,,,A"
    total = 0
    for letter in body.encode():
        total ^= letter
    return f"${body}*{total:02X}"


@pytest.fixture(scope="module")
def brisbane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two traverses at 20 m/s, the second 8 m ahead; the first pauses from 5 to 6 s."""
    path = tmp_path_factory.mktemp("brisbane")
    for name, ahead in (("sunset1", 0.0), ("sunset2", 8.0)):
        lines = [sentence(4 + second, 20.0 * second + ahead) for second in range(11)]
        (path / f"20200421_170039-{name}_concat.nmea").write_text("\n".join(lines))
        with Street(path / f"{RECORDINGS[name]}.bag") as street:
            for ms in range(0, 10_000, 50):
                if name == "sunset2" or not 5000 <= ms < 6000:
                    street.look(ms, int((0.02 * ms + ahead) // 20.0))
    return path


def test_events_of_brisbane_become_a_trial(brisbane: Path) -> None:
    choice = Choice(["sunset1"], ["sunset2"], 1, Sampling(spacing=9.9), within=20.0)
    found = recorded_trial(brisbane, choice, PICTURE)
    # Every 10 m from 10 m on, for a window must be full; none of the pause, at 110 and 120 m.
    assert found.references.shape[1] == 17
    wrong = [n for n, right in enumerate(told_rightly(found, "sunset2")) if not right]
    # The scene from 100 to 120 m isn't on the map, and is seen at 108 and 118 m.
    assert wrong == [9, 10]
    # Within 70 m if nothing is said, as the paper counts.
    usual = Choice(["sunset1"], ["sunset2"], 1, Sampling(spacing=9.9))
    assert (recorded_trial(brisbane, usual, PICTURE).away["sunset2"][0] == 0.0).sum() == 8


def test_frames_of_brisbane_are_in_the_bag_or_beside_it(brisbane: Path, tmp_path: Path) -> None:
    frames = Sampling(topic="dvs/image_raw", spacing=9.9)
    in_bag = recorded_trial(brisbane, Choice(["sunset2"], ["sunset2"], 1, frames), PICTURE)
    assert in_bag.references.shape[1] == 20 and all(told_rightly(in_bag, "sunset2"))
    for file in brisbane.glob("*sunset2*.nmea"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    folder = tmp_path / RECORDINGS["sunset2"]
    folder.mkdir()
    for ms in range(0, 10_000, 50):
        picture = Image.fromarray(scene(int((0.02 * ms + 8.0) // 20.0)))
        picture.save(folder / f"{BEGIN_S + 1e-3 * ms:.3f}.png")
    beside = recorded_trial(tmp_path, Choice(["sunset2"], ["sunset2"], 1, frames), PICTURE)
    np.testing.assert_array_equal(in_bag.references, beside.references)


def test_what_is_wrong_with_brisbane_is_told(brisbane: Path, tmp_path: Path) -> None:
    for name, topic, words in (
        ("sunset3", "", r"unknown traverse 'sunset3' \(did you mean 'sunset2'"),
        ("night", "", "holds no track of night"),
        ("sunset1", "/dvs/imu", "no topic '/dvs/imu'; there are: /dvs/events, /dvs/image_raw"),
    ):
        with pytest.raises(DatasetError, match=words):
            chosen = Choice([name], ["sunset1"], 1, Sampling(topic=topic))
            recorded_trial(brisbane, chosen, PICTURE)
    for file in brisbane.glob("*sunset1*.nmea"):
        (tmp_path / file.name).write_text(file.read_text())
    choice = Choice(["sunset1"], ["sunset1"], 1, Sampling())
    with pytest.raises(DatasetError, match="holds no events of sunset1"):
        recorded_trial(tmp_path, choice, PICTURE)
    bag = tmp_path / f"{RECORDINGS['sunset1']}.bag"
    with Street(bag) as street:
        street.look(500_000, 1)
    with pytest.raises(DatasetError, match=r"\.bag: holds no events of a time and place that"):
        recorded_trial(tmp_path, choice, PICTURE)
    bag.write_bytes(b"#ROSBAG V2.0\n" + bytes(20))
    with pytest.raises(DatasetError, match=r"\.bag: can't be opened"):
        recorded_trial(tmp_path, choice, PICTURE)


def test_a_user_scores_recorded_drives(brisbane: Path, tmp_path: Path, capsys) -> None:
    command = ["eval", "place", "--data", str(brisbane), "--spacing", "10", "--stdp-networks", "0"]
    command += ["--reference", "sunset1", "--query", "sunset2", "--networks", "2"]
    assert main([*command, "--json", str(tmp_path / "place.json")]) == 0
    meta = json.loads((tmp_path / "place.json").read_text())["meta"]
    assert meta["data"]["kind"] == "brisbane_event" and meta["data"]["within_m"] == 70.0
    assert meta["figures"]["sunset2"]["temporal_ensemble"]["1"]["recall"][0] > 90.0
    for wrong, words in (
        (["--within", "-1"], "--within must be at least 0"),
        (["--tolerance", "-1"], "--tolerance is at least 0, not -1"),
        (["--stdp-places", "-1"], "--stdp-places is at least 0"),
        (["--every", "0"], "--every is at least 1"),
        (["--seed", "-1"], "--seed is at least 0"),
        (["--spacing", "0"], "'spacing'"),
        (["--period", "0"], "'period'"),
    ):
        assert main([*command, *wrong]) != 0
        assert words in capsys.readouterr().err
    assert main(["eval", "place", "--reference", "day"]) != 0
    assert "--reference needs --data" in capsys.readouterr().err
    assert main(["eval", "place", "--spacing", "3"]) == 2
    assert "--spacing needs --data" in capsys.readouterr().err
