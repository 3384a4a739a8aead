"""Brings the tree into its one form: what prints alike becomes the same nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsvl2.pipelines.formulas import symbols
from dsvl2.pipelines.formulas.nodes import Atom, Call, Grid, Node, Row, Scripts, Words

_DOT, _CENTRED = Atom("."), Atom("\\cdot")
_PRIME = Atom("\\prime")
#: What `\not` turns its sign into.
_NEGATED = {
    "=": "\\neq", "\\in": "\\notin", "\\equiv": "\\not\\equiv", "\\cong": "\\ncong", "\\exists": "\\nexists", "|": "\\nmid",
}  # fmt: skip


def atoms_of(token: str, font: str) -> Atom:
    """The sign `token`, in `font` if it looks different in it."""
    return Atom(token, font if token in symbols.STYLED.get(font, ()) else "")


def wrapped(kind: str, left: str, right: str, rows: Sequence[Sequence[Row]]) -> Row:
    """A grid between its delimiters; grids without columns have their cells joined, empty rows at the end dropped."""
    cells = [tuple(row) for row in rows]
    if kind != "matrix":
        cells = [(tuple(node for cell in row for node in cell),) for row in cells]
        cells = [row for row in cells if row[0]]
    while cells and not any(cells[-1]):
        cells.pop()
    if kind != "matrix" and len(cells) == 1:
        return cells[0][0]
    if not cells:
        return ()
    return (*([Atom(left)] if left else ()), Grid(kind, tuple(cells)), *([Atom(right)] if right else ()))


def refined(row: Row) -> Row:
    """The row in its one form."""
    nodes: list[Node] = []
    for node in map(_inside, row):
        previous = nodes[-1] if nodes else None
        if isinstance(node, Scripts) and node.base is None:
            if not node.sub and not node.sup:
                continue
            if previous is not None and not isinstance(previous, Scripts | Grid) and _carries(previous):
                nodes[-1] = Scripts(previous, node.sub, node.sup)
                continue
        nodes.append(node)
    return tuple(_named(_merged_texts(_dotted(_negated(nodes)))))


def _carries(node: Node) -> bool:
    """Whether an empty group after `node` makes no difference to where a script stands."""
    if isinstance(node, Atom):
        return node.text.isalnum() or node.text in symbols.LETTERS
    return isinstance(node, Call)


def _inside(node: Node) -> Node:
    if isinstance(node, Call):
        return replace(node, arguments=tuple(map(refined, node.arguments)), option=refined(node.option))
    if isinstance(node, Grid):
        return replace(node, rows=tuple(tuple(map(refined, cells)) for cells in node.rows))
    if isinstance(node, Scripts):
        base = _inside(node.base) if node.base is not None else None
        sub, sup = refined(node.sub), refined(node.sup)
        if not sub and not sup and base is not None:
            return base
        assert not isinstance(base, Scripts)
        return Scripts(base, sub, sup)
    return node


def _negated(nodes: Iterable[Node]) -> list[Node]:
    done: list[Node] = []
    for node in nodes:
        base = node.base if isinstance(node, Scripts) else node
        if done and done[-1] == Atom("\\not") and isinstance(base, Atom) and base.text in _NEGATED:
            whole = _NEGATED[base.text]
            if not whole.startswith("\\not\\"):
                done.pop()
                node = replace(node, base=Atom(whole)) if isinstance(node, Scripts) else Atom(whole)
        done.append(node)
    return done


def _dotted(nodes: list[Node]) -> list[Node]:
    done: list[Node] = []
    for node in nodes:
        done.append(node)
        for sign, name in ((_DOT, "\\ldots"), (_CENTRED, "\\cdots")):
            if done[-3:] == [sign] * 3:
                done[-3:] = [Atom(name)]
    return done


def _merged_texts(nodes: list[Node]) -> list[Node]:
    """Neighbouring texts as one; a text of letters alone as upright letters."""
    done: list[Node] = []
    for node in nodes:
        if isinstance(node, Words) and done and isinstance(done[-1], Words):
            node = Words(f"{done.pop().text} {node.text}")  # type: ignore[union-attr]
        if isinstance(node, Words) and not node.text.strip():
            continue
        done.append(node)
    return done


def _named(nodes: list[Node]) -> list[Node]:
    """Upright letters that spell an operator become its command."""
    done: list[Node] = []
    run: list[Node] = []

    def close() -> None:
        word = "".join(_letter(node) for node in run)
        if "\\" + word in symbols.OPERATORS:
            last, name = run[-1], Atom("\\" + word)
            done.append(replace(last, base=name) if isinstance(last, Scripts) else name)
        else:
            done.extend(run)
        run.clear()

    for node in nodes:
        if not _letter(node):
            close()
            done.append(node)
            continue
        run.append(node)
        if isinstance(node, Scripts):
            close()
    close()
    return done


def _letter(node: Node) -> str:
    base = node.base if isinstance(node, Scripts) else node
    return base.text if isinstance(base, Atom) and base.font == "mathrm" else ""
