"""Tables of the mathematical LaTeX that can be read: what a command is, and which commands print the same sign.

Sources: the LaTeX kernel's and amsmath's documented commands (The LaTeX Companion, chapter 8; "User's Guide for the
amsmath Package"); a command that is in no table is unknown.
"""

from __future__ import annotations

import string

_GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi pi varpi rho "
    "varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma"
)
_GREEK_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
_LETTERLIKE = "hbar hslash ell imath jmath Re Im wp aleph beth partial nabla infty emptyset varnothing complement eth"
_OPERATORS = (
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan exp log ln lg det dim ker deg arg hom gcd lim "
    "limsup liminf sup inf max min Pr"
)
_BIG = "sum prod coprod int iint iiint oint bigcup bigcap bigoplus bigotimes bigwedge bigvee bigsqcup bigodot biguplus"
_BINARY = (
    "pm mp times div cdot circ bullet star dagger ddagger cap cup wedge vee oplus ominus otimes oslash odot amalg "
    "setminus wr diamond triangle bigcirc sqcap sqcup uplus ltimes rtimes boxtimes boxplus bigtriangleup bigtriangledown "
    "triangleleft triangleright dotplus barwedge"
)
_RELATIONS = (
    "leq geq ll gg equiv sim simeq approx cong neq propto asymp doteq in ni notin subset supset subseteq supseteq "
    "subsetneq supsetneq prec succ preceq succeq perp models vdash dashv smile frown bowtie triangleq lesssim gtrsim "
    "lessgtr sqsubset sqsubseteq sqsupseteq Vdash vDash nmid ncong nsubseteq thicksim approxeq trianglelefteq"
)
_ARROWS = (
    "leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow longrightarrow "
    "longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow mapsto longmapsto hookrightarrow hookleftarrow "
    "uparrow downarrow updownarrow Uparrow Downarrow nearrow searrow swarrow nwarrow rightharpoonup rightharpoondown "
    "leftharpoonup leftharpoondown rightleftharpoons leadsto rightsquigarrow twoheadrightarrow rightarrowtail upharpoonright"
)
_SIGNS = (
    "forall exists nexists neg top bot angle surd prime ldots cdots vdots ddots langle rangle lfloor rfloor lceil rceil "
    "backslash clubsuit diamondsuit heartsuit spadesuit sharp flat natural Box blacksquare checkmark S P copyright "
    "bigstar lozenge because therefore iddots mho measuredangle llcorner lrcorner ulcorner urcorner pounds"
)


def _listed(words: str) -> list[str]:
    return words.split()


def _commands(names: str) -> frozenset[str]:
    return frozenset("\\" + name for name in names.split())


#: Roman words with a command of their own.
OPERATORS: frozenset[str] = _commands(_OPERATORS)
GREEK: frozenset[str] = _commands(_GREEK)
GREEK_CAPITALS: frozenset[str] = _commands(_GREEK_CAPITALS)
LETTERS: frozenset[str] = GREEK | GREEK_CAPITALS | _commands(_LETTERLIKE)
#: Every command that prints one sign and takes no argument.
SYMBOLS: frozenset[str] = (
    LETTERS | OPERATORS | _commands(_BIG) | _commands(_BINARY) | _commands(_RELATIONS) | _commands(_ARROWS)
    | _commands(_SIGNS) | {"\\{", "\\}", "\\|", "\\%", "\\#", "\\&", "\\$", "\\_", "\\not"}
)  # fmt: skip

#: Accents and lines: one argument.
ACCENTS: frozenset[str] = _commands(
    "hat bar tilde vec dot ddot dddot acute grave breve check mathring widehat widetilde overline underline "
    "overrightarrow overleftarrow overleftrightarrow overbrace underbrace underrightarrow"
)
#: Commands kept with their number of arguments; \sqrt may have an option as well.
CALLS: dict[str, int] = {
    **dict.fromkeys(ACCENTS, 1),
    "\\sqrt": 1,
    "\\frac": 2,
    "\\binom": 2,
    "\\overset": 2,
    "\\underset": 2,
}

