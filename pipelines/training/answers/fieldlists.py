"""Field lists in their short form, and the JSON that fills them: `no, date: date, items[]: {text, amount: number}`."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from dsvl2.pipelines.training.answers.draw import Draw, shuffled
from dsvl2.pipelines.training.answers.questions import ambiguous_labels, bare_label
from dsvl2.pipelines.training.answers.sheet import Fact, Rows, Sheet

_ABSENT = (
    "passport_no", "due_date", "vat_id", "discount", "iban", "fax", "email", "po_number", "signed_by", "notes", "tip",
    "delivery_date", "customer_no", "department", "approved_by", "serial_no", "warranty", "contact", "country", "phone",
    "reference", "tax_id", "shipping", "page", "version", "birth_date", "street", "weight", "middle_name", "cashier",
)  # fmt: skip
_COUNTS = ("discount", "tip", "shipping", "page", "weight")
_GROUPS = ("document", "details", "header", "info", "meta", "facts", "summary", "general", "record", "basics")
_TYPED = {"number": ": number", "date": ": date", "text": ""}
_WORDS = {
    "": (": text", ": string"),
    ": number": (": integer",),
}  # other words for a type; integers only where there is no point


def turn(
    draw: Draw, sheet: Sheet, answers: Mapping[int, str], told: AbstractSet[int] = frozenset()
) -> tuple[str, str, set[int]] | None:
    """Return (field list, JSON, tags in it) for some of the page's facts and lists; None if it has nothing for that.

    What has been `told` already is left out: it could be copied from the answer before.
    """
    twice = ambiguous_labels(sheet)
    open_facts = [fact for fact in sheet.facts if fact.tag not in told]
    facts = [fact for fact in open_facts if fact.keys or (fact.label and bare_label(fact.label) not in twice)]
    parts: list[tuple[str, str]] = []
    used: set[str] = set()
    tags: set[int] = set()
    for fact in shuffled(draw.rng, facts)[: draw.any((1, 2, 2, 3, 3, 4, 5, 6, 8))]:
        key = _key(draw, fact)
        if key and key not in used:
            used.add(key)
            tags.add(fact.tag)
            parts.append(_entry(draw, key, fact, answers.get(fact.tag, "")))
    lists = [rows for rows in sheet.lists if rows.entries and not told & _tags(rows)]
    if lists and (draw.chance(0.5) or not parts):
        rows = draw.any(lists)
        name, body, filled = _list(draw, rows, answers)
        if name not in used:
            used.add(name)
            tags |= _tags(rows)
            parts.append((body, f'"{name}":{filled}'))
    if not parts:
        return None
    have = {key for fact in sheet.facts for key in (*fact.keys, _snake(fact.label))}
    while draw.chance(0.3):
        key = draw.pick(_ABSENT)
        if key not in have and key not in used:
            used.add(key)
            kind = ": number" if key in _COUNTS else ": date" if "date" in key else ""
            parts.append((key + draw.any(("", "", kind)), f'"{key}":null'))
    if draw.chance(0.7):
        parts = shuffled(draw.rng, parts)
    plain = [part for part in parts if "[]" not in part[0]]
    name = draw.pick(_GROUPS)
    if len(plain) > 2 and draw.chance(0.1) and name not in used:
        inner = plain[: draw.number(2, 3)]
        group = (
            f"{name}: {{{', '.join(part for part, _ in inner)}}}",
            f'"{name}":{{{",".join(filled for _, filled in inner)}}}',
        )
        parts = [group, *(part for part in parts if part not in inner)]
    return ", ".join(part for part, _ in parts), "{" + ",".join(filled for _, filled in parts) + "}", tags


def _tags(rows: Rows) -> set[int]:
    return {tag for entry in rows.entries for tag in entry.values()}


def _key(draw: Draw, fact: Fact) -> str:
    """A name for a fact: one of its own, or its label's words; at times in camel case."""
    key = draw.pick(fact.keys) if fact.keys and (draw.chance(0.8) or not fact.label) else _snake(fact.label)
    if draw.chance(0.06) and "_" in key:
        head, *rest = key.split("_")
        key = head + "".join(word.title() for word in rest)
    return key if 1 < len(key) < 34 else ""


def _snake(label: str) -> str:
    plain = unicodedata.normalize("NFKD", label.casefold()).encode("ascii", "ignore").decode()
    return "_".join(re.findall(r"[a-z0-9]+", plain))


def _entry(draw: Draw, key: str, fact: Fact, answer: str) -> tuple[str, str]:
    """Return the short form and the JSON pair of one fact."""
    typed = fact.kind if draw.chance(0.8) else "text"
    return key + _type(draw, typed, (fact.plain,)), f'"{key}":{_json(typed, fact.plain, answer)}'


def _type(draw: Draw, kind: str, plains: Iterable[str]) -> str:
    """Return how the short form writes a type; now and then in another word."""
    usual = _TYPED[kind]
    if not draw.chance(0.06 if kind == "text" else 0.3) or usual not in _WORDS or any("." in plain for plain in plains):
        return usual
    return draw.any(_WORDS[usual])


def _json(kind: str, plain: str, answer: str) -> str:
    if not answer:
        return "null"
    if kind == "text" or not plain:
        return json.dumps(answer, ensure_ascii=False)
    return plain if kind == "number" else f'"{plain}"'


def _list(draw: Draw, rows: Rows, answers: Mapping[int, str]) -> tuple[str, str, str]:
    """Return name, short form and JSON array of a list."""
    name = draw.pick(rows.names)
    fields = list(dict.fromkeys(key for entry in rows.entries for key in entry))
    chosen = [key for key in fields if draw.chance(0.75)] or fields[:1]
    kinds = {key: rows.kinds.get(key, "text") if draw.chance(0.85) else "text" for key in chosen}

    def value(entry: Mapping[str, int], key: str) -> str:
        tag = entry.get(key, 0)
        return _json(kinds[key], rows.plains.get(tag, ""), answers.get(tag, ""))

    if len(chosen) == 1 and draw.chance(0.3):
        name = f"{chosen[0]}s"
        return (
            name,
            f"{name}[]{_TYPED[kinds[chosen[0]]]}",
            "[" + ",".join(value(e, chosen[0]) for e in rows.entries) + "]",
        )
    types = {key: _type(draw, kinds[key], [rows.plains.get(e.get(key, 0), "") for e in rows.entries]) for key in chosen}
    body = f"{name}[]: {{{', '.join(key + types[key] for key in chosen)}}}"
    filled = ("{" + ",".join(f'"{key}":{value(entry, key)}' for key in chosen) + "}" for entry in rows.entries)
    return name, body, "[" + ",".join(filled) + "]"
