"""Two 4-bit weights of every byte as bf16, in a few integer instructions: 1.6 a weight for int4, 2.6 for NF4; and bytes.

Conversions and look-ups in memory would cost 6 and more, and 4-bit products would wait for arithmetic instead of memory. The
assembly takes 4 bytes at once. `trusted` compares it with plain arithmetic on every byte, once a process, before it is used.
"""

import warnings
from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from dsvl2.kernels.cuda_backend.driver import room_beside
from dsvl2.kernels.packing import CODE
from dsvl2.kernels.triton_backend.launch import interpreting, on

# bf16 128 is 0x4300, and its last bit counts 1: a nibble put there makes 128 + n. Then 128 + zero is taken away, exactly.
INT4_TEXT = """{
.reg .b32 a, b, c, d, m, n;
prmt.b32 m, $5, 0, 0x3232;
prmt.b32 n, $7, 0, 0x3232;
prmt.b32 a, $4, 0, 0x4140;
prmt.b32 b, $4, 0, 0x4342;
shr.u32 c, a, 4;
shr.u32 d, b, 4;
lop3.b32 a, a, 0x000F000F, 0x43004300, 0xEA;
lop3.b32 b, b, 0x000F000F, 0x43004300, 0xEA;
lop3.b32 c, c, 0x000F000F, 0x43004300, 0xEA;
lop3.b32 d, d, 0x000F000F, 0x43004300, 0xEA;
sub.rn.bf16x2 $0, a, m;
sub.rn.bf16x2 $1, b, n;
sub.rn.bf16x2 $2, c, m;
sub.rn.bf16x2 $3, d, n;
}"""

# The same without what is taken away: for those who subtract (128 + zero) times the sum of what it is multiplied by.
INT4_RAISED_TEXT = """{
.reg .b32 a, b;
prmt.b32 a, $4, 0, 0x4140;
prmt.b32 b, $4, 0, 0x4342;
lop3.b32 $0, a, 0x000F000F, 0x43004300, 0xEA;
lop3.b32 $1, b, 0x000F000F, 0x43004300, 0xEA;
shr.u32 a, a, 4;
shr.u32 b, b, 4;
lop3.b32 $2, a, 0x000F000F, 0x43004300, 0xEA;
lop3.b32 $3, b, 0x000F000F, 0x43004300, 0xEA;
}"""

# The 7 digits of a bf16 hold the low bits of a code: 128 + those, less 128, or less 256 where the sign bit is set.
INT8_HALF_TEXT = """{
.reg .b32 a, b, c, d;
prmt.b32 a, $2, 0x43434343, 0x4140;
prmt.b32 b, $2, 0x43434343, 0x4342;
and.b32 c, a, 0xFF80FF80;
and.b32 d, b, 0xFF80FF80;
and.b32 a, a, 0xFF7FFF7F;
and.b32 b, b, 0xFF7FFF7F;
sub.rn.bf16x2 $0, a, c;
sub.rn.bf16x2 $1, b, d;
}"""


def _table() -> list[str]:
    """The bf16 table as 8 words: low bytes of entries 0-3, 4-7, 8-11, 12-15, then the high bytes."""
    bits = torch.tensor(CODE).bfloat16().view(torch.int16).tolist()
    words = []
    for shift in (0, 8):
        parts = [(entry >> shift) & 255 for entry in bits]
        words += [f"0x{sum(parts[at + i] << 8 * i for i in range(4)):08X}" for at in range(0, 16, 4)]
    return words


def _nf4_text() -> str:
    """prmt picks 4 of 8 bytes by 3 bits each: once from either half of the table, then between the halves by the 4th bit."""
    low, high = _table()[:4], _table()[4:]
    lines = [
        ".reg .b32 s, t, u, v, p, q, x, y;",
        "and.b32 s, $4, 0x77777777;",
        "shr.u32 t, $4, 1;",
        "lop3.b32 t, t, 0x44444444, 0x32103210, 0xEA;",
        "shr.u32 u, s, 16;",
        "shr.u32 v, t, 16;",
    ]
    for index, which, outputs in (("s", "t", ("$0", "$2")), ("u", "v", ("$1", "$3"))):
        for words, target in ((low, "x"), (high, "y")):
            lines += [
                f"prmt.b32 p, {words[0]}, {words[1]}, {index};",
                f"prmt.b32 q, {words[2]}, {words[3]}, {index};",
                f"prmt.b32 {target}, p, q, {which};",
            ]
        lines += [f"prmt.b32 {outputs[0]}, x, y, 0x6240;", f"prmt.b32 {outputs[1]}, x, y, 0x7351;"]
    return "{\n" + "\n".join(lines) + "\n}"


