"""A decode step of a small decoder as one call into compiled C, where a compiler was there when the package was installed.

The library is plain C without Python (`csrc/`), found beside this file; without it, everything runs in PyTorch as before.
Matrices are packed here as `csrc/product.h` reads them: 16 rows side by side, as int8 where that says the same numbers.
"""

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import torch
from torch import Tensor

BLOCK = 64  # tokens that lie side by side in what is kept of a sequence: see csrc/attention.h
LANES = 16  # every width is a multiple of it
MOST_ROWS = 64
MOST_EXPERTS = 256
_INT8, _FP32 = 0, 1
_EXACT = 2e-6  # of a row's largest weight: what a code times its scale may be off, which is rounding


class Matrix(ctypes.Structure):
    """`struct matrix` of csrc/product.h; what it points at is kept alive by the `Weights` that made it."""

    _fields_ = (
        ("codes", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("outputs", ctypes.c_int32),
        ("inputs", ctypes.c_int32),
        ("kind", ctypes.c_int32),
        ("unused", ctypes.c_int32),
    )


class Layer(ctypes.Structure):
    """`struct layer` of csrc/step.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("norm", "after", "latent")),
        *((name, Matrix) for name in ("into", "key", "value", "back", "router", "gate_up", "down")),
        ("experts", ctypes.POINTER(Matrix)),
    )


class Model(ctypes.Structure):
    """`struct model` of csrc/step.c."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("layers", "hidden", "heads", "rank", "rotary", "nope", "value")),
        *((name, ctypes.c_int32) for name in ("routed", "chosen", "width", "always", "vocab", "normalized", "unused")),
        *((name, ctypes.c_float) for name in ("eps", "latent_eps", "scale", "factor")),
        *((name, ctypes.c_void_p) for name in ("embedding", "norm", "cos", "sin")),
        ("head", Matrix),
        ("layer", ctypes.POINTER(Layer)),
    )


class _State(ctypes.Structure):
    _fields_ = (("kept", ctypes.POINTER(ctypes.c_void_p)), ("room", ctypes.c_void_p), ("size", ctypes.c_long))


@cache
def library() -> ctypes.CDLL | None:
    """The compiled step, or None where there is none for this Python or it does not load."""
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).with_name(f"_compiled{suffix}")
        if path.exists():
            try:
                return opened(path)
            except OSError:
                return None
    return None


def opened(path: Path) -> ctypes.CDLL:
    """Load a library and declare what is called in it; raise OSError if it is none."""
    found = ctypes.CDLL(str(path))
    integers, floats = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_float)
    found.dsvl2_room.restype = ctypes.c_long
    found.dsvl2_room.argtypes = (ctypes.POINTER(Model), ctypes.c_int, ctypes.c_long)
    found.dsvl2_step.restype = None
    found.dsvl2_step.argtypes = (
        *(ctypes.POINTER(Model), ctypes.POINTER(_State), ctypes.c_int),
        *(integers, integers, integers, ctypes.c_void_p, integers, floats),
    )
    return found


class Weights:
    """Makes the arrays that the library reads, and keeps them."""

    def __init__(self) -> None:
        self._kept = list[Tensor]()

    def floats(self, values: Tensor) -> int:
        """Address of a copy in fp32."""
        return self._address(values.detach().float().contiguous())

    def matrix(self, weight: Tensor) -> Matrix:
        """A weight [out, in]; int8 with a scale a row if it was made of that, else fp32."""
        coded = codes(weight)
        if coded is None:
            packed = weight.detach().float().unflatten(0, (-1, LANES)).transpose(1, 2).contiguous()
            return Matrix(self._address(packed), None, *weight.shape, _FP32)
        return Matrix(self._address(_interleaved(coded[0])), self.floats(coded[1]), *weight.shape, _INT8)

    def stack(self, weights: Sequence[Tensor]) -> Matrix:
        """Weights [out, in] of one shape, one behind the other; the matrix is that of the first. Without scales: fp32."""
        packed = torch.stack([weight.detach().float().unflatten(0, (-1, LANES)).transpose(1, 2) for weight in weights])
        return Matrix(self._address(packed.contiguous()), None, *weights[0].shape, _FP32)

    def _address(self, values: Tensor) -> int:
        self._kept.append(values)
        return values.data_ptr()


def codes(weight: Tensor) -> tuple[Tensor, Tensor] | None:
    """A weight [out, in] as int8 and a scale a row, if rounding its rows so changes nothing; else None."""
    wide = weight.detach().float()
    largest = wide.abs().amax(-1, keepdim=True).clamp(min=1e-30)
    scale = largest / 127
    rounded = (wide / scale).round_()
    if float(((rounded * scale - wide).abs_() / largest).max()) > _EXACT or weight.shape[1] % 4:
        return None
    return rounded.to(torch.int8), scale[:, 0]


def _interleaved(coded: Tensor) -> Tensor:
    """int8 [out, in] -> [out / 16, in / 4, 16, 4]."""
    return coded.unflatten(0, (-1, LANES)).unflatten(2, (-1, 4)).transpose(1, 2).contiguous()


class Run:
    """Steps over what is kept of some sequences: room in between, and arrays for what goes in and out."""

    def __init__(self, code: ctypes.CDLL, model: Model, weights: Weights, rows: int) -> None:
        """weights: what the model points at."""
        self._code, self._model, self._weights, self._rows = code, model, weights, rows
        self._size, self._room = 0, torch.empty(0)
        self._given = [(ctypes.c_int32 * rows)() for _ in range(3)]
        self._ids, self._chances = (ctypes.c_int32 * rows)(), (ctypes.c_float * rows)()

    def __call__(
        self, kept: Sequence[Tensor], size: int, tokens: Sequence[int], positions: Sequence[int], slots: Sequence[int]
    ) -> tuple[list[int], list[float], Tensor]:
        """Compute one token a row: kept, a tensor a layer of fp32 [slots, size / BLOCK, width, BLOCK].

        Returns the likeliest next ids, their log probabilities, and fp32 logits [rows, vocab].
        """
        count = len(tokens)
        if size != self._size:
            self._size = size
            self._room = torch.empty(self._code.dsvl2_room(ctypes.byref(self._model), self._rows, size))
        for array, values in zip(self._given, (tokens, positions, slots), strict=True):
            array[:count] = list(values)
        layers = (ctypes.c_void_p * len(kept))(*[layer.data_ptr() for layer in kept])
        state = _State(layers, self._room.data_ptr(), size)
        logits = torch.empty(count, self._model.vocab)
        model, out = ctypes.byref(self._model), logits.data_ptr()
        self._code.dsvl2_step(model, ctypes.byref(state), count, *self._given, out, self._ids, self._chances)
        return self._ids[:count], self._chances[:count], logits
