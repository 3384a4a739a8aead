"""Weights in 8 and 4 bits: how they lie in memory, packed and unpacked in plain torch.

A format turns a matrix [..., N, K] into named parts that keep the leading dimensions, so that experts stack; parts lie in
portable order (a faster kernel may reorder them once, at load). What runs on them is in `ops`.
"""

from dsvl2.kernels.packing.arranged import ARRANGED_INT4, ARRANGED_INT8, ARRANGED_NF4, arrange, held_bits
from dsvl2.kernels.packing.bnb import BLOCK, CODE, INT8_BNB, NF4, dequantize_absmax
from dsvl2.kernels.packing.formats import Format, PackedWeight
from dsvl2.kernels.packing.integers import INT4, INT8

FORMATS = {form.name: form for form in (INT8, INT4, NF4, INT8_BNB)}

__all__ = [
    "ARRANGED_INT4",
    "ARRANGED_INT8",
    "ARRANGED_NF4",
    "BLOCK",
    "CODE",
    "FORMATS",
    "INT4",
    "INT8",
    "INT8_BNB",
    "NF4",
    "Format",
    "PackedWeight",
    "arrange",
    "dequantize_absmax",
    "held_bits",
]
