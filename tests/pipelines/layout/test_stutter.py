"""Words read again and again where the ink has them once are taken out; what is printed twice stays."""

import numpy as np
import pytest

from dsvl2.pipelines.layout.ink import PageInk, no_ink
from dsvl2.pipelines.layout.placing import PlacedLine
from dsvl2.pipelines.layout.stutter import without_stutter
from dsvl2.pipelines.layout.types import InkLine

OTHER = "the pumps were run for six hours at full load"
STEP, GAP = 10.0, 60.0


def drawn(*printed, touching=1):
    """Return lines of ink for these texts, a tab as a wide gap; each `touching` letters are one piece of ink."""
    boxes, lines = [], []
    for row, text in enumerate(printed):
        x, y, letters = 0.0, 40.0 * row, 0
        for sign in text:
            if sign.isalnum():
                if letters % touching == 0:
                    boxes.append((x, y, x + 8, y + 10))
                else:
                    boxes[-1] = (boxes[-1][0], y, x + 8, y + 10)
                letters += 1
            x += GAP if sign == "\t" else STEP
        lines.append(InkLine(0.0, y - 2, x, y + 12, y, y + 10))
    count = len(boxes)
    array = np.array(boxes, dtype=np.float32)
    of_line = np.zeros(count, dtype=np.int32)
    area = np.full(count, 40, dtype=np.float32)
    none = np.zeros((0, 4), dtype=np.float32)
    return PageInk(
        array,
        area,
        np.ones(count, dtype=np.bool_),
        of_line,
        tuple(lines),
        none,
        10.0,
        np.full(count, 1.5, dtype=np.float32),
    )


def read(ink, *texts):
    lines = [
        PlacedLine(text, False, 1.0, line, 0, 0, 0.0, 900.0, tuple(-0.01 * k for k in range(len(text))))
        for text, line in zip(texts, ink.lines, strict=True)
    ]
    return without_stutter(lines, ink)


@pytest.mark.parametrize("touching", [1, 2])
@pytest.mark.parametrize("copies", [2, 4])
def test_words_that_the_ink_has_once_are_kept_once(copies, touching):
    printed = "between us and you (the Effective Date) as said"
    ink = drawn(OTHER, printed, touching=touching)
    stuttered = "between us and you" + " (the Effective" * copies + " Date) as said"
    assert [line.text for line in read(ink, OTHER, stuttered)] == [OTHER, printed]


def test_each_letter_keeps_its_probability():
    ink = drawn(OTHER, "residing at home in Mill Lane")
    text = "residing at residing at home in Mill Lane"
    line = read(ink, OTHER, text)[1]
    assert line.text == "residing at home in Mill Lane"
    assert line.logprobs == tuple(-0.01 * k for k in range(12, len(text)))


def test_a_blank_to_be_filled_in_is_counted_with_the_words_around_it():
    printed = "and\t(Employee) of the firm on the\t(Effective Date)"
    ink = drawn(OTHER, printed)
    stuttered = "and\t(Employee) of the firm on the" + "\t(Effective" * 3 + " Date)"
    assert read(ink, OTHER, stuttered)[1].text == printed


@pytest.mark.parametrize("printed", ["Name: Name: Ada King", "well, well, well, he said", "designs, designs, designs"])
def test_what_is_printed_again_stays(printed):
    ink = drawn(OTHER, printed)
    assert read(ink, OTHER, printed)[1].text == printed


def test_leaders_and_rules_to_write_on_stay():
    for text in ("Name ____________________", "Pumps . . . . . . . . . . . 12", "----------------------"):
        assert read(drawn(OTHER, "Name"), OTHER, text)[1].text == text


def test_without_ink_nothing_is_judged():
    line = PlacedLine("again and again and again and", False, None, None, 0, 0, 0.0, 1.0)
    assert without_stutter([line], None) == [line]
    assert without_stutter([line], no_ink()) == [line]
    assert without_stutter([], no_ink()) == []
