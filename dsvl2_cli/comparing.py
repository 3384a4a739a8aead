"""Find the two readings (reading documents where that is needed), compare them, and say what differs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2_cli.compare_page import PageFolder, write_page
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.reports import count
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile, Source
    from dsvl2.pipelines.compare import Comparison, Reading
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

STDIO = "-"
SCHEMA = "dsvl2/compare-run/v1"
NO_READING = ".docling.json"  # another form of what lies beside it


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command line of a comparison."""

    a: str
    b: str
    tolerance: str
    ignore: tuple[str, ...]
    context: int
    most: int
    html: str | None
    scan: str | None
    force: bool


@dataclass(frozen=True, slots=True)
class Side:
    """One reading, and the document behind it where it was read just now."""

    reading: Reading
    document: InputFile | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two readings of one name; one of them may be missing where folders are compared."""

    name: str
    found: Comparison | None
    missing: str = ""

    def beyond(self, tolerance: float) -> bool:
        """Whether they differ by more than that."""
        return self.found is None or self.found.cer > tolerance or (tolerance == 0 and not self.found.same)


def compare_all(wanted: Wanted, common: Common, now: Session) -> Exit:
    """Compare, show what differs (or write one JSON object), and return the exit code.

    Raises:
        UsageError, BadReading, FileMissing, and what reading documents raises.
    """
    from dsvl2.pipelines.compare import IGNORABLE, compare_readings

    tolerance = parse_tolerance(wanted.tolerance)
    for word in wanted.ignore:
        if word not in IGNORABLE:
            raise UsageError(f"--ignore {word}: no such thing", f"choose {', '.join(IGNORABLE)}; repeat it for several")
    if wanted.a == wanted.b == STDIO:
        raise UsageError("standard input is named twice", "name '-' once")
    with Work(common, now) as work:
        pages = _page_folder(wanted, work)
        pairs = []
        for name, one, other in _pairs(wanted, work):
            if one is None or other is None:
                pairs.append(Pair(name, None, "A" if one is None else "B"))
                if pages is not None:
                    pages.add(name, None, None, pairs[-1].missing)
                continue
            a, b = _side(one, work), _side(other, work)
            found = compare_readings(a.reading, b.reading, ignore=wanted.ignore)
            pairs.append(Pair(name, found))
            if pages is not None:
                pages.add(name, found, (a, b))
            elif wanted.html is not None:
                write_page(wanted, found, (a, b), work)
        work.stop_progress()
        if pages is not None:
            pages.finish(f"{wanted.a} - {wanted.b}")
        code = Exit.LOW_CONFIDENCE if any(pair.beyond(tolerance) for pair in pairs) else Exit.OK
        _show(pairs, tolerance, wanted, now, code)
        return code if code else work.exit


def _page_folder(wanted: Wanted, work: Work) -> PageFolder | None:
    """Return what takes the pages of two folders; None for two files, or without --html.

    Raises:
        UsageError: they are to go into one file, or on one scan. OutputError: they cannot be written.
    """
    if wanted.html is None or not Path(wanted.a).is_dir() or not Path(wanted.b).is_dir():
        work.check_output(wanted.html, wanted.force)
        return None
    if Path(wanted.html).suffix.lower() in (".html", ".htm") or Path(wanted.html).is_file():
        raise UsageError("two folders make a page for each document that differs", "name a folder: --html pages/")
    if wanted.scan is not None:
        raise UsageError("--scan names one document, and two folders hold several", "leave it out")
    return PageFolder(wanted.html, work, wanted.force)


def parse_tolerance(text: str) -> float:
    """Read 0.5% or 0.005 as a fraction.

    Raises:
        UsageError: it is neither, or a number that was meant as per cent.
    """
    number = text.strip().removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        meant = f"--tolerance {number}%" if value > 1 else "--tolerance 0.5%"
        raise UsageError(f"--tolerance {text} is no rate from 0 to 1 (or from 0% to 100%)", f"for example {meant}")
    return value


def _pairs(wanted: Wanted, work: Work) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield what belongs together: the two that were named, or the files of two folders by their names."""
    folders = [Path(word).is_dir() for word in (wanted.a, wanted.b)]
    if folders == [False, False]:
        yield wanted.b, wanted.a, wanted.b
        return
    if not all(folders):
        one, other = (wanted.a, wanted.b) if folders[0] else (wanted.b, wanted.a)
        raise UsageError(f"{one} is a folder and {other} is not", "compare two files, or two folders")
    a, b = _files(wanted.a, work), _files(wanted.b, work)
    for name in sorted(a.keys() | b.keys()):
        yield name, a.get(name), b.get(name)


