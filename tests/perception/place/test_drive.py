import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeloop.cli.main import main
from spikeloop.events.array import Events
from spikeloop.perception.place.aligning import aligned
from spikeloop.perception.place.drive import Drive, DriveError, Sampling, load_drive
from spikeloop.perception.place.event_window import EventWindow, event_picture
from spikeloop.perception.place.pictures import PictureConfig, small_picture
from spikeloop.perception.place.place_map import load_map

CONFIG = PictureConfig()
EVENTS = Path(__file__).parents[2] / "data" / "evt3_test_events_1"


def drive_folder(folder: Path, count: int, seed: int = 0, poses: bool = True) -> Path:
    """Pictures of mixed sizes and modes, named without leading zeros."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    rows = ["file,x,y,heading"]
    for n in range(count):
        base = np.random.default_rng(100 + n).integers(0, 256, (12, 16), np.uint8)
        noisy = np.clip(base + random.normal(0, 12, base.shape), 0, 255).astype(np.uint8)
        image = Image.fromarray(noisy).resize((64 + 8 * (n % 3), 48), Image.Resampling.NEAREST)
        name = f"{n}.{'jpg' if n % 2 else 'png'}"
        image.convert("RGB" if n % 2 else "L").save(folder / name)
        rows.append(f"{name},{2.0 * n},1.0,0.5")
    if poses:
        (folder / "poses.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    drive = load_drive(drive_folder(tmp_path / "day", 12), CONFIG)
    assert drive.pictures.shape == (12, CONFIG.side, CONFIG.side)
    np.testing.assert_array_equal(drive.poses[:, 0], 2.0 * np.arange(12))
    bare = load_drive(drive_folder(tmp_path / "bare", 3, poses=False), CONFIG)
    np.testing.assert_array_equal(bare.poses[:, 0], [0, 1, 2])
    assert drive.placed and not bare.placed
    wide = load_drive(tmp_path / "day", CONFIG, Sampling(spacing=6.0))
    np.testing.assert_array_equal(wide.poses[:, 0], [0.0, 6.0, 12.0, 18.0])
    np.testing.assert_array_equal(wide.pictures, drive.pictures[::3])


def test_pictures_of_16_bits_keep_their_light_and_those_of_32_are_refused(tmp_path: Path) -> None:
    light = np.random.default_rng(0).integers(4000, 65_000, (24, 32), np.uint16)
    Image.fromarray(light).save(tmp_path / "0.png")
    drive = load_drive(tmp_path, CONFIG)
    np.testing.assert_array_equal(drive.pictures[0], small_picture(light, CONFIG))
    Image.fromarray(light.astype(np.float32)).save(tmp_path / "0.tiff")
    with pytest.raises(DriveError, match=r"0\.tiff: .*floating-point numbers \(mode F\)"):
        load_drive(tmp_path, CONFIG)


def test_a_real_recording_of_events_becomes_places() -> None:
    drive = load_drive(EVENTS, CONFIG)
    assert drive.source == "events"
    assert len(drive.pictures) >= 1 and np.abs(drive.pictures).max() > 0.5


def test_event_pictures_fill_their_scale_and_a_still_one_is_dark() -> None:
    picture = event_picture(np.array([[0, 1, 4, 16]]))
    np.testing.assert_allclose(picture, [[0.0, 0.25, 0.5, 1.0]], atol=0.02)
    np.testing.assert_array_equal(event_picture(np.zeros((2, 2), int)), 0.0)


def test_a_stream_that_begins_anew_fills_its_window_again() -> None:
    def seen(first_us: int) -> Events:
        t = first_us + 10_000 * np.arange(30)
        x = np.arange(30, dtype=np.uint16)
        return Events(t, x, 0 * x, np.ones(30, np.uint8), 30, 2)

    window = EventWindow(0.25)
    for first_us in (9_000_000, 0):
        window.add(seen(first_us)[:10])
        assert not window.is_full
        window.add(seen(first_us)[10:])
        assert window.is_full and window.newest_us == first_us + 290_000


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("empty", "neither pictures"),
        ("damaged", "can't be read as a picture"),
        ("poses", "needs the columns"),
        ("unnamed", "no pose of 2.png and 0 others"),
    ],
)
def test_what_is_no_drive_is_told(tmp_path: Path, kind: str, words: str) -> None:
    folder = tmp_path / "day"
    if kind == "empty":
        folder.mkdir()
    elif kind != "missing":
        drive_folder(folder, 3)
    if kind == "damaged":
        (folder / "1.jpg").write_bytes(b"\xff\xd8no picture")
    elif kind == "poses":
        (folder / "poses.csv").write_text("name,lat\n0.png,3\n")
    elif kind == "unnamed":
        text = (folder / "poses.csv").read_text().splitlines()
        (folder / "poses.csv").write_text("\n".join(text[:-1]) + "\n")
    with pytest.raises(DriveError, match=words):
        load_drive(folder, CONFIG)


def test_drives_are_aligned_by_position_and_a_foreign_one_is_told() -> None:
    pictures = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    poses = np.array([[2.0 * n, 0.0, 0.0] for n in range(5)])
    first, back = Drive(pictures, poses), Drive(pictures[::-1], poses[::-1])
    references, _ = aligned([first, back], ["a", "b"], 1.0)
    np.testing.assert_array_equal(references[0], references[1])
    away = Drive(pictures, np.add(poses, [0.0, 50.0, 0.0]))
    with pytest.raises(DriveError, match="b: no picture within 1 m of 5 places"):
        aligned([first, away], ["a", "b"], 1.0)


def test_the_way_back_is_another_place() -> None:
    pictures = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    out = np.array([[2.0 * n, 0.0, 0.0] for n in range(5)])
    both = np.concatenate([out, np.add(out[::-1], [0.0, 1.0, np.pi])])
    # The second drive is on the lane of the first one's way back.
    moved = Drive(pictures, np.add(both, [0.0, 0.6, 0.0]))
    references, _ = aligned([Drive(pictures, both), moved], ["a", "b"], 2.0)
    np.testing.assert_array_equal(references[1], pictures)


def test_only_drives_that_are_alike_are_aligned() -> None:
    pictures = np.ones((4, 2, 2), np.float32)
    poses = np.array([[2.0 * n, 0.0, 0.0] for n in range(4)])
    placed, bare = Drive(pictures, poses), Drive(pictures, poses, placed=False)
    references, _ = aligned([bare, bare], ["a", "b"], 1.0)
    assert references.shape == (2, 4, 2, 2)
    for drives, words in (
        ([bare, Drive(pictures[:3], poses[:3], placed=False)], "b: 3 pictures, a has 4, and noth"),
        ([bare, placed], "a: nothing tells where its pictures were taken, as in b"),
        ([placed, bare], "b: nothing tells where its pictures were taken, as in a"),
        ([placed, Drive(pictures, poses, "events")], "b: holds events, but a pictures"),
    ):
        with pytest.raises(DriveError, match=words):
            aligned(drives, ["a", "b"], 1.0)


def test_a_user_trains_a_map_and_extends_it(tmp_path: Path, capsys) -> None:
    first = drive_folder(tmp_path / "day_1", 12, 1)
    second = drive_folder(tmp_path / "day_2", 12, 2)
    out = tmp_path / "map"
    command = ["train", "place", "--reference", str(first), "--reference", str(second)]
    assert main([*command, "--out", str(out), "--networks", "2"]) == 0
    assert load_map(out / "place.npz").places == 12
    assert json.loads((out / "place.json").read_text())["traversals"] == 2
    assert main([*command, "--extend", str(out / "place.npz"), "--out", str(tmp_path / "b")]) == 0
    assert load_map(tmp_path / "b" / "place.npz").places == 24
    for wrong, words in (
        (["--extend", str(out / "place.npz"), "--side", "20"], "--side can't be chosen with --ext"),
        (["--networks", "-1"], "--networks and --seed are at least 0"),
        (["--seed", "-1"], "--networks and --seed are at least 0"),
        (["--module-places", "0"], "'module_places'"),
        (["--features", "-1"], "'features'"),
        (["--spacing", "0"], "'spacing'"),
        (["--spacing", "nan"], "'spacing'"),
        (["--period", "0"], "'period'"),
        (["--side", "7"], "side must be even"),
        (["--out", str(out / "place.npz")], "is a file; a folder is needed"),
    ):
        assert main([*command, "--out", str(tmp_path / "c"), *wrong]) != 0
        assert words in capsys.readouterr().err
    assert main(["train", "place", "--reference", str(tmp_path / "nothing")]) != 0
    assert "no such file" in capsys.readouterr().err
    _blacken(first, 3)
    assert main([*command, "--out", str(out), "--networks", "1"]) == 0
    assert "day_1: 3 of 12 pictures have no contrast" in capsys.readouterr().err
    _blacken(first, 12)
    assert main([*command, "--out", str(out), "--networks", "1"]) != 0
    assert "day_1: none of its 12 pictures has contrast" in capsys.readouterr().err


def test_a_map_without_positions_is_extended_behind_its_end(tmp_path: Path) -> None:
    folder = drive_folder(tmp_path / "day", 6, poses=False)
    command = ["train", "place", "--reference", str(folder), "--out"]
    assert main([*command, str(tmp_path / "a"), "--networks", "0"]) == 0
    assert main([*command, str(tmp_path / "b"), "--extend", str(tmp_path / "a" / "place.npz")]) == 0
    assert load_map(tmp_path / "b" / "place.npz").poses[:, 0].tolist() == list(range(12))


def _blacken(folder: Path, count: int) -> None:
    for file in sorted(file for file in folder.iterdir() if file.suffix != ".csv")[:count]:
        with Image.open(file) as picture:
            size = picture.size
        Image.new("L", size).save(file)
