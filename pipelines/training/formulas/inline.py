"""Formulas as they stand in a line of text: symbols, relations, short products; and what a crop keeps of the lines around."""

from __future__ import annotations

from random import Random

import numpy as np

from dsvl2.pipelines.training.formulas.draw import Mask
from dsvl2.pipelines.training.formulas.grammar import Writer
from dsvl2.pipelines.training.formulas.vocabulary import listed

FILE = "inline.npz.xz"  # in the folder of training data, beside the displayed formulas
_SETS = listed(
    r"\mathbb{R} \mathbb{R}^n \mathbb{R}^d \mathbb{N} \mathbb{Z} \mathbb{C} [0,1] (0,1) \mathcal{X} \{0,1\} S A V"
)
_GROWTH = listed(r"n n^2 n\log{n} \log{n} 1 n^3 \sqrt{n} mn |V|+|E| \epsilon 1/n h^2 N 2^n k \epsilon^{-2} t^{1/2}")
_SIZES = listed(r"n N 100 m d k 10 64 1000 D 2n p")
_UNITS = listed(r"\mathrm{km} \mathrm{GeV} \mathrm{K} \mathrm{cm} \mathrm{s} \mathrm{kg} \mathrm{Hz} \mu\mathrm{m} \%")
_HATS = listed("hat bar tilde dot vec")
_SIGNS = (*(r"\sum",) * 8, *(r"\prod",) * 8, *listed(r"\coprod \bigcup \bigcup \bigcap \bigoplus"))
_ENDS = ("",) * 9 + (".", ",", ",", ";")


def inline(rng: Random) -> str:
    """LaTeX of a formula between words, with the mark that follows it in some of the cases."""
    writer = Writer(rng)
    kind = rng.random()
    if kind < 0.20:
        text = _symbol(writer)
    elif kind < 0.42:
        text = _relation(writer)
    elif kind < 0.54:
        text = _scripted(writer)
    elif kind < 0.62:
        text = f"{writer.symbol()}({writer.arguments(2)})"
    elif kind < 0.69:
        text = _listed(writer)
    elif kind < 0.74:
        text = rng.choice(("O", "O", r"\mathcal{O}", "o", r"\Theta", r"\Omega")) + f"({rng.choice(_GROWTH)})"
    elif kind < 0.79:
        text = _number(rng)
    elif kind < 0.86:
        text = _big(writer)
    elif kind < 0.93:
        text = writer.product(2, most=2)
    else:
        text = writer.sum(2, short=True)
    return text + rng.choice(_ENDS)


def _symbol(writer: Writer) -> str:
    if writer.chance(0.45):
        return writer.scripts(writer.rng.choice((*writer.palette.symbols, *writer.palette.fields)), 0.8)
    return writer.symbol()


def _scripted(writer: Writer) -> str:
    """What a line of text cannot say: both scripts, accents with scripts, powers of brackets, small fractions, roots."""
    rng, p = writer.rng, writer.palette
    base, low = rng.choice((*p.symbols, *p.symbols, *p.fields)), writer.index()
    both = rf"{base}_{{{low}}}^{{{rng.choice((writer.power(), writer.index()))}}}"
    one, two, sign = writer.symbol(), writer.symbol(), rng.choice("+-")
    return rng.choice((
        both, both, rf"\{rng.choice(_HATS)}{{{base}}}_{{{low}}}", rf"({one} {sign} {two})^{{{writer.power()}}}",
        rf"{base}^{{{writer.power()}}}", rf"\frac{{{one}}}{{{two}}}", rf"\sqrt{{{one}}}", rf"{base}_{{{low}}} {sign} {one}",
        rf"\|{one}\|_{{{rng.choice('12FpH')}}}", rf"{one} {rng.choice('=<>')} {both}",
    ))  # fmt: skip


def _big(writer: Writer) -> str:
    """A sum, product, integral, union or extreme with its limits, as a line of text sets them: beside the sign."""
    rng, p = writer.rng, writer.palette
    variable, body = rng.choice(p.indices), writer.scripts(rng.choice((*p.symbols, *p.fields)), 0.7)
    kind = rng.random()
    if kind < 0.22:
        high = rng.choice((r"\infty", "1", "T", r"2\pi", *p.symbols))
        return rf"\int_{{{rng.choice(('0', 'a', '1', *p.fields))}}}^{{{high}}} {body} d{rng.choice('xtxsz')}"
    if kind < 0.38:
        to = rng.choice((r"\to \infty", rf"\in {rng.choice(p.fields)}"))
        return rf"\{rng.choice(('max', 'min', 'lim', 'sup', 'inf'))}_{{{variable} {to}}} {body}"
    low, high = rng.choice("011"), rng.choice((*"nNmkd", r"\infty"))
    limits = rng.choice((f"_{{{variable}={low}}}^{{{high}}}", f"_{{{writer.domain(variable)}}}", f"_{{{variable}}}"))
    return f"{rng.choice(_SIGNS)}{limits} {body}"


