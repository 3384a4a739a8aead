"""Virtual pages: answers are copies of the page, field lists fill to valid JSON, nothing held out is trained on."""

from __future__ import annotations

import json
import random
import re
from functools import cache

import pytest

from dsvl2.pipelines.training.answers import questions
from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary, parted
from dsvl2.pipelines.training.answers.kinds import KINDS, MEASURED, UNSEEN
from dsvl2.pipelines.training.answers.pages import FEWEST_TOKENS, MOST_TOKENS, VirtualPage, held_out, make_page
from dsvl2.pipelines.training.charset import covered

LISTS = (
    "first last street city company job word common foreign country region currency language sentence legal strange adjective"
    " act animal artifact attribute cognition event food group person plant possession state substance"
)
LOCATION = re.compile(r"<\|y_(\d+)\|>")


@cache
def vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """Small lists of made-up words: the packed file is not part of the repository."""
    rng = random.Random(5)

    def word() -> str:
        return "".join(rng.choice(c) for c in ("bcdfglmnprst", "aeiou", "lmnrst", "aeiou", "nrst"))

    lists = {
        key: [f"{word()}{'' if key != 'sentence' else ' ' + word() + ' ' + word() + '.'}" for _ in range(300)]
        for key in LISTS.split()
    }
    lists["number"] = [str(number) for number in range(300)]
    return Vocabulary.split(lists)


@cache
def pages(kind: str) -> tuple[VirtualPage, ...]:
    rng = random.Random(kind)
    return tuple(make_page(rng, vocabularies()[0], kind=kind) for _ in range(12))


def plain(text: str) -> str:
    """A page's text without places: segments one after the other, no white space, no separators of thousands."""
    return re.sub(r"[\s,]", "", LOCATION.sub("", text))


@pytest.mark.parametrize("kind", [*KINDS, *UNSEEN])
def test_every_kind_gives_pages_within_the_budget(kind: str) -> None:
    for page in pages(kind):
        assert page.kind == kind
        assert FEWEST_TOKENS <= page.tokens <= MOST_TOKENS
        assert page.tokens == len(LOCATION.sub("#", page.spatial_text))
        assert page.turns
        assert len({turn.prompt for turn in page.turns}) == len(page.turns)


@pytest.mark.parametrize("kind", [*KINDS, *UNSEEN])
def test_answers_of_one_piece_are_copies_of_the_page(kind: str) -> None:
    copied = total = 0
    for page in pages(kind):
        text = plain(page.spatial_text)
        for turn in page.turns:
            if turn.prompt.startswith("Q: ") and turn.answer:
                total += 1
                copied += plain(turn.answer) in text
    assert total
    assert copied >= 0.6 * total  # the rest runs over lines that stand beside other text


@pytest.mark.parametrize("kind", [*KINDS, *UNSEEN])
def test_every_word_of_an_answer_is_on_the_page(kind: str) -> None:
    for page in pages(kind):
        text = plain(page.spatial_text)
        for turn in page.turns:
            if turn.prompt.startswith("Q: "):
                assert all(plain(word) in text for word in turn.answer.split()), turn


@pytest.mark.parametrize("kind", [*KINDS, *UNSEEN])
def test_field_lists_fill_to_compact_json_with_the_fields_asked_for(kind: str) -> None:
    for page in pages(kind):
        for turn in page.turns:
            if turn.prompt.startswith("JSON: "):
                value = json.loads(turn.answer)
                asked = re.sub(r": \{[^}]*\}", "", turn.prompt.removeprefix("JSON: "))
                assert list(value) == [field.split(":")[0].removesuffix("[]") for field in asked.split(", ")]
                assert '": ' not in re.sub(r'"(?:[^"\\]|\\.)*"(?=[,\]}])', "0", turn.answer)


def test_typed_fields_are_dates_and_numbers() -> None:
    seen = set()
    for kind in ("receipt", "invoice", "form"):
        for page in pages(kind):
            for turn in page.turns:
                if not turn.prompt.startswith("JSON: "):
                    continue
                value = json.loads(turn.answer)
                flat = re.sub(r"\w+(?:\[\](?:: \{[^}]*\})?|: \{[^}]*\})", "", turn.prompt)
                for name, type_ in re.findall(r"(\w+): (date|number)", flat):
                    filled = value.get(name)
                    seen.add(type_ if filled is not None else None)
                    if filled is not None and type_ == "date":
                        assert re.fullmatch(r"\d{4}-\d\d-\d\d", filled)
                    if filled is not None and type_ == "number":
                        assert isinstance(filled, int | float)
    assert {"date", "number"} <= seen


