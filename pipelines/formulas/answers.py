"""What a model wrote for a formula, as LaTeX: fences, dollars and prose come off; nothing here raises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.formulas.normalise import read
from dsvl2.pipelines.tasks.base import Parsed

_LONGEST = 6_000  # characters of an answer that are looked at; no formula of a page comes near
_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)(?:```|$)", re.DOTALL)
_WRAPS = tuple(
    (re.compile(opener), re.compile(closer))
    for opener, closer in (
        (r"\$\$", r"\$\$"),
        (r"\\\[", r"\\\]"),
        (r"\\\(", r"\\\)"),
        (r"(?<!\\)\$(?!\$)", r"(?<!\\)\$"),
        (r"\\begin\{(?:equation|displaymath|math)\*?\}", r"\\end\{(?:equation|displaymath|math)\*?\}"),
    )
)
_SPECIAL = re.compile(r"<[|｜][^<>]*[|｜]>")
# Possessive throughout: a sentence of 20,000 characters without a colon is given up at once.
_PROSE = re.compile(r"^[A-Z][a-z']++(?:[ ,]++[A-Za-z']++){2,}+[^\\\n:]*+:\s*")


@dataclass(frozen=True, slots=True)
class FormulaResult:
    """One formula: displayed, or inside a line of text."""

    latex: str = field(
        metadata={"help": "LaTeX without dollars, canonical but for growing brackets and spaces around words."}
    )
    valid: bool = field(metadata={"help": "Whether it can be typeset."})
    problems: tuple[str, ...] = field(metadata={"help": "What is wrong with it when it is not valid."})
    confidence: float | None = field(metadata={"help": "Geometric mean of the token probabilities, 0 to 1."})
    page: int = field(metadata={"help": "Page, from 1."})
    box: Box | None = field(metadata={"help": "Where it stands on the page image."})
    inline: bool = field(default=False, metadata={"help": "Whether it stands inside a line of text."})

    @property
    def written(self) -> str:
        """Its LaTeX as a line of text output: `\\(...\\)` around one that stands in a line, a displayed one bare."""
        return f"\\({self.latex}\\)" if self.inline else self.latex


def stripped(output: str) -> str:
    """The LaTeX inside a model's answer: out of code fences, dollars and display brackets, without a sentence before it."""
    text = _SPECIAL.sub("", output[:_LONGEST]).strip()
    fence = _FENCE.search(text)
    if fence:
        text = fence.group(1).strip()
    for opener, closer in _WRAPS:
        found = _between(text, opener, closer)
        if found:
            return "\\\\".join(part.strip() for part in found)
    return _PROSE.sub("", text).strip()


def _between(text: str, opener: re.Pattern[str], closer: re.Pattern[str]) -> list[str]:
    """What stands between pairs of marks, not empty; once through the text, whatever is left open."""
    found: list[str] = []
    at = 0
    while (start := opener.search(text, at)) and (end := closer.search(text, start.end() + 1)):
        found.append(text[start.end() : end.start()])
        at = end.end()
    return found


def parse_formula(output: str) -> Parsed[str]:
    """Canonical LaTeX of a model's answer, and a notice for each thing that is wrong with what it wrote."""
    source = stripped(output)
    latex, validity = read(source)
    notices = tuple(Notice("formula_invalid", problem) for problem in (validity.problems if source else ()))
    if len(output) > _LONGEST:
        message = f"the answer had {len(output)} characters; only the first {_LONGEST} were looked at"
        notices = (Notice("formula_cut", message), *notices)
    return Parsed(latex, notices)
