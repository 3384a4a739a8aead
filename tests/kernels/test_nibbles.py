"""The assembly that unpacks 4-bit weights, executed here instruction by instruction for every byte."""

from __future__ import annotations

import re

import pytest
import torch

from dsvl2.kernels.triton_backend import nibbles

pytestmark = pytest.mark.usefixtures("triton_runs")


def bf16_pair(word: int) -> torch.Tensor:
    return torch.tensor([word & 0xFFFF, word >> 16]).to(torch.uint16).view(torch.bfloat16)


def execute(text: str, inputs: dict[str, int], memory: dict[str, int] | None = None) -> dict[str, int]:
    """Run the few instructions of PTX that are used (PTX ISA: prmt, shr, and, lop3, mad.lo, ld.shared, sub.rn.bf16x2).

    memory: words by "[address]".
    """
    held = dict(inputs)

    def value(name: str) -> int:
        return held[name] if name in held else int(name[2:], 16) if name.startswith("0f") else int(name, 0)

    for line in text.strip("{}\n").splitlines():
        if line.startswith(".reg"):
            continue
        name, _, rest = line.rstrip(";").partition(" ")
        target, *given = re.split(r",\s*", rest)
        if name == "ld.shared.b32":
            assert memory is not None
            held[target] = memory[f"[{value(given[0].strip('[]'))}]"]
            continue
        a, b, *more = (value(part) for part in given)
        if name == "prmt.b32":
            source, select = (b << 32) | a, more[0]
            assert not select & 0x8888 & 0xFFFF  # the sign-replicating mode is not meant
            made = sum(((source >> 8 * ((select >> 4 * i) & 7)) & 255) << 8 * i for i in range(4))
        elif name == "shr.u32":
            made = a >> b
        elif name == "and.b32":
            made = a & b
        elif name == "mad.lo.u32":
            made = a * b + more[0]
        elif name == "lop3.b32":
            assert more[1] == 0xEA  # (0xF0 & 0xCC) | 0xAA
            made = (a & b) | more[0]
        elif name == "sub.rn.bf16x2":
            first, second = (bf16_pair(a) - bf16_pair(b)).view(torch.uint16).tolist()
            made = first | second << 16
        else:
            raise AssertionError(name)
        held[target] = made & 0xFFFFFFFF
    return held


@pytest.mark.parametrize("zero", [0, 5, 15])
def test_every_byte_comes_out_as_arithmetic_has_it(zero: int) -> None:
    codes = torch.arange(256, dtype=torch.uint8)[torch.randperm(256, generator=torch.Generator().manual_seed(0))]
    want, beyond = nibbles.expected(codes, zero), nibbles.expected(codes, 15 - zero)
    words = [
        (0x4300 + value) << 16 | 0x3F80 for value in (zero, 15 - zero)
    ]  # the rows of the first two bytes, of the others
    for at in range(0, 256, 4):
        packed = sum(int(codes[at + i]) << 8 * i for i in range(4))
        for text, rows in ((nibbles.INT4_TEXT, (0, 1)), (nibbles.NF4_TEXT, (2, 3))):
            held = execute(text, {"$4": packed, "$5": words[0], "$7": words[1]})
            for row, names in zip(rows, (("$0", "$1"), ("$2", "$3")), strict=True):
                got = torch.cat([bf16_pair(held[name]) for name in names])
                assert torch.equal(got, torch.cat((want[row, at : at + 2], beyond[row, at + 2 : at + 4])))
        held = execute(nibbles.INT4_RAISED_TEXT, {"$4": packed})
        for row, names in ((4, ("$0", "$1")), (5, ("$2", "$3"))):
            assert torch.equal(torch.cat([bf16_pair(held[name]) for name in names]), want[row, at : at + 4])
        held = execute(nibbles.INT8_HALF_TEXT, {"$2": packed})
        assert torch.equal(torch.cat([bf16_pair(held["$0"]), bf16_pair(held["$1"])]), want[6, at : at + 4])


@pytest.mark.parametrize("lane", [0, 31])
def test_every_byte_is_found_in_the_table_of_its_bank(lane: int) -> None:
    codes = torch.arange(256, dtype=torch.uint8)
    words = nibbles.nf4_table(torch.device("cpu"))[16:].view(torch.int32).tolist()
    place = 1024 + 4 * lane
    memory = {f"[{place + 128 * byte}]": word & 0xFFFFFFFF for byte, word in enumerate(words)}
    assert all(int(address[1:-1]) // 4 % 32 == lane for address in memory)
    want = nibbles.expected(codes, 0)[7:]
    for at in range(0, 256, 4):
        held = execute(nibbles.LOOK_TEXT, {"$4": sum(at + i << 8 * i for i in range(4)), "$5": place}, memory)
        for row, names in enumerate((("$0", "$1"), ("$2", "$3"))):
            assert torch.equal(torch.cat([bf16_pair(held[name]) for name in names]), want[row, at : at + 4])


def test_nothing_is_trusted_without_a_gpu_that_has_it() -> None:
    if torch.cuda.is_available():
        assert nibbles.trusted(torch.device("cuda")) == (torch.cuda.get_device_capability() >= (9, 0))
    assert not nibbles.trusted(torch.device("cpu"))