def _relation(writer: Writer) -> str:
    rng = writer.rng
    left = writer.symbol() if writer.chance(0.8) else f"{writer.symbol()}({rng.choice(writer.palette.symbols)})"
    kind = rng.random()
    if kind < 0.24:
        return rf"{left} \in {rng.choice((*_SETS, *writer.palette.fields))}"
    if kind < 0.60:
        sign = rng.choice(
            ("=", "=", "=", r"\leq", r"\geq", ">", "<", r"\neq", r"\approx", r"\sim", r"\ll", r"\to", r"\equiv")
        )
        return f"{left} {sign} {rng.choice((writer.number(), '0', '1', rng.choice(writer.palette.symbols)))}"
    if kind < 0.70:
        low, high = rng.choice((("0", "1"), ("1", "n"), ("0", r"\infty"), ("a", "b"), ("1", "N"), ("-1", "1")))
        sign = rng.choice((r"\leq", "<"))
        return f"{low} {sign} {left} {sign} {high}"
    if kind < 0.80:
        return f"{left} : {rng.choice(_SETS)} \\to {rng.choice(_SETS)}"
    return f"{left} {writer.relation()} {writer.product(2, most=2)}"


def _listed(writer: Writer) -> str:
    rng = writer.rng
    letter, index = rng.choice(writer.palette.symbols), rng.choice(("i", "j", "k", "t", "n"))
    last, dots = rng.choice(("n", "N", "m", "k", "d", "T")), rng.choice((r"\ldots", r"\dots", r"\cdots"))
    return rng.choice((
        rf"{letter}_1, {dots}, {letter}_{last}", rf"{letter}_1,{letter}_2,{dots},{letter}_{last}", rf"{index}=1,{dots},{last}",
        rf"\{{{letter}_{index}\}}_{{{index}=1}}^{{{last}}}", rf"({letter}_{index}, y_{index})", rf"\{{1,{dots},{last}\}}",
        rf"{index} \in \{{1, {dots}, {last}\}}", rf"({letter}, {rng.choice(writer.palette.symbols)})", rf"{index} = 1, 2, 3",
    ))  # fmt: skip


def _number(rng: Random) -> str:
    value = rng.choice(
        (str(rng.randint(1, 9)), f"{rng.randint(1, 99)}.{rng.randint(0, 9)}", str(rng.randint(10, 4000)))
    )
    power = f"10^{{{rng.choice(('', '-', '-'))}{rng.randint(2, 12)}}}"
    return rng.choice((
        power, rf"{value} \times {power}", rf"{value} \pm {rng.randint(1, 9)}",
        rf"{rng.choice(_SIZES)} \times {rng.choice(_SIZES)}",
        rf"{value}\,{rng.choice(_UNITS)}", rf"1/{rng.choice(_SIZES)}", rf"\frac{{1}}{{{rng.choice(_SIZES)}}}", rf"{value}^\circ",
        rf"\sqrt{{{rng.choice(_SIZES)}}}", rf"|{rng.choice(_SIZES)}|", rf"{value}\%",
    ))  # fmt: skip


def with_neighbours(rng: Random, formula: Mask, other: Mask, px: float) -> Mask:
    """The formula between what reaches into its crop from the lines above and below: the edges of other letters.

    ``px`` is a pixel of the canvas in pixels of the masks.
    """
    parts = [formula]
    for above in (True, False):
        if rng.random() < 0.45:
            continue
        deep = max(1, round(rng.uniform(1, 4) * px))
        edge = other[-deep:] if above else other[:deep]
        strip = np.zeros((len(edge), formula.shape[1]), np.uint8)
        start = rng.randrange(max(1, edge.shape[1] - 2))
        piece = edge[:, start : start + round(formula.shape[1] * rng.uniform(0.1, 0.9))]
        at = rng.randrange(max(1, strip.shape[1] - piece.shape[1] + 1))
        strip[:, at : at + piece.shape[1]] = piece[:, : strip.shape[1] - at]
        gap = np.zeros((max(1, round(rng.uniform(1.5, 9) * px)), formula.shape[1]), np.uint8)
        parts = [strip, gap, *parts] if above else [*parts, gap, strip]
    return np.concatenate(parts)
