# mypy: disable-error-code="assignment"
# ruff: noqa: RUF005 - Triton joins tuples with +
"""Device code for one token: rows of a weight in any format times a vector.

A program loads all of its rows at once, in 16-byte pieces, before it looks at the vector: so much is in flight that few programs
a multiprocessor saturate its share of the memory, and loads begin while the kernel before still runs (see `launch.chained`).
Plain weights are multiplied where they are loaded. Packed ones go to the matrix units, 16 rows at once, whose warps divide the
columns (a product in batches, one a warp): unpacking them is most of the work, and 8 warps do it for each other's latency.
Letters: BN rows (16 when packed), K columns, STEP columns or units a piece (packed: as many as warps), U units of a row. Formats
as in `tiles`.
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.nibbles import raise_int4, unpack_int8_half, unpack_nf4


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
            if ROW % K:  # the last part of a row may be shorter
                there = there & (FROM + k < ROW)[None, :]
            ws = ws + (tl.load(codes + rows[:, None] * ROW + (FROM + k)[None, :], mask=there, other=0),)
    else:
        width: tl.constexpr = 32 if FORM == 1 else 64
        units: tl.constexpr = ROW // width
        tile = (row // 64) * units + FROM // width
        most = K // width
        if ROW % K:
            most = tl.minimum(most, units - FROM // width)
        for u0 in tl.static_range(0, K // width, STEP):
            w, scales = load_piece(codes, words, tile, row, u0, most, STEP, FORM)
            ws = ws + (w,)
            if FORM >= 2:
                ss = ss + (scales,)
    return ws, ss


@triton.jit
def load_piece(codes, words, tile, row, u0, UNITS, STEP: tl.constexpr, FORM: tl.constexpr):
    """Units u0 to u0 + STEP of 16 packed rows: codes and words (of int8, codes again)."""
    u = u0 + tl.arange(0, STEP)
    there = (u < UNITS)[:, None]
    found = tl.load(
        codes + (tile + u)[:, None] * 2048 + (row % 64) * 32 + tl.arange(0, 512)[None, :], mask=there, other=0
    )
    if FORM >= 2:
        at = words + (tile + u)[:, None] * 64 + row % 64 + tl.arange(0, 16)[None, :]
        return found, tl.load(at, mask=there, other=0)
    else:
        return found, found


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
def pairs(x, at, ok):
    """bf16 at 2 * at and behind it: so few loads that every thread takes what it multiplies itself."""
    both = tl.load(x.to(tl.pointer_type(tl.int32)) + at, mask=ok, other=0)
    return tl.inline_asm_elementwise(
        "mov.b32 {$0, $1}, $2;", "=h,=h,r", [both], dtype=(tl.bfloat16, tl.bfloat16), is_pure=True, pack=1
    )


@triton.jit
def columns(x, delta, gain, at, ok, ASM: tl.constexpr, ADD: tl.constexpr, NORM: tl.constexpr):
    """32 columns of each of STEP units, from at [STEP] on, as the matrix units take them: [STEP, 32, 1]; and their squares.

    In pairs, so that nothing moves between threads; squares are then [STEP, 16].
    """
    if ASM:
        at, there = at[:, None] // 2 + tl.arange(0, 16)[None, :], ok[:, None]
        if x.dtype.element_ty == tl.bfloat16:
            first, second = pairs(x, at, there)
        else:
            both = tl.load(x.to(tl.pointer_type(tl.int64)) + at, mask=there, other=0)
            first, second = tl.inline_asm_elementwise(
                "mov.b64 {$0, $1}, $2;", "=f,=f,l", [both], dtype=(tl.float32, tl.float32), is_pure=True, pack=1
            )
        square = tl.zeros(at.shape, tl.float32)
        if ADD:
            more, behind = pairs(delta, at, there)
            first = (first.to(tl.float32) + more.to(tl.float32)).to(x.dtype.element_ty)
            second = (second.to(tl.float32) + behind.to(tl.float32)).to(x.dtype.element_ty)
        if NORM:
            first, second = first.to(tl.float32), second.to(tl.float32)
            square = first * first + second * second
            more, behind = pairs(gain, at, there)
            first, second = first * more.to(tl.float32), second * behind.to(tl.float32)
        both = tl.join(first.to(tl.bfloat16), second.to(tl.bfloat16))
        return tl.expand_dims(tl.reshape(both, (at.shape[0], 32)), 2), square
    else:
        value, square = vector(x, delta, gain, at[:, None] + tl.arange(0, 32)[None, :], ok[:, None], ADD, NORM)
        return tl.expand_dims(value, 2), square


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
        acc = tl.zeros((STEP, 16, 1), tl.float32)
        squares = tl.zeros((STEP, 16 if ASM else 32), tl.float32)
        for i in tl.static_range(len(ws)):
            word = ss[i] if FORM >= 2 else ws[i]
            part, square = multiply_piece(ws[i], word, table, x, delta, gain, i * STEP, K, STEP, FORM, ASM, ADD, NORM)
            acc += part
            squares += square
        total = tl.sum(tl.sum(acc, 2), 0)
        if FORM == 1:
            total = total * tl.load(words + row + tl.arange(0, 16))
        return total, tl.sum(tl.sum(squares, 1), 0)


@triton.jit
def multiply_piece(
    codes, word, table, x, delta, gain, u0, K: tl.constexpr, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr,
    ADD: tl.constexpr, NORM: tl.constexpr,
):  # fmt: skip
    """What `load_piece` gave times its columns of the vector: [STEP, 16, 1], int8 still to be scaled; and the squares."""
    width: tl.constexpr = 32 if FORM == 1 else 64
    at = (u0 + tl.arange(0, STEP)) * width
    low, square = columns(x, delta, gain, at, at < K, ASM, ADD, NORM)
    codes = tl.permute(tl.reshape(codes, (STEP, 8, 4, 2, 2, 2, 2)), (0, 5, 1, 3, 4, 2, 6))
    codes = tl.reshape(codes, (STEP, 16, 32))
    if FORM == 1:
        part = tl.dot(unpack_int8_half(codes) if ASM else codes.to(tl.float32), low, input_precision="ieee")
    else:
        high, more = columns(x, delta, gain, at + 32, at < K, ASM, ADD, NORM)
        square += more
        word = tl.expand_dims(word, 2)
        first, second = halves(codes, word, table, FORM, ASM)
        part = tl.dot(second, high, tl.dot(first, low, input_precision="ieee"), input_precision="ieee")
        if FORM == 2 and ASM:  # the matrix units have time to add up the vector too
            ones = tl.full((STEP, 16, 32), 1.0, tl.bfloat16)
            part -= tl.dot(ones, high, tl.dot(ones, low)) * (word & -65536).to(tl.float32, bitcast=True)
        part *= (word << 16).to(tl.float32, bitcast=True) if FORM == 2 else word
    return part, square


@triton.jit
def halves(codes, word, table, FORM: tl.constexpr, ASM: tl.constexpr):
    """Both weights of every byte, still to be scaled: in fp32, or in bf16, which is exact; those of int4 then raised."""
    if FORM == 2:
        if ASM:
            return raise_int4(codes)
        else:
            wide, zero = codes.to(tl.int32), (word >> 16) & 15
            return ((wide & 15) - zero).to(tl.float32), ((wide >> 4) - zero).to(tl.float32)
    else:
        if ASM:
            return unpack_nf4(codes, table)
        else:
            wide = codes.to(tl.int32)
            return tl.load(table + (wide & 15)), tl.load(table + (wide >> 4))
