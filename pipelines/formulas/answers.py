"""What a model wrote for a formula, as LaTeX: fences, dollars and prose come off; nothing here raises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dsvl2.pipelines.documents import Box, Notice
from dsvl2.pipelines.formulas.normalise import check, normalise
from dsvl2.pipelines.tasks.base import Parsed

_LONGEST = 20_000  # characters of an answer that are looked at
_FENCE = re.compile(r"```[a-zA-Z]*\n?(.*?)(?:```|$)", re.DOTALL)
_WRAPS = (
    re.compile(r"\$\$(.+?)\$\$", re.DOTALL),
    re.compile(r"\\\[(.+?)\\\]", re.DOTALL),
    re.compile(r"\\\((.+?)\\\)", re.DOTALL),
    re.compile(r"(?<!\\)\$([^$]+?)(?<!\\)\$"),
    re.compile(r"\\begin\{(?:equation|displaymath|math)\*?\}(.+?)\\end\{(?:equation|displaymath|math)\*?\}", re.DOTALL),
)
_SPECIAL = re.compile(r"<[|｜][^<>]*[|｜]>")
_PROSE = re.compile(r"^(?:[A-Z][a-z]+(?:[ ,'][A-Za-z']+){2,}[^\\\n]*?:)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FormulaResult:
    """One displayed formula."""

    latex: str = field(
        metadata={"help": "LaTeX without dollars, canonical but for growing brackets and spaces around words."}
    )
    valid: bool = field(metadata={"help": "Whether it can be typeset."})
    problems: tuple[str, ...] = field(metadata={"help": "What is wrong with it when it is not valid."})
    confidence: float | None = field(metadata={"help": "Geometric mean of the token probabilities, 0 to 1."})
    page: int = field(metadata={"help": "Page, from 1."})
    box: Box | None = field(metadata={"help": "Where it stands on the page image."})


def stripped(output: str) -> str:
    """The LaTeX inside a model's answer: out of code fences, dollars and display brackets, without a sentence before it."""
    text = _SPECIAL.sub("", output[:_LONGEST]).strip()
    fence = _FENCE.search(text)
    if fence:
        text = fence.group(1).strip()
    for pattern in _WRAPS:
        found = pattern.findall(text)
        if found:
            return "\\\\".join(part.strip() for part in found)
    return _PROSE.sub("", text).strip()


def parse_formula(output: str) -> Parsed[str]:
    """Canonical LaTeX of a model's answer, and a notice for each thing that is wrong with what it wrote."""
    source = stripped(output)
    problems = check(source).problems if source else ()
    return Parsed(normalise(source), tuple(Notice("formula_invalid", problem) for problem in problems))
