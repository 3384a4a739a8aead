"""Where results go: one output for each input, never over an existing file unasked, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dsvl2.pipelines.beside import temporary_beside
from dsvl2.pipelines.errors import OutputCollision, OutputError, OutputExists, OutputUnwritable
from dsvl2.pipelines.formats import Format
from dsvl2.pipelines.sources.open import InputFile, printable

STDOUT = "-"
ONE_DOCUMENT = frozenset({"json", "latex", "html", "tsv", "hocr", "alto", "pdf"})
"""Formats whose outputs cannot be put one behind the other."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one input's result goes; `path` None is standard output."""

    input: InputFile
    path: Path | None


def plan_outputs(
    inputs: Sequence[InputFile],
    output: str | Path | None,
    output_format: Format,
    *,
    force: bool = False,
    keep_suffix: bool = False,
) -> tuple[Target, ...]:
    """Decide every output before any work is done.

    `output` None or "-" is standard output. One input goes to the file named, or into it if it is a folder or ends in a
    slash. Several inputs, or a folder, go into a folder that mirrors the input folders; it is made when needed. There
    scan.pdf becomes scan.md, or with `keep_suffix` scan.pdf.md.

    Raises:
        OutputCollision: two inputs would share an output, or an output is one of the inputs.
        OutputExists: without `force`.
        OutputUnwritable: the place is not one to write to.
        OutputError: several documents to standard output, in a format of ONE_DOCUMENT.
    """
    if output is None or str(output) == STDOUT:
        if len(inputs) > 1 and output_format.name in ONE_DOCUMENT:
            raise OutputError(
                f"{len(inputs)} {output_format.name} documents cannot follow each other on standard output",
                hint="give a folder with -o DIR/, or use -f jsonl or -f markdown",
            )
        return tuple(Target(file, None) for file in inputs)
    path = Path(output)
    many = len(inputs) > 1 or any(file.root is not None for file in inputs)
    as_folder = many or path.is_dir() or str(output).endswith(("/", os.sep))
    if many and path.suffix.lower() in output_format.suffixes and not path.is_dir():
        what = "a folder of documents" if len(inputs) == 1 else f"{len(inputs)} inputs"
        shown = printable(str(path))
        raise OutputCollision(f"{what} cannot be written to the one file {shown}", hint="name a folder: -o DIR/")
    suffix = output_format.suffixes[0]
    targets = [
        Target(f, path / output_name(f.relative, suffix, keep=keep_suffix) if as_folder else path) for f in inputs
    ]
    _check_collisions(targets)
    for target in targets:
        assert target.path is not None
        check_writable(target.path, force=force)
    return tuple(targets)


def output_name(relative: Path, suffix: str, *, keep: bool = False) -> Path:
    """Return the name of a document's output in a folder: scan.pdf becomes scan.md, or scan.pdf.md to `keep` its suffix."""
    return relative.with_name(relative.name + suffix) if keep else relative.with_suffix(suffix)


def _check_collisions(targets: Sequence[Target]) -> None:
    taken: dict[str, InputFile] = {}
    sources = {_identity(target.input.path): target.input for target in targets if target.input.path is not None}
    for target in targets:
        assert target.path is not None
        place = _identity(target.path)
        shown = printable(str(target.path))
        if place in taken:
            raise collision(taken[place].name, target.input.name, shown)
        if place in sources:
            raise OutputCollision(f"{shown} is one of the inputs", hint="give another -o: inputs are never replaced")
        taken[place] = target.input


def collision(first: str, second: str, place: str) -> OutputCollision:
    """Return the error of two inputs that meet in one output; its hint knows whether their suffixes would part them."""
    parted = os.path.splitext(first)[1].lower() != os.path.splitext(second)[1].lower()
    hint = "give --keep-suffix, which names outputs scan.pdf.md and scan.jpg.md" if parted else None
    return OutputCollision(f"{first} and {second} would both be written to {place}", hint=hint)


