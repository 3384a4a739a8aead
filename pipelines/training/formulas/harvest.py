"""Displayed and longer inline formulas out of documents: LaTeX, reStructuredText, docstrings and R documentation.

Reads folders, zip archives (wheels) and tar archives (source packages). What is found is used as training material only and is
never part of this repository.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from dsvl2.pipelines.formulas.normalise import check

_SUFFIXES = (".tex", ".ltx", ".rst", ".py", ".rd", ".txt", ".md", ".cnb")
_LARGEST = 4_000_000  # bytes of a member
_SHORTEST, _LONGEST = 5, 400  # characters of source
_ENVIRONMENTS = "equation|align|eqnarray|gather|multline|displaymath|alignat|flalign"
_DISPLAYS = (
    re.compile(rf"\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}(.+?)\\end\{{\1\}}", re.DOTALL),
    re.compile(r"()\\\[(.+?)\\\]", re.DOTALL),
    re.compile(r"()\$\$(.+?)\$\$", re.DOTALL),
    re.compile(r"()\\deqn\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)\}"),
)
_ROLE = re.compile(r":math:`([^`]{12,200})`")
_INLINE_LENGTH = range(14, 160)  # single symbols teach nothing
_WORD = re.compile(r"(?<![\\A-Za-z{])(?!(?:eff|max|min|ext|int|tot)\b)[A-Za-z]{5,}(?![A-Za-z}])")
_DIRECTIVE = re.compile(r"^( *)\.\. math::[ ]*(.*)\n((?:\s*\n|\1 +.*\n)*)", re.MULTILINE)
_MACRO = re.compile(
    r"\\(?:re)?newcommand\*?\s*\{?\\(\w+)\}?\s*\{([^#{}]*(?:\{[^#{}]*\}[^#{}]*)*)\}|\\def\s*\\(\w+)\s*\{([^#{}]*(?:\{[^#{}]*\}[^#{}]*)*)\}"
)


def harvest(folder: Path) -> Iterator[str]:
    """Every formula below `folder` that stands on its own and that `check` finds no fault with."""
    documents = list(_documents(folder))
    shared = dict(pair for name, text in documents if name.endswith((".tex", ".ltx")) for pair in macros(text).items())
    for name, text in documents:
        own = {**shared, **macros(text)} if name.endswith((".tex", ".ltx", ".rst", ".py")) else {}
        if name.endswith(".py"):  # docstrings that are no raw strings
            text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
        for formula in formulas_in(text):
            expanded = expand(formula, own)
            if _looks_right(expanded) and check(expanded).valid:
                yield expanded


def _looks_right(formula: str) -> bool:
    if (
        not _SHORTEST <= len(formula) <= _LONGEST
        or not formula.isascii()
        or _WORD.search(re.sub(r"\\(?:text|mbox|textrm|mathrm|begin|end)\s*\{[^}]*\}", "", formula))
    ):
        return False
    return not set(formula) & set('#@`?"$')


def macros(text: str) -> dict[str, str]:
    """Abbreviations without arguments that a document defines."""
    found = {}
    for match in _MACRO.finditer(text):
        name, body = match.group(1) or match.group(3), match.group(2) if match.group(1) else match.group(4)
        if name and body is not None:
            found[name] = body.replace(r"\ensuremath", "").replace(r"\xspace", "")
    return found


def expand(formula: str, abbreviations: dict[str, str]) -> str:
    """The formula with abbreviations written out (three levels deep at most)."""
    for _ in range(3):
        before = formula
        formula = re.sub(
            r"\\([A-Za-z]+)",
            lambda m: "{" + abbreviations[m.group(1)] + "}" if m.group(1) in abbreviations else m.group(),
            formula,
        )
        if formula == before or len(formula) > 4 * _LONGEST:
            break
    return formula


def formulas_in(text: str) -> Iterator[str]:
    """Sources of the formulas in one document, rows of long ones apart."""
    for pattern in _DISPLAYS:
        for match in pattern.finditer(text):
            yield from _pieces(match.group(2))
    for match in _DIRECTIVE.finditer(text):
        for part in re.split(r"\n\s*\n", match.group(2) + "\n" + match.group(3)):
            lines = (line for line in part.splitlines() if not re.match(r"\s*:\w+:", line))
            yield from _pieces("\n".join(lines))
    yield from (_tidy(match.group(1)) for match in _ROLE.finditer(text))
    for paragraph in re.split(r"\n\s*\n", text):
        parts = re.split(r"(?<!\\)\$", paragraph)
        if len(parts) % 2 and "$$" not in paragraph:
            yield from (_tidy(part) for part in parts[1::2] if len(part) in _INLINE_LENGTH)


def _pieces(body: str) -> Iterator[str]:
    body = re.sub(r"(?<!\\)%.*", "", body)
    if "\\begin" in body:
        yield _tidy(body)
        return
    for row in re.split(r"\\\\(?:\[[^\]]*\])?", body):
        yield _tidy(row.replace("&", " "))


def _tidy(formula: str) -> str:
    formula = re.sub(r"\\(?:label|tag|ref|eqref|cite)\*?\{[^}]*\}|\\(?:nonumber|notag|qedhere)", "", formula)
    return " ".join(formula.replace("\\\\\\\\", "\\\\").split())


def _documents(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    if _wanted(entry.filename, entry.file_size):
                        yield entry.filename, archive.read(entry).decode("utf-8", "replace")
        elif path.name.endswith((".tar.gz", ".tar.xz", ".tgz")):
            with tarfile.open(path) as tar:
                for member in tar:
                    stream = tar.extractfile(member) if member.isfile() and _wanted(member.name, member.size) else None
                    if stream:
                        yield member.name, stream.read().decode("utf-8", "replace")
        elif path.is_file() and _wanted(path.name, path.stat().st_size):
            yield path.name, path.read_text("utf-8", "replace")


def _wanted(name: str, size: int) -> bool:
    return name.lower().endswith(_SUFFIXES) and size <= _LARGEST
