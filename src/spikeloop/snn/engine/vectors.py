"""The inner operations of the engine, in vectors, which numba doesn't make of loops by itself.

They are written for vectors of 16 numbers; LLVM takes for them what the processor has: one register
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
_FLAGS = ir.VectorType(ir.IntType(1), LANES)
_LONG = ir.IntType(64)
WIDE = bool(llvm.get_host_cpu_features().get("avx512f") and not config.CPU_NAME)
"""Whether vectors are as wide as registers. NUMBA_CPU_NAME=haswell, say, measures what processors
without such registers do."""


def _load(builder: Any, data: Any, index: Any, kind: Any = _VECTOR) -> Any:
    pointer = builder.bitcast(builder.gep(data, [index]), kind.as_pointer())
    return builder.load(pointer, align=kind.element.width // 8 if kind is not _VECTOR else 4)


def _store(builder: Any, value: Any, data: Any, index: Any) -> None:
    pointer = builder.bitcast(builder.gep(data, [index]), value.type.as_pointer())
    builder.store(value, pointer, align=4)


@intrinsic(prefer_literal=True)
def update_pixel(
    typing: Any,
    vectors: Any,
    bits: Any,
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
        bits: literal; of the integers in which integer weights are summed, 0 for float weights.
        listed: literal; 1 where `keys` is a list, 0 where it has one key a row, from 0 on.
        rows: rows of the window.
        weight: float32, int8 or int16, flat; that of a spike is channels wide, from row * row_size
            + (key - low) * channels on.
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
    if not all(isinstance(kind, types.IntegerLiteral) for kind in (vectors, bits, listed)):
        return None
    signature = types.UniTuple(types.uint64, 2)(
        vectors, bits, listed, rows, weight, keys, cursor, end, low, row_size, starts, channels,
        offset, states, place, table, power, shift, silent,
    )  # fmt: skip
    count, size_of_sums, many = (one.literal_value for one in (vectors, bits, listed))
    stored = ir.FloatType() if not size_of_sums else ir.IntType(weight.dtype.bitwidth)
    summed = ir.FloatType() if not size_of_sums else ir.IntType(size_of_sums)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def pointer(n: int) -> Any:
            return context.make_array(signature.args[n])(context, builder, arguments[n]).data

        rows, low, row_size, channels, offset, place, silent = (
            arguments[n] for n in (3, 8, 9, 11, 12, 14, 18)
        )
        weight, keys, cursor, end, starts, states, table, power, shift = (
            pointer(n) for n in (4, 5, 6, 7, 10, 13, 15, 16, 17)
        )
        sums, size = _Sums(builder, count, weight, stored, summed), (row_size, channels, offset)
        if many:
            total = _find_weights(builder, rows, (keys, cursor, end, low), size, starts)
            sums.add_listed(starts, total)
        else:
            sums.add_rows(keys, rows, size)
        where = (channels, offset, builder.add(place, offset), silent)
        masks = _update(builder, sums.floats(), where, (states, table, power, shift))
        return context.make_tuple(builder, signature.return_type, masks)

    return signature, codegen


class _Sums:
    """Sums of weights, 16 channels a vector, which LLVM keeps in registers."""

    def __init__(self, builder: Any, count: int, weight: Any, stored: Any, summed: Any) -> None:
        self.builder, self.weight = builder, weight
        self.stored, self.kind = (ir.VectorType(one, LANES) for one in (stored, summed))
        self.exact = stored == summed
        zeros = ir.Constant(self.kind, [0] * LANES)
        self.totals = [cgutils.alloca_once_value(builder, zeros) for _ in range(count)]

    def add(self, start: Any) -> None:
        """Add the weights of one spike."""
        builder, real = self.builder, self.kind == _VECTOR
        for j, total in enumerate(self.totals):
            at = builder.add(start, ir.Constant(_LONG, LANES * j))
            more = _load(builder, self.weight, at, _VECTOR if real else self.stored)
            if not self.exact:
                more = builder.sext(more, self.kind)
            before = builder.load(total)
            builder.store((builder.fadd if real else builder.add)(before, more), total)

    def add_listed(self, starts: Any, total: Any) -> None:
        """Add what begins at each of a list of places."""
        with cgutils.for_range(self.builder, total) as spike:
            start = self.builder.load(self.builder.gep(starts, [spike.index]))
            self.add(self.builder.sext(start, _LONG))

    def add_rows(self, keys: Any, rows: Any, size: tuple[Any, ...]) -> None:
        """Add one spike of each row."""
        builder, (row_size, channels, offset) = self.builder, size
        with cgutils.for_range(builder, rows) as row:
            key = builder.sext(builder.load(builder.gep(keys, [row.index])), _LONG)
            start = builder.add(builder.mul(row.index, row_size), builder.mul(key, channels))
            self.add(builder.add(start, offset))

    def floats(self) -> list[Any]:
        """The sums as floats."""
        values = [self.builder.load(total) for total in self.totals]
        if self.kind == _VECTOR:
            return values
        return [self.builder.sitofp(value, _VECTOR) for value in values]


def _update(
    builder: Any, sums: list[Any], where: tuple[Any, ...], arrays: tuple[Any, ...]
) -> list[Any]:
    """Let the silent steps pass, then one with these sums; masks as in `update_pixel`."""
    channels, offset, first, silent = where
    states, table, power, shift = arrays
    passed = builder.add(builder.mul(silent, channels), offset)
    masks = [ir.Constant(_LONG, 0), ir.Constant(_LONG, 0)]
    for j, total in enumerate(sums):
        lane = ir.Constant(_LONG, LANES * j)
        at = builder.add(first, lane)
        entry = builder.add(passed, lane)
        v = _load(builder, states, at)
        v = builder.fmul(v, _load(builder, power, entry))
        v = builder.fadd(v, _load(builder, shift, entry))

        def parameter(row: int, lane: Any = lane) -> Any:
            start = builder.mul(channels, ir.Constant(_LONG, row))
            return _load(builder, table, builder.add(builder.add(start, offset), lane))

        v, flags = _fire(builder, v, total, parameter)
        _store(builder, v, states, at)
        for n, flag in enumerate(flags):
            bits = builder.zext(builder.bitcast(flag, ir.IntType(LANES)), _LONG)
            masks[n] = builder.or_(masks[n], builder.shl(bits, lane))
    return masks


def _spread(builder: Any, value: Any, kind: Any) -> Any:
    """A vector of one int32."""
    unset = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(unset, value, ir.IntType(32)(0))
    order = ir.VectorType(ir.IntType(32), kind.count)
    return builder.shuffle_vector(single, unset, ir.Constant(order, [0] * kind.count))


def _find_weights(
    builder: Any, rows: Any, spikes: tuple[Any, ...], size: tuple[Any, ...], starts: Any
) -> Any:
    """Write where the weights of each spike begin, those of all rows in one list; its length.

    One loop over that list costs less than one over each row, whose ends can't be foretold.
    """
    keys, cursor, end, low = spikes
    row_size, channels, offset = size
    short = ir.IntType(32)
    factor = _spread(builder, builder.trunc(channels, short), _INTEGERS)
    total = cgutils.alloca_once_value(builder, ir.Constant(_LONG, 0))
    with cgutils.for_range(builder, rows) as row:
        begin = builder.load(builder.gep(cursor, [row.index]))
        stop = builder.load(builder.gep(end, [row.index]))
        base = builder.sub(builder.mul(row.index, row_size), builder.mul(low, channels))
        base = _spread(builder, builder.trunc(builder.add(base, offset), short), _INTEGERS)
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
def nonzero_lanes(typing: Any, values: Any, index: Any) -> Any:
    """A uint64 mask of 16 floats of a flat float32 array, from `index` on, that aren't 0."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        x = _load(builder, data, arguments[1])
        busy = builder.fcmp_unordered("!=", x, ir.Constant(_VECTOR, [0.0] * LANES))
        return builder.zext(builder.bitcast(busy, ir.IntType(LANES)), _LONG)

    return types.uint64(values, index), codegen


