"""A lexicon changes doubtful words that are like one known word, and nothing else."""

from __future__ import annotations

import json

import pytest

from dsvl2.pipelines.documents import Block, Box, Line, PageResult, Word
from dsvl2.pipelines.review import BadCorrections, BadLexicon, Lexicon, joined, parse_lexicon, with_lexicon
from dsvl2.pipelines.tables.types import TableCell, table_of

BOX = Box(0, 0, 10, 10)
KNOWN = Lexicon(["Whitcombe", "Mill", "brine", "McAdam", "Ostergaard", "O'Neill"])


def line(text: str, sure: float | None = 0.5) -> Line:
    return Line(text, BOX, sure, tuple(Word(word, BOX, sure) for word in text.split()))


def page(*blocks: Block) -> PageResult:
    return PageResult(1, blocks, 100, 100, 72.0)


@pytest.mark.parametrize(
    ("read", "becomes"),
    [
        ("Whitcornbe,", "Whitcombe,"),
        ("(WHITC0MBE)", "(WHITC0MBE)"),  # a figure
        ("WHITCOMBF", "WHITCOMBE"),
        ("whitcomhe", "Whitcombe"),
        ("Brlne", "Brine"),
        ("Mill", "Mill"),
        ("Mil", "Mil"),  # three letters
        ("Mills", "Mills"),  # an ending
        ("Mjlls", "Mjlls"),
        ("Ostergeerd's", "Ostergeerd's"),  # three letters off
        ("0stergaard", "0stergaard"),
        ("O'Neiil", "O'Neill"),
        ("elsewhere", "elsewhere"),
        ("", ""),
    ],
)
def test_a_doubtful_word_becomes_the_one_that_it_is_like(read: str, becomes: str) -> None:
    assert KNOWN.mended(read, 0.5) == becomes


@pytest.mark.parametrize("sure", [0.85, 1.0, None])
def test_what_was_read_surely_or_nobody_knows_how_stays(sure: float | None) -> None:
    assert KNOWN.mended("Whitcornbe", sure) == "Whitcornbe"


def test_a_word_like_two_or_known_itself_stays() -> None:
    both = Lexicon(["Marten", "Martin", "Barton"])
    assert [both.mended(word, 0.1) for word in ("Martan", "Marton", "Barton")] == ["Martan", "Marton", "Barton"]
    assert both.mended("Bartin", 0.1) == "Bartin"


def test_lines_words_and_paragraphs_change_together_and_are_told() -> None:
    lines = (line("Mr Whitcornbe of"), line("Mifl Lane", 0.6))
    read = page(Block("paragraph", "Mr Whitcornbe of Mifl Lane", BOX, lines=lines))
    made = with_lexicon(read, KNOWN)
    (block,) = made.blocks
    assert block.text == "Mr Whitcombe of Mill Lane"
    assert [one.text for one in block.lines] == ["Mr Whitcombe of", "Mill Lane"]
    assert [word.text for word in block.lines[0].words] == ["Mr", "Whitcombe", "of"]
    assert block.lines[1].words[0] == Word("Mill", BOX, 0.6)
    assert [notice.message for notice in made.warnings] == [
        "'Whitcornbe' was read, and 'Whitcombe' is known", "'Mifl' was read, and 'Mill' is known",
    ]  # fmt: skip
    assert with_lexicon(made, KNOWN) is made


def test_cells_of_tables_change_too() -> None:
    table = table_of([TableCell(0, 0, "Mifl", lines=(0,)), TableCell(0, 1, "12", lines=(1,))])
    read = page(Block("table", "Mifl\t12", BOX, lines=(line("Mifl"), line("12")), rows=(("Mifl", "12"),), table=table))
    (block,) = with_lexicon(read, KNOWN).blocks
    assert (block.rows, block.text) == ((("Mill", "12"),), "Mill\t12")
    assert block.table is not None
    assert block.table.cells[0].text == "Mill"


def test_a_paragraph_whose_text_is_not_that_of_its_lines_stays() -> None:
    formula = Block("formula", "Mifl", BOX, lines=(line("Mifl"),))
    inline = Block("paragraph", r"Mifl \(x^2\)", BOX, lines=(line("Mifl x2"),))
    read = page(formula, inline, Block("paragraph", "Mifl", BOX))
    assert with_lexicon(read, KNOWN) is read


def test_text_files_hold_words_in_lines() -> None:
    known = parse_lexicon("\ufeff# people\nJ. R. Whitcombe  # engineer\r\nMill Lane\n".encode(), "names.txt")
    assert sorted(known.words) == ["J", "Lane", "Mill", "R", "Whitcombe"]


def corrections(*pairs: tuple[str, str]) -> bytes:
    changes = [{"id": f"line_1_1_{k}", "before": before, "after": after} for k, (before, after) in enumerate(pairs, 1)]
    document = {"name": "a", "sha256": None, "page_count": 1, "model": None, "options": [], "notices": [], "pages": []}
    return json.dumps(
        {"schema": "dsvl2/corrections/v1", "document": document, "corrections": changes, "added": []}
    ).encode()


def test_corrections_teach_the_words_that_were_changed() -> None:
    known = parse_lexicon(corrections(("Mr Whitcornbe saw tbe rnill", "Mr Whitcombe saw the mill")), "a.json")
    assert list(known.words) == ["Whitcombe"]
    assert known.corrected == {"Whitcornbe": "Whitcombe", "tbe": "the", "rnill": "mill"}
    assert [known.mended(word, 0.4) for word in ("tbe.", "rnill", "Whitcombc", "then", "mili")] == [
        "the.", "mill", "Whitcombe", "then", "mili",
    ]  # fmt: skip


def test_several_lexicons_are_one_and_the_last_correction_counts() -> None:
    first, second = Lexicon(["Whitcombe"], {"a1": "b"}), Lexicon(["Mill"], {"a1": "c"})
    both = joined([first, second])
    assert (sorted(both.words), both.corrected) == (["Mill", "Whitcombe"], {"a1": "c"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no word"),
        (b"# nothing\n12 345\n", "holds no word"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"word\n" * 200_001, "200,001 words"),
        (corrections(), "no word was corrected"),
    ],
)
def test_a_file_without_words_is_an_error(data: bytes, message: str) -> None:
    with pytest.raises(BadLexicon, match=message):
        parse_lexicon(data, "names.txt")


def test_json_of_another_kind_is_an_error() -> None:
    with pytest.raises(BadCorrections):
        parse_lexicon(b'{"schema": "dsvl2/ocr/v1"}', "a.json")
