"""Open one input whatever it is, and find the documents in files and folders."""

from __future__ import annotations

import glob
import itertools
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.errors import EmptyFile, FileMissing, NoDocuments, UnsupportedFile
from dsvl2.pipelines.sources.base import Blob, Source, SourceOptions, out_of_reach
from dsvl2.pipelines.sources.limits import Limits
from dsvl2.pipelines.sources.near import meant
from dsvl2.pipelines.sources.sniff import HEAD_BYTES, READING, SUFFIXES, describe, kind_of_suffix, sniff

STDIN = "-"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One document to read: its path, or None for standard input, and the folder it was found under, if any."""

    path: Path | None
    root: Path | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return "<stdin>" if self.path is None else printable(str(self.path))

    @property
    def relative(self) -> Path:
        """The path below the folder that was given, or the bare file name."""
        if self.path is None:
            return Path("stdin")
        return self.path.relative_to(self.root) if self.root is not None else Path(self.path.name)


def open_source(
    document: str | Path | bytes | InputFile, options: SourceOptions | None = None, *, name: str | None = None
) -> Source:
    """Open a file, the bytes of one, or "-" for standard input; the kind is told by content, not by suffix.

    The JSON of a document that was read before (or that a person corrected) gives its pages as they are there; with
    `text_layer` "ignore" the scan behind it is opened in its place.

    Raises:
        FileMissing, EmptyFile, UnsupportedFile, UnreadableFile, Encrypted, WrongPassword, PageRangeError, PageMissing,
        TooLarge.
    """
    options = options or SourceOptions()
    blob = _blob(document, options.limits, name)
    with blob.open() as file:
        try:
            head = file.read(HEAD_BYTES)
        except OSError as error:
            raise out_of_reach(f"{blob.name} cannot be read", error) from error
    if not head:
        piped = blob.path is None and not isinstance(document, bytes)
        hint = "the program before the pipe wrote nothing: see what it says" if piped else None
        raise EmptyFile(f"{blob.name} is empty (0 bytes)", hint=hint)
    kind = sniff(head)
    if kind is None:
        raise UnsupportedFile(f"{blob.name} is no document that can be read here: it looks like {describe(head)}")
    if kind == READING:
        return _open_reading(blob, options)
    source = _open_kind(kind, blob, options)
    promised = kind_of_suffix(blob.name)
    if blob.path is not None and promised != kind:
        suffix = blob.path.suffix or "no suffix"
        source.notices.insert(0, Notice("suffix_mismatch", f"{blob.name} has {suffix} but is a {kind.upper()} file"))
    return source


def _open_kind(kind: str, blob: Blob, options: SourceOptions) -> Source:
    if kind == "pdf":
        from dsvl2.pipelines.sources.pdf import PdfSource  # slow import, and only for PDFs

        return PdfSource(blob, options)
    from dsvl2.pipelines.sources.images import ImageSource

    return ImageSource(blob, options, kind)


def _open_reading(blob: Blob, options: SourceOptions) -> Source:
    from dsvl2.pipelines.sources.stored import StoredSource, scan_of, stored_document

    if options.text_layer == "ignore":
        return open_source(scan_of(stored_document(blob), blob), options)
    return StoredSource(blob, options, open_source)


def _blob(document: str | Path | bytes | InputFile, limits: Limits, name: str | None) -> Blob:
    if isinstance(document, InputFile):
        document = STDIN if document.path is None else document.path
    if isinstance(document, bytes):
        limits.check_bytes(len(document), name or "<bytes>")
        return Blob(name or "<bytes>", None, document)
    if document == STDIN:
        return Blob(name or "<stdin>", None, _read_stdin(limits))
    path = Path(document)
    shown = name or printable(str(path))
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise not_there(path) from error
        raise out_of_reach(f"{shown} cannot be read", error) from error
    if path.is_dir():
        raise FileMissing(f"{shown} is a folder", hint="give the files in it; `dsvl2 ocr` takes folders too")
    limits.check_bytes(size, shown)
    if not path.is_file():  # a pipe or a device: it can be read only once
        with path.open("rb") as file:
            return Blob(shown, None, file.read())
    return Blob(shown, path)


def _read_stdin(limits: Limits) -> bytes:
    most = int(limits.megabytes * 1e6)
    data = sys.stdin.buffer.read(most + 1) if most else sys.stdin.buffer.read()
    limits.check_bytes(len(data), "<stdin>")
    return data


def find_documents(
    paths: Iterable[str | Path], others: Counter[str] | None = None, skipped: list[FileMissing] | None = None
) -> tuple[InputFile, ...]:
    """List the documents in files, folders and "-", in the order given; a folder's in natural order (2 before 10).

    Folders are searched to the bottom, without hidden entries, links to folders, and files of other suffixes. A file
    that was named itself is taken whatever its suffix. A pattern stands for the files it matches, as some shells leave
    that to the program. A document named twice, or by a link as well, is listed once, by its own name. `others` counts
    the suffixes of files that folders hold and that are left out; folders that cannot be listed are noted in `skipped`.

    Raises:
        FileMissing: a path that does not exist, or a folder that cannot be listed if `skipped` is None.
        NoDocuments: a folder without a document, or no path at all.
    """
    found: dict[str, InputFile] = {}
    for given in paths:
        path = Path(given)
        if str(given) == STDIN:
            found.setdefault(STDIN, InputFile(None))
        elif path.is_dir():
            for file in _folder(path, others, skipped):
                _add(found, file)
        elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", str(given)):
            hint = f"fetch it first: curl -L {given} | dsvl2 ocr -   (dsvl2 batch reads URLs)"
            raise FileMissing(f"{printable(str(given))} is a URL, and only files are read here", hint=hint)
        elif not os.path.lexists(path):
            files = matching(path)
            if not files:
                raise not_there(path)
            for file in files:
                _add(found, file)
        elif path.is_symlink() and not os.path.exists(path):
            raise FileMissing(f"{printable(str(path))} is a link to {printable(os.readlink(path))}, which is not there")
        else:
            _add(found, InputFile(path))
    if not found and not skipped:
        raise NoDocuments("no document was given")
    return tuple(found.values())


def _folder(folder: Path, others: Counter[str] | None, skipped: list[FileMissing] | None) -> list[InputFile]:
    rest: Counter[str] = Counter()
    closed: list[FileMissing] | None = None if skipped is None else []
    files = [InputFile(file, folder) for file in walk_folder(folder, closed, others=rest)]
    if not files and not closed:
        hint = f"readings are named one by one: {folder}/*.json" if rest[".json"] else None
        raise NoDocuments(f"{printable(str(folder))} has no documents in it", hint=hint)
    if others is not None:
        others.update(rest)
    if skipped is not None and closed is not None:
        skipped += closed
    return files


def _add(found: dict[str, InputFile], file: InputFile) -> None:
    """Add a document once; a file's own name takes the place of a link to it."""
    assert file.path is not None
    key = os.path.realpath(file.path)
    known = found.setdefault(key, file)
    if known.path is not None and known.path.is_symlink() and not file.path.is_symlink():
        found[key] = file