#: Names of one sign or one construction -> the name that is kept.
SYNONYMS: dict[str, str] = {
    "\\le": "\\leq", "\\ge": "\\geq", "\\leqslant": "\\leq", "\\geqslant": "\\geq", "\\ne": "\\neq", "\\to": "\\rightarrow",
    "\\gets": "\\leftarrow", "\\dag": "\\dagger", "\\ddag": "\\ddagger", "\\lbrace": "\\{", "\\rbrace": "\\}",
    "\\dots": "\\ldots", "\\dotsc": "\\ldots", "\\dotso": "\\ldots", "\\textellipsis": "\\ldots", "\\dotsb": "\\cdots",
    "\\dotsm": "\\cdots", "\\dotsi": "\\cdots", "\\land": "\\wedge", "\\lor": "\\vee", "\\lnot": "\\neg",
    "\\owns": "\\ni", "\\ast": "*", "\\vert": "|", "\\mid": "|", "\\lvert": "|", "\\rvert": "|", "\\Vert": "\\|",
    "\\lVert": "\\|", "\\rVert": "\\|", "\\parallel": "\\|", "\\lbrack": "[", "\\rbrack": "]", "\\colon": ":",
    "\\lt": "<", "\\gt": ">", "\\iff": "\\Longleftrightarrow", "\\implies": "\\Longrightarrow",
    "\\impliedby": "\\Longleftarrow", "\\square": "\\Box", "\\smallsetminus": "\\setminus", "\\bigtriangleup": "\\triangle",
    "\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\cfrac": "\\frac", "\\dbinom": "\\binom", "\\tbinom": "\\binom",
    "\\stackrel": "\\overset", "\\root": "\\sqrt", "\\Bar": "\\bar", "\\Hat": "\\hat", "\\Tilde": "\\tilde",
    "\\Dot": "\\dot", "\\Vec": "\\vec", "\\Ddot": "\\ddot", "\\upmu": "\\mu", "\\varDelta": "\\Delta",
    "\\triangledown": "\\nabla", "\\intop": "\\int", "\\ointop": "\\oint", "\\P": "\\P", "\\doublecup": "\\cup",
    "\\Box": "\\Box", "\\dotfill": "\\ldots", "\\smallint": "\\int", "\\vdot": "\\cdot", "\\centerdot": "\\cdot",
    "\\lq": "`", "\\rq": "'", "\\AA": "\\mathring{A}", "\\sp": "^", "\\sb": "_",
}  # fmt: skip

#: Font commands with an argument, and old declarations that hold to the end of the group -> the font.
FONTS: dict[str, str] = {
    "\\mathrm": "mathrm", "\\mathbf": "mathbf", "\\mathcal": "mathcal", "\\mathbb": "mathbb", "\\mathfrak": "mathfrak",
    "\\mathscr": "mathscr", "\\mathsf": "mathsf", "\\mathtt": "mathtt", "\\mathit": "", "\\mathnormal": "", "\\Bbb": "mathbb",
    "\\boldsymbol": "boldsymbol", "\\bm": "boldsymbol", "\\pmb": "boldsymbol", "\\operatorname": "mathrm",
    "\\frak": "mathfrak", "\\bold": "mathbf", "\\mathds": "mathbb", "\\mathbbm": "mathbb", "\\symbf": "mathbf",
}  # fmt: skip
DECLARATIONS: dict[str, str] = {
    "\\rm": "mathrm", "\\bf": "mathbf", "\\cal": "mathcal", "\\it": "", "\\sf": "mathsf", "\\tt": "mathtt", "\\mit": "",
    "\\boldmath": "boldsymbol", "\\bfseries": "mathbf", "\\sl": "", "\\sc": "mathrm", "\\normalfont": "mathrm",
    "\\rmfamily": "mathrm", "\\sffamily": "mathsf", "\\upshape": "mathrm", "\\itshape": "", "\\unboldmath": "",
    "\\scr": "mathscr", "\\em": "",
}  # fmt: skip
TEXTS: dict[str, str] = {
    "\\text": "mathrm", "\\mbox": "mathrm", "\\textrm": "mathrm", "\\hbox": "mathrm", "\\textnormal": "mathrm",
    "\\intertext": "mathrm", "\\textup": "mathrm", "\\textsc": "mathrm", "\\textbf": "mathbf", "\\textit": "",
    "\\textsf": "mathsf", "\\texttt": "mathtt", "\\fbox": "mathrm", "\\emph": "", "\\textsl": "", "\\textmd": "mathrm",
}  # fmt: skip

