"""Decide whether a formula can be put into a LaTeX document without breaking it."""

from __future__ import annotations

import re

_KNOWN = frozenset(
    [
        "frac",
        "dfrac",
        "tfrac",
        "cfrac",
        "binom",
        "dbinom",
        "tbinom",
        "sqrt",
        "overline",
        "underline",
        "overbrace",
        "underbrace",
        "overset",
        "underset",
        "stackrel",
        "hat",
        "widehat",
        "tilde",
        "widetilde",
        "bar",
        "vec",
        "dot",
        "ddot",
        "acute",
        "grave",
        "breve",
        "check",
        "mathring",
        "overrightarrow",
        "overleftarrow",
        "mathrm",
        "mathbf",
        "mathit",
        "mathsf",
        "mathtt",
        "mathcal",
        "mathbb",
        "mathfrak",
        "boldsymbol",
        "text",
        "textrm",
        "textbf",
        "textit",
        "operatorname",
        "mathop",
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "varpi",
        "rho",
        "varrho",
        "sigma",
        "varsigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "sum",
        "prod",
        "coprod",
        "int",
        "iint",
        "iiint",
        "oint",
        "bigcup",
        "bigcap",
        "bigvee",
        "bigwedge",
        "bigoplus",
        "bigotimes",
        "lim",
        "limsup",
        "liminf",
        "sup",
        "inf",
        "max",
        "min",
        "arg",
        "det",
        "dim",
        "exp",
        "gcd",
        "hom",
        "ker",
        "lg",
        "ln",
        "log",
        "Pr",
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "coth",
        "deg",
        "pm",
        "mp",
        "times",
        "div",
        "cdot",
        "ast",
        "star",
        "circ",
        "bullet",
        "oplus",
        "ominus",
        "otimes",
        "odot",
        "wedge",
        "vee",
        "cap",
        "cup",
        "setminus",
        "land",
        "lor",
        "lnot",
        "neg",
        "le",
        "leq",
        "ge",
        "geq",
        "ne",
        "neq",
        "equiv",
        "sim",
        "simeq",
        "approx",
        "cong",
        "propto",
        "ll",
        "gg",
        "prec",
        "succ",
        "preceq",
        "succeq",
        "subset",
        "supset",
        "subseteq",
        "supseteq",
        "in",
        "ni",
        "notin",
        "mid",
        "parallel",
        "perp",
        "models",
        "vdash",
        "asymp",
        "doteq",
        "leqslant",
        "geqslant",
        "lesssim",
        "gtrsim",
        "to",
        "gets",
        "leftarrow",
        "rightarrow",
        "leftrightarrow",
        "Leftarrow",
        "Rightarrow",
        "Leftrightarrow",
        "longrightarrow",
        "longleftarrow",
        "Longrightarrow",
        "mapsto",
        "longmapsto",
        "uparrow",
        "downarrow",
        "implies",
        "iff",
        "hookrightarrow",
        "rightharpoonup",
        "infty",
        "partial",
        "nabla",
        "forall",
        "exists",
        "nexists",
        "emptyset",
        "varnothing",
        "Re",
        "Im",
        "ell",
        "hbar",
        "imath",
        "jmath",
        "aleph",
        "wp",
        "angle",
        "triangle",
        "prime",
        "dagger",
        "ddagger",
        "ldots",
        "cdots",
        "vdots",
        "ddots",
        "dots",
        "square",
        "blacksquare",
        "checkmark",
        "therefore",
        "because",
        "top",
        "bot",
        "langle",
        "rangle",
        "lceil",
        "rceil",
        "lfloor",
        "rfloor",
        "lbrace",
        "rbrace",
        "lvert",
        "rvert",
        "lVert",
        "rVert",
        "vert",
        "Vert",
        "big",
        "Big",
        "bigg",
        "Bigg",
        "bigl",
        "bigr",
        "Bigl",
        "Bigr",
        "biggl",
        "biggr",
        "Biggl",
        "Biggr",
        "quad",
        "qquad",
        "displaystyle",
        "textstyle",
        "scriptstyle",
        "limits",
        "nolimits",
        "bmod",
        "pmod",
        "mod",
        "boxed",
    ]
)
_ENVIRONMENTS = frozenset(
    ["matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "cases", "aligned", "gathered", "split"]
)
_TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|([{}^_&#%$~])|([^\\{}^_&#%$~\s])", re.DOTALL)
_ENVIRONMENT = re.compile(r"\s*\{([a-zA-Z]+)\}")
_SCRIPT = re.compile(r"\s*(?:(?=\{)|(?=\\[A-Za-z])|[A-Za-z0-9+\-*'()])")
_SYMBOLS = frozenset("\\,;:!{}|%#&_$ ")


def compiles(formula: str) -> bool:
    """Say whether the formula uses known commands only and is balanced; False when in doubt.

    Checked: braces, environments, \\left and \\right, `&` only inside an environment, no second ^ or _ on one base,
    nothing that ends math mode or begins a comment, ASCII only, no blank line.
    """
    if not formula.strip() or not formula.isascii() or re.search(r"\n\s*\n", formula):
        return False
    return _Scan(formula).sound()


class _Scan:
    """One pass over the tokens with a stack of what is open and the scripts that each level's last base has."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.place = 0
        self.open: list[str] = []
        self.scripts: list[set[str]] = [set()]

    def sound(self) -> bool:
        while match := _TOKEN.search(self.formula, self.place):
            self.place = match.end()
            word, symbol, mark, _ = match.groups()
            if word is not None:
                fine = self._word(word)
            elif mark is not None:
                fine = self._mark(mark)
            else:
                fine = symbol is None or symbol in _SYMBOLS
                self.scripts[-1].clear()
            if not fine:
                return False
        return not self.open

    def _word(self, word: str) -> bool:
        if word in ("begin", "end"):
            name = _ENVIRONMENT.match(self.formula, self.place)
            if name is None or name[1] not in _ENVIRONMENTS:
                return False
            self.place = name.end()
            return self._enter(name[1]) if word == "begin" else self._leave(name[1])
        if word == "left":
            return self._enter("left")
        if word == "right":
            return self._leave("left")
        self.scripts[-1].clear()
        return word in _KNOWN

    def _mark(self, mark: str) -> bool:
        if mark == "{":
            return self._enter(mark)
        if mark == "}":
            return self._leave("{")
        if mark == "&":
            self.scripts[-1].clear()
            return bool(self.open) and self.open[-1] in _ENVIRONMENTS
        if mark not in ("^", "_") or mark in self.scripts[-1]:
            return False
        script = _SCRIPT.match(self.formula, self.place)
        if script is None:
            return False
        self.place = script.end()
        if self.formula.startswith("\\", self.place):
            return self._script_word()
        self.scripts[-1].add(mark)
        return True

    def _script_word(self) -> bool:
        """A bare command as a script (x^\\prime) must not take an argument."""
        match = _TOKEN.match(self.formula, self.place)
        assert match is not None
        self.place = match.end()
        return match[1] in _KNOWN and not re.match(r"\s*[{^_]", self.formula[self.place :])

    def _enter(self, group: str) -> bool:
        self.open.append(group)
        self.scripts.append(set())
        return True

    def _leave(self, group: str) -> bool:
        if not self.open or self.open.pop() != group:
            return False
        self.scripts.pop()
        return True
