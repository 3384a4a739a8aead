"""Letters about everyday matters in six languages: whole data, and questions whose answer stands there or is not there."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from dsvl2.pipelines.training.answers import post as letters
from dsvl2.pipelines.training.answers import postwords
from dsvl2.pipelines.training.answers.draw import Draw, Vocabulary
from dsvl2.pipelines.training.charset import covered
from tests.pipelines.training.answers.test_bills import LISTS, values

BY_HAND = Path(__file__).parents[3] / "bench" / "letters.json"


def drawn(seed: int) -> Draw:
    rng = random.Random(seed)
    keys = (*LISTS.split(), "food", "plant", "strange")
    return Draw(rng, Vocabulary({key: tuple(f"{key}{rng.randint(0, 10**6)}" for _ in range(40)) for key in keys}))


def parts(sentence: str) -> set[str]:
    return {place.split("}")[0] for place in sentence.split("{")[1:]}


@pytest.mark.parametrize("key", letters.MATTERS)
def test_every_matter_is_told_and_asked_in_every_language(key: str) -> None:
    matter = letters.MATTERS[key]
    assert len(matter.says) == len(matter.native) == 6
    assert all(parts(says) == set(matter.names) == set(matter.asks) for says in matter.says)
    assert all(asked and set(asked) <= set(matter.names) for asked in matter.native[1:])
    texts = [*matter.says, *(text for asked in matter.native for asks in asked.values() for text in asks)]
    assert all(covered(text) for text in texts)


def test_no_letter_by_hand_is_asked_as_lessons_ask() -> None:
    """What letters by hand measure would be worth less if lessons had their questions."""

    def plain(text: str) -> str:
        return "".join(letter for letter in text.casefold() if letter.isalnum())

    by_hand = {plain(asked) for letter in json.loads(BY_HAND.read_text("utf-8")) for asked, _ in letter["questions"]}
    matters = [
        texts
        for matter in letters.MATTERS.values()
        for asks in (matter.asks, *matter.native)
        for texts in asks.values()
    ]
    lessons = [text for texts in (*matters, *postwords.ABOUT, *postwords.SIGNED, *postwords.TOWN) for text in texts]
    assert by_hand and not by_hand & set(map(plain, lessons))


def test_a_letter_states_its_facts_once_under_names_of_their_own() -> None:
    for seed in range(60):
        sheet = letters.post(drawn(seed))
        stated = values(sheet)
        assert {fact.tag for fact in sheet.facts} == set(stated)
        names = [name for fact in sheet.facts for name in fact.names]
        assert len(set(names)) == len(names)
        assert all(tag == 0 for _, tag in sheet.natural)
