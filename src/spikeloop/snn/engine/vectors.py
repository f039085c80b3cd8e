"""The inner operation of the engine, in vectors, which numba doesn't make of loops by itself.

It is written for vectors of 16 floats; LLVM takes for them what the processor has: one register
with AVX-512, two with AVX2, four with SSE or NEON.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
KEEP, GAIN, DRIVE, THRESHOLD, LEFT, BACK, TABLE_ROWS = 0, 1, 2, 3, 4, 5, 6
"""Rows of a stage's table of parameters: v <- KEEP v + GAIN x + DRIVE, and after a spike, which is
where v >= THRESHOLD, v <- LEFT v + BACK."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_LONG = ir.IntType(64)
_ZEROS = ir.Constant(_VECTOR, [0.0] * LANES)
WIDE = bool(
    llvm.get_host_cpu_features().get("avx512f")
    and llvm.llvm_version_info[0] >= 20
    and not config.CPU_NAME
)
"""Whether the processor closes the gaps in a vector by one instruction, and LLVM has it.

NUMBA_CPU_NAME=haswell, say, measures what processors without it do.
"""


def _load(builder: Any, data: Any, index: Any) -> Any:
    pointer = builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())
    return builder.load(pointer, align=4)


def _store(builder: Any, value: Any, data: Any, index: Any) -> None:
    pointer = builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())
    builder.store(value, pointer, align=4)


@intrinsic(prefer_literal=True)
def update_pixel(
    typing: Any,
    vectors: Any,
    listed: Any,
    rows: Any,
    weight: Any,
    keys: Any,
    cursor: Any,
    end: Any,
    low: Any,
    row_size: Any,
    starts: Any,
    channels: Any,
    offset: Any,
    states: Any,
    place: Any,
    table: Any,
    power: Any,
    shift: Any,
    silent: Any,
) -> Any:
    """Sum the weights of the spikes that reach some channels of a pixel, and update these.

    Args:
        typing: given by numba.
        vectors: literal; the channels are the 16 * vectors ones from `offset` on.
        listed: literal; 1 where `keys` is a list, 0 where it has one key a row, from 0 on.
        rows: rows of the window.
        weight: float32, flat; that of a spike is channels wide, from row * row_size + (key - low)
            * channels on.
        keys: int32; keys of spikes, with room for 16 more behind.
        cursor: int64; where the window's spikes of each row begin; for a list.
        end: int64; where they end; for a list.
        low: first key of the window.
        row_size: see above.
        starts: int32; scratch for as many spikes as the window can have, and 16 more.
        channels: number of channels, padded to vectors.
        offset: see above.
        states: (pixels, channels) float32, flat.
        place: where this pixel's channels begin in it.
        table: (TABLE_ROWS, channels) float32, flat.
        power: (steps, channels) float32, flat; n silent steps make power v + shift of a state v.
        shift: likewise.
        silent: n.

    Returns:
        Two uint64 masks: which channels fired, and which would fire in a silent step after this.

    """
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (vectors, listed)):
        return None
    signature = types.UniTuple(types.uint64, 2)(
        vectors, listed, rows, weight, keys, cursor, end, low, row_size, starts, channels,
        offset, states, place, table, power, shift, silent,
    )  # fmt: skip
    count, many = (one.literal_value for one in (vectors, listed))

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def pointer(n: int) -> Any:
            return context.make_array(signature.args[n])(context, builder, arguments[n]).data

        rows, low, row_size, channels, offset, place, silent = (
            arguments[n] for n in (2, 7, 8, 10, 11, 13, 17)
        )
        weight, keys, cursor, end, starts, states, table, power, shift = (
            pointer(n) for n in (3, 4, 5, 6, 9, 12, 14, 15, 16)
        )
        sums = [cgutils.alloca_once_value(builder, _ZEROS) for _ in range(count)]
        size = (row_size, channels, offset)
        if many:
            total = _find_weights(builder, rows, (keys, cursor, end, low), size, starts)
            with cgutils.for_range(builder, total) as spike:
                start = builder.load(builder.gep(starts, [spike.index]))
                _add_weights(builder, sums, weight, builder.sext(start, _LONG))
        else:
            with cgutils.for_range(builder, rows) as row:
                key = builder.sext(builder.load(builder.gep(keys, [row.index])), _LONG)
                start = builder.add(builder.mul(row.index, row_size), builder.mul(key, channels))
                _add_weights(builder, sums, weight, builder.add(start, offset))
        first = builder.add(place, offset)
        passed = builder.add(builder.mul(silent, channels), offset)
        masks = [ir.Constant(_LONG, 0), ir.Constant(_LONG, 0)]
        for j in range(count):
            lane = ir.Constant(_LONG, LANES * j)
            at = builder.add(first, lane)
            entry = builder.add(passed, lane)
            v = _load(builder, states, at)
            v = builder.fmul(v, _load(builder, power, entry))
            v = builder.fadd(v, _load(builder, shift, entry))

            def parameter(row: int, lane: Any = lane) -> Any:
                start = builder.mul(channels, ir.Constant(_LONG, row))
                return _load(builder, table, builder.add(builder.add(start, offset), lane))

            v, flags = _fire(builder, v, builder.load(sums[j]), parameter)
            _store(builder, v, states, at)
            for n, flag in enumerate(flags):
                bits = builder.zext(builder.bitcast(flag, ir.IntType(LANES)), _LONG)
                masks[n] = builder.or_(masks[n], builder.shl(bits, lane))
        return context.make_tuple(builder, signature.return_type, masks)

    return signature, codegen


