"""Whole formulas: what an equation as a unit looks like. `kernel` is never trained on: it measures unseen structure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from dsvl2.pipelines.training.formulas import vocabulary as words
from dsvl2.pipelines.training.formulas.grammar import Writer
from dsvl2.pipelines.training.formulas.grids import cases, grid, rows
from dsvl2.pipelines.training.formulas.vocabulary import listed, pick, roman

HELD_OUT_FAMILY = "kernel"

_COORDINATES = listed(r"\theta \phi t r x \tau z y \rho \Omega x_i x^\mu x_{11} \Omega_3 \chi")
_COUPLINGS = (*listed(r"2 4 2\kappa^2 4\pi 2\pi 4\pi\alpha' g^2 8\pi^2 (2\pi)^4"), r"16\pi G", r"2\pi i")
_MEASURES = listed(r"d^4x d^{4}x d^dx d^2z d^{10}x d^3x d\tau dt d^2\sigma d^Dx d^{n}x d^3k")
_OPERATORS = (
    r"\mathbb{E}", r"{\rm E}", "E", r"\operatorname{Var}", r"\mathbb{P}", "P", r"\Pr", r"\mathrm{Cov}", "p", "q", r"\mathcal{N}",
    r"\log p", r"\mathrm{KL}",
)  # fmt: skip
_SPACES = listed(r"\mathbb{R}^n SU(2) SO(3) \mathbb{C} L^2(\Omega) U(1) {\bf{Z}}_2 H^1(M) G/H 0 S^{2} T^*M")


def equation(writer: Writer) -> str:
    """left = right (= right)."""
    text = f"{writer.left_side()} {writer.relation()} {writer.sum(0)}"
    while writer.chance(0.16):
        text += f" {writer.relation()} {writer.sum(1, short=True)}"
    return text


def short(writer: Writer) -> str:
    """Little ones: definitions, constraints, index identities."""
    right = writer.product(2, most=2) if writer.chance(0.7) else writer.number()
    return f"{writer.product(2, most=2)} {writer.relation()} {right}"


def expression(writer: Writer) -> str:
    """No relation at all."""
    return writer.sum(0)


def several(writer: Writer) -> str:
    """Two or three equations in one line, parted by commas and gaps."""
    gap = writer.rng.choice(
        (r",\quad ", r",\qquad ", r"\,,\quad ", r"\ ,\ \ \ ", r";\quad ", r",\;\; ", r"~,~~ ", r"\quad ")
    )
    return gap.join(
        short(writer) if writer.chance(0.6) else equation(writer) for _ in range(writer.rng.choice((2, 2, 2, 3)))
    )


def conditioned(writer: Writer) -> str:
    """An equation and when it holds."""
    rng = writer.rng
    word = rng.choice(words.PHRASES)
    form = rng.choice(
        (
            r"\quad \text{{{}}}\quad ",
            r"\ \ {{\rm {}}}\ \ ",
            r"\quad \mbox{{{}}}\ ",
            r"\;\;\mathrm{{{}}}\;\;",
            r",\qquad {{\rm {}}}\quad ",
            r"\hspace{{0.5cm}}\textrm{{{}}}\hspace{{0.3cm}}",
        )
    )
    if " " in word:
        form = rng.choice((r"\quad \text{{{} }}", r"\quad \mbox{{ {} }}\ "))
    return (equation(writer) if writer.chance(0.6) else short(writer)) + form.format(word) + short(writer)


def range_of(writer: Writer) -> str:
    """x_i = ..., i = 1, ..., n."""
    rng = writer.rng
    index = rng.choice(writer.palette.indices)
    dots = rng.choice((r"\ldots", r"\dots", r"\cdots", "..."))
    last = rng.choice(("n", "N", "n-1", "m", "D-1", "p", "4", "k", *writer.palette.symbols))
    gap = rng.choice((r",\quad ", r",\ ", r"\quad ", r"\;,\qquad "))
    return f"{short(writer)}{gap}{index}={rng.choice('0112')},{rng.choice(('2,', '', ''))}{dots},{last}"


def commutator(writer: Writer) -> str:
    """[A, B] = ..."""
    rng = writer.rng
    left, right = rng.choice(
        (("[", "]"), ("[", "]"), (r"\{", r"\}"), (r"\left[", r"\right]"), (r"\left\{", r"\right\}"))
    )
    sign = rng.choice(("_+", "_-", "_{q}", "_{PB}", "_*", r"_{\star}")) if writer.chance(0.15) else ""
    first = writer.symbol() + (writer.bracket(writer.arguments(2), ("(", ")")) if writer.chance(0.35) else "")
    return f"{left}{first},{writer.space()}{writer.symbol()}{right}{sign} = {writer.sum(1, short=True)}"


def metric_element(writer: Writer) -> str:
    """Line elements and other sums of squared differentials."""
    rng, p = writer.rng, writer.palette
    terms = []
    for _ in range(rng.choice((2, 3, 3, 4))):
        variable = rng.choice((*_COORDINATES, *p.symbols))
        square = (
            " dx^{\\mu}dx^{\\nu}"
            if writer.chance(0.08)
            else f" d{variable}" + ("^2" if "^" not in variable else f" d{variable}")
        )
        terms.append(
            rng.choice(
                (
                    "",
                    "",
                    writer.product(2, most=2),
                    writer.bracket(writer.sum(2, short=True)) + rng.choice(("", "^2", "^{-1}", "^{-1/2}", "^{2}")),
                    writer.exponential(2),
                )
            )
            + square
        )
    frame = rng.choice(("10", "11", "M", "4", "E", "d", "5"))
    head = rng.choice(("ds^2", "ds^{2}", f"ds_{{{frame}}}^2", r"d\hat{s}^2", "d s^2"))
    return f"{head} = {rng.choice(('', '-'))}" + "".join(
        rng.choice("+-++") * bool(i) + term for i, term in enumerate(terms)
    )


def action(writer: Writer) -> str:
    """S = coefficient, integral, density."""
    rng = writer.rng
    head = rng.choice(
        ("S", "I", r"{\cal L}", r"\mathcal{L}", r"\Gamma", "Z", "H", "W", "F", r"{\cal S}", "A", "E", "Q", r"\Delta E")
    )
    coefficient = writer.fractional(
        rng.choice(("1", "1", "i", "g^2", "N", "k")),
        rng.choice(_COUPLINGS),
    )
    measure = rng.choice(_MEASURES)
    root = rng.choice(
        ("", "", rf"\sqrt{{-g}}{writer.space()}", r"\sqrt{g}", r"\sqrt{-G}", r"\sqrt{h}", r"\sqrt{|g|}", "e")
    )
    body = writer.bracket(writer.sum(1)) if writer.chance(0.6) else writer.product(1)
    coefficient = rng.choice((coefficient, coefficient, "", "-", "-" + coefficient))
    return rf"{writer.scripts(head, 0.3)} = {coefficient}\int {measure}{writer.space()}{root} {body}"


def expectation(writer: Writer) -> str:
    """Probability, statistics, learning."""
    rng, p = writer.rng, writer.palette
    x, y = (
        writer.scripts(rng.choice(("x", "y", "z", r"\theta", r"\mathbf{x}", "X", "Y", r"\mathbf{z}", *p.symbols)), 0.35)
        for _ in range(2)
    )
    expect = rng.choice((*_OPERATORS, r"\mathbb{E}_{" + x + "}"))
    inner = rng.choice(
        (x, rf"{x}|{y}", rf"{x}\mid {y}", rf"{x},{y}", rf"{x};{y}", writer.sum(2, short=True), rf"{x}\,\|\,{y}")
    )
    left = expect + writer.bracket(inner, rng.choice((("(", ")"), ("[", "]"))))
    relation = rng.choice(("=", "=", r"\leq", r"\sim", r"\propto", r"\approx", r"\geq"))
    return f"{left} {relation} {writer.sum(1, short=True)}"


def mapping(writer: Writer) -> str:
    """f : A -> B, groups, inclusions, sequences."""
    rng, p = writer.rng, writer.palette
    groups = (f"Sp({rng.randint(1, 8)})", f"SU({rng.choice('23N')})", f"E_{rng.choice('678')}")
    spaces = [rng.choice((*_SPACES, *groups, *p.fields, writer.symbol())) for _ in range(4)]
    arrow = pick(
        rng,
        r"\to \rightarrow \longrightarrow \mapsto \hookrightarrow \otimes \oplus \times \cong \subset \simeq \supset",
    )
    text = f" {arrow} ".join(spaces[: rng.choice((2, 2, 3, 4))])
    if writer.chance(0.5):
        return f"{rng.choice(p.symbols)} : {text}"
    return writer.symbol() + rng.choice((r" \in ", " = ", r" \cong ")) + text


def kernel(writer: Writer) -> str:
    """Held out: ratios of integral transforms with nested limits."""
    rng, p = writer.rng, writer.palette
    x, y = rng.choice(p.symbols), rng.choice(p.symbols)
    limit = rng.choice((r"\infty", "1", x))
    inner = rf"\int_{{0}}^{{{limit}}} K_{{{rng.choice(p.indices)}}}({x},{y}) {writer.symbol()} d{y}"
    outer = rf"\sum_{{n=0}}^{{\infty}} {writer.symbol()} {x}^{{n}}"
    factor = rf"\frac{{{x}-{writer.symbol()}}}{{{writer.symbol()}-{y}}}"
    sign = rng.choice("+-")
    return rf"{writer.symbol()}({x}) = \frac{{{inner}}}{{{outer}}} {sign} \prod_{{k\neq n}} {factor}"


FAMILIES: dict[str, tuple[float, Callable[[Writer], str]]] = {
    "equation": (38, equation), "short": (15, short), "expression": (5, expression), "several": (9, several),
    "conditioned": (3.5, conditioned), "range_of": (2.5, range_of), "commutator": (5, commutator), "action": (5, action),
    "metric_element": (2.5, metric_element), "expectation": (4, expectation), "mapping": (2.5, mapping), "grid": (4.5, grid),
    "cases": (2.5, cases), "rows": (3, rows), "kernel": (0, kernel),
}  # fmt: skip
_ENDS = (
    "", "", ".", ",", r"\ .", r"\,.", r"\ ,", r"\,,", "~.", r"\;.", r"\quad .", ";", r" \;,", " ,", " .", r"\;", r"\,;",
)  # fmt: skip


def invent(rng: Random, family: str | None = None) -> str:
    """LaTeX of one displayed formula."""
    if family is None:
        family = rng.choices(list(FAMILIES), [weight for weight, _ in FAMILIES.values()])[0]
    writer = Writer(rng)
    text = FAMILIES[family][1](writer)
    if rng.random() < 0.02:
        text += rng.choice((r"\quad ", r"\qquad ")) + roman(rng, rng.choice(words.ROMAN[:20]), True)
    return text + rng.choice(_ENDS)
