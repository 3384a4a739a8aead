"""Gives words their look: bold, italic and small-caps runs, other fonts, strokes, raised marks, bits of maths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dsvl2.pipelines.training.fonts import Face
from dsvl2.pipelines.training.glyphs import SizedFont
from dsvl2.pipelines.training.typeset import Flow, Part, Word

_VARIABLES = "xyzabcdfgijknmpqrstuvwABCDEFGHKLMNPQRSTVWXYZ" + "αβγδεζηθκλπρστφχψωΓΔΘΛΣΦΨΩ∂∇"
_OPERATORS = "====+−×÷±≤≥≠≈≡∈∉⊂⊆∩∪∧∨→⇒⇔<>·/*↔←"
_SIGNS = ("∑", "∏", "∫", "√", "∀", "∃", "¬", "∞", "∅", "∂", "lim", "log", "sin", "max", "exp")
Stroke = Literal["", "under", "through"]


def dress(flow: Flow, texts: Sequence[str]) -> list[Word]:
    """Words of a paragraph; those that no font at hand can draw are left out."""
    if flow.rng.random() < 0.6:
        words = [word for text in texts if (word := flow.word(text))]
    else:
        words = _runs(flow, texts)
    kind = flow.rng.random()
    if kind < 0.10:  # a paper's page has formulas all over it
        for _ in range(flow.rng.randint(1, 4) if kind < 0.07 else flow.rng.randint(3, 9)):
            at = flow.rng.randrange(len(words) + 1)
            words[at:at] = maths(flow)
    if flow.rng.random() < 0.12:
        words = [_marked(flow, word) if flow.rng.random() < 0.06 else word for word in words]
    return words


def _runs(flow: Flow, texts: Sequence[str]) -> list[Word]:
    """Split into runs of one look each."""
    rng = flow.rng
    words: list[Word] = []
    rest = list(texts)
    while rest:
        count = rng.randint(1, 8) if rng.random() < 0.5 else rng.randint(4, 30)
        run, rest = rest[:count], rest[count:]
        font, stroke, upper = _look(flow)
        for text in run:
            shown = text.title() if upper else text
            word = flow.word(shown, font, stroke=stroke) or flow.word(shown)
            if word:
                words.append(word)
    return words


def _look(flow: Flow) -> tuple[SizedFont | None, Stroke, bool]:
    rng, family = flow.rng, flow.style.family
    kind = rng.random()
    choices: tuple[Face, ...] = ()
    if kind < 0.2:
        choices = family.bold
    elif kind < 0.42:
        choices = family.italic
    elif kind < 0.48 and family.small_caps:
        return flow.font(rng.choice(family.small_caps)), "", True
    elif kind < 0.54:
        choices = flow.resources.family(rng).plain
    elif kind < 0.58:
        choices = rng.choice(flow.resources.mono).plain
    stroke: Stroke = "under" if 0.58 < kind < 0.68 else "through" if 0.68 < kind < 0.70 else ""
    return (flow.font(rng.choice(choices)) if choices else None), stroke, False


def _marked(flow: Flow, word: Word) -> Word:
    """Add a footnote mark."""
    rng = flow.rng
    text = rng.choice((str(rng.randint(1, 30)), str(rng.randint(1, 9)), "*", "†", "‡", "a", "[3]", "1,2", "th", "TM"))
    return raised(flow, word, text) or word


def raised(flow: Flow, word: Word, text: str, up: float = 0.75) -> Word | None:
    """``word`` with small characters above (or, with negative ``up``, below) the line; labelled plainly."""
    base = word.parts[-1].font
    small = flow.resources.sized(flow.style.face, flow.style.body.size * flow.rng.uniform(0.58, 0.74))
    if not small.letters.issuperset(text):
        return None
    part = Part(text, small, base.x_height * up)
    return Word(word.label + text, (*word.parts, part), word.width + small.width(text) + 0.5, word.stroke)


def maths(flow: Flow) -> list[Word]:
    """A formula inside a line, such as x1 = y2 + 3 with small lowered and raised digits."""
    rng = flow.rng
    italic = flow.style.family.italic
    font = flow.font(rng.choice(italic)) if italic and rng.random() < 0.8 else flow.style.body
    words: list[Word] = []
    for index in range(rng.randint(1, 5)):
        if index:
            words += flow.plain(rng.choice(_OPERATORS))
        words += _term(flow, font)
    if words and rng.random() < 0.3:
        words += flow.plain(f"({rng.randint(1, 30)})")
    return words


def _term(flow: Flow, font: SizedFont) -> list[Word]:
    rng = flow.rng
    kind = rng.random()
    letter = rng.choice(_VARIABLES)
    word = flow.word(letter, font) or flow.word(letter)
    if kind < 0.15 or word is None:
        return flow.plain(
            rng.choice(
                (str(rng.randint(0, 99)), f"{rng.uniform(0, 9):.2f}", f"{rng.randint(1, 9)}/{rng.randint(2, 9)}")
            )
        )
    if kind < 0.25:
        return [*flow.plain(rng.choice(_SIGNS)), word]
    if kind < 0.35:
        return flow.plain(f"{letter}({rng.choice(_VARIABLES)})")
    if kind < 0.39:
        return flow.plain(
            rng.choice(
                (
                    f"[{letter}, {rng.choice(_VARIABLES)}]",
                    f"O({letter})",
                    f"{letter} = 1, …, {rng.choice('nNmkd')}",
                    f"{letter} ∈",
                )
            )
        )
    if kind < 0.45:
        return flow.plain(f"{{{letter}1,…,{letter}n}}" if kind < 0.42 else f"|{letter}|")
    small = rng.choice(
        (
            str(rng.randint(0, 12)),
            str(rng.randint(0, 3)),
            rng.choice("ijknmt"),
            "n−1",
            "i+1",
            "*",
            "′",
            "T",
            "max",
            "ij",
        )
    )
    if kind > 0.94 and (ten := flow.word(rng.choice(("10", "10", "2", "e")))):  # a power
        return [raised(flow, ten, rng.choice(("−1", "−2", "−3", "−6", "6", "9", "−x", "iθ", "n")), 0.75) or ten]
    if kind < 0.8:
        word = raised(flow, word, small, rng.choice((0.7, 0.8, -0.25, -0.35))) or word
    return [word]