def test_everything_is_written_in_the_models_characters() -> None:
    for kind in KINDS:
        for page in pages(kind):
            assert covered(LOCATION.sub("", page.spatial_text))
            assert all(covered(turn.prompt + turn.answer) for turn in page.turns)
            assert all("\n" not in turn.prompt + turn.answer for turn in page.turns)


def test_places_are_bins() -> None:
    for page in pages("form"):
        assert all(0 <= int(number) < 48 for number in LOCATION.findall(page.spatial_text))
        assert all(re.match(r"<\|y_\d+\|><\|y_\d+\|><\|y_\d+\|>\S", row) for row in page.spatial_text.split("\n"))


def test_some_questions_have_no_answer_and_most_have() -> None:
    rng = random.Random(2)
    turns = [turn for _ in range(250) for turn in make_page(rng, vocabularies()[0]).turns]
    empty = sum(not turn.answer for turn in turns) / len(turns)
    assert 0.1 < empty < 0.3


def test_the_same_seed_gives_the_same_page() -> None:
    vocabulary = vocabularies()[0]
    assert make_page(random.Random(7), vocabulary) == make_page(random.Random(7), vocabulary)


def test_held_out_pages_come_of_all_kinds_and_can_be_made_again() -> None:
    held = vocabularies()[1]
    count = len(MEASURED) + len(UNSEEN)
    first = held_out(3, count, held)
    assert {page.kind for page in first} == {*MEASURED, *UNSEEN}
    assert held_out(3, count, held) == first
    assert held_out(4, count, held) != first


def test_words_and_wordings_are_parted() -> None:
    train, held = vocabularies()
    assert not set(train.lists["number"]) & set(held.lists["number"])
    assert len(held.lists["number"]) == 15
    options = tuple(f"wording {number}" for number in range(64))
    for_training, kept = parted(options)
    assert set(for_training) | set(kept) == set(options)
    assert not set(for_training) & set(kept)
    drawn = {Draw(random.Random(seed), train).pick(options) for seed in range(400)}
    assert drawn <= set(for_training)
    assert {Draw(random.Random(seed), held).pick(options) for seed in range(400)} & set(kept)
    assert parted(("a", "b")) == (("a", "b"), ("a", "b"))


def test_a_near_miss_asks_for_what_the_page_does_not_hold() -> None:
    """Someone else's number, the second date of one: what is asked is never all there."""
    asked = 0
    for kind in ("receipt", "notes", "parties", "contents", "table"):
        rng = random.Random(f"near {kind}")
        for _ in range(25):
            draw = Draw(rng, vocabularies()[0])
            sheet = KINDS[kind][0](draw)
            page = " ".join(item.text for item in sheet.items).casefold()
            names = {name.casefold() for fact in sheet.facts for name in (*fact.names, *fact.keys)}
            for question in (questions._about_another(draw, sheet, page), questions._kin(draw, names, page)):
                asked += question is not None
                assert question is None or any(
                    word not in page for word in re.findall(r"[^\s?.,:]+", question.casefold())
                )
    assert asked > 60


def test_what_one_party_lacks_is_not_answered_with_what_another_has() -> None:
    rng = random.Random(3)
    for _ in range(30):
        sheet = KINDS["parties"][0](Draw(rng, vocabularies()[0]))
        told = {name for fact in sheet.facts for name in fact.names}
        for question, tag in sheet.natural:
            bare = question.replace("e-mail address", "e-mail")
            assert tag == 0 and not any(name in bare for name in told)


def test_notes_ask_by_name_and_answer_with_a_piece_of_the_text() -> None:
    rng = random.Random(4)
    for _ in range(30):
        sheet = KINDS["notes"][0](Draw(rng, vocabularies()[0]))
        pieces: dict[int, str] = {}
        for item in sheet.items:
            for text, tag in item.pieces:
                pieces[tag] = f"{pieces.get(tag, '')} {text}".strip()
        page = " ".join(item.text for item in sheet.items)
        for question, tag in sheet.natural:
            assert "{" not in question
            assert not tag or pieces[tag] in page or " " in pieces[tag]
        assert any(tag for _, tag in sheet.natural)
