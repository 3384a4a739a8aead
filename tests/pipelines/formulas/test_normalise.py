"""One way to write a formula."""

from __future__ import annotations

from random import Random

import pytest

from dsvl2.pipelines.formulas import check, compact, dress, edit_similarity, formula_match, normalise
from dsvl2.pipelines.training.charset import covered
from dsvl2.pipelines.training.formulas.families import FAMILIES, invent

SAME = [
    (r"{\cal L} = {1 \over 2} \partial_\mu \phi", r"\mathcal{L}=\frac{1}{2}\partial_{\mu}\phi"),
    (r"x^{2}_{i}", r"x_i^2"),
    (r"f^{\prime}_n", r"f_n'"),
    (r"f''", r"f^{\prime\prime}"),
    (r"\left( a \right)\,,\quad b\;.", "(a),b."),
    (r"\label{eq:1} a \le b \tag{3}", r"a\leq b"),
    (r"{\rm Tr}(A)", r"\mbox{Tr}(A)"),
    (r"\mathrm{sin}x", r"\sin x"),
    (r"{\bf x}\cdot{\bf y}", r"\mathbf{x}\cdot\mathbf{y}"),
    (r"\mathcal{\vartheta}", r"\vartheta"),
    (r"i=1,...,n", r"i=1,\ldots,n"),
    (r"\Gamma{}^i_{jk}", r"\Gamma_{jk}^i"),
    (r"{x}^{2}", "x^2"),
    (r"\dfrac{a}{b}", r"\frac ab"),
    (r"\begin{pmatrix}a&b\\c&d\end{pmatrix}", r"\left(\begin{array}{cc}a & b \\ c & d \\ \end{array}\right)"),
    (r"\begin{cases}1&x>0\\0\end{cases}", r"\left\{\begin{array}{ll}1&x>0\\0\end{array}\right."),
    (r"\begin{aligned}a&=b\\&=c\end{aligned}", r"\begin{eqnarray}a&=&b\\&=&c\end{eqnarray}"),
    (r"a \hskip 1cm b \kern-2pt c", "abc"),
    (r"a % a comment", "a"),
    (r"α≤β", r"\alpha\leq\beta"),
    (r"\mbox{\boldmath $\sigma$}", r"\boldsymbol{\sigma}"),
    (r"\not= \not\in", r"\neq\notin"),
    (r"n \choose k", r"\binom{n}{k}"),
    (r"\mathrm{diag}(-,+)", r"{\rm diag(-,+)}"),
]  # fmt: skip
DIFFERENT = [
    (r"R^A{}_B", "R^A_B"), (r"\phi", r"\varphi"), (r"\hat{x}", r"\widehat{x}"), (r"\mathbf{x}", r"\boldsymbol{x}"),
    ("a,", "a"), (r"x_{12}", "x_12"), (r"\frac{a}{b}", "a/b"), (r"\mathrm{Tr}", "Tr"), (r"\cdots", r"\ldots"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_what_prints_alike_is_written_alike(first: str, second: str) -> None:
    assert normalise(first) == normalise(second)
    assert formula_match(first, second)


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_what_looks_different_stays_different(first: str, second: str) -> None:
    assert not formula_match(first, second)


def test_the_canonical_form_is_short_latex() -> None:
    source = r"\label{a}\Psi (x)=(2\pi )^{-3/2}\int \left[ \Psi^{+}(\mathbf{p})e^{ipx}\right] d^3p\;,"
    assert normalise(source) == r"\Psi(x)=(2\pi)^{-3/2}\int[\Psi^+(\mathbf{p})e^{ipx}]d^3p,"
    assert compact(normalise(source)) == r"Ψ(x)=(2π)^{-3/2}∫[Ψ^+(\mathbf{p})e^{ipx}]d^3p,"


def test_a_bracket_after_a_line_end_is_no_gap() -> None:
    text = r"\begin{matrix}a\\{}[b]\end{matrix}"
    assert normalise(text) == text
    assert normalise(r"\begin{matrix}a\\[2pt]b\end{matrix}") == r"\begin{matrix}a\\b\end{matrix}"


def test_invented_formulas_come_back_from_both_forms() -> None:
    rng = Random(5)
    for family in FAMILIES:
        for _ in range(12):
            source = invent(rng, family)
            canonical = normalise(source)
            assert normalise(canonical) == canonical, source
            assert normalise(compact(canonical)) == canonical, source
            assert covered(compact(canonical)), canonical
            assert check(canonical).valid, canonical


def test_anything_can_be_normalised() -> None:
    rng = Random(7)
    spaced = (
        r"{ } \ \frac ^ _ ' & \\ \begin{matrix} \end{matrix} $ x \left [ ] \sqrt % é \over \hskip \rm \begin \end \not"
    )
    pieces = [*spaced.split(), r"\mbox", "2", " ", "\n", r"\text{a b}"]
    for _ in range(600):
        text = "".join(rng.choices(pieces, k=rng.randint(1, 14)))
        canonical = normalise(text)
        assert normalise(canonical) == canonical, (text, canonical, normalise(canonical))
        check(text)


@pytest.mark.parametrize(
    ("latex", "problem"),
    [
        (r"\frac{a}{b", "unbalanced {"), ("a}", "unmatched }"), (r"\frac{a}", r"\frac lacks an argument"),
        (r"\foo", r"unknown command \foo"), ("x☐", "unknown sign ☐"),
        ("a^b^c", "double superscript"), ("a_b_c", "double subscript"), (r"\left(a", r"\left without \right"), ("", "empty"),
        (r"\begin{matrix}a", r"\begin{matrix} is not closed"), ("{a&b}", "& or line end outside an array"),
        ("x^", "^ lacks an argument"),
        ("{" * 4000, "nested too deep"), (r"\begin{foo}a\end{foo}", "unknown environment foo"),
    ],
)  # fmt: skip
def test_what_cannot_be_typeset_is_named(latex: str, problem: str) -> None:
    validity = check(latex)
    assert not validity.valid
    assert problem in validity.problems


@pytest.mark.parametrize(
    "latex", ["x", r"\left.\frac{a}{b}\right|_{x=0}", r"f'_i", r"\sqrt[3]{x}", r"\text{for all }x"]
)
def test_sound_formulas_are_valid(latex: str) -> None:
    assert check(latex).valid


def test_similarity_counts_tokens() -> None:
    assert edit_similarity(r"\alpha+b", "α + b") == 1.0
    assert edit_similarity("a+b", "a+c") == pytest.approx(2 / 3)
    assert edit_similarity("", "abc") == 0.0
    assert edit_similarity("", "") == 1.0


@pytest.mark.parametrize(
    ("canonical", "dressed"),
    [
        (r"(\frac{a}{b})^2", r"\left(\frac{a}{b}\right)^2"), ("(a+b)", "(a+b)"),
        (r"\begin{aligned}a=b\\=c\end{aligned}", r"\begin{aligned}a&=b\\&=c\end{aligned}"),
        (r"[x(\sum_ia_i)]", r"\left[x\left(\sum_ia_i\right)\right]"),
        (r"\{\begin{matrix}1&\mathrm{if}x\end{matrix}.", r"\left\{\begin{matrix}1&\ \mathrm{if}\ x\end{matrix}\right.."),
        (r"|\begin{matrix}a\end{matrix}|", r"\left|\begin{matrix}a\end{matrix}\right|"), (r"(\frac{a}{b}]", r"(\frac{a}{b}]"),
        (r"[\frac{a}{b})", r"[\frac{a}{b})"), (r"x=1\text{for all }y", r"x=1\ \text{for all}\ y"),
    ],
)  # fmt: skip
def test_formulas_are_dressed_for_typesetting(canonical: str, dressed: str) -> None:
    assert dress(canonical) == dressed


def test_dress_comes_off_again() -> None:
    rng = Random(6)
    for family in FAMILIES:
        for _ in range(8):
            canonical = normalise(invent(rng, family))
            assert normalise(dress(canonical)) == canonical
            assert check(dress(canonical)).valid, dress(canonical)
