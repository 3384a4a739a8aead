"""A page's text layer as it was found in the file, in points of the page as shown, origin top left."""

from __future__ import annotations

from dataclasses import dataclass

from dsvl2.pipelines.documents import Box, Word
from dsvl2.pipelines.textlayer.ink import InkMatch


@dataclass(frozen=True, slots=True)
class LayerLine:
    """A piece of text on one base line, as the file has it.

    `direction` is the unit vector along the text; `base` a point of the base line; `size` the font size that most of
    its letters have; `words` hold boxes in the same points.
    """

    text: str
    box: Box
    base: tuple[float, float]
    direction: tuple[float, float]
    size: float
    bold: bool = False
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on the page: its box, bits a component, and components a pixel."""

    box: Box
    bits: int
    components: int


@dataclass(frozen=True, slots=True)
class LayerPage:
    """Everything that the decision about a page's text needs.

    `letters` counts letters drawn, `hidden` those of them in the invisible rendering mode; `drawn` says whether
    there is any ink at all on the page, `notes` whether there are filled-in form fields or notes with text on it.
    `drawings` are the boxes of straight lines and rectangles drawn on an unturned page: the rules of tables.
    `ink` says how invisible text lies on what is drawn, None where there is none.
    """

    size: tuple[float, float]
    lines: tuple[LayerLine, ...]
    pictures: tuple[Picture, ...] = ()
    letters: int = 0
    hidden: int = 0
    drawn: bool = True
    notes: bool = False
    drawings: tuple[Box, ...] = ()
    ink: InkMatch | None = None

    @property
    def text(self) -> str:
        """All text, a line each."""
        return "\n".join(line.text for line in self.lines)
