"""Error rates on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dsvl2.pipelines.evaluation.metrics import (
    bootstrap_interval,
    compare,
    normalise,
    normalise_pair,
    shared_shingles,
    strip_markdown,
    summarise,
    word_f1,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("“ﬁne” ‘quotes’ ''x''", '"fine" \'quotes\' "x"'),
        ("1990–1995 — a−b --- c", "1990-1995 - a-b - c"),
        ("•\n one\n• two\n- three\n* four", "one two three four"),
        ("a - b\n-5 degrees", "a - b -5 degrees"),
        ("Contents . . . . . . . 7 ______________ x", "Contents ... 7 ___ x"),
        ("wait... no", "wait... no"),
        ("exam-\nple", "example"),
        ("exam\u00ad\n  ple and soft\u00adly", "example and softly"),
        ("1990-\n95", "1990- 95"),
        ("no\u00a0break\t\n\n tab\u200b", "no break tab"),
    ],
)
def test_normalisation_folds_what_is_printed_alike(text: str, folded: str) -> None:
    assert normalise(text) == folded


def test_a_compound_broken_at_its_hyphen_counts_as_either_spelling() -> None:
    for output in ("a well-\nknown fact", "a well-known fact", "a wellknown fact"):
        truth, read = normalise_pair("a well-\nknown fact", output)
        assert truth == read


def test_a_hyphen_inside_a_line_is_not_optional() -> None:
    assert compare("a well-known fact", "a wellknown fact").errors == 1


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("## A heading", "A heading"),
        ("- item\n  * inner\n1. first", "item\ninner\n1. first"),
        (r"\# apt\_get \*args \| 1\. x", "# apt_get *args | 1. x"),
        ("| a | b\\|c |\n| --- | :-: |\n| 1 | 2 |", "  a   b|c  \n  1   2  "),
        ("```\n# not a heading\n\\n\n```", "# not a heading\n\\n"),
        ("**bold** and *thin*, 2 * 3 * 4", "bold and thin, 2 * 3 * 4"),
        ("![figure](x.png)\n\n---\n<!-- page 2 -->\nend", "\n\nend"),
        (r"a &lt;b&gt; &amp; \&lt; c", "a <b> & &lt; c"),
    ],
)
def test_markdown_marks_are_taken_out_and_words_kept(markdown: str, plain: str) -> None:
    assert strip_markdown(markdown) == plain


def test_errors_are_counted_by_kind() -> None:
    errors = compare("the quick brown fox", "the quack brwn foxes")
    assert (errors.substituted, errors.deleted, errors.inserted) == (1, 1, 2)
    assert errors.cer == pytest.approx(4 / 19)
    assert errors.wer == pytest.approx(3 / 4)


def test_a_skipped_line_and_a_loop_are_long_errors() -> None:
    line = "0123456789 abcdefghij"
    skipped = compare(f"first. {line} last.", "first. last.")
    looped = compare("first. last.", "first. last." + " again" * 20)
    assert skipped.long_deleted == len(line) + 1
    assert looped.long_inserted == 120


def test_text_invented_on_an_empty_page_counts_by_its_length() -> None:
    assert compare("", "ghost").cer == 5.0
    assert compare("", "").cer == 0.0


def test_the_strict_rate_folds_white_space_only() -> None:
    errors = compare("“a”\n\nb", '"a" b')
    assert errors.errors == 0
    assert errors.strict_errors == 2


def test_word_f1_ignores_order_but_not_counts() -> None:
    assert word_f1(["a", "b", "c"], ["c", "a", "b"]) == 1.0
    assert word_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert word_f1([], []) == 1.0
    assert word_f1(["a"], []) == 0.0


def test_a_summary_weighs_pages_and_characters_differently() -> None:
    figures = summarise([compare("a" * 90, "a" * 90), compare("a" * 10, "b" * 10), compare("ab", "ab")])
    assert figures.cer_median == 0.0
    assert figures.cer_mean == pytest.approx(1 / 3)
    assert figures.cer_micro == pytest.approx(10 / 102)
    assert figures.interval[0] <= figures.cer_mean <= figures.interval[1]


def test_no_pages_cannot_be_summarised() -> None:
    with pytest.raises(ValueError, match="no pages"):
        summarise([])


def test_the_bootstrap_is_seeded_and_narrows_with_more_pages() -> None:
    values = np.array([0.0, 0.1, 0.2, 0.3])
    few, many = bootstrap_interval(values), bootstrap_interval(np.tile(values, 25))
    assert few == bootstrap_interval(values)
    assert many[1] - many[0] < few[1] - few[0]


def test_shingles_are_found_across_the_lines_of_a_corpus() -> None:
    words = [f"w{i}" for i in range(12)]
    corpus = ["intro w0 W1, w2 w3\n", "w4 w5 w6 w7\n", "\n", "w8 and more\n"]
    shares = shared_shingles(corpus, [" ".join(words), "too short"])
    assert shares == [pytest.approx(2 / 5), 0.0]


def test_a_second_order_of_the_truth_is_as_good_as_the_first() -> None:
    by_rows, by_columns = "left right below beside", "left below right beside"
    assert compare(by_columns, by_rows).errors > 0
    errors = compare(by_columns, by_rows, by_rows)
    assert (errors.errors, errors.strict_errors > 0) == (0, True)