def _files(folder: str, work: Work) -> dict[str, str]:
    """Return the readings below a folder by name without suffix, of several forms the most telling; else its documents."""
    from dsvl2.pipelines.compare import READING_SUFFIXES

    root = Path(folder)
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        suffix = path.suffix.lower()
        if any(part.startswith(".") for part in path.relative_to(root).parts) or not path.is_file():
            continue
        if suffix in READING_SUFFIXES and not path.name.endswith(NO_READING):
            name = str(path.relative_to(root).with_suffix(""))
            known = found.get(name)
            if known is None or _rank(path) < _rank(known):
                found[name] = path
    if not found:
        return {str(file.relative.with_suffix("")): str(file.path) for file in work.documents([folder])}
    return {name: str(path) for name, path in found.items()}


def _rank(path: Path) -> int:
    from dsvl2.pipelines.compare import READING_SUFFIXES

    return READING_SUFFIXES.index(path.suffix.lower())


def _side(word: str, work: Work) -> Side:
    """Return the reading behind a word; a document is read now."""
    from dsvl2.pipelines.compare import OTHER_OUTPUTS, READING_SUFFIXES, parse_reading
    from dsvl2.pipelines.errors import FileMissing
    from dsvl2.pipelines.sources import not_there

    suffix = Path(word).suffix.lower()
    if word == STDIO:
        return _from_stdin(work)
    if suffix not in (*READING_SUFFIXES, *OTHER_OUTPUTS):
        return _read(work.document(word), work)
    try:
        return Side(parse_reading(Path(word).read_bytes(), word))
    except FileNotFoundError as error:
        raise not_there(Path(word)) from error
    except OSError as error:
        raise FileMissing(f"{word} cannot be read: {error.strerror or error}") from error


def _from_stdin(work: Work) -> Side:
    """Return what stands on standard input: a reading if it is text, else a document."""
    from dsvl2.pipelines.compare import parse_reading
    from dsvl2.pipelines.sources import open_source

    if sys.stdin.isatty():
        raise UsageError("standard input is a terminal", "pipe a reading or a document in")
    data = sys.stdin.buffer.read()
    try:
        data.decode("utf-8")
        text = not data.startswith(b"%PDF")
    except UnicodeDecodeError:
        text = False
    if text:
        return Side(parse_reading(data, "<stdin>"))
    with open_source(data, work.options, name="<stdin>") as source:
        return _reading(source, work)


def _read(document: InputFile, work: Work) -> Side:
    with work.open(document) as source:
        return replace(_reading(source, work), document=document)


def _reading(source: Source, work: Work) -> Side:
    from dsvl2.pipelines import document_head
    from dsvl2.pipelines.compare import reading_of

    pages = tuple(work.read(source))
    engine = work.engine if any(page.usage is not None for page in pages) else None
    return Side(reading_of(replace(document_head(source, engine), pages=pages)))


def _show(pairs: list[Pair], tolerance: float, wanted: Wanted, now: Session, code: Exit) -> None:
    from dsvl2_cli.side_by_side import Width, shown

    if now.json:
        now.emit(_record(pairs, tolerance, wanted, code))
        return
    width = Width.of_terminal(now.results.isatty())
    for pair in pairs:
        if pair.found is None:
            now.results.write(f"{pair.name}: missing in {pair.missing}\n")
        else:
            now.results.write(shown(pair.found, width, context=wanted.context, most=wanted.most))
    if len(pairs) > 1:
        bad = sum(pair.beyond(tolerance) for pair in pairs)
        now.results.write(f"{count(len(pairs), 'document')}, {bad} beyond the tolerance of {100 * tolerance:g} %\n")
    elif code and tolerance and pairs[0].found is not None:
        now.console.say(f"CER {100 * pairs[0].found.cer:.2f} % is more than the tolerance of {100 * tolerance:g} %")


def _record(pairs: list[Pair], tolerance: float, wanted: Wanted, code: Exit) -> dict[str, Any]:
    from dsvl2.pipelines.compare import comparison_record

    return {
        "schema": SCHEMA,
        "exit_code": int(code),
        "tolerance": tolerance,
        "ignored": sorted(set(wanted.ignore)),
        "documents": [
            {
                "name": pair.name,
                "within": not pair.beyond(tolerance),
                "missing": pair.missing or None,
                "comparison": None if pair.found is None else comparison_record(pair.found),
            }
            for pair in pairs
        ],
    }
