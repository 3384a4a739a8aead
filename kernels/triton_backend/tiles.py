"""Device code shared by the matrix kernels: a tile of a weight in any format, and its product with a tile of activations.

The weight stands on the left (BN of its rows, "swap AB"), tokens on the right: the matrix units need 64 rows on the left but
only 8 columns, so a few tokens fill them. Formats: 0 plain, rows of columns; 1 int8, 2 int4 and 3 NF4 in kernel order (see
`packing.arranged`). Letters: BN weight rows and BM tokens of a tile, BK columns a step, U units of a row.
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.nibbles import unpack_int4, unpack_int8_half, unpack_nf4

PLAIN, INT8, INT4, NF4 = 0, 1, 2, 3


@triton.jit
def product(a, b, acc, EXACT: tl.constexpr):
    """acc + a b in fp32; EXACT widens the operands first, for the interpreter, which cannot multiply bf16."""
    if EXACT:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), acc, input_precision="ieee")
    return tl.dot(a, b, acc, input_precision="ieee")


@triton.jit
def settled(acc, ASM: tl.constexpr):
    """acc, complete: no product is under way behind this.

    A product whose left operand comes from registers reads them while it runs. Triton (3.6) lets the last ones of an iteration
    run on into the next, whose unpacking then overwrites what they have not read yet: int4 in wide tiles came out wrong.
    """
    if ASM:
        return tl.inline_asm_elementwise("", "=f,0", [acc], dtype=tl.float32, is_pure=True, pack=1)
    return acc


@triton.jit
def slab(codes, row, unit, U: tl.constexpr, ROWS: tl.constexpr, BN: tl.constexpr):
    """One unit of rows `row` to `row + BN` -> bytes [BN, 32]. Loaded as it lies: 16 bytes a thread, already in its place."""
    part = row // 16 + tl.arange(0, BN // 16)
    place = ((part // 4) * U + unit) * 2048 + (part % 4) * 512
    at = codes + place[:, None] + tl.arange(0, 512)[None, :]
    if BN <= 64:
        found = tl.load(at)
    else:
        found = tl.load(at, mask=(part < (ROWS + 63) // 64 * 4)[:, None], other=0)
    found = tl.reshape(found, (BN // 16, 8, 4, 2, 2, 2, 2))
    return tl.reshape(tl.permute(found, (0, 5, 1, 3, 4, 2, 6)), (BN, 32))


@triton.jit
def row_words(words, rows, unit, U: tl.constexpr, ROWS: tl.constexpr):
    """The word of each row's unit -> [BN]."""
    return tl.load(words + ((rows // 64) * U + unit) * 64 + rows % 64, mask=rows < (ROWS + 63) // 64 * 64, other=0)


@triton.jit
def add_plain(acc, weight, rows, rows_ok, k0, K, x, BK: tl.constexpr, EXACT: tl.constexpr):
    """acc [BN, BM] += w[rows, k0 : k0 + BK] x^T."""
    k = k0 + tl.arange(0, BK)
    w = tl.load(weight + rows[:, None] * K + k[None, :], mask=rows_ok[:, None] & (k < K)[None, :], other=0)
    return product(w, tl.trans(x), acc, EXACT)


@triton.jit
def side_by_side(first, second):
    """[N, 32] and [N, 32] -> [N, 64]; nothing moves between threads."""
    return tl.reshape(tl.permute(tl.join(first, second), (0, 2, 1)), (first.shape[0], 64))


@triton.jit
def add_unit(
    acc, codes, words, table, row, rows, unit, x,
    U: tl.constexpr, ROWS: tl.constexpr, BN: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    """acc [BN, BM] += one unit of a packed weight times its tokens x [BM, 32], or [BM, 64] for 4 bits."""
    pairs = slab(codes, row, unit, U, ROWS, BN)
    if FORM == 1:  # the scale of a row comes at the end
        w = unpack_int8_half(pairs) if ASM else pairs.to(tl.float32).to(x.dtype)
        acc = product(w, tl.trans(x), acc, EXACT)
    elif FORM == 2 and ASM:
        word = row_words(words, rows, unit, U, ROWS)
        first, second = unpack_int4(pairs, tl.broadcast_to(word[:, None], pairs.shape))
        step = (word << 16).to(tl.float32, bitcast=True).to(tl.bfloat16)[:, None]
        acc = product(side_by_side(first * step, second * step), tl.trans(x), acc, EXACT)
    else:
        scale = row_words(words, rows, unit, U, ROWS)
        wide = pairs.to(tl.int32)
        if FORM == 2:
            zero = ((scale >> 16) & 15)[:, None]
            first, second = ((wide & 15) - zero).to(tl.float32), ((wide >> 4) - zero).to(tl.float32)
            scale = (scale << 16).to(tl.float32, bitcast=True)
        elif ASM:  # scaled in bf16, as bitsandbytes does: 8 to 18 % faster than scaled sums of every unit
            first, second = unpack_nf4(pairs, table)
            step = scale.to(tl.bfloat16)[:, None]
            return product(side_by_side(first * step, second * step), tl.trans(x), acc, EXACT)
        else:
            first, second = tl.load(table + (wide & 15)), tl.load(table + (wide >> 4))
        w = side_by_side(first.to(x.dtype), second.to(x.dtype))
        acc += product(w, tl.trans(x), tl.zeros(acc.shape, tl.float32), EXACT) * scale[:, None]
    return acc


@triton.jit
def rows_times(
    x, token, token_ok, weight, words, table, row, FROM, ROWS: tl.constexpr, K: tl.constexpr, ROW: tl.constexpr,
    STRIDE: tl.constexpr, BN: tl.constexpr, BM: tl.constexpr, BK: tl.constexpr, FORM: tl.constexpr,
    EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    """[BN, BM]: rows `row` to `row + BN` (of ROWS) of a matrix, its columns FROM to FROM + K of ROW, times x[token, :K]^T.

    x has rows of STRIDE values. words: the scales of int8.
    """
    acc = tl.zeros((BN, BM), tl.float32)
    rows = row + tl.arange(0, BN)
    if FORM == 0:
        ok = rows < ROWS
        for k0 in range(0, K, BK):
            k = k0 + tl.arange(0, BK)
            part = tl.load(
                x + token[:, None] * STRIDE + k[None, :], mask=token_ok[:, None] & (k < K)[None, :], other=0.0
            )
            w = tl.load(
                weight + rows[:, None] * ROW + (FROM + k)[None, :], mask=ok[:, None] & (k < K)[None, :], other=0
            )
            acc = product(w, tl.trans(part), acc, EXACT)
    else:
        width: tl.constexpr = 32 if FORM == 1 else 64
        units: tl.constexpr = ROW // width
        many: tl.constexpr = BK // width if BK >= 128 and K % BK == 0 else 1  # units a step, loaded at once
        for k0 in range(0, K, width * many):
            for i in tl.static_range(many):
                at = x + token[:, None] * STRIDE + k0 + i * width + tl.arange(0, width)[None, :]
                part = tl.load(at, mask=token_ok[:, None], other=0.0)
                unit = (FROM + k0) // width + i
                acc = add_unit(acc, weight, words, table, row, rows, unit, part, units, ROWS, BN, FORM, EXACT, ASM)
                acc = settled(acc, ASM)
        if FORM == 1:
            acc = acc * tl.load(words + rows, mask=rows < ROWS, other=0.0)[:, None]
    return acc
