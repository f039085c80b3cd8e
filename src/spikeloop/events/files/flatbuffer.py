"""Reading of FlatBuffers tables with every place checked (flatbuffers.dev, "Internals")."""

from __future__ import annotations

import struct


class OutsideError(ValueError):
    """A place lies outside the buffer."""


class Table:
    """A table in a buffer; fields are read by number and type."""

    def __init__(self, data: memoryview, at: int) -> None:
        """Look at the table that begins at a byte."""
        self._data, self._at = data, at
        self._fields = at - self._number("<i", at)
        self._length = self._number("<H", self._fields)

    @staticmethod
    def root(data: memoryview, *, sized: bool) -> Table:
        """The root table, behind the length of the buffer if it is `sized`."""
        start = 4 if sized else 0
        return Table(data, start + int(_number(data, "<I", start)))

    def _number(self, kind: str, at: int) -> int:
        return int(_number(self._data, kind, at))

    def _place(self, field: int) -> int:
        """Where a field is, 0 if the table lacks it."""
        slot = 4 + 2 * field
        offset = self._number("<H", self._fields + slot) if slot < self._length else 0
        return self._at + offset if offset else 0

    def number(self, field: int, kind: str, default: float = 0) -> float:
        """A number of a `struct` type such as "<q"."""
        place = self._place(field)
        return _number(self._data, kind, place) if place else default

    def integer(self, field: int, kind: str, default: int = 0) -> int:
        """A whole number."""
        return int(self.number(field, kind, default))

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        """Where a vector's elements begin, and their number."""
        place = self._place(field)
        if not place:
            return 0, 0
        start = place + self._number("<I", place)
        count = self._number("<I", start)
        if start + 4 + count * size > len(self._data):
            raise OutsideError(f"{count} elements of {size} bytes lie outside {len(self._data)}")
        return start + 4, count

    def bytes(self, field: int, size: int = 1) -> memoryview:
        """The bytes of a vector of structures of so many bytes, or of a text."""
        start, count = self._vector(field, size)
        return self._data[start : start + count * size]

    def table(self, field: int) -> Table | None:
        """A table, if there is one."""
        place = self._place(field)
        return Table(self._data, place + self._number("<I", place)) if place else None

    def tables(self, field: int) -> list[Table]:
        """The tables of a vector."""
        start, count = self._vector(field, 4)
        places = range(start, start + 4 * count, 4)
        return [Table(self._data, place + self._number("<I", place)) for place in places]


def _number(data: memoryview, kind: str, at: int) -> float:
    if at < 0 or at + struct.calcsize(kind) > len(data):
        raise OutsideError(f"byte {at} lies outside a buffer of {len(data)}")
    value: float = struct.unpack_from(kind, data, at)[0]
    return value