_LATIN = frozenset(string.ascii_letters)
_CAPITALS = frozenset(string.ascii_uppercase)
_DIGITS = frozenset(string.digits)
#: Font -> the atoms that look different in it; others lose the font.
STYLED: dict[str, frozenset[str]] = {
    "mathrm": _LATIN, "mathbf": _LATIN | _DIGITS | GREEK_CAPITALS, "mathcal": _CAPITALS, "mathscr": _CAPITALS,
    "mathbb": _CAPITALS | {"k", "1"}, "mathfrak": _LATIN, "mathsf": _LATIN | _DIGITS, "mathtt": _LATIN | _DIGITS,
    "boldsymbol": _LATIN | _DIGITS | LETTERS,
}  # fmt: skip

#: Leave no ink of their own. The value is the number of arguments that go with them.
DROPPED: dict[str, int] = {
    **dict.fromkeys(
        _listed(r"""\, \; \! \: \> \  \/ \- \@ \quad \qquad \enspace \enskip \thinspace \medspace \thickspace \negthinspace
        \displaystyle \textstyle \scriptstyle \scriptscriptstyle \limits \nolimits \nonumber \notag \noindent \strut
        \mathstrut \null \relax \protect \hfill \hfil \hss \hline \allowbreak \nobreak \break \newline \linebreak \par
        \negmedspace \negthickspace \big \Big \bigg \Bigg \bigl \bigr \bigm \Bigl \Bigr \Bigm \biggl \biggr \biggm \Biggl
        \Biggr \Biggm \left \right \middle \tiny \scriptsize \footnotesize \small \normalsize \large \Large \LARGE \huge
        \Huge \centering \unskip \space \nobreakspace \ignorespaces \vfill \smallskip \medskip \bigskip \rmdefault
        \toprule \midrule \bottomrule \qed \displaylimits"""),
        0,
    ),
    "\\ ": 0, "\\\n": 0, "\\\t": 0, "~": 0,
    "\\hspace": 1, "\\hspace*": 1, "\\vspace": 1, "\\vspace*": 1, "\\label": 1, "\\tag": 1, "\\tag*": 1, "\\phantom": 1,
    "\\hphantom": 1, "\\vphantom": 1, "\\color": 1, "\\ref": 1, "\\eqref": 1, "\\cite": 1, "\\rule": 2, "\\cline": 1,
    "\\setlength": 2, "\\eqno": 0, "\\leqno": 0, "\\mathchoice": 0, "\\fontsize": 2, "\\selectfont": 0, "\\index": 1,
    "\\footnote": 1, "\\addtocounter": 2, "\\setcounter": 2, "\\markright": 1, "\\vcenter": 0,
}  # fmt: skip
#: Followed by a bare dimension (`\hskip 1cm plus 1fil`).
DIMENSIONED = frozenset({"\\hskip", "\\vskip", "\\kern", "\\mskip", "\\mkern", "\\raise", "\\lower", "\\moveleft"})
#: Their (last) argument stands alone: boxes, classes of spacing. Value: arguments to skip before it.
INLINED: dict[str, int] = {
    **dict.fromkeys(
        _listed(r"""\mathop \mathrel \mathbin \mathord \mathopen \mathclose \mathpunct \mathinner \ensuremath \boxed \smash
        \mathrlap \mathllap \mathclap \rlap \llap \overbracket \underbracket \cancel \xcancel \bcancel \vcentcolon"""),
        0,
    ),
    "\\raisebox": 1, "\\textcolor": 1, "\\colorbox": 1, "\\parbox": 1, "\\makebox": 0, "\\framebox": 0, "\\resizebox": 2,
}  # fmt: skip