# Both weights of every byte from shared memory, where each bank has a table of its own: 2 instructions a weight, on three units.
LAY_TEXT = """{
.shared .align 128 .b32 both[8192];
.reg .b32 at, step, to, a, b, c, d;
.reg .b64 from;
.reg .pred more;
mov.u32 at, %tid.x;
mov.u32 step, %ntid.x;
and.b32 at, at, -32;
shr.u32 at, at, 3;
shr.u32 step, step, 3;
mov.u32 a, %laneid;
shl.b32 a, a, 2;
mov.u32 to, both;
add.u32 $0, to, a;
next:
mul.wide.u32 from, at, 4;
add.u64 from, from, $1;
ld.global.nc.v4.b32 {a, b, c, d}, [from+64];
shl.b32 to, at, 7;
add.u32 to, to, $0;
st.shared.b32 [to], a;
st.shared.b32 [to+128], b;
st.shared.b32 [to+256], c;
st.shared.b32 [to+384], d;
add.u32 at, at, step;
setp.lt.u32 more, at, 256;
@more bra next;
}"""
LOOK_TEXT = """{
.reg .b32 a, b, c, d;
prmt.b32 a, $4, 0, 0x4440;
prmt.b32 b, $4, 0, 0x4441;
prmt.b32 c, $4, 0, 0x4442;
prmt.b32 d, $4, 0, 0x4443;
mad.lo.u32 a, a, 128, $5;
mad.lo.u32 b, b, 128, $5;
mad.lo.u32 c, c, 128, $5;
mad.lo.u32 d, d, 128, $5;
ld.shared.b32 a, [a];
ld.shared.b32 b, [b];
ld.shared.b32 c, [c];
ld.shared.b32 d, [d];
prmt.b32 $0, a, b, 0x5410;
prmt.b32 $1, c, d, 0x5410;
prmt.b32 $2, a, b, 0x7632;
prmt.b32 $3, c, d, 0x7632;
}"""

NF4_TEXT = _nf4_text()
_INT8_HALF = tl.constexpr(INT8_HALF_TEXT)
_INT4 = tl.constexpr(INT4_TEXT)
_INT4_RAISED = tl.constexpr(INT4_RAISED_TEXT)
_NF4 = tl.constexpr(NF4_TEXT)
_LAY = tl.constexpr(LAY_TEXT)
_LOOK = tl.constexpr(LOOK_TEXT)
_SAME = tl.constexpr("mov.u32 $0, $1;")


@triton.jit
def unpack_int8_half(codes):
    """int8 [N, K] -> bf16."""
    return tl.inline_asm_elementwise(_INT8_HALF, "=r,=r,r", [codes], dtype=tl.bfloat16, is_pure=True, pack=4)


@triton.jit
def unpack_int4(pairs, words):
    """uint8 [N, K] -> bf16 (low nibble - zero), (high nibble - zero); words int32 [N, K] as `packing.arranged` has them.

    Of 4 bytes the first two share a row, and so do the others.
    """
    return tl.inline_asm_elementwise(
        _INT4, "=r,=r,=r,=r,r,r,r,r,r", [pairs, words], dtype=(tl.bfloat16, tl.bfloat16), is_pure=True, pack=4
    )


@triton.jit
def raise_int4(pairs):
    """uint8 [N, K] -> bf16 128 + low nibble, 128 + high nibble."""
    return tl.inline_asm_elementwise(
        _INT4_RAISED, "=r,=r,=r,=r,r", [pairs], dtype=(tl.bfloat16, tl.bfloat16), is_pure=True, pack=4
    )


