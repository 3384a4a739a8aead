"""Invents formulas as papers of physics, mathematics, statistics and machine learning print them.

What is written is plain LaTeX with the habits of authors (spacing commands, old font declarations, `\\over`); labels are made
from it by `dsvl2.pipelines.formulas.normalise`. One family (`kernel`) is kept for testing only.
"""

from __future__ import annotations

from collections.abc import Callable

from dsvl2.pipelines.training.formulas import idioms
from dsvl2.pipelines.training.formulas import vocabulary as words
from dsvl2.pipelines.training.formulas.parts import Parts
from dsvl2.pipelines.training.formulas.vocabulary import roman, weighted

_BIG = (
    *(r"\sum",) * 9, *(r"\prod",) * 3, *(r"\int",) * 9, r"\oint", r"\bigoplus", r"\bigcup", r"\iint", r"\lim", r"\max",
    r"\min", r"\sup", r"\bigotimes", r"\bigcap", r"\coprod", r"\inf",
)  # fmt: skip


class Writer(Parts):
    """Writes factors, products and sums, each no deeper than a paper would."""

    def arguments(self, depth: int) -> str:
        rng = self.rng
        if self.chance(0.6):
            glue = rng.choice((",", ",", ",", r",\,", ";", "|", "-", "+"))
            return glue.join(
                self.symbol() if self.chance(0.7) else rng.choice((*self.palette.symbols, "0", "1", r"\cdot"))
                for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))
            )
        return self.sum(depth + 1, short=True)

    def applied(self, depth: int) -> str:
        return self.symbol() + self.bracket(self.arguments(depth), ("(", ")") if self.chance(0.82) else ("[", "]"))

    def function(self, depth: int) -> str:
        name = weighted(self.rng, words.FUNCTIONS, words.FUNCTION_WEIGHTS)
        if self.chance(0.14):
            name = roman(self.rng, self.rng.choice(words.ROMAN[:40]), self.palette.upright)
        if self.chance(0.2):
            name += rf"^{{{self.power()}}}" if self.chance(0.7) else f"_{{{self.index()}}}"
        if self.chance(0.4):
            return f"{name} {self.symbol()}"
        return name + self.bracket(self.sum(depth + 1, short=True))

    def exponential(self, depth: int) -> str:
        body = self.rng.choice(("", "-", "i ", "-i ", "2", r"2\pi i ", "-2", r"i\pi ")) + self.product(
            depth + 2, most=3
        )
        if self.chance(0.25):
            body += self.rng.choice("+-") + self.product(depth + 2, most=2)
        return f"{self.rng.choice(('e', 'e', 'e', 'q', 'z', 'x', *self.palette.symbols[:1]))}^{{{body}}}"

    def derivative(self, depth: int) -> str:
        rng, p = self.rng, self.palette
        sign = rng.choice((r"\partial", r"\partial", r"\partial", "d", "d", r"\delta", r"\nabla", "D"))
        kind = rng.random()
        if kind < 0.5 or sign in (r"\nabla", "D"):
            script = f"{rng.choice(('_', '_', '_', '^'))}{{{rng.choice(p.indices)}}}"
            return f"{sign}{script} {self.symbol() if self.chance(0.75) else self.bracket(self.sum(depth + 1, short=True))}"
        order = rng.choice(("", "", "^2", "^{2}", "^n"))
        above = f"{sign}{order} {self.symbol() if self.chance(0.8) else ''}"
        variable = self.scripts(rng.choice(p.symbols), 0.3)
        below = (
            f"{sign} {variable}{order if order else ''}"
            if not order or self.chance(0.6)
            else f"{sign} {variable} {sign} {rng.choice(p.symbols)}"
        )
        if order and ("^" in variable or "'" in variable):
            below = f"{sign} {rng.choice(p.symbols)}{order}"
        return self.fractional(above, below)

    def big(self, depth: int) -> str:
        rng, p = self.rng, self.palette
        name = rng.choice(_BIG)
        variable = rng.choice(p.indices if name != r"\int" else p.symbols)
        if name in (r"\lim", r"\max", r"\min", r"\sup", r"\inf"):
            relation = rng.choice((r"\to ", r"\rightarrow ")) if name == r"\lim" else r"\in "
            low = variable + relation + rng.choice((r"\infty", "0", *p.fields))
            return f"{name}_{{{low}}} {self.product(depth + 1, most=3)}"
        limits = ""
        kind = rng.random()
        if name in (r"\int", r"\oint", r"\iint"):
            if kind < 0.45:
                low = rng.choice(("0", "-\\infty", "a", "1", *p.fields, *p.symbols))
                high = rng.choice((r"\infty", "1", r"2\pi", "T", "b", r"\pi", *p.symbols))
                limits = f"_{{{low}}}" + (f"^{{{high}}}" if self.chance(0.7) else "")
            measure = rng.choice(
                (
                    f"d {rng.choice(p.symbols)}",
                    f"d^{rng.choice('2344dDnp')} {rng.choice(p.symbols)}",
                    f"{{\\cal D}}{rng.choice(p.symbols)}",
                    rf"\frac{{d {rng.choice(p.symbols)}}}{{2\pi}}",
                )
            )
            first = self.chance(0.5)
            body = self.product(depth + 1, most=3)
            return f"{name}{limits} {measure} {body}" if first else f"{name}{limits} {body}{self.space()}{measure}"
        if kind < 0.85:
            low = f"{variable}={rng.choice('0111')}" if kind < 0.5 else self.domain(variable)
            high = (
                rng.choice((r"\infty", "n", "N", "k", "n-1", "N-1", "m-1", "3", "4", *p.symbols)) if kind < 0.6 else ""
            )
            limits = f"_{{{low}}}" + (f"^{{{high}}}" if high else "")
        if self.chance(0.03):
            limits = rf"_{{\substack{{{variable}=1\\{variable}\neq {rng.choice(p.indices)}}}}}"
        return f"{name}{limits} {self.product(depth + 1, most=3)}"

    def domain(self, variable: str) -> str:
        rng, p = self.rng, self.palette
        return rng.choice((
            variable, f"{variable}<{rng.choice(p.indices)}", rf"{variable}\neq {rng.choice(p.indices)}", f"{variable}>0",
            rf"{variable}\in {rng.choice(p.fields)}", f"{variable},{rng.choice(p.indices)}", rf"{variable}=-\infty",
            rf"\langle {variable}{rng.choice(p.indices)}\rangle",
        ))  # fmt: skip

    def factor(self, depth: int) -> str:
        makers: tuple[tuple[float, Callable[[int], str]], ...] = (
            (14, lambda _: self.symbol()), (4.5, self.idiom), (2.6, self.applied), (0.5, self.pairing), (1.2, self.function),
            (1.2, self.exponential), (1.6, self.derivative), (2.0, self.ratio), (0.8, self.root), (1.5, self.grouped),
            (1.0, self.big), (0.3, self.over),
        )  # fmt: skip
        if depth >= 2:
            makers = makers[:4] if depth > 2 else makers[:8]
        return self.rng.choices([m for _, m in makers], [w for w, _ in makers])[0](depth)

    def idiom(self, depth: int) -> str:
        return idioms.fill(self.rng, self.palette)

    def ratio(self, depth: int) -> str:
        rng = self.rng
        if self.chance(0.4):
            return self.fractional(
                rng.choice((*"11113", "i", r"\pi", *self.palette.symbols)),
                rng.choice((*"22234468", "12", "24", r"2\pi", "2", r"4\pi", *self.palette.symbols)),
            )
        return self.fractional(
            self.product(depth + 1, most=3) if self.chance(0.6) else self.sum(depth + 1, short=True),
            self.product(depth + 1, most=2) if self.chance(0.6) else self.sum(depth + 1, short=True),
        )

    def root(self, depth: int) -> str:
        option = f"[{self.rng.choice('334n')}]" if self.chance(0.06) else ""
        return rf"\sqrt{option}{{{self.sum(depth + 1, short=True) if self.chance(0.5) else self.product(depth + 1, most=2)}}}"

    def grouped(self, depth: int) -> str:
        body = self.bracket(self.sum(depth + 1, short=self.chance(0.6)))
        if self.chance(0.3):
            body += f"^{{{self.power()}}}"
        return body + (f"_{{{self.index()}}}" if self.chance(0.12) else "")

    def pairing(self, depth: int) -> str:
        rng = self.rng
        first, second = self.symbol(), self.symbol()
        ratio = self.fractional(first, second)
        return rng.choice((
            rf"\langle {first},{second}\rangle", rf"\langle {first}|{second}\rangle", rf"[{first},{second}]", rf"|{first}|",
            rf"\{{{first},{second}\}}", rf"\langle {first}\rangle", rf"|{first}\rangle", rf"\|{first}\|", f"<{first}>",
            rf"\langle {first}|{second}|{self.symbol()}\rangle", rf"\left|{ratio}\right|", rf"({first}|{second})", f"|{first}>",
            rf"[{first},{second}]_{rng.choice('+-')}", rf"\lfloor {first}\rfloor",
            rf"\left.{ratio}\right|_{{{rng.choice(self.palette.symbols)}=0}}",
            rf"\left( {{{first}\atop {second}}}\right)" if self.chance(0.3) else rf"\binom{{{first}}}{{{second}}}",
        ))  # fmt: skip

    def over(self, depth: int) -> str:
        rng = self.rng
        body = self.product(depth + 2, most=2)
        kind = rng.random()
        if kind < 0.5:
            return rf"\overline{{{body}}}"
        if kind < 0.65:
            return rf"\underbrace{{{body}}}_{{{self.index()}}}"
        if kind < 0.8:
            line = rng.choice(("widetilde", "widehat", "overrightarrow", "underline"))
            return rf"\{line}{{{rng.choice(self.palette.fields)} {rng.choice(self.palette.symbols)}}}"
        above = rng.choice((*"0123", *self.palette.indices, r"\leftrightarrow", r"\rightarrow"))
        return rf"\stackrel{{{above}}}{{{rng.choice(self.palette.fields)}}}"

    def product(self, depth: int, most: int = 4) -> str:
        rng = self.rng
        factors = [self.factor(depth) for _ in range(rng.choice((1, 1, 2, 2, 3)[: 2 * most - 1]))]
        if self.chance(0.16):
            factors.insert(0, self.number() if self.chance(0.8) else rng.choice((r"\pi", "i", r"2\pi", r"4\pi")))
        parts = [factors[0]]
        for factor in factors[1:]:
            parts += [
                weighted(rng, words.BINARY, words.BINARY_WEIGHTS) + " " if self.chance(0.1) else self.space(),
                factor,
            ]
        return "".join(parts)

    def sum(self, depth: int, *, short: bool = False) -> str:
        rng = self.rng
        count = rng.choice((1, 1, 2, 2, 2, 3)) if short or depth > 1 else rng.choice((1, 1, 2, 2, 3, 4))
        most = 2 if short or depth > 1 else 3
        text = ("-" if self.chance(0.12) else "") + (self.number() if self.chance(0.15) else self.product(depth, most))
        for _ in range(count - 1):
            text += rng.choice(
                (" + ", "-", "+", "+", "-", "-", "+", " - ")
                if self.chance(0.95)
                else (r"+\cdots +", r"+\ldots +", r"\mp ", r"\pm ")
            )
            text += self.number() if self.chance(0.12) else self.product(depth, most)
        return text

    def left_side(self) -> str:
        kind = self.rng.random()
        if kind < 0.4:
            return self.symbol()
        if kind < 0.65:
            return self.applied(1)
        return self.derivative(2) if kind < 0.75 else self.product(2, most=2)

    def relation(self) -> str:
        return weighted(self.rng, words.RELATIONS, words.RELATION_WEIGHTS)
