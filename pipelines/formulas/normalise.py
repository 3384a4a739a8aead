"""One way to write a formula: two sources that print alike become the same string, and `normalise` of it is itself.

Kept: signs, fonts that show, scripts (lower first), fractions, roots, accents, grids, punctuation. Dropped: spacing, labels and
tags, sizes (\\left, \\big, \\displaystyle), column types, boxes. Scripts of one sign have no braces, arguments always do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsvl2.pipelines.formulas import symbols
from dsvl2.pipelines.formulas.nodes import Atom, Call, Grid, Node, Row, Scripts, Words
from dsvl2.pipelines.formulas.parse import Parser
from dsvl2.pipelines.formulas.tokens import joined, tokenize

_SIGN_OF = {command: sign for sign, command in symbols.SIGNS.items()}


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether a formula can be typeset, and what is wrong with it."""

    valid: bool
    problems: tuple[str, ...]


def normalise(latex: str) -> str:
    """The canonical form of `latex`. Never raises: what cannot be read is left out (`check` names it)."""
    return read(latex)[0]


def printed(row: Row) -> str:
    """A tree as LaTeX."""
    return joined(_row(row))


def check(latex: str) -> Validity:
    """Whether braces, environments and \\left...\\right are balanced, commands known, arguments present."""
    return read(latex)[1]


def read(latex: str) -> tuple[str, Validity]:
    """Both of `normalise` and `check`, parsed once."""
    parser = Parser(latex)
    row = parser.formula()
    problems = list(parser.problems)
    names = [token.text for token in parser.tokens]
    if names.count("\\left") != names.count("\\right"):
        problems.append(
            "\\left without \\right" if names.count("\\left") > names.count("\\right") else "\\right without \\left"
        )
    if not row:
        problems.append("empty")
    return printed(row), Validity(not problems, tuple(problems))


def compact(canonical: str) -> str:
    """A canonical formula with signs of the embedded model's charset for commands; `normalise` brings it back."""
    tokens = [token.text for token in tokenize(canonical)]
    in_text = re.search(r"\\text\{", canonical) is not None
    if in_text:
        return "".join(
            part if part.startswith("\\text{") else _signs(part) for part in re.split(r"(\\text\{[^{}]*\})", canonical)
        )
    return joined([_SIGN_OF.get(token, token) for token in tokens if token != " "])


def _signs(part: str) -> str:
    return joined([_SIGN_OF.get(token.text, token.text) for token in tokenize(part) if token.text != " "])


def _row(row: Row) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(row):
        font = _font(row[at])
        if not font:
            tokens += _node(row[at])
            at += 1
            continue
        word, node = [], row[at]
        while True:  # neighbours of one font share the command; a script ends the word
            node = row[at]
            base = node.base if isinstance(node, Scripts) else node
            assert isinstance(base, Atom)
            word.append(base.text)
            at += 1
            if isinstance(node, Scripts) or at == len(row) or _font(row[at]) != font:
                break
        tokens += ["\\" + font, "{", joined(word), "}"]
        if isinstance(node, Scripts):
            tokens += _scripts(node)
    return tokens


def _font(node: Node) -> str:
    base = node.base if isinstance(node, Scripts) else node
    return base.font if isinstance(base, Atom) else ""


def _node(node: Node) -> list[str]:
    match node:
        case Atom(text, _):
            return [text]
        case Words(text):
            return [f"\\text{{{text}}}"]
        case Call(name, arguments, option):
            start = [name, "[", *_row(option), "]"] if option else [name]
            return start + [token for argument in arguments for token in ("{", *_row(argument), "}")]
        case Grid(kind, rows):
            return _grid(kind, rows)
        case Scripts(base, _, _):
            return [*(["{", "}"] if base is None else _node(base)), *_scripts(node)]


def _grid(kind: str, rows: tuple[tuple[Row, ...], ...]) -> list[str]:
    tokens: list[str] = []
    for index, cells in enumerate(rows):
        tokens += ["\\\\"] if index else []
        for column, cell in enumerate(cells):
            content = _row(cell)
            tokens += ["&"] if column else []
            tokens += (
                ["{", "}"] if index and content[:1] == ["["] and not column else []
            )  # `\\\\[` means something else
            tokens += content
    if kind == "substack":
        return ["\\substack", "{", *tokens, "}"]
    return [f"\\begin{{{kind}}}", *tokens, f"\\end{{{kind}}}"]


def _scripts(node: Scripts) -> list[str]:
    sup = list(node.sup)
    primes = 0
    while sup and sup[0] == Atom("\\prime"):
        sup.pop(0)
        primes += 1
    tokens = ["_", *_script(node.sub)] if node.sub else []
    tokens += ["'"] * primes
    return tokens + (["^", *_script(tuple(sup))] if sup else [])


def _script(row: Row) -> list[str]:
    if len(row) == 1 and isinstance(row[0], Atom) and not row[0].font and row[0].text != "\\not":
        return [row[0].text]
    return ["{", *_row(row), "}"]