def _add_weights(builder: Any, sums: list[Any], weight: Any, start: Any) -> None:
    """Add the weights of one spike to sums, which LLVM keeps in registers."""
    for j, total in enumerate(sums):
        at = builder.add(start, ir.Constant(_LONG, LANES * j))
        builder.store(builder.fadd(builder.load(total), _load(builder, weight, at)), total)


def _spread(builder: Any, value: Any) -> Any:
    """A vector of one int32."""
    unset = ir.Constant(_INTEGERS, ir.Undefined)
    single = builder.insert_element(unset, value, ir.IntType(32)(0))
    return builder.shuffle_vector(single, unset, ir.Constant(_INTEGERS, [0] * LANES))


def _find_weights(
    builder: Any, rows: Any, spikes: tuple[Any, ...], size: tuple[Any, ...], starts: Any
) -> Any:
    """Write where the weights of each spike begin, those of all rows in one list; its length.

    One loop over that list costs less than one over each row, whose ends can't be foretold.
    """
    keys, cursor, end, low = spikes
    row_size, channels, offset = size
    short = ir.IntType(32)
    factor = _spread(builder, builder.trunc(channels, short))
    total = cgutils.alloca_once_value(builder, ir.Constant(_LONG, 0))
    with cgutils.for_range(builder, rows) as row:
        begin = builder.load(builder.gep(cursor, [row.index]))
        stop = builder.load(builder.gep(end, [row.index]))
        base = builder.sub(builder.mul(row.index, row_size), builder.mul(low, channels))
        base = _spread(builder, builder.trunc(builder.add(base, offset), short))
        place = builder.load(total)
        body, done = builder.append_basic_block("find"), builder.append_basic_block("found")
        index = cgutils.alloca_once_value(builder, begin)
        builder.store(begin, index)
        builder.branch(body)
        builder.position_at_end(body)
        i = builder.load(index)
        source = builder.bitcast(builder.gep(keys, [i]), _INTEGERS.as_pointer())
        found = builder.add(builder.mul(builder.load(source, align=4), factor), base)
        at = builder.add(place, builder.sub(i, begin))
        target = builder.bitcast(builder.gep(starts, [at]), _INTEGERS.as_pointer())
        builder.store(found, target, align=4)
        following = builder.add(i, ir.Constant(_LONG, LANES))
        builder.store(following, index)
        builder.cbranch(builder.icmp_signed("<", following, stop), body, done)
        builder.position_at_end(done)
        builder.store(builder.add(place, builder.sub(stop, begin)), total)
    return builder.load(total)


