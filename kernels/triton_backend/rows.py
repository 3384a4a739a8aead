# mypy: disable-error-code="assignment, var-annotated"
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
        if FORM == 1:
            ss = (tl.load(words + row + tl.arange(0, 16)),)
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
def load_gain(gain, K: tl.constexpr, STEP: tl.constexpr, FORM: tl.constexpr, NORM: tl.constexpr):
    """The gain of a norm in the pieces in which `take` needs it: a weight, which may be on its way before the vector is."""
    found = ()
    if NORM and FORM > 0:
        width: tl.constexpr = 32 if FORM == 1 else 64
        for u0 in tl.static_range(0, K // width, STEP):
            at = (u0 + tl.arange(0, STEP)) * width
            for part in tl.static_range(width // 32):
                found = found + (_units(gain, at + 32 * part, K),)
    return found


@triton.jit
def _units(x, at, K: tl.constexpr):
    """32 columns from each of some places."""
    return tl.load(x + at[:, None] + tl.arange(0, 32)[None, :], mask=(at < K)[:, None], other=0.0)


@triton.jit
def take(
    x, delta, gs, K: tl.constexpr, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr,
    ADD: tl.constexpr = False, NORM: tl.constexpr = False,
):  # fmt: skip
    """The vector at x [K], or its sum with delta, in the pieces in which `multiply` needs it, and the sum of its squares.

    All of it is asked for before anything is done with it, as an answer takes longer than the products of a piece, and as it
    lies in memory: where each thread asked for what it multiplies itself, the compiler asked for a piece behind the products of
    the one before. A step of small in w4: 1,313 -> 1,253 us (H100).
    """
    xs, ds, found = (), (), ()
    width: tl.constexpr = 32 if FORM == 1 else 64
    for u0 in tl.static_range(0, K // width, STEP):
        at = (u0 + tl.arange(0, STEP)) * width
        for part in tl.static_range(width // 32):
            xs = xs + (_units(x, at + 32 * part, K),)
            if ADD:
                ds = ds + (_units(delta, at + 32 * part, K),)
    squares = tl.zeros((STEP, 32), tl.float32)
    for i in tl.static_range(len(xs)):
        value = xs[i]
        if ADD:
            value = (value.to(tl.float32) + ds[i].to(tl.float32)).to(value.dtype)
        value = value.to(tl.float32)
        squares += value * value
        if NORM:
            value = value * gs[i].to(tl.float32)
        if ASM:
            value = _settled(value.to(tl.bfloat16))
        found = found + (value,)
    return found, squares


@triton.jit
def _settled(x):
    """bf16 as it is: what comes before is done as it was loaded, and only this is exchanged between threads."""
    return tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [x], dtype=tl.bfloat16, is_pure=False, pack=2)


@triton.jit
def multiply(ws, ss, xs, table, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr):
    """What `load_rows` gave of packed rows times what `take` gave: [16] fp32."""
    both: tl.constexpr = 1 if FORM == 1 else 2
    acc = tl.zeros((STEP, 16, 1), tl.float32)
    for i in tl.static_range(len(ws)):
        word = ss[i] if FORM >= 2 else ws[i]
        acc += multiply_piece(ws[i], word, table, xs[both * i], xs[both * i + both - 1], STEP, FORM, ASM)
    total = tl.sum(tl.sum(acc, 2), 0)
    return total * ss[0] if FORM == 1 else total


@triton.jit
def multiply_plain(
    ws, x, delta, gain, K: tl.constexpr, BN: tl.constexpr, STEP: tl.constexpr, ADD: tl.constexpr = False,
    NORM: tl.constexpr = False,
):  # fmt: skip
    """What `load_rows` gave of plain rows times the vector at x [K], as in `take` -> [BN] fp32, and the sum of its squares.

    Each piece is asked for when it is needed: all at once costs small in bf16 30 us of a step, as registers are what is scarce.
    """
    acc = tl.zeros((BN, STEP), tl.float32)
    squares = tl.zeros((STEP,), tl.float32)
    for i in tl.static_range(len(ws)):
        k = i * STEP + tl.arange(0, STEP)
        value = tl.load(x + k, mask=k < K, other=0.0)
        if ADD:
            more = tl.load(delta + k, mask=k < K, other=0.0)
            value = (value.to(tl.float32) + more.to(tl.float32)).to(value.dtype)
        value = value.to(tl.float32)
        squares += value * value
        if NORM:
            value = value * tl.load(gain + k, mask=k < K, other=0.0).to(tl.float32)
        acc += ws[i].to(tl.float32) * value[None, :]
    return tl.sum(acc, 1), squares


@triton.jit
def times(
    ws, ss, table, x, K: tl.constexpr, BN: tl.constexpr, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr
):  # fmt: skip
    """What `load_rows` gave times the vector at x [K] -> [BN] fp32."""
    if FORM == 0:
        return multiply_plain(ws, x, x, x, K, BN, STEP)[0]
    else:
        return multiply(ws, ss, take(x, x, (), K, STEP, FORM, ASM)[0], table, STEP, FORM, ASM)


@triton.jit
def multiply_piece(
    codes, word, table, low, high, STEP: tl.constexpr, FORM: tl.constexpr, ASM: tl.constexpr
):  # fmt: skip
    """What `load_piece` gave times its columns of the vector, each half [units, 32]: [STEP, 16, 1], int8 still to be scaled."""
    low = tl.expand_dims(low, 2)
    codes = tl.permute(tl.reshape(codes, (STEP, 8, 4, 2, 2, 2, 2)), (0, 5, 1, 3, 4, 2, 6))
    codes = tl.reshape(codes, (STEP, 16, 32))
    if FORM == 1:
        return tl.dot(unpack_int8_half(codes) if ASM else codes.to(tl.float32), low, input_precision="ieee")
    else:
        high = tl.expand_dims(high, 2)
        word = tl.expand_dims(word, 2)
        first, second = halves(codes, word, table, FORM, ASM)
        part = tl.dot(second, high, tl.dot(first, low, input_precision="ieee"), input_precision="ieee")
        if FORM == 2 and ASM:  # the matrix units have time to add up the vector too
            ones = tl.full((STEP, 16, 32), 1.0, tl.bfloat16)
            part -= tl.dot(ones, high, tl.dot(ones, low)) * (word & -65536).to(tl.float32, bitcast=True)
        return part * ((word << 16).to(tl.float32, bitcast=True) if FORM == 2 else word)


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
