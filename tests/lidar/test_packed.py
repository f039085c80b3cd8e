"""Points of a PointCloud2, whatever its layout."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from spikeloop.lidar.packed import PackedError, points_of, unpack


def _field(name: str, offset: int, datatype: int = 7) -> SimpleNamespace:
    return SimpleNamespace(name=name, offset=offset, datatype=datatype, count=1)


def _cloud(**more: Any) -> SimpleNamespace:
    record = np.dtype(
        {"names": ["x", "y", "z", "ring"], "formats": [">f4"] * 3 + [">u2"],
         "offsets": [0, 4, 8, 14], "itemsize": 20}
    )  # fmt: skip
    points = np.zeros((2, 3), record)
    points["x"] = [[1, 2, 3], [4, 5, np.nan]]
    points["ring"] = 7
    # Rows are 4 bytes longer than their points.
    data = b"".join(row.tobytes() + b"\xff" * 4 for row in points)
    fields = [*(_field(n, 4 * i) for i, n in enumerate("xyz")), _field("ring", 14, 4)]
    cloud = {
        "height": 2, "width": 3, "point_step": 20, "row_step": 64, "is_bigendian": True,
        "fields": fields, "data": data,
    } | more  # fmt: skip
    return SimpleNamespace(**cloud)


def test_padded_rows_of_the_other_byte_order() -> None:
    points = unpack(_cloud())
    assert points.shape == (2, 3) and (points["ring"] == 7).all()
    np.testing.assert_array_equal(points_of(_cloud())[:, 0], [1, 2, 3, 4, 5, np.nan])


def test_an_empty_cloud_has_no_points() -> None:
    assert points_of(_cloud(height=0, width=0, row_step=0, data=b"")).shape == (0, 3)


def test_padding_is_left_out_however_often_it_comes() -> None:
    fields = [*(_field(n, 4 * i) for i, n in enumerate("xyz")), _field("_", 12), _field("_", 16)]
    assert unpack(_cloud(fields=fields)).dtype.names == ("x", "y", "z")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"data": b"\0" * 100}, "can't hold 2 rows"),
        ({"fields": [_field("x", 0), _field("y", 4)]}, "no field 'z'"),
        ({"fields": [_field("x", 0, 99)]}, "unknown type 99"),
        ({"point_step": 14}, "field 'ring' ends at byte 16, but point_step is 14"),
        ({"fields": [_field("x", 0), _field("x", 4)]}, "more than one field 'x'"),
        ({"fields": [], "point_step": 0}, "no field of one element"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(PackedError, match=message):
        points_of(_cloud(**wrong))
