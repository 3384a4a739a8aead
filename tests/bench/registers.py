"""Expert kernels as this Triton compiles them for an H100, without one: registers, and products whose operands are overwritten.

    PYTHONPATH=.types:. python tests/bench/registers.py [--tiles 64x128x4x3,16x64x4x4] [--forms 1,2,3]

A matrix product of Hopper reads a left operand that lies in registers while it runs. Triton 3.6 let the last products of an
iteration run on while the next one wrote to those registers (see `tiles.settled`): wrong numbers, or right ones by luck. This
reads the machine code of each main loop, twice round, for such writes. It exits with 1 if there is one. Tiles are tokens x rows
x warps x stages.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from dsvl2.kernels.triton_backend import expert_kernels

HIDDEN, WIDTH, CHOSEN = 2048, 1408, 6
CODES = {0: "*bf16", 1: "*i8", 2: "*u8", 3: "*u8"}
WORDS = {0: "*bf16", 1: "*fp32", 2: "*i32", 3: "*fp32"}
JUMP = re.compile(r"BRA `\((\.L_x_\d+)\)")


def compiled(kernel: Any, form: int, tile: tuple[int, int, int, int]) -> Any:
    """One of the two expert kernels at the sizes of `small`."""
    tokens, rows, warps, stages = tile
    codes, words = CODES[form], WORDS[form]
    given = {
        "x": "*bf16", "codes": codes, "words": words, "table": words,
        "shared": codes, "shared_words": words, "shared_table": words, "out": "*bf16",
        "pairs": "*i32", "experts": "*i32", "counts": "*i32", "N": "i32", "ROUTED": "i32",
    }  # fmt: skip
    fixed = {
        "K": HIDDEN, "H": HIDDEN, "WIDTH": WIDTH, "PER_TOKEN": CHOSEN, "NS": 0, "FORM": form, "SHARED_FORM": form,
        "BM": tokens, "SM": tokens, "BN": rows, "BK": 64, "EXACT": False, "ASM": form > 0,
    }  # fmt: skip
    names = kernel.arg_names
    source = ASTSource(
        fn=kernel,
        signature={name: given.get(name, "constexpr") for name in names},
        constexprs={(at,): fixed[name] for at, name in enumerate(names) if name not in given},
        attrs={
            (at,): [["tt.divisibility", 16]] for at, name in enumerate(names) if given.get(name, "").startswith("*")
        },
    )
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps, "num_stages": stages})


def instructions(cubin: bytes) -> list[str]:
    """The machine code, with labels."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "nvdisasm"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        text = subprocess.run([str(tool), "-c", file.name], capture_output=True, text=True, check=True).stdout
    found = (re.match(r"\s*(?:/\*[0-9a-f]+\*/\s+(.*?);|(\.L_x_\d+):)", line) for line in text.splitlines())
    return [(one[1] or one[2]).strip() for one in found if one]


def loops(code: list[str]) -> Iterator[list[str]]:
    """What stands between a label and a jump back to it, where there are products."""
    places = {line: at for at, line in enumerate(code) if line.startswith(".L_x_")}
    for at, line in enumerate(code):
        back = JUMP.search(line)
        if back and places.get(back[1], at) < at and any("HGMMA" in part for part in code[places[back[1]] : at]):
            yield [part for part in code[places[back[1]] : at] if not part.startswith(".L_x_")]


def overwritten(loop: list[str]) -> list[str]:
    """Instructions that write to registers which products under way still read."""
    under_way: list[set[int]] = []
    group: set[int] = set()
    found = []
    for line in (re.sub(r"^@!?U?P\w+\s+", "", line) for line in loop * 2):
        name, _, rest = line.partition(" ")
        if name.startswith("HGMMA"):
            left = re.match(r"R(\d+)", rest.split(",")[1].strip())
            group |= set(range(int(left[1]), int(left[1]) + 4)) if left else set()
            if "gsb0" in rest:
                under_way, group = [*under_way, group], set()
        elif name.startswith("WARPGROUP.DEPBAR"):
            kept = int(rest.rpartition("0x")[2], 16)
            under_way = under_way[len(under_way) - kept :] if kept else []
        elif not name.startswith(("ST", "LDGSTS", "BAR", "RED")):
            target = re.match(r"(?:U?P\d,\s*)?R(\d+)", rest.strip())
            wide = 4 if ".128" in name else 2 if ".64" in name or "WIDE" in name else 1
            if target and set(range(int(target[1]), int(target[1]) + wide)) & set().union(group, *under_way):
                found.append(line)
    return found


def main() -> int:
    """Print one JSON object a kernel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", default="16x64x4x4,64x64x4x3,64x128x4x3,128x128x8x4")
    parser.add_argument("--forms", default="1,2,3", help="format numbers of `tiles`: 1 int8, 2 int4, 3 NF4")
    options = parser.parse_args()
    wrong = 0
    for form in map(int, options.forms.split(",")):
        for text in options.tiles.split(","):
            tokens, rows, warps, stages = map(int, text.split("x"))
            for kernel in (expert_kernels.gate_up, expert_kernels.down):
                made = compiled(kernel, form, (tokens, rows, warps, stages))
                hits = [line for loop in loops(instructions(made.asm["cubin"])) for line in overwritten(loop)]
                row = {"triton": triton.__version__, "kernel": kernel.fn.__name__, "form": form, "tile": text}
                print(json.dumps(row | {"overwritten": len(hits), "first": hits[:1]}), flush=True)
                wrong += bool(hits)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