@triton.jit
def laid(table):
    """What `nf4_table` gave, laid out by all threads of a program in 32 KB of shared memory: where a thread's begins."""
    place = tl.inline_asm_elementwise(_LAY, "=r,l", [table.to(tl.int64)], dtype=tl.int32, is_pure=False, pack=1)
    tl.debug_barrier()
    # what is looked up hangs on this, which stays behind the barrier
    return tl.inline_asm_elementwise(_SAME, "=r,r", [place], dtype=tl.int32, is_pure=False, pack=1)


@triton.jit
def unpack_nf4(pairs, table):
    """uint8 [N, K] -> bf16 values of the table for the low and the high nibble; table may be `laid`."""
    if table.dtype == tl.int32:
        return tl.inline_asm_elementwise(
            _LOOK, "=r,=r,=r,=r,r,r,r,r,r", [pairs, tl.broadcast_to(table, pairs.shape)],
            dtype=(tl.bfloat16, tl.bfloat16), is_pure=True, pack=4,
        )  # fmt: skip
    else:
        return tl.inline_asm_elementwise(
            _NF4, "=r,=r,=r,=r,r", [pairs], dtype=(tl.bfloat16, tl.bfloat16), is_pure=True, pack=4
        )


@triton.jit
def _try(codes, table, out, word):
    byte = tl.arange(0, 256)
    pairs = tl.load(codes + byte)
    first, second = unpack_int4(pairs, tl.zeros((256,), tl.int32) + tl.load(word))
    third, fourth = unpack_nf4(pairs, table)
    tl.store(out + byte, first)
    tl.store(out + 256 + byte, second)
    tl.store(out + 512 + byte, third)
    tl.store(out + 768 + byte, fourth)
    fifth, sixth = raise_int4(pairs)
    tl.store(out + 1024 + byte, fifth)
    tl.store(out + 1280 + byte, sixth)
    third, fourth = unpack_nf4(pairs, laid(table))
    tl.store(out + 1792 + byte, third)
    tl.store(out + 2048 + byte, fourth)
    tl.store(out + 1536 + byte, unpack_int8_half(pairs.to(tl.int8, bitcast=True)))


def expected(codes: Tensor, zero: int) -> Tensor:
    """What `_try` should write: bf16 [9, 256]."""
    low, high = (codes & 15).int(), (codes >> 4).int()
    table = torch.tensor(CODE, device=codes.device)
    signed = codes.view(torch.int8)
    found = table[low], table[high]
    return torch.stack((low - zero, high - zero, *found, low + 128, high + 128, signed, *found)).bfloat16()


@cache
def nf4_table(device: torch.device) -> Tensor:
    """The 16 values of NF4 in fp32, then the two of every byte in bf16, low nibble first, as the bits of another 256."""
    values = torch.tensor(CODE)
    bits = values.bfloat16().view(torch.int16).int() & 0xFFFF
    return torch.cat((values, (bits.repeat(16) | bits.repeat_interleave(16) << 16).view(torch.float32))).to(device)


@cache
def tables() -> bool:
    """Whether kernels may have `laid` tables: Triton must be told of their shared memory when it loads one."""
    from triton import knobs

    hooks: Any = getattr(knobs.runtime, "kernel_load_end_hook", None)
    if not hasattr(hooks, "add"):  # of another version
        return False
    hooks.add(lambda module, function, *rest: room_beside(function))
    return True


@cache
def trusted(device: torch.device) -> bool:
    """Whether the assembly works on this device: decides between it and the slow way, and says so if it does not."""
    if interpreting() or device.type != "cuda" or torch.cuda.get_device_capability(device) < (9, 0):
        return False
    codes = torch.arange(256, dtype=torch.uint8, device=device)
    out = torch.empty(9, 256, dtype=torch.bfloat16, device=device)
    try:
        tables()
        with on(codes):
            _try[(1,)](
                codes,
                nf4_table(device),
                out,
                torch.full((1,), (0x4305 << 16) + 0x3F80, dtype=torch.int32, device=device),
                num_warps=1,
            )
        good = torch.equal(out, expected(codes, 5))
    except Exception as error:  # whatever a compiler may raise
        warnings.warn(f"4-bit weights are unpacked the slow way: {error}", RuntimeWarning, stacklevel=2)
        return False
    if not good:
        warnings.warn("4-bit weights are unpacked the slow way: the fast one errs here", RuntimeWarning, stacklevel=2)
    return good
