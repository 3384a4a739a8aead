"""The charset, the text it is fed with, and what is kept out of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random

import pytest

from dsvl2.pipelines.training.charset import CHARACTERS, INDEX, LIGATURES, NORMALISE, covered, decode, encode, normalise
from dsvl2.pipelines.training.contracts import legal
from dsvl2.pipelines.training.harvest import FORBIDDEN, TextSource, clean, harvest, sources
from dsvl2.pipelines.training.phrases import code_line, number, reference, special
from dsvl2.pipelines.training.text import Corpus, Pool, coined, echoed, running_words


def test_the_charset_starts_with_line_end_and_tab_and_has_no_doubles() -> None:
    assert CHARACTERS.startswith('\n\t !"#')
    assert len(set(CHARACTERS)) == len(CHARACTERS) == len(INDEX)
    assert 330 <= len(CHARACTERS) <= 390


@pytest.mark.parametrize(
    "letters",
    ["ąćęłńóśźż", "čďěňřšťůž", "őű", "ğışİ", "ăâîșț", "đ", "āēģīķļņū", "ßäöü", "éèêçœ", "ñ¿¡", "αβγΔΩ", "“”„’–—…•†§€"],
)
def test_european_letters_and_signs_are_in_the_charset(letters: str) -> None:
    assert covered(letters)


def test_text_survives_encoding() -> None:
    text = "Žluťoučký kůň\t“x” ≤ ½\n"
    assert decode(encode(text)) == text


def test_look_alikes_become_one_character() -> None:
    assert normalise("eﬃcient\u00a0μ□") == "efficient µ☐"
    assert all(covered(value) for value in (*NORMALISE.values(), *LIGATURES.values()))
    assert not set(NORMALISE) & set(CHARACTERS)


def test_generated_phrases_stay_in_the_charset() -> None:
    rng = Random(2)
    for _ in range(400):
        made = [make(rng, lambda n: ["word"] * n) for make in (special, legal, code_line)]
        assert all(text and covered(text) for text in (number(rng), reference(rng), *made))


def test_a_pool_uses_few_words() -> None:
    corpus = Corpus(["en\t" + " ".join(f"word{i}" for i in range(400))])
    pool = Pool(Random(1), corpus)
    assert len(set(pool.words(Random(2), 500))) <= 70


def test_running_words_are_never_empty() -> None:
    corpus = Corpus(["en\tone two three four", "de\teins zwei drei"])
    assert all(running_words(Random(seed), corpus, corpus, 12) for seed in range(60))


def test_the_licence_that_an_evaluation_document_quotes_is_left_out() -> None:
    kept = clean(
        "Permission is hereby granted, free of charge, to any person obtaining a copy.\n\n"
        "Other text of some length stays here."
    )
    assert kept == ["Other text of some length stays here."]


def test_forbidden_packages_and_pdfs_are_never_read(tmp_path: Path) -> None:
    sentence = "This sentence is long enough to be kept as a paragraph."
    for name in (*FORBIDDEN, "good-doc"):
        folder = tmp_path / name / "usr" / "share" / "doc"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(f"{sentence} {name}")
    (tmp_path / "good-doc" / "usr" / "share" / "doc" / "b.pdf").write_text(sentence + " pdf")
    with gzip.open(tmp_path / "good-doc" / "usr" / "share" / "doc" / "c.gz", "wt") as file:
        file.write(sentence + " zipped")
    found = harvest(TextSource("all", "en", 10_000, ("*/usr/share/doc/*",), "plain"), tmp_path, Random(1))
    assert sorted(found) == [sentence + " good-doc", sentence + " zipped"]


def test_no_source_names_a_forbidden_package() -> None:
    patterns = json.dumps([source.globs for source in sources()])
    assert not any(name in patterns for name in FORBIDDEN)


def test_coined_words_begin_and_end_as_real_ones_do() -> None:
    corpus = Corpus(["en\t" + "reading letters matters"] * 2)
    made = {coined(Random(seed), corpus) for seed in range(60)}
    assert made - {"reading", "letters", "matters"}
    assert all(word[:1] in "rlm" and word[-1] in "gs" for word in made)


def test_a_term_is_said_again_soon() -> None:
    words = [f"w{number}" for number in range(30)]
    for seed in range(40):
        found = echoed(Random(seed), words)
        assert len(found) > len(words)
        again = [word.strip("“”(),") for word in found]
        assert len(set(again) & set(words)) == 30
        assert any(again.count(word) > 1 for word in words)