def walk_folder(
    folder: Path, skipped: list[FileMissing] | None = None, *, others: Counter[str] | None = None
) -> Iterator[Path]:
    """Yield the documents below a folder, in natural order.

    Folders that cannot be listed are noted in `skipped`, files that are left out are counted by suffix in `others`
    (hidden ones are not).

    Raises:
        FileMissing: a folder cannot be listed, and `skipped` is None.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: natural_key(entry.name))
    except OSError as error:
        problem = out_of_reach(f"{printable(str(folder))} cannot be listed", error)
        if skipped is None:
            raise problem from error
        skipped.append(problem)
        return
    known = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk_folder(Path(entry.path), skipped, others=others)
        elif entry.is_file():
            suffix = Path(entry.name).suffix.lower()
            if suffix in known:
                yield Path(entry.path)
            elif others is not None:
                others[suffix] += 1
        elif entry.is_symlink() and others is not None:
            others["a link to a folder" if entry.is_dir() else "a link to nothing"] += 1


def matching(pattern: Path) -> list[InputFile]:
    """Return the files that a pattern (`scans/*.pdf`, `**/*.tif`) matches, in natural order; none if it is no pattern.

    They keep their path below the last folder of the pattern that holds no wildcard.
    """
    if not glob.has_magic(str(pattern)):
        return []
    plain = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts))
    names = sorted(glob.iglob(str(pattern), recursive=True), key=natural_key)
    return [InputFile(Path(name), plain) for name in names if not os.path.isdir(name)]


def not_there(path: Path) -> FileMissing:
    """Return the error of a path that does not exist, with what was probably meant."""
    return FileMissing(f"{printable(str(path))} does not exist", hint=meant(str(path)) or None)


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which `page2` comes before `page10`, letter case apart."""
    parts = re.split(r"([0-9]+)", name.casefold())
    keys = [(0, int(part), "") if place % 2 else (1, 0, part) for place, part in enumerate(parts)]
    return (*keys, (-1, 0, name))


def printable(text: str) -> str:
    """Replace what is no valid Unicode in a file name, so that it can be written anywhere."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
