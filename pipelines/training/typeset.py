"""Sets words into lines on a canvas and writes down what each line says.

The one place where label and picture meet: every line goes through ``Flow.place``, which draws it and records it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from dsvl2.pipelines.training.canvas import TILE, Canvas, Row
from dsvl2.pipelines.training.charset import ALIASES
from dsvl2.pipelines.training.fonts import Face, Family, Resources
from dsvl2.pipelines.training.glyphs import SizedFont
from dsvl2.pipelines.training.text import Corpus, WordSource, running_words

Align = Literal["left", "justify", "centre", "right"]
GAP = 0.3  # extra space above a line, in pitches, from which on it reads as a paragraph gap
_VOWELS = frozenset("aeiouyAEIOUYáàâäãåæéèêëíìîïóòôöõøúùûüýąęůűőı")
_SHOWN = {label: code for code, label in ALIASES.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """A run of one font; ``rise`` px above the baseline, ``spacing`` px between letters."""

    text: str
    font: SizedFont
    rise: float = 0.0
    spacing: float = 0.0


@dataclass(frozen=True, slots=True)
class Word:
    """What stands between two spaces: its label, its parts, its width in px, and a stroke through or below it."""

    label: str
    parts: tuple[Part, ...]
    width: float
    stroke: Literal["", "under", "through"] = ""


@dataclass(slots=True)
class Style:
    """The look of a band's body text."""

    family: Family
    face: Face
    body: SizedFont
    pitch: float
    left: float
    right: float
    align: Align = "left"
    space: float = 1.0  # width of a word space, in the font's own spaces
    spacing: float = 0.0
    kern: bool = False
    ligatures: bool = False
    hyphenate: bool = False
    paragraph_gap: float = 0.6  # pitches
    indent: float = 0.0  # px