def _identity(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def check_writable(path: Path, *, force: bool = False) -> None:
    """Check, as far as that can be told beforehand, that `path` can be written; folders on the way may be missing.

    Raises:
        OutputExists, OutputUnwritable.
    """
    shown = printable(str(path))
    if path.is_dir():
        raise OutputUnwritable(f"{shown} is a folder")
    if path.is_file() and not force:
        raise OutputExists(f"{shown} exists already")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputUnwritable(f"{shown} may not be written")
    folder = path.parent
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise OutputUnwritable(f"{printable(str(folder))} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputUnwritable(f"the folder {printable(str(folder))} may not be written")
    try:  # what the permissions do not tell: read-only mounts, quotas, file systems that take no files
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


class OutputFile:
    """An output being written: it goes to a temporary file beside it, and `commit` puts that in its place.

    Killed, a process leaves the temporary file; the next one that writes in the folder removes it.
    """

    def __init__(self, path: Path, file: BinaryIO, temporary: Path | None) -> None:
        self.path = path
        self._file = file
        self._temporary = temporary
        self.committed = False

    def write(self, data: str | bytes) -> None:
        """Add text (as UTF-8) or bytes.

        Raises:
            OutputUnwritable: for instance if the disk is full.
        """
        try:
            self._file.write(data.encode("utf-8") if isinstance(data, str) else data)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def commit(self, *, force: bool = False) -> None:
        """Close the file and put it in its place; writing ends here.

        Raises:
            OutputExists: something else was put there in the meantime.
            OutputUnwritable.
        """
        try:
            self._file.close()
            if self._temporary is not None:
                if not force and self.path.exists():
                    raise OutputExists(f"{printable(str(self.path))} exists already")
                os.replace(self._temporary, self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.committed = True

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        with suppress(OSError):
            self._file.close()
        if self._temporary is not None and not self.committed:
            self._temporary.unlink(missing_ok=True)


@contextmanager
def open_output(path: str | Path, *, force: bool = False) -> Iterator[OutputFile]:
    """Open an output for writing; leaving the block commits it, leaving it by an exception leaves nothing behind.

    Call `commit()` inside the block to keep what is there even if an exception follows. Missing folders are made. A
    link is followed; a device or pipe is written to directly.

    Raises:
        OutputExists, OutputUnwritable.
    """
    path = Path(path)
    check_writable(path, force=force)
    output = _create(Path(os.path.realpath(path)))
    try:
        yield output
        if not output.committed:
            output.commit(force=force)
    finally:
        output.discard()


def _create(path: Path) -> OutputFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            return OutputFile(path, path.open("wb"), None)
        handle, temporary = temporary_beside(path)
        os.chmod(temporary, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
        return OutputFile(path, os.fdopen(handle, "wb"), temporary)
    except OSError as error:
        raise _unwritable(path, error) from error


def write_output(path: str | Path, data: str | bytes, *, force: bool = False) -> None:
    """Write a whole output at once, or nothing.

    Raises:
        OutputExists, OutputUnwritable.
    """
    with open_output(path, force=force) as output:
        output.write(data)


def write_durably(path: Path, pieces: Iterable[str | bytes], *, force: bool = False, lasting: bool = True) -> str:
    """Write an output that is whole or not there whatever happens, power loss included; return its sha256.

    A kill may leave the temporary file behind, `.NAME.part`, which the next try replaces. Not `lasting`: that it is there
    may be lost with the power until `sync_folder` is called for its folder.

    Raises:
        OutputExists, OutputUnwritable.
    """
    check_writable(path, force=force)
    temporary = path.with_name(f".{os.fsdecode(os.fsencode(path.name)[:200])}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            digest = _write_synced(temporary, pieces)
            os.replace(temporary, path)
        except BaseException:  # a full disk has no room for remains
            temporary.unlink(missing_ok=True)
            raise
        if lasting:
            sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    return digest


def _write_synced(path: Path, pieces: Iterable[str | bytes]) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in pieces:
            data = piece.encode("utf-8") if isinstance(piece, str) else piece
            digest.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power loss, where the system offers that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _unwritable(path: Path, error: OSError) -> OutputUnwritable:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "make room there, or choose another place with -o" if full else None
    return OutputUnwritable(f"{printable(str(path))} cannot be written: {error.strerror or error}", hint=hint)
