"""Canonical LaTeX made fit to be typeset: brackets that grow with what they hold, words set apart. `normalise` undoes it."""

from __future__ import annotations

from dataclasses import replace

from dsvl2.pipelines.formulas.nodes import Atom, Call, Grid, Node, Row, Scripts, Words
from dsvl2.pipelines.formulas.normalise import printed
from dsvl2.pipelines.formulas.parse import Parser

_PAIRS = {
    "(": ")",
    "[": "]",
    "\\{": "\\}",
    "\\langle": "\\rangle",
    "\\lfloor": "\\rfloor",
    "\\lceil": "\\rceil",
    "|": "|",
}
_CLOSERS = frozenset(_PAIRS.values()) - {"|"}
_TALL_CALLS = frozenset({"\\frac", "\\binom", "\\overbrace", "\\underbrace", "\\overset", "\\underset"})
_TALL_SIGNS = frozenset(
    f"\\{name}"
    for name in ("sum", "prod", "coprod", "int", "iint", "iiint", "oint", "bigcup", "bigcap", "bigoplus", "bigotimes")
)
_LEFT, _RIGHT, _NOTHING, _SPACE = Atom("\\left"), Atom("\\right"), Atom("\\right."), Atom("\\ ")
#: Upright words of sentences; other upright letters are names.
_WORDS = frozenset(
    (
        "for",
        "with",
        "and",
        "if",
        "where",
        "when",
        "or",
        "otherwise",
        "as",
        "then",
        "on",
        "in",
        "at",
        "is",
        "some",
        "mod",
    )
)
_RELATIONS = frozenset(
    (
        "=",
        "<",
        ">",
        "\\leq",
        "\\geq",
        "\\equiv",
        "\\approx",
        "\\sim",
        "\\simeq",
        "\\neq",
        "\\rightarrow",
        "\\propto",
        "\\in",
    )
)


def dress(latex: str) -> str:
    """The formula with \\left and \\right where brackets hold something tall, and space around words."""
    return printed(_row(Parser(latex).formula()))


def _row(row: Row) -> Row:
    nodes = [_inside(node) for node in row]
    pairs = _tall_pairs(nodes)
    dressed: list[Node] = []
    for place, node in enumerate(nodes):
        mark = pairs.get(place)
        dressed += [node] if mark is None else [node, mark] if mark is _NOTHING else [mark, node]
    return tuple(_spaced(dressed))


def _tall_pairs(nodes: list[Node]) -> dict[int, Atom]:
    """Places of brackets that should grow -> what goes before them; of grids whose bracket is not closed -> what ends it."""
    found: dict[int, Atom] = {}
    open_ones: list[int] = []
    for place, node in enumerate(nodes):
        sign = _sign(node)
        if isinstance(node, Grid) and node.kind == "matrix" and place and place - 1 not in found:
            found |= _around_grid(nodes, place)
        elif sign in _CLOSERS and open_ones:
            start = open_ones.pop()
            fits = _PAIRS[_sign(nodes[start])] == sign and start not in found and place not in found
            if fits and any(map(_is_tall, nodes[start + 1 : place])):
                found |= {start: _LEFT, place: _RIGHT}
        elif sign in _PAIRS and sign != "|" and isinstance(node, Atom):
            open_ones.append(place)
    return _balanced(found, nodes)


def _around_grid(nodes: list[Node], place: int) -> dict[int, Atom]:
    before, after = _sign(nodes[place - 1]), _sign(nodes[place + 1]) if place + 1 < len(nodes) else ""
    if not isinstance(nodes[place - 1], Atom) or before not in _PAIRS:
        return {}
    if after == _PAIRS[before]:
        return {place - 1: _LEFT, place + 1: _RIGHT}
    return {place - 1: _LEFT, place: _NOTHING} if before == "\\{" else {}


def _balanced(found: dict[int, Atom], nodes: list[Node]) -> dict[int, Atom]:
    """Nothing, if the pairs would cross: TeX takes brackets as they come."""
    depth = 0
    for place in sorted(found):
        depth += 1 if found[place] is _LEFT else -1
        if depth < 0:
            return {}
    return found if depth == 0 else {}


def _sign(node: Node) -> str:
    base = node.base if isinstance(node, Scripts) else node
    return base.text if isinstance(base, Atom) else ""


def _is_tall(node: Node) -> bool:
    base = node.base if isinstance(node, Scripts) else node
    if isinstance(base, Grid) or (isinstance(base, Call) and base.name in _TALL_CALLS):
        return True
    if isinstance(base, Call):
        return any(_is_tall(part) for argument in base.arguments for part in argument)
    return isinstance(base, Atom) and base.text in _TALL_SIGNS


def _inside(node: Node) -> Node:
    if isinstance(node, Call):
        return replace(node, arguments=tuple(map(_row, node.arguments)))
    if isinstance(node, Grid):
        rows = tuple(tuple(map(_row, cells)) for cells in node.rows)
        return replace(node, rows=tuple((_lined_up(cells[0]),) for cells in rows) if node.kind == "aligned" else rows)
    if isinstance(node, Scripts):
        base = _inside(node.base) if node.base is not None else None
        assert not isinstance(base, Scripts)
        return Scripts(base, node.sub, node.sup)
    return node


def _lined_up(row: Row) -> Row:
    """The row with a mark before its first relation, by which rows stand under each other."""
    first = next((place for place, node in enumerate(row) if _sign(node) in _RELATIONS), 0)
    return (*row[:first], Atom("&"), *row[first:])


def _spaced(nodes: list[Node]) -> list[Node]:
    """Space around texts, and around upright words of sentences."""
    done: list[Node] = []
    at = 0
    while at < len(nodes):
        end = at
        while end < len(nodes) and isinstance(nodes[end], Atom) and nodes[end].font == "mathrm":  # type: ignore[union-attr]
            end += 1
        word = "".join(_sign(node) for node in nodes[at:end])
        run = nodes[at : max(end, at + 1)]
        apart = word in _WORDS or isinstance(run[0], Words)
        done += [_SPACE, *run, _SPACE] if apart and len(nodes) > len(run) else run
        at += len(run)
    return done