@intrinsic
def interleaved_lanes(typing: Any, values: Any, index: Any, second: Any, channels: Any) -> Any:
    """Two uint64 masks of 16 floats of a flat float32 array from `index` on and 16 from `second`.

    The first has bit 2 n for lane n of the former and 2 n + 1 for the latter that isn't 0, or with
    one channel only those of the former, without gaps. The second is 0 if all are 0 or 1.
    """
    signature = types.UniTuple(types.uint64, 2)(values, index, second, channels)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        busy, more = [], []
        for start in arguments[1:3]:
            x = _load(builder, data, start)
            busy.append(builder.fcmp_unordered("!=", x, ir.Constant(_VECTOR, [0.0] * LANES)))
            other = builder.fcmp_unordered("!=", x, ir.Constant(_VECTOR, [1.0] * LANES))
            more.append(builder.and_(busy[-1], other))
        # Through bytes, for which every processor has an instruction that interleaves.
        octets = ir.VectorType(ir.IntType(8), LANES)
        first, last = (builder.sext(flags, octets) for flags in busy)
        order = ir.VectorType(ir.IntType(32), 2 * LANES)
        turns = [n // 2 + LANES * (n % 2) for n in range(2 * LANES)]
        both = builder.shuffle_vector(first, last, ir.Constant(order, turns))
        zeros = ir.Constant(both.type, [0] * (2 * LANES))
        both = builder.bitcast(builder.icmp_signed("<", both, zeros), ir.IntType(2 * LANES))
        alone = builder.bitcast(busy[0], ir.IntType(LANES))
        single = builder.icmp_signed("==", arguments[3], ir.Constant(_LONG, 1))
        chosen = builder.select(single, builder.zext(alone, _LONG), builder.zext(both, _LONG))
        strange = builder.bitcast(builder.or_(*more), ir.IntType(LANES))
        masks = [chosen, builder.zext(strange, _LONG)]
        return context.make_tuple(builder, signature.return_type, masks)

    return signature, codegen


_CHOICES = 256
"""Masks of 8 bits; for each, the places of the bits that are set come first in a row of 8."""


def _places() -> list[int]:
    found = []
    for mask in range(_CHOICES):
        chosen = [n for n in range(8) if mask >> n & 1]
        found += chosen + [0] * (8 - len(chosen))
    return found


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
        # Eight bits at a time, without a branch: the places of the set ones are in a table.
        keys = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        written, base, fired = arguments[2:]
        octet, short = ir.IntType(8), ir.IntType(32)
        kind = ir.ArrayType(octet, 8 * _CHOICES)
        table = cgutils.global_constant(builder, "places_of_bits", ir.Constant(kind, _places()))
        start = builder.bitcast(table, octet.as_pointer())
        eight = ir.VectorType(short, 8)
        base = builder.trunc(base, short)
        for n in range(2 * count):
            byte = builder.lshr(fired, ir.Constant(_LONG, 8 * n))
            byte = builder.and_(byte, ir.Constant(_LONG, _CHOICES - 1))
            row = builder.mul(byte, ir.Constant(_LONG, 8))
            places = _load(builder, start, row, ir.VectorType(octet, 8))
            first = _spread(builder, builder.add(base, ir.Constant(short, 8 * n)), eight)
            chosen = builder.add(builder.zext(places, eight), first)
            _store(builder, chosen, keys, written)
            written = builder.add(written, builder.ctpop(byte))
        return written

    return signature, codegen


@intrinsic
def spread_over(typing: Any, array: Any, begin: Any, end: Any, value: Any) -> Any:
    """Set a flat int32 array to a value from `begin` up to `end`, at least one place; return end.

    It writes whole vectors, so up to 16 places behind are overwritten too.
    """

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        begin, end, value = arguments[1:]
        values = _spread(builder, builder.trunc(value, ir.IntType(32)), _INTEGERS)
        index = cgutils.alloca_once_value(builder, begin)
        builder.store(begin, index)
        body, done = builder.append_basic_block("fill"), builder.append_basic_block("filled")
        builder.branch(body)
        builder.position_at_end(body)
        at = builder.load(index)
        _store(builder, values, data, at)
        following = builder.add(at, ir.Constant(_LONG, LANES))
        builder.store(following, index)
        builder.cbranch(builder.icmp_signed("<", following, end), body, done)
        builder.position_at_end(done)
        return end

    return types.int64(array, types.int64, types.int64, types.int64), codegen
