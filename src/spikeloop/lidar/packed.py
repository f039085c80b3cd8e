"""Points out of a PointCloud2, of rclpy or any reader of recordings: only fields are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
"""Data types of sensor_msgs/PointField."""


class PackedError(ValueError):
    """A cloud's layout is wrong, or it lacks a field; the message says which."""


def unpack(message: Any) -> NDArray[np.void]:
    """All fields of one element, without a copy, but for padding, which PCL calls "_".

    Returns:
        (height, width) records with the cloud's own names.

    Raises:
        PackedError: no field, two of one name, one of a data type that there isn't or beyond its
            point, or fewer bytes than points.

    """
    order = ">" if message.is_bigendian else "<"
    single = [field for field in message.fields if field.count <= 1 and field.name != "_"]
    names = [field.name for field in single]
    if not names:
        raise PackedError("it has no field of one element")
    for field in single:
        if field.datatype not in TYPES:
            raise PackedError(f"field '{field.name}' has the unknown type {field.datatype}")
        end = field.offset + int(TYPES[field.datatype][1:])
        if end > message.point_step:
            raise PackedError(
                f"field '{field.name}' ends at byte {end}, but point_step is {message.point_step}"
            )
        if names.count(field.name) > 1:
            raise PackedError(f"it has more than one field '{field.name}'")
    record = np.dtype(
        {
            "names": names,
            "formats": [order + TYPES[field.datatype] for field in single],
            "offsets": [field.offset for field in single],
            "itemsize": message.point_step,
        }
    )
    height, width = message.height, message.width
    data = np.frombuffer(message.data, np.uint8)
    row = message.row_step or width * message.point_step
    if row < width * message.point_step or len(data) < height * row:
        raise PackedError(f"{len(data)} bytes can't hold {height} rows of {row}")
    rows = data[: height * row].reshape(height, row)[:, : width * message.point_step]
    return np.ascontiguousarray(rows).view(record)


def points_of(message: Any) -> NDArray[np.float64]:
    """Places of all points, row by row; NaN ones stay.

    Returns:
        (points, 3) x, y, z, m.

    Raises:
        PackedError: as `unpack`, or there is no x, y or z.

    """
    points = unpack(message)
    names = points.dtype.names or ()
    for axis in "xyz":
        if axis not in names:
            raise PackedError(f"it has no field '{axis}'; it has: {', '.join(names) or 'none'}")
    return np.stack([points[axis].ravel() for axis in "xyz"], axis=1).astype(np.float64)
