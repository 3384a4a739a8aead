"""safetensors files, read and written one tensor at a time.

Read by plain file access, not by mapping: mapped pages of a 9 GB shard would stay in the process until it is closed.
"""

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from dsvl2.model.errors import WeightsError

AGAIN = "download the checkpoint again, or check that config.json belongs to it"
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}
SIDE_BY_SIDE = hasattr(os, "preadv")  # not on Windows
LONGEST_HEADER = 100_000_000  # what safetensors itself accepts


class TensorFile:
    """One open file. `read` gives a tensor of its own memory; raises WeightsError when the file is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise WeightsError(f"{path.name} cannot be opened: {error.strerror}", AGAIN) from error
        try:
            self._entries, self._start = _header(path, self._file)
        except WeightsError:
            self._file.close()
            raise

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> Tensor:
        entry = self._entries[name]
        begin, end = entry["data_offsets"]
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            raise WeightsError(f"{name} has the unknown type {entry['dtype']!r}", f"known: {', '.join(DTYPES)}")
        memory = torch.empty(end - begin, dtype=torch.uint8)
        try:
            count = self._fill(memory, self._start + begin)
            return memory[:count].view(dtype).view(entry["shape"])
        except (OSError, RuntimeError) as error:
            raise WeightsError(f"{name} cannot be read from {self.path.name}: {error}", AGAIN) from error

    def size(self, name: str) -> int:
        """Bytes of a tensor."""
        begin, end = self._entries[name]["data_offsets"]
        return int(end - begin)

    def _fill(self, memory: Tensor, offset: int) -> int:
        """Read into memory from an offset, without moving the file's own position: threads may read side by side."""
        target, count = memory.numpy().data, 0
        if not SIDE_BY_SIDE:
            self._file.seek(offset)
            return int(self._file.readinto(target))  # type: ignore[attr-defined]
        while count < len(target):
            step = os.preadv(self._file.fileno(), [target[count:]], offset + count)
            if not step:
                break
            count += step
        return count

    def close(self) -> None:
        self._file.close()


def _header(path: Path, file: BinaryIO) -> tuple[dict[str, Any], int]:
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
    if length > min(size - 8, LONGEST_HEADER):
        raise WeightsError(f"{path.name} is cut short or damaged: its header does not fit in {size:,} bytes", AGAIN)
    try:
        entries: dict[str, Any] = json.loads(file.read(length))
        entries.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path.name} is cut short or damaged: its header is none", AGAIN) from error
    if 8 + length + end > size:
        raise WeightsError(
            f"{path.name} is cut short or damaged: {size:,} bytes of {8 + length + end:,} are there", AGAIN
        )
    return entries, 8 + length


def write_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as one file, widest types first, so that each begins at a multiple of its own size."""
    order = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in order:
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, tensor in order:
            file.write(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        file.flush()
        os.fsync(file.fileno())


class ShardWriter:
    """Tensors into a folder in shards of about `shard` bytes, which is what it holds at most; one shard gets no index."""

    def __init__(self, folder: Path, shard: int = 1 << 30) -> None:
        self.folder, self.shard = folder, shard
        self.written = 0
        self._held: dict[str, Tensor] = {}
        self._names: list[list[str]] = []

    def put(self, name: str, tensor: Tensor) -> None:
        """Take a tensor; it is on disk after `close` at the latest."""
        self._held[name] = tensor.contiguous()
        self.written += tensor.nbytes
        if sum(held.nbytes for held in self._held.values()) >= self.shard:
            self._flush()

    def close(self) -> list[Path]:
        """Write what is left, name the files, and write the index if there are several."""
        if self._held or not self._names:
            self._flush()
        count = len(self._names)
        if count == 1:
            return [self._part(0).rename(self.folder / "model.safetensors")]
        files: list[Path] = []
        index: dict[str, str] = {}
        for number, names in enumerate(self._names):
            file = self.folder / f"model-{number + 1:05d}-of-{count:05d}.safetensors"
            files.append(self._part(number).rename(file))
            index |= dict.fromkeys(names, file.name)
        record = {"metadata": {"total_size": self.written}, "weight_map": dict(sorted(index.items()))}
        (self.folder / "model.safetensors.index.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return files

    def _flush(self) -> None:
        write_file(self._part(len(self._names)), self._held)
        self._names.append(list(self._held))
        self._held = {}

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number}.safetensors"
