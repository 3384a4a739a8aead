# mypy: disable-error-code="assignment"
# ruff: noqa: RUF005 - Triton joins tuples with +
"""Device code for one token: rows of a weight in any format times a vector, without the matrix units.

A program loads all of its rows at once, in 16-byte pieces, before it looks at the vector: so much is in flight that few programs
a multiprocessor saturate its share of the memory, and loads begin while the kernel before still runs (see `launch.chained`).
Letters: BN rows (16 when packed), K columns, STEP columns or units a piece, U units of a row. Formats as in `tiles`.
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.nibbles import unpack_int4, unpack_int8, unpack_nf4


@triton.jit
def load_rows(
    codes, words, row, limit, FROM, K: tl.constexpr, ROW: tl.constexpr, BN: tl.constexpr,
    STEP: tl.constexpr, FORM: tl.constexpr,
):  # fmt: skip
    """Columns FROM to FROM + K of rows `row` on of a matrix of ROW columns: pieces of codes, and of words."""
    ws, ss = (), ()
    if FORM == 0:
        rows = row + tl.arange(0, BN)
        for k0 in tl.static_range(0, K, STEP):
            k = k0 + tl.arange(0, STEP)
            there = (rows < limit)[:, None] & (k < K)[None, :]
            ws = ws + (tl.load(codes + rows[:, None] * ROW + (FROM + k)[None, :], mask=there, other=0),)
    else:
        width: tl.constexpr = 32 if FORM == 1 else 64
        units: tl.constexpr = ROW // width
        tile = (row // 64) * units + FROM // width
        for u0 in tl.static_range(0, K // width, STEP):
            u = u0 + tl.arange(0, STEP)
            there = (u < K // width)[:, None]
            at = codes + (tile + u)[:, None] * 2048 + (row % 64) * 32 + tl.arange(0, 512)[None, :]
            ws = ws + (tl.load(at, mask=there, other=0),)
            if FORM >= 2:
                at = words + (tile + u)[:, None] * 64 + row % 64 + tl.arange(0, 16)[None, :]
                ss = ss + (tl.load(at, mask=there, other=0),)
    return ws, ss


@triton.jit
def vector(x, delta, gain, at, ok, ADD: tl.constexpr, NORM: tl.constexpr):
    """x, or x + delta, at some places in fp32, times the gain of a norm; and the squares of the sum."""
    value = tl.load(x + at, mask=ok, other=0.0)
    if ADD:
        value = (value.to(tl.float32) + tl.load(delta + at, mask=ok, other=0.0).to(tl.float32)).to(value.dtype)
    value = value.to(tl.float32)
    square = value * value
    if NORM:
        value = value * tl.load(gain + at, mask=ok, other=0.0).to(tl.float32)
    return value, square


@triton.jit
def spread(value, STEP: tl.constexpr):
    """[STEP, 32] columns of units -> shaped to meet the bytes of 16 rows: (unit, 1, q, s, h, 1, e)."""
    value = tl.permute(tl.reshape(value, (STEP, 2, 2, 4, 2)), (0, 3, 1, 2, 4))
    return tl.reshape(value, (STEP, 1, 4, 2, 2, 1, 2))


@triton.jit
def by_row(word, STEP: tl.constexpr):
    """[STEP, 16] words of rows -> (unit, l, 1, 1, 1, r, 1)."""
    return tl.reshape(tl.permute(tl.reshape(word, (STEP, 2, 8)), (0, 2, 1)), (STEP, 8, 1, 1, 1, 2, 1))


@triton.jit
def multiply(
    ws, ss, words, table, row, x, delta, gain, K: tl.constexpr, BN: tl.constexpr, STEP: tl.constexpr,
    FORM: tl.constexpr, ASM: tl.constexpr, ADD: tl.constexpr = False, NORM: tl.constexpr = False,
):  # fmt: skip
    """What `load_rows` gave times the vector at x [K] -> [BN] fp32, and the sum of the vector's squares (for a norm)."""
    if FORM == 0:
        acc = tl.zeros((BN, STEP), tl.float32)
        squares = tl.zeros((STEP,), tl.float32)
        for i in tl.static_range(len(ws)):
            k = i * STEP + tl.arange(0, STEP)
            value, square = vector(x, delta, gain, k, k < K, ADD, NORM)
            acc += ws[i].to(tl.float32) * value[None, :]
            squares += square
        return tl.sum(acc, 1), tl.sum(squares, 0)
    else:
        width: tl.constexpr = 32 if FORM == 1 else 64
        acc = tl.zeros((STEP, 8, 4, 2), tl.float32)
        squares = tl.zeros((STEP, 32), tl.float32)
        for i in tl.static_range(len(ws)):
            at = (i * STEP + tl.arange(0, STEP))[:, None] * width + tl.arange(0, 32)[None, :]
            low, square = vector(x, delta, gain, at, at < K, ADD, NORM)
            squares += square
            low = spread(low, STEP)
            pairs = tl.reshape(ws[i], (STEP, 8, 4, 2, 2, 2, 2))
            if FORM == 1:
                part = (unpack_int8(pairs) if ASM else pairs.to(tl.float32)) * low
            else:
                high, square = vector(x, delta, gain, at + 32, at < K, ADD, NORM)
                squares += square
                first, second = halves(pairs, by_row(ss[i], STEP), table, FORM, ASM)
                part = first * low + second * spread(high, STEP)
            sums = tl.sum(tl.sum(tl.sum(part, 6), 4), 3)  # (unit, l, q, r)
            if FORM >= 2:
                word = tl.reshape(by_row(ss[i], STEP), (STEP, 8, 1, 2))
                sums = sums * ((word << 16).to(tl.float32, bitcast=True) if FORM == 2 else word)
            acc += sums
        total = tl.reshape(tl.permute(tl.sum(tl.sum(acc, 2), 0), (1, 0)), (16,))
        if FORM == 1:
            total = total * tl.load(words + row + tl.arange(0, 16))
        return total, tl.sum(tl.sum(squares, 1), 0)


@triton.jit
def halves(pairs, word, table, FORM: tl.constexpr, ASM: tl.constexpr):
    """Both weights of every byte in fp32, still to be scaled."""
    if FORM == 2:
        if ASM:
            first, second = unpack_int4(pairs, tl.broadcast_to(word, pairs.shape))
            return first.to(tl.float32), second.to(tl.float32)
        else:
            wide, zero = pairs.to(tl.int32), (word >> 16) & 15
            return ((wide & 15) - zero).to(tl.float32), ((wide >> 4) - zero).to(tl.float32)
    else:
        if ASM:
            first, second = unpack_nf4(pairs)
            return first.to(tl.float32), second.to(tl.float32)
        else:
            wide = pairs.to(tl.int32)
            return tl.load(table + (wide & 15)), tl.load(table + (wide >> 4))
