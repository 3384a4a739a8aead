"""The CUDA driver and its run-time compiler through ctypes: sources of this folder as functions, launches, tensor maps.

Both libraries come with PyTorch and the card's driver; nothing else is needed, no compiler on the machine. What goes wrong is a
`CudaError`; callers choose another kernel then.
"""

import ctypes
import ctypes.util
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HERE = Path(__file__).parent
MOST_SHARED = 227 * 1024  # bytes that a block may have on Hopper
_CLUSTER, _SERIALIZATION = 4, 6  # CUlaunchAttributeID
_FIXED_SHARED, _DYNAMIC_SHARED, _CARVEOUT, _ANY_CLUSTER = 1, 8, 9, 14  # CUfunction_attribute
_BF16, _SWIZZLE_128, _PROMOTE_256 = 9, 3, 3  # of CUtensorMap


class CudaError(RuntimeError):
    """A call of the driver or its compiler that failed."""


class _Attribute(ctypes.Structure):
    _fields_ = (("id", ctypes.c_int), ("unused", ctypes.c_int), ("value", ctypes.c_uint * 16))


class _Launch(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)),
        ("count", ctypes.c_uint),
    )


class Function:
    """A kernel of a module on one device, with so many threads a block, bytes of shared memory, and blocks a cluster."""

    def __init__(self, module: ctypes.c_void_p, name: str, threads: int, shared: int, cluster: int = 1) -> None:
        self._handle = ctypes.c_void_p()
        _driver("cuModuleGetFunction", ctypes.byref(self._handle), module, name.encode())
        _driver("cuFuncSetAttribute", self._handle, _DYNAMIC_SHARED, MOST_SHARED)  # others may launch it with more
        if cluster > 8:
            _driver("cuFuncSetAttribute", self._handle, _ANY_CLUSTER, 1)
        self._attributes = (_Attribute * 2)()
        self._attributes[0].id, self._attributes[0].value[0] = _SERIALIZATION, 1
        self._attributes[1].id = _CLUSTER
        for axis, size in enumerate((cluster, 1, 1)):
            self._attributes[1].value[axis] = size
        self._count, self._threads, self._shared = 2 if cluster > 1 else 1, threads, shared

    def _config(self, blocks: int, stream: int) -> _Launch:
        return _Launch((blocks, 1, 1), (self._threads, 1, 1), self._shared, stream, self._attributes, self._count)

    def launch(self, blocks: int, stream: int, arguments: Sequence[Any]) -> None:
        """Arguments: ctypes values as the kernel takes them."""
        places = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(one) for one in arguments))
        _driver("cuLaunchKernelEx", ctypes.byref(self._config(blocks, stream)), self._handle, places, None)

    def clusters(self) -> int:
        """How many clusters the device runs at once."""
        found, config = ctypes.c_int(), self._config(self._attributes[1].value[0] << 8, 0)
        config.attributes, config.count = ctypes.pointer(self._attributes[1]), 1
        _driver("cuOccupancyMaxActiveClusters", ctypes.byref(found), self._handle, ctypes.byref(config))
        return found.value


def room_beside(function: int) -> None:
    """Let a kernel that has shared memory of a fixed size have all the rest besides; what compiles kernels forgets it."""
    fixed, handle = ctypes.c_int(), ctypes.c_void_p(function)
    _driver("cuFuncGetAttribute", ctypes.byref(fixed), _FIXED_SHARED, handle)
    if fixed.value >= 1 << 14:
        _driver("cuFuncSetAttribute", handle, _DYNAMIC_SHARED, MOST_SHARED - fixed.value)


def shared_first(function: int) -> None:
    """Ask for as much shared memory as there is, and little cache, while a kernel runs: a hint, no error if it is refused."""
    with suppress(CudaError):
        _driver("cuFuncSetAttribute", ctypes.c_void_p(function), _CARVEOUT, 100)


