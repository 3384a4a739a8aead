"""Device code shared by the matrix kernels: a tile of a weight in any format, and its product with a tile of activations.

The weight stands on the left (BN of its rows, "swap AB"), tokens on the right: the matrix units need 64 rows on the left but
only 8 columns, so a few tokens fill them. Formats: 0 plain, 1 int8 per row, 2 int4 and 3 NF4 in kernel order (see
`packing.arranged`). Letters: BN weight rows and BM tokens of a tile, BK columns a step (64 for 4 bits, one group).
"""

import triton
import triton.language as tl

from dsvl2.kernels.triton_backend.nibbles import unpack_int4, unpack_nf4

PLAIN, INT8, INT4, NF4 = 0, 1, 2, 3


@triton.jit
def product(a, b, acc, EXACT: tl.constexpr):
    """acc + a b in fp32; EXACT widens the operands first, for the interpreter, which cannot multiply bf16."""
    if EXACT:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), acc, input_precision="ieee")
    return tl.dot(a, b, acc, input_precision="ieee")


@triton.jit
def tokens(x, rows, rows_ok, k0, K, BK: tl.constexpr):
    """x[rows, k0 : k0 + BK] of a matrix of K columns, zero beyond -> [BM, BK]."""
    k = k0 + tl.arange(0, BK)
    return tl.load(x + rows[:, None] * K + k[None, :], mask=rows_ok[:, None] & (k < K)[None, :], other=0.0)


@triton.jit
def add_wide(acc, codes, rows, rows_ok, k0, K, x, BK: tl.constexpr, FORM: tl.constexpr, EXACT: tl.constexpr):
    """acc [BN, BM] += w[rows, k0 : k0 + BK] x^T for plain and int8 weights; the scale of int8 comes at the end."""
    k = k0 + tl.arange(0, BK)
    w = tl.load(codes + rows[:, None] * K + k[None, :], mask=rows_ok[:, None] & (k < K)[None, :], other=0)
    if FORM == 1:
        w = w.to(tl.float32).to(x.dtype)
    return product(w, tl.trans(x), acc, EXACT)


@triton.jit
def add_group(
    acc, codes, scale, zero, table, rows, rows_ok, group, G, low, high,
    FORM: tl.constexpr, EXACT: tl.constexpr, ASM: tl.constexpr,
):  # fmt: skip
    """acc [BN, BM] += one group of 64 columns of a 4-bit weight times its tokens, low and high half [BM, 32].

    What is multiplied are the codes themselves, small integers or the 16 values of NF4; the scale of the group comes after.
    """
    byte = group * 32 + tl.arange(0, 32)
    pairs = tl.load(codes + rows[:, None] * (G * 32) + byte[None, :], mask=rows_ok[:, None], other=0)
    step = tl.load(scale + rows * G + group, mask=rows_ok, other=0.0).to(tl.float32)
    if FORM == 2:
        zeros = tl.load(zero + rows * ((G + 1) // 2) + group // 2, mask=rows_ok, other=0).to(tl.int32)
        middle = (((zeros >> (group % 2) * 4) & 15) + 128).to(tl.float32)
        if ASM:
            first, second = unpack_int4(pairs, tl.broadcast_to(middle.to(tl.bfloat16)[:, None], pairs.shape))
        else:
            wide = pairs.to(tl.int32)
            first = ((wide & 15) + 128).to(tl.float32) - middle[:, None]
            second = ((wide >> 4) + 128).to(tl.float32) - middle[:, None]
    elif ASM:
        first, second = unpack_nf4(pairs)
    else:
        wide = pairs.to(tl.int32)
        first = tl.load(table + (wide & 15))
        second = tl.load(table + (wide >> 4))
    part = tl.zeros(acc.shape, tl.float32)
    part = product(first.to(low.dtype), tl.trans(low), part, EXACT)
    part = product(second.to(low.dtype), tl.trans(high), part, EXACT)
    return acc + part * step[:, None]
