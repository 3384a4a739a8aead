"""Reads LaTeX maths into the tree of `nodes`. Reads anything: what is wrong is listed in `problems`."""

from __future__ import annotations

import re
from collections.abc import Callable

from dsvl2.pipelines.formulas import symbols
from dsvl2.pipelines.formulas.cursor import Cursor
from dsvl2.pipelines.formulas.nodes import Atom, Call, Grid, Node, Row, Scripts, Words
from dsvl2.pipelines.formulas.refine import atoms_of, refined, wrapped

_DEEPEST = 60  # groups and commands within one another; no formula of a paper comes near
_INNER = 8  # what a text within a formula counts: each is cut into tokens again
_INFIX = {"\\over": "\\frac", "\\choose": "\\binom", "\\atop": "substack", "\\atopwithdelims": "substack"}
_SCRIPT_MARKS = ("^", "_", "'")
_CELL_ENDS = frozenset({"&", "\\\\", "\\cr", "\\newline", "\\tabularnewline"})
_ENDS = _CELL_ENDS | {"}", "\\end", ""}
_SPECIAL = frozenset({"\\begin", "\\substack", "\\pmod", "\\mod", "\\bmod", "\\xrightarrow", "\\xleftarrow"})
# Which method reads a command; the first table that has it counts.
_HANDLERS = {
    token: name
    for table, name in reversed((
        (symbols.CALLS, "call"), (symbols.DROPPED, "dropped"), (symbols.FONTS, "styled"), (symbols.TEXTS, "words"),
        (symbols.INLINED, "inlined"), (symbols.GRIDS, "plain_grid"), (symbols.DIMENSIONED, "dimension"), (_SPECIAL, "special"),
    ))
    for token in table
}  # fmt: skip