@cache
def module(source: str, architecture: str, device: int) -> ctypes.c_void_p:
    """A source file of this folder, compiled for an architecture and loaded on a device."""
    found, code = ctypes.c_void_p(), compiled(source, architecture)
    with torch.cuda.device(device):
        torch.cuda.current_stream()
        _driver("cuModuleLoadData", ctypes.byref(found), code)
    return found


@cache
def compiled(source: str, architecture: str) -> bytes:
    """Machine code of a source file of this folder."""
    library, program = _compiler(), ctypes.c_void_p()
    headers = sorted(HERE.glob("*.cuh"))
    texts, names = ([path.read_bytes() for path in headers], [path.name.encode() for path in headers])
    many = ctypes.c_char_p * len(headers)
    _compile(
        library, "nvrtcCreateProgram", ctypes.byref(program), (HERE / source).read_bytes(), source.encode(), len(headers),
        many(*texts), many(*names),
    )  # fmt: skip
    options = (f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
    try:
        _compile(library, "nvrtcCompileProgram", program, len(options), (ctypes.c_char_p * len(options))(*options))
    except CudaError as error:
        size = ctypes.c_size_t()
        _compile(library, "nvrtcGetProgramLogSize", program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        _compile(library, "nvrtcGetProgramLog", program, log)
        raise CudaError(f"{source}: {log.value.decode(errors='replace')[:2000]}") from error
    size = ctypes.c_size_t()
    _compile(library, "nvrtcGetCUBINSize", program, ctypes.byref(size))
    code = ctypes.create_string_buffer(size.value)
    _compile(library, "nvrtcGetCUBIN", program, code)
    _compile(library, "nvrtcDestroyProgram", ctypes.byref(program))
    return code.raw


class TensorMap:
    """How the copy engine sees a bf16 tensor of three dimensions, the fastest first: sizes, strides in bytes, box copied at once.

    Rows of the box are 128 bytes; their 16-byte parts are exchanged by the number of the row modulo 8.
    """

    def __init__(self, tensor: Tensor, sizes: Sequence[int], strides: Sequence[int], box: Sequence[int]) -> None:
        """strides: of the second and third dimension."""
        self._room = (ctypes.c_uint64 * 24)()  # 128 bytes, on a multiple of 64
        base = ctypes.addressof(self._room)
        self.value = (ctypes.c_uint64 * 16).from_address(-(-base // 64) * 64)
        _driver(
            "cuTensorMapEncodeTiled", ctypes.byref(self.value), _BF16, 3, ctypes.c_void_p(tensor.data_ptr()),
            (ctypes.c_uint64 * 3)(*sizes), (ctypes.c_uint64 * 2)(*strides), (ctypes.c_uint32 * 3)(*box),
            (ctypes.c_uint32 * 3)(1, 1, 1), 0, _SWIZZLE_128, _PROMOTE_256, 0,
        )  # fmt: skip


def _driver(name: str, *arguments: Any) -> None:
    try:
        status = getattr(_cuda(), name)(*arguments)
    except AttributeError as error:
        raise CudaError(f"the driver has no {name}") from error
    if status:
        raise CudaError(f"{name} failed with {status}")


def _compile(library: ctypes.CDLL, name: str, *arguments: Any) -> None:
    status = getattr(library, name)(*arguments)
    if status:
        raise CudaError(f"{name} failed with {status}")


@cache
def _cuda() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise CudaError(f"no driver: {error}") from error


@cache
def _compiler() -> ctypes.CDLL:
    """NVRTC as PyTorch's packages bring it, or the system's."""
    spec = find_spec("nvidia")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    found = [
        str(path) for folder in folders for path in sorted(folder.glob("*/lib/libnvrtc.so.*")) if "alt" not in path.name
    ]
    for name in (*found, "libnvrtc.so.13", "libnvrtc.so.12", ctypes.util.find_library("nvrtc")):
        if name is not None:
            try:
                return ctypes.CDLL(name)
            except OSError:
                continue
    raise CudaError("NVRTC is not installed")