def _fire(builder: Any, v: Any, x: Any, parameter: Any) -> tuple[Any, tuple[Any, Any]]:
    """States after a step of input x, which fired, and which would without input hereafter."""
    keep, drive, threshold = parameter(KEEP), parameter(DRIVE), parameter(THRESHOLD)
    v = builder.fadd(builder.fmul(v, keep), builder.fmul(x, parameter(GAIN)))
    v = builder.fadd(v, drive)
    fired = builder.fcmp_ordered(">=", v, threshold)
    after = builder.fadd(builder.fmul(v, parameter(LEFT)), parameter(BACK))
    v = builder.select(fired, after, v)
    ahead = builder.fadd(builder.fmul(v, keep), drive)
    return v, (fired, builder.fcmp_ordered(">=", ahead, threshold))


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
def nonzero_lanes(typing: Any, values: Any, index: Any) -> Any:
    """Two uint64 masks of 16 floats of a flat float32 array, from `index` on.

    The first has the lanes that aren't 0, the second those that are neither 0 nor 1.
    """
    signature = types.UniTuple(types.uint64, 2)(values, index)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        x = _load(builder, data, arguments[1])
        busy = builder.fcmp_unordered("!=", x, ir.Constant(_VECTOR, [0.0] * LANES))
        more = builder.fcmp_unordered("!=", x, ir.Constant(_VECTOR, [1.0] * LANES))
        lanes = ir.IntType(LANES)
        masks = [
            builder.zext(builder.bitcast(flags, lanes), _LONG)
            for flags in (busy, builder.and_(busy, more))
        ]
        return context.make_tuple(builder, signature.return_type, masks)

    return signature, codegen


@intrinsic(prefer_literal=True)
def emit(typing: Any, vectors: Any, keys: Any, written: Any, base: Any, fired: Any) -> Any:
    """Append base + lane for each bit of `fired` to keys, from `written` on; return its new value.

    Keys need room for 16 more than are written. `vectors` is a literal, as in `update_pixel`.
    """
    if not isinstance(vectors, types.IntegerLiteral):
        return None
    signature = types.int64(vectors, keys, written, base, fired)
    count = vectors.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        keys = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        how = _emit_vectors if WIDE else _emit_bits
        return how(builder, count, keys, *arguments[2:])

    return signature, codegen


def _emit_vectors(builder: Any, count: int, keys: Any, written: Any, base: Any, fired: Any) -> Any:
    lanes = ir.IntType(LANES)
    flags = ir.VectorType(ir.IntType(1), LANES)
    kind = ir.FunctionType(_INTEGERS, [_INTEGERS, flags, _INTEGERS])
    name = f"llvm.experimental.vector.compress.v{LANES}i32"
    compress = cgutils.get_or_insert_function(builder.module, kind, name)
    unset = ir.Constant(_INTEGERS, ir.Undefined)
    spread = _spread(builder, builder.trunc(base, ir.IntType(32)))
    for j in range(count):
        part = builder.trunc(builder.lshr(fired, ir.Constant(_LONG, LANES * j)), lanes)
        steps = ir.Constant(_INTEGERS, [LANES * j + n for n in range(LANES)])
        chosen = builder.call(
            compress, [builder.add(spread, steps), builder.bitcast(part, flags), unset]
        )
        place = builder.bitcast(builder.gep(keys, [written]), _INTEGERS.as_pointer())
        builder.store(chosen, place, align=4)
        written = builder.add(written, builder.zext(builder.ctpop(part), _LONG))
    return written


def _emit_bits(builder: Any, count: int, keys: Any, written: Any, base: Any, fired: Any) -> Any:
    place = cgutils.alloca_once_value(builder, written)
    left = cgutils.alloca_once_value(builder, fired)
    zero, one = ir.Constant(_LONG, 0), ir.Constant(_LONG, 1)
    body, done = builder.append_basic_block("bit"), builder.append_basic_block("emitted")
    builder.cbranch(builder.icmp_unsigned("!=", fired, zero), body, done)
    builder.position_at_end(body)
    bits, at = builder.load(left), builder.load(place)
    lane = builder.cttz(bits, ir.Constant(ir.IntType(1), 1))
    key = builder.trunc(builder.add(base, lane), ir.IntType(32))
    builder.store(key, builder.gep(keys, [at]))
    builder.store(builder.add(at, one), place)
    rest = builder.and_(bits, builder.sub(bits, one))
    builder.store(rest, left)
    builder.cbranch(builder.icmp_unsigned("!=", rest, zero), body, done)
    builder.position_at_end(done)
    return builder.load(place)


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
