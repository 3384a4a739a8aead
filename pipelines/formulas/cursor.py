"""A place in the tokens of a formula, and what is wrong with them so far."""

from __future__ import annotations

from dsvl2.pipelines.formulas.tokens import tokenize

_LONGEST_OPTION = 100  # tokens; a bracket that is still open then is a sign of the formula


class Cursor:
    """Moves over the tokens of one source."""

    def __init__(self, source: str, depth: int = 0) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.depth = depth
        self.problems: list[str] = []

    def problem(self, text: str) -> None:
        """Note what is wrong, once."""
        if text not in self.problems:
            self.problems.append(text)

    def peek(self, *, space: bool = False) -> str:
        """The next token, "" at the end; white space is passed over unless asked for."""
        while not space and self.at < len(self.tokens) and self.tokens[self.at].text == " ":
            self.at += 1
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def next(self) -> str:
        """Take the next token."""
        text = self.peek()
        self.at += bool(text)
        return text

    def raw_group(self) -> str:
        """Take `{...}` (or one token) unparsed."""
        if self.peek() != "{":
            return self.next()
        self.at += 1
        start, level = self.at, 1
        while self.at < len(self.tokens):
            level += {"{": 1, "}": -1}.get(self.tokens[self.at].text, 0)
            self.at += 1
            if not level:
                return self.between(start, self.at - 1)
        self.problem("unbalanced {")
        return self.between(start, self.at)

    def raw_option(self) -> str | None:
        """Take `[...]` unparsed if it is there."""
        if self.peek() != "[":
            return None
        start = self.at + 1
        for end in range(start, min(start + _LONGEST_OPTION, len(self.tokens))):
            if self.tokens[end].text == "]":
                self.at = end + 1
                return self.between(start, end)
        return None

    def between(self, start: int, end: int) -> str:
        """The source from token `start` up to token `end`."""
        return self.source[self.tokens[start].start : self.tokens[end - 1].end] if end > start else ""
