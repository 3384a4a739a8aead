"""What speaks for and against a word: how sure the model was of its letters, and whether it fits the ink it stands on.

Every feature grows with doubt, so that a calibration whose weights are all of one sign is monotone in each of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import median

from dsvl2.pipelines.documents import Block, Line
from dsvl2.pipelines.words import Slant, text_width

FEATURES = ("weakest", "mean", "edges", "line", "length", "short", "mixed", "capital", "misfit")
"""Names of the features, in the order of the vectors that `word_evidence` gives.

weakest, mean   surprise (minus log-probability, on a log scale) at the word's least sure letter, and over all of them
edges           the same at what was printed right before and right after it: word breaks are mistaken there
line            mean surprise over the whole line
length, short   logarithm of its letters; one for a word of a single letter
mixed, capital  letters and digits or signs in one word; a capital inside it
misfit          how far the line's letters are wider or narrower than is usual on the page, as a logarithm
"""

_LEVEL = Slant(0, 0.0)
_LEAST = 1e-6  # surprise below which a float32 softmax no longer tells certainties apart
_WORD = re.compile(r"\S+")
_INSIDE_CAPITAL = re.compile(r"[a-z\u00df-\u00ff][A-Z]")


def word_evidence(line: Line, usual: float = 0.0, slant: Slant = _LEVEL) -> list[tuple[float, ...]]:
    """Return the features of every word of a line (as `str.split` has them); none if its probabilities are not known.

    `usual` is the page's usual letter width relative to the height of lines (see `usual_width`), 0 if not known.
    """
    text, logs = line.text, line.logprobs
    if not logs or len(logs) != len(text):
        return []
    surprise = [-min(value, 0.0) for value in logs]
    whole = _scale(sum(surprise) / len(surprise))
    width = _relative_width(line, slant)
    misfit = abs(math.log(width / usual)) if width and usual else 0.0
    found: list[tuple[float, ...]] = []
    for match in _WORD.finditer(text):
        first, last = match.span()
        part = surprise[first:last]
        edges = [surprise[k] for k in (first - 1, last) if 0 <= k < len(surprise)]
        word = match[0]
        letters = any(c.isalpha() for c in word)
        found.append(
            (
                _scale(max(part)),
                _scale(sum(part) / len(part)),
                _scale(max(edges, default=0.0)),
                whole,
                math.log(len(word)),
                float(len(word) == 1),
                float(letters and any(not c.isalpha() for c in word.strip(".,;:!?()[]'\""))),
                float(bool(_INSIDE_CAPITAL.search(word))),
                min(misfit, 1.5),
            )
        )
    return found


def usual_width(blocks: Sequence[Block], slant: Slant) -> float:
    """Return the median over the lines of a page of letter width to line height; 0 without lines that have a place."""
    widths = [_relative_width(line, slant) for block in blocks for line in block.lines]
    known = [width for width in widths if width]
    return median(known) if known else 0.0


def _relative_width(line: Line, slant: Slant) -> float:
    if line.box is None or len(line.text.strip()) < 4:
        return 0.0
    _, _, along, across = slant.of_line(line).upright(line.box)
    return along / max(text_width(line.text.strip()), 0.1) / across


def _scale(surprise: float) -> float:
    return math.log(max(surprise, _LEAST))
