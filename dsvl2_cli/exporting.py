"""Copy a model out: a plain folder or one tar file that a machine without a network takes, with the sha256 of every file."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.catalog import CHECKSUMS, files_of
from dsvl2_cli.verification import check, digests

if TYPE_CHECKING:
    from typing import BinaryIO

PIECE = 1 << 24  # bytes
TAR = ".tar"
Progress = Callable[[int, int, str], None]
Put = Callable[[str, "BinaryIO", int], None]


def export_model(source: Path, target: Path, progress: Progress | None = None) -> dict[str, str]:
    """Copy the files of a model as they are to `target`, a new folder or (by its suffix) a tar file; return their sha256.

    What stands there is complete, or nothing is: links of a cache become files, and the weights' headers and every
    checksum that is known are compared on the way. A tar file's bytes depend on the model alone. progress is called with
    MB done, MB in all, and the name of the file.

    Raises:
        WeightsError: the model is damaged. DestinationError: the target exists or cannot be written. DiskFull.
    """
    from dsvl2.model import DestinationError, DiskFull, WeightsError

    files = {path.relative_to(source).as_posix(): path for path in files_of(source) if path.name != CHECKSUMS}
    _, problems = check(source, sums=False)
    if problems:
        raise WeightsError(f"{source}: {problems[0]}", "fetch or copy the model again")
    if target.exists():
        raise DestinationError(f"{target} exists", "name a folder or a .tar file that does not, or remove it first")
    size = sum(path.stat().st_size for path in files.values())
    staging = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if size > shutil.disk_usage(target.parent).free:
            fact = f"the model has {size / 1e6:,.1f} MB, and the disk of {target.parent} has less free"
            raise DiskFull(fact, "free some space or name a place elsewhere")
        sums = _written(files, digests(source), staging, target, _Steps(size, progress))
        staging.replace(target)
    except OSError as error:
        raise DestinationError(
            f"{target} cannot be written: {error.strerror or error}", "name another place"
        ) from error
    finally:
        if staging.is_dir():
            shutil.rmtree(staging, ignore_errors=True)
        staging.unlink(missing_ok=True)
    return sums


def _written(
    files: dict[str, Path], known: dict[str, str], staging: Path, target: Path, steps: _Steps
) -> dict[str, str]:
    """Write all files and their checksums; return these."""
    from dsvl2.model import WeightsError

    sums: dict[str, str] = {}
    with _tar(staging, target.stem) if target.suffix.lower() == TAR else _folder(staging) as put:
        for name, path in files.items():
            with path.open("rb") as file:
                read = _Summed(file, name, steps)
                put(name, read, path.stat().st_size)  # type: ignore[arg-type]
            sums[name] = read.digest.hexdigest()
            if known.get(name, sums[name]) != sums[name]:
                raise WeightsError(f"{path} differs from its checksum", "fetch or copy the model again")
        text = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()
        put(CHECKSUMS, io.BytesIO(text), len(text))
    return sums


@contextmanager
def _folder(staging: Path) -> Iterator[Put]:
    staging.mkdir()

    def put(name: str, read: BinaryIO, size: int) -> None:
        (staging / name).parent.mkdir(exist_ok=True)
        with (staging / name).open("wb") as file:
            shutil.copyfileobj(read, file, PIECE)

    yield put


@contextmanager
def _tar(staging: Path, top: str) -> Iterator[Put]:
    with tarfile.open(staging, "x", format=tarfile.PAX_FORMAT) as archive:

        def put(name: str, read: BinaryIO, size: int) -> None:
            entry = tarfile.TarInfo(f"{top}/{name}")  # no owner, no time: the same model makes the same bytes
            entry.size, entry.mode = size, 0o644
            archive.addfile(entry, read)

        yield put


class _Steps:
    """Tells how far the copy is, in whole megabytes."""

    def __init__(self, size: int, progress: Progress | None) -> None:
        self._all, self._tell, self._done = size, progress, 0

    def more(self, count: int, name: str) -> None:
        self._done += count
        if self._tell is not None:
            self._tell(
                self._done // 20_000_000 * 20, self._all // 1_000_000 + 1, f"MB  {name}"
            )  # a counter shows each 20th


class _Summed:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO, name: str, steps: _Steps) -> None:
        self._file, self._name, self._steps = file, name, steps
        self.digest = hashlib.sha256()

    def read(self, size: int = PIECE) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        self._steps.more(len(piece), self._name)
        return piece
