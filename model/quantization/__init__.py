"""Schemes for stored weights."""

from dsvl2.model.quantization.convert import quantize_checkpoint
from dsvl2.model.quantization.schemes import SCHEMES, Scheme, scheme_of

__all__ = ["SCHEMES", "Scheme", "quantize_checkpoint", "scheme_of"]
