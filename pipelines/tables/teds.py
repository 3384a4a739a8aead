"""TEDS, the similarity of two tables as trees: Zhong et al., "Image-based table recognition", ECCV 2020 (PubTabNet).

A table is the tree table > tr > td. TEDS = 1 - D / max(nodes), where D is the least cost of edits that turn one tree
into the other: 1 for a node more or less, 1 for cells of different spans, else the share of the text that differs
(Levenshtein distance over the longer length). TEDS-struct leaves the text out. As published, the root is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsvl2.pipelines.distance import edit_distance
from dsvl2.pipelines.tables.types import TableResult


@dataclass(frozen=True, slots=True)
class _Node:
    """A node in post-order: its leftmost leaf (index), and what it is."""

    leftmost: int
    tag: str
    span: tuple[int, int] = (1, 1)
    text: str = ""


def teds(predicted: TableResult | None, truth: TableResult, *, structure_only: bool = False) -> float:
    """Return the similarity, 0..1; 0 if there is no table where there should be one."""
    if predicted is None:
        return 0.0
    first, second = _tree(predicted), _tree(truth)
    most = max(len(first), len(second)) - 1
    if most <= 0:
        return 1.0
    return max(0.0, 1.0 - _distance(first, second, structure_only) / most)


def _tree(table: TableResult) -> list[_Node]:
    """Return the nodes of a table in post-order. Text is compared with white space folded."""
    nodes: list[_Node] = []
    for row in table.by_row():
        begin = len(nodes)
        for cell in row:
            text = " ".join(cell.text.split())
            nodes.append(_Node(len(nodes), "td", (cell.rowspan, cell.colspan), text))
        nodes.append(_Node(begin, "tr"))
    nodes.append(_Node(0, "table"))
    return nodes


def _distance(first: Sequence[_Node], second: Sequence[_Node], structure_only: bool) -> float:
    """Zhang and Shasha's tree edit distance (SIAM J. Comput. 18, 1989)."""
    known: dict[tuple[str, str], float] = {}
    tree = [[0.0] * len(second) for _ in first]

    def rename(a: _Node, b: _Node) -> float:
        if a.tag != b.tag or a.span != b.span:
            return 1.0
        if structure_only or a.text == b.text:
            return 0.0
        key = (a.text, b.text)
        if key not in known:
            known[key] = edit_distance(a.text, b.text) / max(len(a.text), len(b.text))
        return known[key]

    for i in _key_roots(first):
        for j in _key_roots(second):
            low, left = first[i].leftmost, second[j].leftmost
            tall, wide = i - low + 2, j - left + 2
            forest = [[0.0] * wide for _ in range(tall)]
            for a in range(1, tall):
                forest[a][0] = float(a)
            for b in range(1, wide):
                forest[0][b] = float(b)
            for a in range(1, tall):
                one = first[low + a - 1]
                for b in range(1, wide):
                    other = second[left + b - 1]
                    least = min(forest[a - 1][b], forest[a][b - 1]) + 1.0
                    if one.leftmost == low and other.leftmost == left:
                        least = min(least, forest[a - 1][b - 1] + rename(one, other))
                        tree[low + a - 1][left + b - 1] = least
                    else:
                        inner = tree[low + a - 1][left + b - 1]
                        least = min(least, forest[one.leftmost - low][other.leftmost - left] + inner)
                    forest[a][b] = least
    return tree[-1][-1]


def _key_roots(nodes: Sequence[_Node]) -> list[int]:
    """Return the nodes that are the root or have a left sibling, in post-order."""
    last = {node.leftmost: number for number, node in enumerate(nodes)}
    return sorted(last.values())
