"""Which weights are held in which format. A scheme is recorded in config.json, never guessed from a name.

Left as they are, in every scheme: the vision tower and the projector, norms, embeddings, routers (performance.md 4: what is
always active and small costs most when rounded, and saves least).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsvl2.kernels.packing import INT4, INT8, INT8_BNB, NF4, Format
from dsvl2.model.errors import QuantizationError, SchemeError
from dsvl2.model.names import EXPERT, is_router

VERSION = 1
DSVL2, BITSANDBYTES = "dsvl2", "bitsandbytes"
LEFT = ("norm.weight", "embed_tokens.weight")


@dataclass(frozen=True, slots=True)
class Scheme:
    """A format for routed experts and one for the other matrices of the language model; None leaves them as they are."""

    name: str
    experts: Format | None = None
    others: Format | None = None
    method: str = DSVL2

    def form_of(self, name: str) -> Format | None:
        """The format of a tensor, by its released name."""
        if not name.startswith("language.") or not name.endswith(".weight"):
            return None
        if EXPERT.fullmatch(name):
            return self.experts
        return None if is_router(name) or name.endswith(LEFT) else self.others

    def record(self) -> dict[str, Any] | None:
        """What config.json says under `quantization_config`; None for weights in full."""
        if self.experts is None:
            return None
        config: dict[str, Any] = {"quant_method": self.method, "scheme": self.name, "version": VERSION}
        if self.experts is INT4 or self.experts is NF4:
            config["group"] = 64
        if self.experts is NF4:
            config |= {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": False}
        elif self.experts is INT8_BNB:
            config |= {"load_in_8bit": True}
        return config


NONE = Scheme("none")  # as stored, whatever float type that is
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        NONE,
        Scheme("bf16"),
        Scheme("int8", INT8, INT8),
        Scheme("e4a8", INT4, INT8),
        Scheme("w4", INT4, INT4),
        Scheme("nf4", NF4, NF4, BITSANDBYTES),
        Scheme("int8-bnb", INT8_BNB, INT8_BNB, BITSANDBYTES),
    )
}
ALIASES = {"4bit": "e4a8", "8bit": "int8"}


def scheme_named(name: str) -> Scheme:
    """A scheme by what a user calls it; raise SchemeError listing what there is."""
    scheme = SCHEMES.get(ALIASES.get(name, name))
    if scheme is None:
        raise SchemeError(f"unknown quantization {name!r}", f"known: {', '.join((*ALIASES, *SCHEMES))}")
    return scheme


def scheme_of(quantization: Mapping[str, Any] | None) -> Scheme:
    """The scheme a config records; raise QuantizationError when this version does not know it."""
    if quantization is None:
        return NONE
    method, name, version = (quantization.get(key) for key in ("quant_method", "scheme", "version"))
    if method == BITSANDBYTES:
        name, version = name or _bitsandbytes(quantization), VERSION if version is None else version
    scheme = SCHEMES.get(name) if isinstance(name, str) else None
    group = quantization.get("group", 64)
    if scheme is None or scheme.experts is None or scheme.method != method or version != VERSION or group != 64:
        known = ", ".join(scheme.name for scheme in SCHEMES.values() if scheme.experts)
        raise QuantizationError(
            f"quantization_config: method {method!r}, scheme {name!r}, version {version!r}, group {group!r}",
            f"known: schemes {known}, version {VERSION}, groups of 64; a newer dsvl2 may know it",
        )
    return scheme


def _bitsandbytes(quantization: Mapping[str, Any]) -> str:
    """The scheme of a config that bitsandbytes wrote through transformers."""
    if quantization.get("load_in_8bit"):
        return "int8-bnb"
    return str(quantization.get("bnb_4bit_quant_type", "fp4"))
