"""Decide whether a formula can be put into a LaTeX document without breaking it."""

from __future__ import annotations

import re

_BARE = """
infty circ ast star dagger pm mp times perp top bot ell
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho sigma
varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
_PLAIN = """
sum prod coprod
int iint iiint oint bigcup bigcap bigvee bigwedge bigoplus bigotimes lim limsup liminf sup inf max min arg det dim exp
gcd hom ker lg ln log Pr sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth deg pm mp times div cdot ast
star circ bullet oplus ominus otimes odot wedge vee cap cup setminus land lor lnot neg le leq ge geq ne neq equiv sim
simeq approx cong propto ll gg prec succ preceq succeq subset supset subseteq supseteq in ni notin mid parallel perp
models vdash asymp doteq leqslant geqslant lesssim gtrsim to gets leftarrow rightarrow leftrightarrow Leftarrow
Rightarrow Leftrightarrow longrightarrow longleftarrow Longrightarrow mapsto longmapsto uparrow downarrow implies iff
hookrightarrow rightharpoonup infty partial nabla forall exists nexists emptyset varnothing Re Im ell hbar imath jmath
aleph wp angle triangle dagger ddagger ldots cdots vdots ddots dots square blacksquare checkmark therefore because top
bot langle rangle lceil rceil lfloor rfloor lbrace rbrace lvert rvert lVert rVert vert Vert quad qquad displaystyle
textstyle scriptstyle
"""
_ONE_GROUP = """
sqrt overline underline overbrace underbrace hat widehat tilde widetilde bar vec dot ddot acute grave breve check
mathring overrightarrow overleftarrow mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak boldsymbol operatorname
pmod boxed
"""
_TEXT_GROUP = "text textrm textbf textit"
_TWO_GROUPS = "frac dfrac tfrac cfrac binom dbinom tbinom overset underset stackrel"

_GROUPS = (
    dict.fromkeys((_BARE + _PLAIN).split(), 0)
    | dict.fromkeys(_ONE_GROUP.split(), 1)
    | dict.fromkeys(_TWO_GROUPS.split(), 2)
)
_SCRIPTS = frozenset(_BARE.split())  # commands that may follow ^ or _ without braces
_TEXTS = frozenset(_TEXT_GROUP.split())
_TABS = dict.fromkeys(("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix"), 9) | {
    "cases": 1,
    "aligned": 99,
}
"""Environments, and the most `&` that a row of each may have."""

_TOKEN = re.compile(r"\\([A-Za-z]+)|\\(.)|([{}^_&#%$~'])|([^\\{}^_&#%$~'\s])", re.DOTALL)
_ENVIRONMENT = re.compile(r"\s*\{([a-zA-Z]+)\}")
_TEXT = re.compile(r"\s*\{[A-Za-z0-9 ,.:;()?!=+-]*\}")
_SCRIPT = re.compile(r"\s*(?:(?=\{)|(?=\\[A-Za-z])|[A-Za-z0-9+\-*()])")
_DELIMITER = re.compile(
    r"\s*(?:[()\[\].|/]|\\[{}|]|\\(?:langle|rangle|lceil|rceil|lfloor|rfloor|vert|Vert)(?![A-Za-z]))"
)
_TAG = re.compile(r"\s*\\tag\{[A-Za-z]?[\d.]{1,6}[a-z]?\}\s*$")
_SYMBOLS = frozenset("\\,;:!{}|%#&_$ ")


def compiles(formula: str) -> bool:
    """Say whether the formula uses known commands only and is balanced; False when in doubt.

    Checked: braces, environments, \\left and \\right with their delimiters, groups after commands that need them, `&`
    only inside an environment, no second ^ or _ on one base, nothing that ends math mode or begins a comment, ASCII
    only, no blank line. A number may stand at its end: \\tag{12}.
    """
    formula = _TAG.sub("", formula)
    if not formula.strip() or not formula.isascii() or re.search(r"\n\s*\n", formula):
        return False
    return _Scan(formula).sound()


class _Scan:
    """One pass over the tokens. For every open group: its name, the scripts its last base has, the `&` of its row."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.place = 0
        self.open: list[str] = [""]
        self.scripts: list[str] = [""]
        self.tabs: list[int] = [0]

    def sound(self) -> bool:
        while match := _TOKEN.search(self.formula, self.place):
            self.place = match.end()
            word, symbol, mark, _ = match.groups()
            if word is not None:
                fine = self._word(word)
            elif mark is not None:
                fine = self._mark(mark)
            else:
                fine = symbol is None or self._symbol(symbol)
                self.scripts[-1] = ""
            if not fine:
                return False
        return len(self.open) == 1

    def _word(self, word: str) -> bool:
        self.scripts[-1] = ""
        if word in ("begin", "end"):
            name = _ENVIRONMENT.match(self.formula, self.place)
            if name is None or name[1] not in _TABS:
                return False
            self.place = name.end()
            return self._enter(name[1]) if word == "begin" else self._leave(name[1])
        if word in ("left", "right"):
            delimiter = _DELIMITER.match(self.formula, self.place)
            if delimiter is None:
                return False
            self.place = delimiter.end()
            return self._enter("left") if word == "left" else self._leave("left")
        if word in _TEXTS:
            text = _TEXT.match(self.formula, self.place)
            self.place = text.end() if text else self.place
            return text is not None
        return word in _GROUPS and self._has_groups(_GROUPS[word])

    def _has_groups(self, count: int) -> bool:
        """Look ahead for the groups a command takes; what is in them is scanned in its turn."""
        place = self.place
        for _ in range(count):
            rest = self.formula[place:]
            if not rest.lstrip().startswith("{"):
                return False
            depth = 0
            for token in re.finditer(r"\\.|[{}]", rest, re.DOTALL):
                depth += {"{": 1, "}": -1}.get(token.group(), 0)
                if depth == 0 and token.group() == "}":
                    place += token.end()
                    break
            else:
                return False
        return True

    def _symbol(self, symbol: str) -> bool:
        if symbol == "\\":
            self.tabs[-1] = 0
            return self.open[-1] in _TABS and not re.match(r"\s*[\[*]", self.formula[self.place :])
        return symbol in _SYMBOLS

    def _mark(self, mark: str) -> bool:
        if mark == "{":
            self.scripts[-1] = ""
            return self._enter(mark)
        if mark == "}":
            return self._leave("{")
        if mark == "&":
            self.scripts[-1] = ""
            self.tabs[-1] += 1
            return self.tabs[-1] <= _TABS.get(self.open[-1], 0)
        if mark == "'":
            had = self.scripts[-1]
            self.scripts[-1] = had if had.endswith("'") else had + "'"
            return "^" not in had and "'" not in had.rstrip("'")
        return mark in "^_" and self._script(mark)

    def _script(self, mark: str) -> bool:
        script = _SCRIPT.match(self.formula, self.place)
        if script is None or mark in self.scripts[-1]:
            return False
        self.scripts[-1] += mark
        self.place = script.end()
        if script[0].strip():  # one sign; what comes next is no part of it
            return True
        if self.formula.startswith("{", self.place):
            self.place += 1
            return self._enter("{")
        if self.formula.startswith("\\", self.place):
            match = _TOKEN.match(self.formula, self.place)
            assert match is not None
            self.place = match.end()
            return match[1] in _SCRIPTS
        return True

    def _enter(self, group: str) -> bool:
        self.open.append(group)
        self.scripts.append("")
        self.tabs.append(0)
        return True

    def _leave(self, group: str) -> bool:
        if len(self.open) < 2 or self.open.pop() != group:
            return False
        self.scripts.pop()
        self.tabs.pop()
        return True
