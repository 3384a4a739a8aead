"""The small parts of invented formulas: numbers, indices, powers, symbols with scripts, brackets, fractions."""

from __future__ import annotations

from random import Random

from dsvl2.pipelines.training.formulas import vocabulary as words
from dsvl2.pipelines.training.formulas.vocabulary import Palette, decorated, pick, roman

_OPEN = (
    (("(", ")"),) * 6
    + (("[", "]"),) * 3
    + ((r"\{", r"\}"),) * 2
    + (("|", "|"), (r"\langle ", r"\rangle "), (r"\|", r"\|"))
)


class Parts:
    """Writes with one palette and the habits of one author."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.palette = Palette.draw(rng)
        self.brackets = rng.choice(("plain", "left", "left", "big"))
        self.fraction = rng.choice((r"\frac", r"\frac", r"\frac", r"\over", r"\dfrac"))
        self.staggered = rng.random() < 0.12
        self.index_rate = rng.choice((0.25, 0.45, 0.65))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def number(self) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.92:
            return rng.choice(words.NUMBERS)
        return str(rng.randint(2, 400)) if kind < 0.97 else f"{rng.randint(0, 30)}.{rng.randint(0, 999)}"

    def index(self) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.62:
            count = rng.choice((1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4))
            pool = self.palette.indices
            if count <= len(pool) and self.chance(0.85):
                return " ".join(rng.sample(pool, count))
            return " ".join(rng.choice(pool) for _ in range(min(count, len(pool) + 1)))
        if kind < 0.74:
            return rng.choice("0123012+-*")
        if kind < 0.80:
            return f"({rng.choice((*self.palette.indices, '0', '1', '2'))})"
        if kind < 0.88:
            return (
                f"{rng.choice(self.palette.indices)}{rng.choice('+-')}{rng.choice((*'111234n', *self.palette.indices))}"
            )
        if kind < 0.92:
            return roman(rng, rng.choice(words.ROMAN), self.palette.upright)
        if kind < 0.95:
            return rng.choice(self.palette.symbols)
        return f"{rng.choice(self.palette.indices)}{rng.choice((',', ';', '|', ' '))}{rng.choice(self.palette.indices)}"

    def power(self) -> str:
        rng = self.rng
        kind = rng.random()
        if kind < 0.42:
            return rng.choice("2222223344567")
        if kind < 0.56:
            return f"-{rng.choice('1111222334nks')}"
        if kind < 0.62:
            return f"{rng.choice(('-', '', ''))}{rng.choice('1123579')}/{rng.choice('222345')}"
        if kind < 0.70:
            return pick(rng, r"\dagger \prime \ast * T \top + - \pm \prime\prime \star \perp \infty")
        if kind < 0.78:
            return f"({rng.choice((*'01234', *self.palette.indices))})"
        if kind < 0.83:
            return rf"\frac{{{rng.choice('1123n')}}}{{{rng.choice('2223469')}}}"
        if kind < 0.92:
            return f"{rng.choice(self.palette.symbols)}{rng.choice('+-')}{rng.choice('112n')}"
        return self.index()

    def scripts(self, base: str, share: float | None = None) -> str:
        share = self.index_rate if share is None else share
        sub = self.index() if self.chance(share) else ""
        sup = (self.power() if self.chance(0.6) else self.index()) if self.chance(share * 0.7) else ""
        prime = "'" * self.rng.choice((1, 1, 1, 2)) if not sup and self.chance(self.palette.primes) else ""
        if sub and sup and self.staggered:
            first, second = (f"_{{{sub}}}", f"^{{{sup}}}") if self.chance(0.5) else (f"^{{{sup}}}", f"_{{{sub}}}")
            return f"{base}{first}{{}}{second}"
        down = f"_{{{sub}}}" if len(sub) > 1 or self.chance(0.6) else f"_{sub}"
        up = f"^{{{sup}}}" if len(sup) > 1 or self.chance(0.6) else f"^{sup}"
        parts = [down if sub else "", up if sup else prime]
        if self.chance(0.4) and not prime:
            parts.reverse()
        return base + "".join(parts)

    def symbol(self) -> str:
        rng = self.rng
        base = rng.choice(self.palette.symbols if self.chance(0.62) else self.palette.fields)
        if self.chance(0.08) and len(base) < 9:
            base = decorated(rng, base)
        return self.scripts(base)

    def space(self) -> str:
        return self.rng.choice((r"\,", r"\;", r"\ ", "~", r"\!", r"\:")) if self.chance(0.1) else " "

    def bracket(self, inner: str, kind: tuple[str, str] | None = None) -> str:
        left, right = kind or self.rng.choice(_OPEN)
        if self.brackets == "left" or (self.brackets == "plain" and r"\frac" in inner and self.chance(0.6)):
            return rf"\left{left}{inner}\right{right}"
        if self.brackets == "big" and self.chance(0.5):
            size = self.rng.choice(("big", "Big", "Bigg", "bigg"))
            return rf"\{size}l{left}{inner}\{size}r{right}"
        return f"{left}{inner}{right}"

    def fractional(self, above: str, below: str) -> str:
        return f"{{{above} \\over {below}}}" if self.fraction == r"\over" else f"{self.fraction}{{{above}}}{{{below}}}"