@dataclass(slots=True)
class Flow:
    """A band being filled from the top: ``y`` is the next baseline."""

    rng: Random
    resources: Resources
    canvas: Canvas
    style: Style
    source: WordSource
    y: float
    budget: int
    rows_left: int
    gap: bool = field(default=False)

    @property
    def corpus(self) -> Corpus:
        """The corpus behind the words."""
        return self.resources.corpus

    def fits(self, font: SizedFont | None = None) -> bool:
        """Whether one more line goes on the band."""
        font = font or self.style.body
        return (
            self.rows_left > 0 and self.budget > 0 and self.y + font.descent <= TILE - 1 and self.y - font.ascent >= -1
        )

    def skip(self, pitches: float) -> None:
        """Leave space of some line pitches; from ``GAP`` on it is a paragraph gap."""
        if self.canvas.rows or pitches > 0:
            self.y += pitches * self.style.pitch
        self.gap = self.gap or (pitches >= GAP and bool(self.canvas.rows))

    def words(self, count: int) -> list[str]:
        """Texts of running words."""
        return running_words(self.rng, self.source, self.corpus, count)

    def few(self, count: int) -> list[str]:
        """Plain words of the band's source."""
        return self.source.words(self.rng, count)

    def font(self, face: Face, scale: float = 1.0) -> SizedFont:
        """Another face at the body's x-height, times ``scale``."""
        return self.resources.sized(face, self.style.body.x_height / face.outline.x_height * scale)

    def word(self, text: str, font: SizedFont | None = None, *, rise: float = 0.0, stroke: Literal["", "under",
        "through"] = "",
             spacing: float | None = None) -> Word | None:  # fmt: skip
        """``text`` in one font; None where the font lacks a character or there is none."""
        font = font or self.style.body
        spacing = self.style.spacing if spacing is None else spacing
        if not text:
            return None
        if font.letters.issuperset(text):
            parts: tuple[Part, ...] = (self._part(text, font, rise, spacing),)
        else:
            parts = self._patched(text, font, rise, spacing)
        return Word(text, parts, sum(map(self._part_width, parts)), stroke) if parts else None

    def _part(self, text: str, font: SizedFont, rise: float, spacing: float) -> Part:
        if not text.isascii():  # some signs have a twin that prints alike
            text = "".join(
                _SHOWN[c] if c in _SHOWN and _SHOWN[c] in font.cover and self.rng.random() < 0.4 else c for c in text
            )
        if self.style.ligatures and not spacing and "f" in text:
            for letters in ("ffi", "ffl", "ff", "fi", "fl"):
                if letters in font.ligatures:
                    text = text.replace(letters, font.ligatures[letters])
        return Part(text, font, rise, spacing)

    def _part_width(self, part: Part) -> float:
        width = part.font.width(part.text) + part.spacing * len(part.text)
        if self.style.kern:
            width += sum(part.font.kerning(part.text[i : i + 2]) for i in range(len(part.text) - 1))
        return width

    def _patched(self, text: str, font: SizedFont, rise: float, spacing: float) -> tuple[Part, ...]:
        """Take the characters that ``font`` lacks from another face; () where there is none."""
        missing = [c for c in dict.fromkeys(text) if c not in font.letters]
        face = self.resources.fallback(self.rng, "".join(missing)) if len(missing) <= 3 else None
        if face is None:
            return ()
        other = self.resources.sized(face, font.size)
        parts: list[Part] = []
        for character in text:
            chosen = other if character in missing else font
            if parts and parts[-1].font is chosen:
                parts[-1] = Part(parts[-1].text + character, chosen, rise, spacing)
            else:
                parts.append(Part(character, chosen, rise, spacing))
        return tuple(parts)

    def plain(self, text: str, font: SizedFont | None = None) -> list[Word]:
        """The words of ``text`` that the font can draw."""
        return [word for piece in text.split() if (word := self.word(piece, font))]

    def gap_width(self, font: SizedFont | None = None) -> float:
        """Width of a word space."""
        return (font or self.style.body).advance(" ") * self.style.space + self.style.spacing

    def measure(self, words: Sequence[Word], font: SizedFont | None = None) -> float:
        """Width of ``words`` with normal spaces."""
        return sum(word.width for word in words) + self.gap_width(font) * max(0, len(words) - 1)

    def fit(self, words: Sequence[Word], width: float, font: SizedFont | None = None) -> list[Word]:
        """As many of ``words`` as go into ``width``."""
        kept = list(words)
        while kept and self.measure(kept, font) > width:
            kept.pop()
        return kept

    def draw(self, words: Sequence[Word], x: float, gap: float) -> float:
        """Draw words from ``x`` on the current baseline without recording a line; return the end."""
        canvas, kern = self.canvas, self.style.kern
        for index, word in enumerate(words):
            x += gap if index else 0.0
            start = x
            for part in word.parts:
                x = canvas.put(x, self.y - part.rise, part.text, part.font, spacing=part.spacing, kern=kern)
            if word.stroke:
                font = word.parts[0].font
                below = font.x_height * 0.22 + 1 if word.stroke == "under" else -font.x_height * 0.5
                joined = index + 1 < len(words) and words[index + 1].stroke == word.stroke
                canvas.bar(start, x + (gap if joined else 0.0), self.y + below, max(1, round(font.size / 18)))
        return x

    def place(
        self, groups: Sequence[tuple[float, Sequence[Word], float]], *, prefix: str = "", pitch: float | None = None
    ) -> None:
        """Draw groups ``(x, words, gap)`` as one line and record it; groups are separated by tabs in the label."""
        mark = len(self.canvas.chars)
        labels = []
        for x, words, gap in groups:
            if words:
                self.draw(words, x, gap)
                labels.append(" ".join(word.label for word in words))
        self.record(prefix + "\t".join(labels), mark, pitch=pitch)

    def record(self, text: str, mark: int, *, pitch: float | None = None) -> None:
        """Write down the line whose characters were drawn since ``mark``, and go on to the next baseline."""
        canvas = self.canvas
        if len(canvas.chars) > mark:
            x, y, _ = canvas.chars[mark]
            canvas.rows.append(Row(text, x, y, self.gap))
            self.gap = False
            self.budget -= len(text) + 2
            self.rows_left -= 1
            self.y += self.style.pitch if pitch is None else pitch

    def paragraph(self, words: Sequence[Word], *, left: float | None = None, right: float | None = None,
        first: float = 0.0,
                  align: Align | None = None, head: tuple[float, Sequence[Word]] | None = None,
                      prefix: str = "") -> None:  # fmt: skip
        """Set words as a paragraph. ``head`` (a bullet or a number) is drawn left of the first line."""
        style = self.style
        left, right, align = left or style.left, right or style.right, align or style.align
        queue = list(words)
        opening = True
        while queue and self.fits():
            x = left + (first if opening else 0.0)
            line = self._take(queue, right - x)
            if not line:
                queue.pop(0)  # wider than the column
                continue
            mark = len(self.canvas.chars)
            label = " ".join(word.label for word in line)
            if opening and head:
                self.draw(head[1], head[0], self.gap_width())
                label = (prefix or " ".join(word.label for word in head[1]) + " ") + label
            self.draw(line, *self._aligned(line, x, right, align, bool(queue)))
            self.record(label, mark)
            opening = False

    def _aligned(self, line: list[Word], x: float, right: float, align: Align, more: bool) -> tuple[float, float]:
        gap = self.gap_width()
        slack = right - x - self.measure(line)
        if align == "justify" and more and len(line) > 1:
            stretched = gap + slack / (len(line) - 1)
            return x, stretched if stretched < self.style.body.size * 0.95 else gap
        return x + (slack / 2 if align == "centre" else slack if align == "right" else 0.0), gap

    def _take(self, queue: list[Word], width: float) -> list[Word]:
        line: list[Word] = []
        used, gap = 0.0, self.gap_width()
        while queue:
            need = queue[0].width + (gap if line else 0.0)
            if used + need > width:
                if self.style.hyphenate:
                    self._hyphenate(queue, line, width - used - (gap if line else 0.0))
                break
            line.append(queue.pop(0))
            used += need
        return line

    def _hyphenate(self, queue: list[Word], line: list[Word], width: float) -> None:
        word = queue[0]
        if len(word.parts) > 1 or len(word.label) < 6 or not word.label.strip(".,;:").isalpha() or word.parts[0].rise:
            return
        font = word.parts[0].font
        cut = min(len(word.label) - 3, int((width - font.advance("-")) / (word.width / len(word.label))))
        while cut >= 2 and (word.label[cut] in _VOWELS or word.label[cut + 1] not in _VOWELS):
            cut -= 1  # syllables mostly begin with a consonant before a vowel
        if cut < 2:
            return
        head = self.word(word.label[:cut] + "-", font, stroke=word.stroke)
        tail = self.word(word.label[cut:], font, stroke=word.stroke)
        if head and tail and head.width <= width:
            line.append(head)
            queue[0] = tail
