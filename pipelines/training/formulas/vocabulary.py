"""The signs one invented formula draws on: papers re-use a handful of symbols and index letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

LATIN = "abcdefghijklmnopqrstuvwxyz"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_COMMON = "xyztuvwpqrskmnfghabcdeijlo"


def listed(words: str) -> tuple[str, ...]:
    """The words of a string."""
    return tuple(words.split())


GREEK = listed(
    r"\alpha \beta \gamma \delta \epsilon \varepsilon \zeta \eta \theta \vartheta \iota \kappa \lambda \mu \nu \xi \pi \rho "
    r"\sigma \tau \upsilon \phi \varphi \chi \psi \omega \varrho \varpi \varsigma"
)
_GREEK_WEIGHTS = (8, 7, 7, 6, 6, 4, 3, 5, 7, 2, 1, 4, 8, 8, 7, 5, 6, 6, 8, 6, 1, 8, 4, 4, 7, 6, 0.6, 0.3, 0.3)
GREEK_CAPITALS = listed(r"\Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Phi \Psi \Omega \Upsilon")
CALLIGRAPHIC = "LHMDFANOPSTZGVWBCEKRUIJQXY"
BLACKBOARD = "RCZNQPEFHTDSAIKVBX"
NUMBERS = listed("0 0 1 1 1 1 2 2 2 2 2 3 3 4 4 4 5 6 6 8 8 9 10 12 16 24 7 32 64")
RELATIONS = listed(
    r"= \equiv := \approx \sim \simeq \leq \geq < > \rightarrow \propto \neq \cong \to \le \ge \ll \gg \longrightarrow "
    r"\Rightarrow \in \subset \mapsto \supset \subseteq \perp \gtrsim \lesssim \doteq \leftrightarrow"
)
RELATION_WEIGHTS = (290, 22, 8, 5, 5, 4, *(3,) * 6, *(2,) * 7, *(1.5,) * 6, *(0.6,) * 6)
BINARY = listed(
    r"\times \cdot \otimes \wedge \oplus \circ \ast * \star \pm \mp \cup \cap \bullet \dagger \vee \div \setminus"
)
BINARY_WEIGHTS = (8, 9, 7, 7, 3, 4, 1, 2, 2, 4, 2, 1, 1, 0.4, 0.2, 1, 0.3, 0.4)
FUNCTIONS = listed(
    r"\sin \cos \exp \ln \log \tanh \cosh \sinh \tan \det \cot \coth \arctan \max \min \dim \arg \ker \sup \inf \Pr \sec"
)
FUNCTION_WEIGHTS = (9, 9, 9, 6, 6, 3, 4, 4, 3, 3, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 0.3)
ROMAN = listed(
    "Tr tr det diag eff str Str Sym Re Im rank sgn sign const Res Vol vol ch Ad ad Hom End Aut Spec ind Ker ext int tot in "
    "out up eq reg ren bare phys BRST CS YM GR SU SO Sp crit cl quant min max tree loop GeV MeV var Var Cov corr softmax arg "
    "KL argmax ReLU MSE dist supp span Lie id pt res free bulk bdy even odd th ph kin pot h.c. c.c. d e i"
)
PHRASES = tuple(
    phrase.replace("_", " ")
    for phrase in listed(
        "for where with and if for_all such_that otherwise when or as then subject_to for_some on at in mod for_every even odd"
    )
)
ACCENTS = listed(
    r"\hat \bar \tilde \dot \vec \ddot \overline \widetilde \widehat \underline \check \acute \breve \mathring"
)
ACCENT_WEIGHTS = (10, 14, 10, 8, 4, 3, 6, 4, 4, 1.2, 0.6, 0.2, 0.2, 0.2)
_SIGNS = listed(r"\hbar \ell \partial \nabla \infty \Re \Im \imath \jmath \wp \Box \aleph")


@dataclass(frozen=True, slots=True)
class Palette:
    """Symbols, fields (capitals, decorated ones) and index letters of one formula."""

    symbols: tuple[str, ...]
    fields: tuple[str, ...]
    indices: tuple[str, ...]
    primes: float  # how often a symbol carries one
    upright: bool  # old-style `{\rm x}` declarations instead of `\mathrm{x}`

    @classmethod
    def draw(cls, rng: Random) -> Palette:
        """Pick them for a formula."""
        symbols = [_symbol(rng) for _ in range(rng.choice((2, 3, 3, 4, 5, 6)))]
        old = rng.random() < 0.5
        fields = [_field(rng, old) for _ in range(rng.choice((2, 2, 3, 4)))]
        indices = rng.choice(_INDEX_SETS) if rng.random() < 0.9 else tuple(_symbol(rng) for _ in range(4))
        return cls(
            tuple(symbols),
            tuple(fields),
            tuple(rng.sample(indices, min(len(indices), rng.randint(1, 5)))),
            rng.choice((0, 0, 0.04, 0.12)),
            old,
        )


_INDEX_SETS: tuple[tuple[str, ...], ...] = (
    (r"\mu", r"\nu", r"\rho", r"\sigma", r"\lambda"), (r"\mu", r"\nu", r"\rho", r"\alpha", r"\beta"),
    ("i", "j", "k", "l", "m"), ("a", "b", "c", "d", "e"), ("m", "n", "p", "q", "r"), (r"\alpha", r"\beta", r"\gamma", r"\delta"),
    ("A", "B", "C", "D", "E"), ("M", "N", "P", "Q"), ("I", "J", "K", "L"), ("i", "j", "n", "m", "N"), ("0", "1", "2", "3"),
    ("x", "y", "z", "t"), ("n", "k", "m", "l"), ("1", "2", "n", "i"), (r"\mu", "a", r"\nu", "b"), ("i", r"\alpha", "j", r"\beta"),
    (r"\dot{\alpha}", r"\alpha", r"\dot{\beta}", r"\beta"), ("+", "-", "0"), ("s", "t", "u", "v"), ("L", "R", "0"),
    (r"\theta", r"\phi", "r", "t"), (r"\tau", r"\sigma", "+", "-"), (r"\bar{z}", "z", r"\bar{w}", "w"), ("R", "S", "T"),
    (r"\hat{a}", r"\hat{b}", "a", "b"), (r"\kappa", r"\lambda", r"\tau"), ("p", "q", "r"), (r"i'", "i", "j", "j'"),
)  # fmt: skip


def _symbol(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(_COMMON) if rng.random() < 0.3 else rng.choice(_COMMON[:14])
    if kind < 0.80:
        return rng.choices(GREEK, _GREEK_WEIGHTS)[0]
    if kind < 0.93:
        return rng.choice(CAPITALS)
    return rng.choice(_SIGNS)


def _field(rng: Random, old: bool) -> str:
    kind = rng.random()
    if kind < 0.42:
        return rng.choice(CAPITALS)
    if kind < 0.57:
        return rng.choice(GREEK_CAPITALS)
    if kind < 0.70:
        letter = rng.choice(CALLIGRAPHIC[: rng.choice((6, 12, 26))])
        return rng.choice((rf"{{\cal {letter}}}", rf"\mathcal{{{letter}}}", rf"{{\mathcal {letter}}}"))
    if kind < 0.80:
        letter = rng.choice(LATIN + CAPITALS + "01")
        return rf"{{\bf {letter}}}" if old else rf"\mathbf{{{letter}}}"
    if kind < 0.84:
        return rf"\mathbb{{{rng.choice(BLACKBOARD)}}}"
    if kind < 0.86:
        return rf"\mathfrak{{{rng.choice('gshuoptkmabGA')}}}"
    if kind < 0.89:
        return rf"\boldsymbol{{{rng.choice((*GREEK, *LATIN))}}}"
    if kind < 0.91:
        return roman(rng, rng.choice(ROMAN[:24]), old)
    return decorated(rng, _symbol(rng))


def roman(rng: Random, word: str, old: bool) -> str:
    """An upright word, in one of the ways papers write it."""
    if old:
        return rng.choice((rf"{{\rm {word}}}", rf"{{\rm {word}}}", rf"\mbox{{{word}}}"))
    return rng.choice((rf"\mathrm{{{word}}}", rf"\mathrm{{{word}}}", rf"\text{{{word}}}", rf"\operatorname{{{word}}}"))


def decorated(rng: Random, symbol: str) -> str:
    """A symbol with an accent."""
    accent = rng.choices(ACCENTS, ACCENT_WEIGHTS)[0]
    symbol = (
        {"i": r"\imath", "j": r"\jmath"}.get(symbol, symbol) if rng.random() < 0.4 and accent in ACCENTS[:6] else symbol
    )
    return f"{accent}{{{symbol}}}" if rng.random() < 0.9 or len(accent) > 6 else f"{accent} {symbol}"


def pick(rng: Random, items: str) -> str:
    """One of the words in `items`."""
    return rng.choice(items.split())


def weighted(rng: Random, items: Sequence[str], weights: Sequence[float]) -> str:
    """One of `items`."""
    return rng.choices(items, weights)[0]
