"""Texts of bands become blocks: nothing lost, lines joined where a reader would."""

from __future__ import annotations

import pytest

from dsvl2.pipelines.layout import BandText, analyse, assemble, line_notices


def printed(layout, texts):
    """Return what a perfect model prints for these lines (text, or "" for a paragraph gap before the next)."""
    words = iter(texts)
    result = []
    for band in layout.bands:
        text = ""
        for line in band.lines:
            word = next(words)
            if word == "":
                text += "\n"
                word = next(words)
            middle = (line.middle - band.box.y0) * band.scale + band.offset[1]
            text += f"<|y_{int(middle // 8)}|>{word}"
        result.append(BandText(text))
    return result


def write(sheet, texts, *, x=120, indent=()):
    baseline = 160
    for k, text in enumerate(t for t in texts if t):
        sheet.line(x + (30 if k in indent else 0), baseline, text)
        baseline += 31


def blocks_of(sheet, canvas, texts, **where):
    write(sheet, texts, **where)
    layout = analyse(sheet.gray, canvas)
    return assemble(layout, printed(layout, texts))


LONG = "a line of running text that is long enough to fill the whole width of its column on"


def test_paragraph_is_joined_over_a_band_break(sheet, canvas):
    texts = [f"{LONG} page {k}" for k in range(30)]
    blocks = blocks_of(sheet, canvas, texts)
    assert [b.kind for b in blocks] == ["paragraph"]
    assert blocks[0].text == " ".join(texts)
    assert len(blocks[0].lines) == 30


def test_gap_newline_starts_a_paragraph(sheet, canvas):
    texts = [LONG, LONG + " one.", "", LONG, LONG]
    assert len(blocks_of(sheet, canvas, texts)) == 2


def test_indent_starts_a_paragraph(sheet, canvas):
    texts = [LONG, LONG + " end.", LONG[:80], LONG]
    blocks = blocks_of(sheet, canvas, texts, indent={2})
    assert [len(b.lines) for b in blocks] == [2, 2]


def test_hyphen_at_the_line_end_is_joined(sheet, canvas):
    texts = [LONG + " para-", "graph goes on here and " + LONG[:60]]
    assert "paragraph goes on" in blocks_of(sheet, canvas, texts)[0].text


@pytest.mark.parametrize(
    ("end", "start", "whole"), [("UTF-", "8 text", "UTF-8 text"), ("Anglo-", "Saxon", "Anglo-Saxon")]
)
def test_hyphen_of_a_compound_stays(sheet, canvas, end, start, whole):
    texts = [f"{LONG} {end}", f"{start} and {LONG[:60]}"]
    assert whole in blocks_of(sheet, canvas, texts)[0].text


def test_heading_level_follows_the_letter_height(sheet, canvas):
    sheet.line(120, 120, "Large heading", 44)
    sheet.prose(120, 200, 1000, 10)
    sheet.line(120, 560, "Small heading", 22)
    sheet.prose(120, 600, 1000, 10, seed=1)
    layout = analyse(sheet.gray, canvas)
    texts = ["# Large heading", "", *["body text"] * 10, "", "# Small heading", "", *["body text"] * 10]
    blocks = assemble(layout, printed(layout, texts))
    heads = [(b.text, b.level) for b in blocks if b.kind == "heading"]
    assert heads == [("Large heading", 1), ("Small heading", 3)]


def test_bullets_and_numbers_become_list_items(sheet, canvas):
    texts = ["- first item", "- second item that", "1. numbered", "(b) lettered"]
    blocks = blocks_of(sheet, canvas, texts)
    assert [b.kind for b in blocks] == ["list_item"] * 4
    assert [b.text for b in blocks] == ["first item", "second item that", "1. numbered", "(b) lettered"]


def test_rows_with_tabs_become_a_rectangular_table(sheet, canvas):
    for k in range(3):  # too few lines for the cutter to see a table
        sheet.line(120, 200 + 40 * k, f"cell {k}")
        sheet.line(700, 200 + 40 * k, f"value {k}")
    layout = analyse(sheet.gray, canvas)
    texts = ["cell 0\tvalue 0", "cell 1\tvalue 1", "cell 2\tvalue 2\textra"]
    (block,) = assemble(layout, printed(layout, texts))
    assert block.kind == "table"
    assert block.rows[0] == ("cell 0", "value 0", "")
    assert block.rows[2] == ("cell 2", "value 2", "extra")


def test_lone_row_with_a_tab_is_no_table(sheet, canvas):
    assert blocks_of(sheet, canvas, ["left\tright"])[0].kind == "paragraph"