#: Grids: environment or plain TeX command -> (kind, left delimiter, right delimiter).
GRIDS: dict[str, tuple[str, str, str]] = {
    **dict.fromkeys(("array", "matrix", "smallmatrix", "tabular", "subarray", "\\matrix"), ("matrix", "", "")),
    "pmatrix": ("matrix", "(", ")"), "bmatrix": ("matrix", "[", "]"), "vmatrix": ("matrix", "|", "|"),
    "Bmatrix": ("matrix", "\\{", "\\}"), "Vmatrix": ("matrix", "\\|", "\\|"), "\\pmatrix": ("matrix", "(", ")"),
    "psmallmatrix": ("matrix", "(", ")"), "cases": ("matrix", "\\{", ""), "\\cases": ("matrix", "\\{", ""),
    "dcases": ("matrix", "\\{", ""), "rcases": ("matrix", "", "\\}"),
    **dict.fromkeys(
        ("aligned", "split", "gathered", "eqnarray", "align", "gather", "multline", "alignat", "alignedat", "flalign",
         "displaymath", "equation", "math", "\\eqalign", "\\displaylines", "\\eqalignno"),
        ("aligned", "", ""),
    ),
}  # fmt: skip
#: These take one more argument (column types, number of columns) before the cells.
SPECIFIED = frozenset({"array", "tabular", "alignat", "alignedat", "subarray"})

#: Signs of the embedded model's charset -> the command they stand for in its answers.
SIGNS: dict[str, str] = dict(
    zip(
        "αβγδεζηθικλµνξπρςστυφχψωΓΔΘΛΞΠΣΦΨΩ",
        (
            "\\" + name
            for name in _listed(
                "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau "
                "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
            )
        ),
        strict=True,
    )
) | {
    "≤": "\\leq", "≥": "\\geq", "≠": "\\neq", "≈": "\\approx", "≡": "\\equiv", "±": "\\pm", "×": "\\times", "÷": "\\div",
    "∞": "\\infty", "√": "\\sqrt", "∑": "\\sum", "∏": "\\prod", "∫": "\\int", "∂": "\\partial", "∇": "\\nabla",
    "∈": "\\in", "∉": "\\notin", "⊂": "\\subset", "⊆": "\\subseteq", "∩": "\\cap", "∪": "\\cup", "∧": "\\wedge",
    "∨": "\\vee", "¬": "\\neg", "∀": "\\forall", "∃": "\\exists", "∅": "\\emptyset", "⟨": "\\langle", "⟩": "\\rangle",
    "→": "\\rightarrow", "←": "\\leftarrow", "↑": "\\uparrow", "↓": "\\downarrow", "↔": "\\leftrightarrow",
    "⇒": "\\Rightarrow", "†": "\\dagger", "‡": "\\ddagger", "•": "\\bullet", "·": "\\cdot", "…": "\\ldots",
    "★": "\\star", "§": "\\S",
}  # fmt: skip
#: Other Unicode signs that models and people write.
UNICODE: dict[str, str] = {
    **SIGNS, "μ": "\\mu", "ϕ": "\\phi", "ϵ": "\\epsilon", "−": "-", "′": "'", "″": "''", "∗": "*", "⋅": "\\cdot", "∼": "\\sim",
    "∓": "\\mp", "⊗": "\\otimes", "⊕": "\\oplus", "∝": "\\propto", "ℏ": "\\hbar", "ℓ": "\\ell", "⋯": "\\cdots", "∘": "\\circ",
    "°": "\\circ", "≪": "\\ll", "≫": "\\gg", "≃": "\\simeq", "≅": "\\cong", "⊥": "\\perp", "∥": "\\|", "↦": "\\mapsto",
    "∮": "\\oint", "∬": "\\iint", "⟶": "\\longrightarrow", "⊃": "\\supset", "⊇": "\\supseteq", "ϑ": "\\vartheta", "ϱ": "\\varrho",
    "⟹": "\\Longrightarrow", "⇔": "\\Leftrightarrow", "ℝ": "\\mathbb{R}", "ℂ": "\\mathbb{C}", "ℤ": "\\mathbb{Z}",
    "ℕ": "\\mathbb{N}", "∖": "\\setminus", "⌊": "\\lfloor", "⌋": "\\rfloor", "⌈": "\\lceil", "⌉": "\\rceil", "‖": "\\|",
    "²": "^{2}", "³": "^{3}", "¹": "^{1}", "½": "\\frac{1}{2}", "ρ": "\\rho",
}  # fmt: skip
