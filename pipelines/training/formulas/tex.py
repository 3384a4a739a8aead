"""Typesets formulas with an installed TeX: LaTeX documents with one formula a page. Used when data is collected, never later."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dsvl2.pipelines.training.formulas.dvi import DviPage, DviReader, widths_of

_TIMEOUT = 90.0  # s for one document; a thousand formulas take two


#: Signs of Adobe's StandardEncoding that formulas use, with their codes.
_STANDARD_MARKS = (
    "parenleft 40 parenright 41 asterisk 42 plus 43 comma 44 hyphen 45 period 46 slash 47 colon 58 semicolon 59 less 60 equal 61 "
    "greater 62 bracketleft 91 bracketright 93 grave 193 acute 194 circumflex 195 tilde 196 macron 197 breve 198 dotaccent 199 "
    "dieresis 200 ring 202 caron 207 dotlessi 245 fi 174 fl 175 exclam 33 percent 37 ampersand 38 question 63 bar 124"
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A choice of size and fonts."""

    name: str
    share: float
    options: str
    packages: str


SETUPS: tuple[Setup, ...] = (
    Setup("cm10", 0.40, "10pt", ""), Setup("cm11", 0.14, "11pt", ""), Setup("cm12", 0.30, "12pt", ""),
    Setup("times", 0.07, "10pt", r"\usepackage{mathptmx}"), Setup("palatino", 0.04, "11pt", r"\usepackage{mathpazo}"),
    Setup("tx", 0.03, "10pt", r"\usepackage{txfonts}"), Setup("euler", 0.02, "10pt", r"\usepackage{euler}"),
)  # fmt: skip


def typeset(setup: Setup, formulas: Sequence[str], folder: Path, style: str = r"\displaystyle") -> Iterator[DviPage]:
    """Pages of the formulas that TeX set without an error; `number` is the formula's place in `formulas`.

    Raises:
        subprocess.TimeoutExpired: a formula sends TeX into an endless loop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = [
        rf"\documentclass[{setup.options}]{{article}}", r"\usepackage{amsmath,amssymb,mathrsfs,bm}", setup.packages,
        r"\batchmode\begin{document}",
        rf"\def\formula#1#2{{\setbox0\vbox{{\noindent x\par}}\setbox0\hbox{{${style} #2$}}\count0=#1\shipout\box0 }}",
    ]  # fmt: skip
    body = [rf"\formula{{{number}}}{{{text}}}" for number, text in enumerate(formulas)]
    source = folder / "formulas.tex"
    source.write_text("\n".join([*head, *body, r"\end{document}", ""]), encoding="ascii")
    command = ["latex", "-interaction=batchmode", "-file-line-error", "-no-shell-escape", source.name]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, timeout=_TIMEOUT, check=False
    )  # errors are in the log
    log = (folder / "formulas.log").read_text("latin-1")
    if not (folder / "formulas.dvi").exists():
        raise RuntimeError(f"latex made no DVI file (exit {done.returncode}); see {folder / 'formulas.log'}")
    bad = {int(line) - len(head) - 1 for line in re.findall(r"^\./formulas\.tex:(\d+):", log, re.MULTILINE)}
    subprocess.run(
        ["dvicopy", "formulas.dvi", "plain.dvi"], cwd=folder, capture_output=True, timeout=_TIMEOUT, check=True
    )
    for page in DviReader((folder / "plain.dvi").read_bytes(), tfm_widths).pages():
        if page.number not in bad and page.number < len(formulas):
            yield page


def require_tex() -> None:
    """Raise RuntimeError naming what to install when TeX is missing."""
    if not all(map(shutil.which, ("latex", "dvicopy", "kpsewhich"))):
        raise RuntimeError(
            "TeX is not installed: apt-get install texlive-latex-recommended texlive-fonts-recommended texlive-latex-extra"
        )


@cache
def find(name: str) -> Path:
    """Where TeX keeps a file."""
    answer = subprocess.run(["kpsewhich", name], capture_output=True, text=True, check=False).stdout.strip()
    if not answer:
        raise FileNotFoundError(f"TeX does not know {name}")
    return Path(answer)


@cache
def tfm_widths(font: str) -> dict[int, float]:
    """Widths of a font's characters."""
    return widths_of(find(f"{font}.tfm").read_bytes())


@cache
def _font_map() -> dict[str, tuple[str, str | None]]:
    lines = find("pdftex.map").read_text("latin-1").splitlines()
    found: dict[str, tuple[str, str | None]] = {}
    for line in lines:
        files = re.findall(r"<\[?([\w.-]+)", line)
        outline = next((f for f in files if f.endswith(".pfb")), None)
        if line[:1] not in "%*" and outline and "SlantFont" not in line and "ExtendFont" not in line:
            found[line.split()[0]] = (outline, next((f for f in files if f.endswith(".enc")), None))
    return found


@cache
def outline_of(font: str) -> tuple[Path, Callable[[int], int | None]]:
    """The Type 1 file of a TFM name, and how its codes map to codes of the file's own encoding (None: not in it)."""
    outline, encoding = _font_map()[font]
    path = find(outline)
    if encoding is None:
        return path, lambda code: code
    names = re.findall(r"/([\w.]+)", find(encoding).read_text("latin-1").split("[", 1)[1].split("]")[0])
    own = _own_encoding(path)
    return path, lambda code: own.get(names[code]) if code < len(names) else None


def _own_encoding(path: Path) -> dict[str, int]:
    head = path.read_bytes().split(b"eexec")[0].decode("latin-1")
    found = {name: int(code) for code, name in re.findall(r"dup\s+(\d+)\s*/([\w.]+)\s+put", head)}
    if found or "StandardEncoding def" not in head:
        return found
    letters = {chr(code): code for code in (*range(65, 91), *range(97, 123))}
    digits = dict(
        zip(
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], range(48, 58), strict=True
        )
    )
    marks = dict(zip(_STANDARD_MARKS.split()[::2], map(int, _STANDARD_MARKS.split()[1::2]), strict=True))
    return {**letters, **digits, **marks}