def test_nothing_that_was_printed_is_lost(sheet, canvas):
    write(sheet, [LONG] * 5)
    layout = analyse(sheet.gray, canvas)
    odd = BandText("no token here<|y_3|>first<|y_3|>again\nloose\n\n<|y_40|>far<|y_47|>")
    text = " ".join(b.text for b in assemble(layout, [odd]))
    assert all(word in text for word in ("no token here", "first", "again", "loose", "far"))


def test_lines_get_their_ink_boxes_and_confidence(sheet, canvas):
    write(sheet, [LONG, LONG])
    layout = analyse(sheet.gray, canvas)
    bins = [int(((k.middle - layout.bands[0].box.y0) * layout.bands[0].scale + 6) // 8) for k in layout.bands[0].lines]
    pieces = (f"<|y_{bins[0]}|>", "a", "b", f"<|y_{bins[1]}|>", "c")
    text = BandText("".join(pieces), pieces, (0.0, 0.0, -0.7, 0.0, 0.0))
    lines = [line for block in assemble(layout, [text]) for line in block.lines]
    assert lines[0].box.y0 < 160 < lines[0].box.y1 + 8
    assert lines[1].box.y0 > lines[0].box.y0 + 20
    assert lines[0].confidence == pytest.approx(0.4966**0.5, abs=0.01)
    assert lines[1].confidence == 1.0


def test_skipped_line_is_noticed_and_the_others_keep_their_place(sheet, canvas):
    write(sheet, [LONG] * 4)
    layout = analyse(sheet.gray, canvas)
    (full,) = printed(layout, ["one", "two", "three", "four"])
    start = full.text.index("<", full.text.index("one"))
    short = BandText(full.text[:start] + full.text[full.text.index("<", full.text.index("two")) :])
    (notice,) = line_notices(layout, [short])
    assert notice.code == "line_count_mismatch"
    lines = [line for block in assemble(layout, [short]) for line in block.lines]
    assert [line.text for line in lines] == ["one", "three", "four"]
    assert lines[1].box.y1 > 160 + 2 * 31 - 8
    assert line_notices(layout, [full]) == ()


def test_columns_are_joined_in_order(sheet, canvas):
    sheet.prose(100, 260, 490, 30, seed=1)
    sheet.prose(650, 272, 490, 30, seed=2)
    layout = analyse(sheet.gray, canvas)
    texts = [f"left {k}" for k in range(30)] + [f"right {k}" for k in range(30)]
    joined = " ".join(b.text for b in assemble(layout, printed(layout, texts)))
    assert joined == " ".join(texts)


def test_wrong_number_of_texts_is_refused(sheet, canvas):
    write(sheet, [LONG])
    layout = analyse(sheet.gray, canvas)
    with pytest.raises(ValueError, match="1 bands need"):
        assemble(layout, [])


FORM = ["Delivery note no. 4471", "Customer: Harbour Tools Ltd", "Date: 12 May 2024"]
FORM += ["Three boxes of copper nails were sent.", "Total due: 318.40 EUR"]


def test_short_lines_that_the_next_word_would_have_fitted_on_stand_for_themselves(sheet, canvas):
    assert [block.text for block in blocks_of(sheet, canvas, FORM)] == FORM


def test_lines_in_ragged_right_setting_go_on(sheet, canvas):
    ragged = ["The station was inspected on three days of the", "month of March by Mr. Whitcombe, whom the"]
    ragged += [
        "Hillside Water Company had sent from its",
        "London office, and again in May when the",
        "Thames was high.",
    ]
    (block,) = blocks_of(sheet, canvas, ragged)
    assert block.text == " ".join(ragged)


def test_numbered_paragraphs_set_flush_left_are_whole(sheet, canvas):
    one = [f"1. {LONG} the", f"{LONG} all.", f"{LONG} a", "few more words."]
    two = [f"2. {LONG} the", "end of it."]
    found = blocks_of(sheet, canvas, one + two)
    assert [block.text for block in found] == [" ".join(one), " ".join(two)]
    assert [block.kind for block in found] == ["list_item", "list_item"]


def test_a_paragraph_below_a_short_or_finished_item_is_its_own(sheet, canvas):
    short = ["1. The lead is to be renewed;", f"{LONG} that", f"{LONG} was meant."]
    assert [len(block.lines) for block in blocks_of(sheet, canvas, short)] == [1, 2]


def test_a_number_in_brackets_may_belong_to_the_sentence(sheet, canvas):
    texts = [f"{LONG} twelve", "(12) months after the end of it."]
    assert [block.text for block in blocks_of(sheet, canvas, texts)] == [" ".join(texts)]
    listed = [f"(1) {LONG}", "(2) something else", f"{LONG} and", "(3) the third"]
    assert [block.text[:3] for block in blocks_of(sheet, canvas, listed)] == ["(1)", "(2)", "a l", "(3)"]