class Parser(Cursor):
    """One pass over the tokens of one formula."""

    def formula(self) -> Row:
        """The whole source: one row, or the rows of an aligned grid where there are line ends at top level."""
        rows = self.rows("")
        while self.peek():  # a stray closing brace or environment
            self.problem(f"unmatched {self.next()}")
            more = self.rows("")
            rows[-1][-1] += more[0][0]
            rows[-1] += more[0][1:]
            rows += more[1:]
        if len(rows) == 1 and len(rows[0]) == 1:
            return refined(rows[0][0])
        return refined(wrapped("aligned", "", "", rows))

    # --- rows -----------------------------------------------------------------------------------------------------

    def rows(self, font: str) -> list[list[Row]]:
        """Cells by row up to what ends the group (not taken); `&` and line ends part them."""
        rows: list[list[Row]] = [[self.row(font)]]
        while (token := self.peek()) in _CELL_ENDS:
            self.at += 1
            if token == "&":
                rows[-1].append(self.row(font))
            else:
                self.row_gap()
                rows.append([self.row(font)])
        return rows

    def row_gap(self) -> None:
        """Pass over the `[2pt]` of a line end; another bracket there belongs to the next cell."""
        start = self.at
        option = self.raw_option()
        if option is not None and not re.fullmatch(r"\s*(-?[\d.]+\s*[a-z]{2}|-?[\d.]*\\[A-Za-z]+)\s*", option):
            self.at = start

    def row(self, font: str) -> Row:
        """Nodes up to a cell's end, a closing brace or \\end; none of these is taken."""
        nodes: list[Node] = []
        while (token := self.peek()) not in _ENDS:
            if token in symbols.DECLARATIONS:
                self.at += 1
                font = symbols.DECLARATIONS[token]
            elif token in _INFIX:
                self.at += 1
                if token == "\\atopwithdelims":
                    self.at += 2
                below = self.deeper(self.row, font)
                return (self.infix(_INFIX[token], tuple(nodes), below),)
            else:
                nodes += self.scripted(self.element(font), font)
        return tuple(nodes)

    @staticmethod
    def infix(name: str, above: Row, below: Row) -> Node:
        if name == "substack":
            return Grid("substack", ((above,), (below,)))
        return Call(name, (above, below))

    def group(self, font: str) -> Row:
        """What stands behind the brace that was taken, and its closing brace."""
        rows = self.rows(font)
        self.closing_brace()
        if len(rows) > 1 or len(rows[0]) > 1:
            self.problem("& or line end outside an array")
        return tuple(node for row in rows for cell in row for node in cell)

    def closing_brace(self) -> None:
        if self.peek() == "}":
            self.at += 1
        else:
            self.problem("unbalanced {")

    def deeper(self, reader: Callable[..., Row], *arguments: str) -> Row:
        """What `reader` makes of the tokens, one level down; nothing at the deepest, so that no input exhausts the stack."""
        if self.depth >= _DEEPEST:
            self.problem("nested too deep")
            return ()
        self.depth += 1
        row = reader(*arguments)
        self.depth -= 1
        return row

    def argument(self, font: str, name: str) -> Row:
        """A group or a single element."""
        token = self.peek()
        if token == "{":
            self.at += 1
            return self.deeper(self.group, font)
        if token in _ENDS or token in ("^", "_"):
            self.problem(f"{name} lacks an argument")
            return ()
        return self.element(font)

    # --- elements -------------------------------------------------------------------------------------------------

    def element(self, font: str) -> Row:
        """One element with its arguments, without scripts."""
        token = self.peek()
        if token == "{":
            self.at += 1
            return self.deeper(self.group, font)
        if token in _SCRIPT_MARKS:
            return ()
        self.at += 1
        if token in ("$", "\\(", "\\)", "\\[", "\\]"):
            return ()
        token = symbols.SYNONYMS.get(token, token)
        name = _HANDLERS.get(token)
        if name is not None:
            return self.deeper(getattr(self, name), token, font)
        if token.startswith("\\") and token not in symbols.SYMBOLS:
            self.problem(f"unknown command {token}")
            return ()
        if not token.isascii():
            self.problem(f"unknown sign {token}")
            return ()
        return (atoms_of(token, font),)

    def scripted(self, nodes: Row, font: str) -> Row:
        """The element with the scripts that follow it. A script of a whole group goes to the group's last sign."""
        sub: Row = ()
        sup: Row = ()
        primes = 0
        found = set()
        while (token := self.peek()) in (*_SCRIPT_MARKS, "\\limits", "\\nolimits", "\\sp", "\\sb"):
            self.at += 1
            token = symbols.SYNONYMS.get(token, token)
            if token == "'":
                primes += 1
            elif token in ("^", "_"):
                if token in found:
                    self.problem("double superscript" if token == "^" else "double subscript")
                found.add(token)
                script = self.argument(font, token)
                sub, sup = (sub + script, sup) if token == "_" else (sub, sup + script)
        sup = (Atom("\\prime"),) * primes + sup
        if not sub and not sup:
            return nodes
        if nodes and not isinstance(nodes[-1], Scripts):
            return (*nodes[:-1], Scripts(nodes[-1], sub, sup))
        return (*nodes, Scripts(None, sub, sup))

    def call(self, name: str, font: str) -> Row:
        option: Row = ()
        if name == "\\sqrt" and (raw := self.raw_option()) is not None:
            option = self.inner(raw)
        return (Call(name, tuple(self.argument(font, name) for _ in range(symbols.CALLS[name])), option),)

    def dropped(self, name: str, font: str) -> Row:
        if name == "\\left" or name == "\\right" or name == "\\middle":
            return self.delimiter(name, font)
        for _ in range(symbols.DROPPED[name]):
            self.raw_group()
        return ()

    def delimiter(self, name: str, font: str) -> Row:
        token = self.peek()
        if token == ".":
            self.at += 1
        elif token in ("<", ">"):
            self.at += 1
            return (Atom("\\langle" if token == "<" else "\\rangle"),)
        elif not token:
            self.problem(f"{name} lacks a delimiter")
        return ()

    def styled(self, name: str, font: str) -> Row:
        return self.argument(symbols.FONTS[name], name)

    def words(self, name: str, font: str) -> Row:
        raw = self.raw_group()
        kind = symbols.TEXTS[name]
        nodes: list[Node] = []
        for index, part in enumerate(raw.split("$")):
            if index % 2:
                nodes += self.inner(part, "boldsymbol" if "\\boldmath" in raw else "")
            elif kind == "mathrm" and any(mark in part.strip() for mark in " -") and not set(part) & set("\\{}^_"):
                nodes.append(Words(" ".join(part.split())))
            else:
                nodes += self.inner(part, kind)
        return tuple(nodes)

    def inner(self, source: str, font: str = "") -> Row:
        """Parse a piece of source on its own."""
        parser = Parser(source, self.depth + _INNER)
        if parser.depth > _DEEPEST:
            self.problem("nested too deep")
            return ()
        row = parser.row(font)
        if parser.peek():
            parser.problem(f"unmatched {parser.peek()}")
        for problem in parser.problems:
            self.problem(problem)
        return row

    def inlined(self, name: str, font: str) -> Row:
        while self.raw_option() is not None:
            pass
        for _ in range(symbols.INLINED[name]):
            self.raw_group()
        return self.argument(font, name)

    def dimension(self, name: str, font: str) -> Row:
        from_here = self.at
        while self.peek() and (self.peek() in "+-.0123456789" or self.peek() in "=") and self.at - from_here < 12:
            self.at += 1
        unit = self.next() + self.peek() if self.peek().isalpha() and len(self.peek()) == 1 else ""
        if unit:
            self.at += 1
        if not unit:
            self.problem(f"{name} lacks a dimension")
        return ()

    def plain_grid(self, name: str, font: str) -> Row:
        kind, left, right = symbols.GRIDS[name]
        if self.peek() != "{":
            self.problem(f"{name} lacks an argument")
            return ()
        self.at += 1
        rows = self.rows(font)
        self.closing_brace()
        return wrapped(kind, left, right, rows)

    def special(self, name: str, font: str) -> Row:
        if name == "\\begin":
            return self.environment(font)
        if name == "\\substack":
            return wrapped("substack", "", "", [row[:1] for row in self.braced_rows(font)])
        if name in ("\\pmod", "\\mod", "\\bmod"):
            word: Row = tuple(Atom(letter, "mathrm") for letter in "mod")
            if name == "\\pmod":
                return (Atom("("), *word, *self.argument(font, name), Atom(")"))
            return word
        option = self.raw_option()  # \xrightarrow[below]{above}
        arrow: Row = (Atom("\\" + name[2:]),)
        above = self.argument(font, name)
        if option:
            arrow = (Call("\\underset", (self.inner(option), arrow)),)
        return (Call("\\overset", (above, arrow)),) if above else arrow

    def braced_rows(self, font: str) -> list[list[Row]]:
        if self.peek() != "{":
            return [[self.argument(font, "\\substack")]]
        self.at += 1
        rows = self.rows(font)
        self.next()
        return rows

    def environment(self, font: str) -> Row:
        name = self.raw_group().strip().rstrip("*")
        if name not in symbols.GRIDS:
            self.problem(f"unknown environment {name}")
        kind, left, right = symbols.GRIDS.get(name, ("matrix", "", ""))
        if name in ("array", "tabular", "aligned", "alignedat", "gathered", "split"):
            self.raw_option()
        if name in symbols.SPECIFIED:
            self.raw_group()
        rows = self.rows(font)
        if self.peek() == "\\end":
            self.at += 1
            closed = self.raw_group().strip().rstrip("*")
            if closed != name:
                self.problem(f"\\begin{{{name}}} closed by \\end{{{closed}}}")
        else:
            self.problem(f"\\begin{{{name}}} is not closed")
        return wrapped(kind, left, right, rows)
