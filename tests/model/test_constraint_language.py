"""Languages against Python's own regular expressions, and numbers against counting them all."""

import random
import re
from fractions import Fraction

import pytest

from dsvl2.model.constraints import (
    EMPTY,
    NOTHING,
    Bounds,
    Chars,
    Language,
    Name,
    Number,
    both,
    either,
    repeat,
    settle,
    text,
    then,
)
from dsvl2.model.constraints.rules import parts_of

LETTERS = "ab"


def random_pattern(rng: random.Random, depth: int = 3) -> tuple[Language, str]:
    """A language and the regular expression that means the same."""
    kind = rng.choice(["chars", "text", "then", "either", "repeat"]) if depth else rng.choice(["chars", "text"])
    if kind == "chars":
        letters = rng.sample(LETTERS, rng.randint(1, 2))
        return Chars((ord(letter), ord(letter)) for letter in letters), f"[{''.join(letters)}]"
    if kind == "text":
        word = "".join(rng.choices(LETTERS, k=rng.randint(0, 3)))
        return text(word), word
    one, first = random_pattern(rng, depth - 1)
    if kind == "repeat":
        least = rng.randint(0, 2)
        most = rng.choice([None, least, least + rng.randint(0, 2)])
        return repeat(one, least, most), f"(?:{first}){{{least},{'' if most is None else most}}}"
    other, second = random_pattern(rng, depth - 1)
    if kind == "then":
        return then(one, other), f"(?:{first})(?:{second})"
    return either(one, other), f"(?:{first}|{second})"


@pytest.mark.parametrize("seed", range(60))
def test_a_language_holds_what_the_regular_expression_matches(seed: int) -> None:
    rng = random.Random(seed)
    language, pattern = random_pattern(rng)
    words = {"".join(rng.choices(LETTERS, k=length)) for length in range(7) for _ in range(6)}
    for word in words:
        assert language.feed(word).nullable == bool(re.fullmatch(pattern, word)), (pattern, word)


@pytest.mark.parametrize("seed", range(60))
def test_from_every_place_the_ending_leads_into_the_language(seed: int) -> None:
    rng = random.Random(seed)
    (one, first), (other, second) = random_pattern(rng), random_pattern(rng)
    for language, patterns in ((one, [first]), (both(one, other), [first, second])):
        place, word = language, ""
        for _ in range(5):
            if place is NOTHING or place.ending is None:
                break
            assert all(re.fullmatch(pattern, word + place.ending) for pattern in patterns), (patterns, word)
            word += rng.choice(LETTERS)
            place = place.step(word[-1])


def test_what_two_patterns_share_is_found_or_is_nothing() -> None:
    many = repeat(Chars([(97, 122)]), 3, 5)
    assert both(repeat(text("ab")), many).ending == "abab"
    assert both(repeat(text("ab")), repeat(Chars([(97, 122)]), 3, 3)).ending is None
    assert both(text("ab"), text("ac")).ending is None


def test_states_that_have_become_the_same_are_held_once() -> None:
    anything = repeat(Chars([(0, 0x10FFFF)]))
    place = then(anything, Chars([(97, 98)]), anything).feed("ab" * 500)
    assert len(repr(vars(place))) < 1000
    assert place.nullable


def test_a_rule_can_speak_of_itself() -> None:
    nested = Name("nested")
    nested.body = then(text("("), repeat(nested, 0, 2), text(")"))
    settle([nested])
    assert nested.ending == "()"
    assert nested.feed("((()").ending == "))"
    endless = Name("endless")
    endless.body = then(text("x"), endless)
    settle([endless])
    assert endless.ending is None


def test_a_rule_that_goes_on_in_two_ways_does_not_double_what_is_known_at_every_level() -> None:
    rule = Name("rule")
    braced = then(text("("), rule, text(")"))
    rule.body = either(text("a"), then(braced, either(EMPTY, text("b"))), then(braced, text("c")), then(braced, rule))
    settle([rule])
    begun = rule.feed("(" * 60)
    assert sum(1 for _ in parts_of(begun)) < 1000
    assert begun.feed("a" + ")" * 59).ending == ")"
    assert begun.feed("a" + ")c" * 59 + ")").nullable
    assert begun.feed("a" + ")d") is NOTHING


def test_a_preferred_option_is_the_ending_though_longer() -> None:
    assert either(text("null"), text("0"), prefer=True).ending == "null"
    assert either(text("null"), text("0")).ending == "0"
    assert either(text("null"), text("0"), prefer=True).feed("nu").ending == "ll"


def test_a_long_chain_is_no_deep_recursion() -> None:
    language = then(*(either(text(f"k{number}"), text("x")) for number in range(3000)))
    assert language.ending == "x" * 3000
    assert hash(language) == hash(then(*(either(text(f"k{n}"), text("x")) for n in range(3000))))
    assert then(EMPTY, NOTHING) is NOTHING


def random_bounds(rng: random.Random) -> Bounds:
    def bound() -> Fraction | None:
        places = rng.choice([0, 0, 1, 2])
        return rng.choice([None, Fraction(rng.randint(-3 * 10**places, 3 * 10**places), 10**places)])

    multiple = rng.choice([None, None, Fraction(1, 4), Fraction(1, 2), Fraction(2), Fraction(7, 10)])
    return Bounds(bound(), bound(), rng.random() < 0.3, rng.random() < 0.3, multiple, rng.random() < 0.5)


TAILS = ("", ".0", ".1", ".5", ".7", ".25", ".35", ".50", ".99")
NUMBERS = [f"{sign}{whole}{tail}" for sign in ("", "-") for whole in range(4) for tail in TAILS]


@pytest.mark.parametrize("seed", range(60))
def test_numbers_are_those_within_the_bounds(seed: int) -> None:
    bounds = random_bounds(random.Random(seed))
    language = Number(bounds)
    found = False
    for number in NUMBERS:
        inside = bounds.hold(Fraction(number)) and not (bounds.integer and "." in number)
        assert language.feed(number).nullable == inside, (bounds, number)
        found |= inside
    if found:
        assert language.ending is not None and bounds.hold(Fraction(language.ending))


@pytest.mark.parametrize(
    ("bounds", "begun", "ending"),
    [
        (Bounds(), "", "0"),
        (Bounds(), "-", "0"),
        (Bounds(), "12.", "0"),
        (Bounds(low=Fraction(1000), integer=True), "1", "000"),
        (Bounds(low=Fraction(1000), high=Fraction(1010), integer=True, multiple=Fraction(7)), "", "1001"),
        (Bounds(low=Fraction(7, 2), high=Fraction(36, 10)), "3", ".5"),
        (Bounds(low=Fraction(7, 2), high=Fraction(36, 10), open_low=True), "3", ".6"),
        (Bounds(high=Fraction(-5)), "", "-5"),
        (Bounds(low=Fraction(10**17), integer=True), "", "1" + "0" * 17),
        (Bounds(low=Fraction(5), high=Fraction(4)), "", None),
        (Bounds(multiple=Fraction(10**6), integer=True), "12", "000000"),
    ],
)
def test_a_number_ends_as_soon_as_it_can(bounds: Bounds, begun: str, ending: str | None) -> None:
    assert Number(bounds, begun).ending == ending
