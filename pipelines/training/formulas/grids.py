"""Formulas of several rows: matrices, cases, aligned derivations."""

from __future__ import annotations

from dsvl2.pipelines.training.formulas.grammar import Writer

_IF = (
    r"\text{if }",
    r"{\rm for}\ ",
    r"\mbox{if}\ ",
    r"\text{for }",
    r"{\rm if}\;",
    "",
    r"\mathrm{for}~",
    r"\textrm{if }",
)


def grid(writer: Writer) -> str:
    """Matrices in brackets, alone or in an equation."""
    rng = writer.rng
    rows, columns = rng.choice(((2, 2), (2, 2), (2, 2), (3, 3), (2, 3), (3, 1), (2, 1), (3, 2), (1, 3), (4, 1), (4, 4)))
    small = rows * columns > 6

    def cell() -> str:
        kind = rng.random()
        if kind < 0.4:
            return rng.choice(
                ("0", "0", "1", "-1", "i", "-i", r"\ddots", r"\vdots", r"\cdots", "*")[: 10 if small else 6]
            )
        return writer.symbol() if kind < 0.75 or small else ("-" if kind < 0.8 else "") + writer.product(2, most=2)

    body = r" \\ ".join(" & ".join(cell() for _ in range(columns)) for _ in range(rows))
    kind = rng.choice(("array", "array", "array", "pmatrix", "pmatrix", "bmatrix", "vmatrix", "matrix"))
    if kind == "array":
        left, right = rng.choice((("(", ")"), ("(", ")"), ("[", "]"), ("|", "|"), (r"\{", r"\}")))
        text = rf"\left{left}\begin{{array}}{{{rng.choice('ccclr') * columns}}}{body}\end{{array}}\right{right}"
    else:
        text = rf"\begin{{{kind}}}{body}\end{{{kind}}}"
    text += f"^{{{writer.power()}}}" if writer.chance(0.08) else ""
    relation = rng.choice(("=", "=", r"\equiv", r"\rightarrow"))
    before = (
        f"{writer.product(2, most=2)} {relation} {rng.choice(('', '', writer.ratio(2)))}" if writer.chance(0.85) else ""
    )
    after = rng.choice(("+", "=", "-", r"\otimes ")) + writer.product(2, most=2) if writer.chance(0.2) else ""
    return before + text + after


def cases(writer: Writer) -> str:
    """Definitions by cases."""
    rng = writer.rng
    word = rng.choice(_IF)

    def row() -> str:
        value = writer.product(2, most=2) if writer.chance(0.7) else writer.number()
        relation = rng.choice((">", "<", "=", r"\geq ", r"\leq "))
        when = (
            f"{writer.product(2, most=2)} {writer.relation()} {writer.number()}"
            if writer.chance(0.3)
            else writer.symbol() + relation + writer.number()
        )
        return f"{value}{rng.choice(('', ','))} & {word}{when}"

    rows = [row() for _ in range(rng.choice((2, 2, 2, 3)))]
    if writer.chance(0.3):
        rows[-1] = rows[-1].split("&")[0] + r"& \text{otherwise}"
    body = (rng.choice(("", ",")) + r" \\ ").join(rows)
    if writer.chance(0.5):
        text = rf"\begin{{cases}}{body}\end{{cases}}"
    else:
        text = rf"\left\{{\begin{{array}}{{ll}}{body}\end{{array}}\right."
    return f"{writer.left_side()} = {text}"


def rows(writer: Writer) -> str:
    """Aligned rows, as long derivations are set."""
    rng = writer.rng
    lines = [f"{writer.left_side()} &= {writer.sum(1, short=True)}"]
    for _ in range(rng.choice((1, 1, 2))):
        lines.append(
            rng.choice(
                (
                    f"&= {writer.sum(1, short=True)}",
                    f"&\\quad {rng.choice('+-')} {writer.sum(1, short=True)}",
                    f"{writer.left_side()} &= {writer.sum(1, short=True)}",
                )
            )
        )
    return r"\begin{aligned}" + (rng.choice(("", ",")) + r" \\ ").join(lines) + r"\end{aligned}"
