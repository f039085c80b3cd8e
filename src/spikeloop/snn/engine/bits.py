"""Single bits and unchecked access, as the passes of the engine need them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

ZERO, ONE = np.uint64(0), np.uint64(1)
inlined = njit(cache=True, boundscheck=False, error_model="numpy", inline="always")
"""For functions that call what needs literals: they must be part of their caller."""
compiled = njit(cache=True, boundscheck=False, error_model="numpy")


def words(columns: int) -> int:
    """Words of 64 bits for a row of so many bits; the last one is never full."""
    return columns // 64 + 1


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Index of the lowest bit that is set in a uint64, which must not be 0."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@intrinsic
def count_bits(typing: Any, mask: Any) -> Any:
    """How many bits of a uint64 are set."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def peek(typing: Any, array: Any, index: Any) -> Any:
    """array[index] of a flat array, for an index that isn't negative: saves a test each time."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.int64), codegen


@intrinsic
def poke(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Set array[index] of a flat array likewise."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.store(arguments[2], builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), codegen


@inlined
def set_bit(bits: Any, base: Any, at: Any, value: Any) -> None:
    """Set a bit that was 0, if the value holds."""
    word = base + (at >> 6)
    poke(bits, word, peek(bits, word) | (np.uint64(value) << np.uint64(at & 63)))
