"""What readers of data sets share: pictures in grey, text, and names in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeloop.datasets.source import (
    DatasetError,
    folders_by_name,
    natural_order,
    read_grey,
    read_numbers,
    read_text,
)

DEEP = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["b1", "a100", "a10-2", "a2", "a", "a1", "a10-10"]
    in_order = sorted((Path(name) for name in names), key=natural_order)
    assert [str(path) for path in in_order] == ["a", "a1", "a2", "a10-2", "a10-10", "a100", "b1"]
    # A folder's name doesn't count, and a digit that is no number is text.
    assert natural_order(Path("9/a2.png")) == natural_order(Path("1/a2.png"))
    assert natural_order(Path("m².png")) > natural_order(Path("m1.png"))


def test_names_that_are_one_number_have_one_order() -> None:
    names = [Path("01.png"), Path("1.png"), Path("001.png")]
    assert sorted(names, key=natural_order) == sorted(reversed(names), key=natural_order)
    # A name without the number comes first, even before 0.
    assert natural_order(Path("a")) < natural_order(Path("a0"))


def test_folders_of_one_name_are_told_by_their_paths() -> None:
    root = Path("set")
    folders = [root / "night", root / "2015" / "dawn", root / "2014" / "dawn"]
    assert folders_by_name(root, folders) == {
        "2014/dawn": root / "2014" / "dawn",
        "2015/dawn": root / "2015" / "dawn",
        "night": root / "night",
    }


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_are_scaled_to_8(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(DEEP).save(tmp_path / f"deep{suffix}")
    grey = read_grey(tmp_path / f"deep{suffix}")
    assert grey.dtype == np.uint8
    assert grey.tolist() == [[0, 0, 1], [128, 254, 255]]


def test_16_bits_in_the_other_order_of_bytes_are_scaled_too(tmp_path: Path) -> None:
    # A TIFF as Motorola's machines write it, for Pillow writes none.
    tags = [(256, 3, 3), (257, 3, 2), (258, 3, 16), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 122), (277, 3, 1), (278, 3, 2), (279, 4, 12)]
    header = b"MM\x00*" + (8).to_bytes(4, "big") + len(tags).to_bytes(2, "big")
    for tag, kind, value in tags:
        size = 2 if kind == 3 else 4
        entry = tag.to_bytes(2, "big") + kind.to_bytes(2, "big") + (1).to_bytes(4, "big")
        header += entry + value.to_bytes(size, "big") + bytes(4 - size)
    (tmp_path / "deep.tif").write_bytes(header + bytes(4) + DEEP.astype(">u2").tobytes())
    assert read_grey(tmp_path / "deep.tif").tolist() == [[0, 0, 1], [128, 254, 255]]


def test_8_bits_stay_and_colours_become_grey(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 7, 255]], np.uint8)).save(tmp_path / "grey.png")
    assert read_grey(tmp_path / "grey.png").tolist() == [[0, 7, 255]]
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "red.png")
    assert read_grey(tmp_path / "red.png").tolist() == [[76]]  # red counts 0.299


@pytest.mark.parametrize(
    ("kind", "words"), [(np.int32, r"whole numbers \(mode I"), (np.float32, r"point .* \(mode F")]
)
def test_pixels_without_a_full_scale_are_refused(tmp_path: Path, kind: type, words: str) -> None:
    Image.fromarray(np.array([[0, 1], [2, 3]], kind)).save(tmp_path / "odd.tif")
    with pytest.raises(
        DatasetError, match=rf"odd\.tif: .*its pixels are .*{words}\); save it with"
    ):
        read_grey(tmp_path / "odd.tif")


def test_text_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Sünderhauf\n", encoding="utf-8")
    assert read_text(file) == "Sünderhauf\n"
    file.write_bytes("Sünderhauf\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"notes\.txt: must be text in UTF-8, but byte 1 isn't"):
        read_text(file)
    with pytest.raises(DatasetError, match=r"notes\.txt: must be text in UTF-8"):
        read_numbers(file, 1, "numbers")
    with pytest.raises(DatasetError, match=r"absent\.txt: can't be read: No such file"):
        read_text(tmp_path / "absent.txt")
