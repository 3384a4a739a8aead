"""Schemas as people give them: the short form, files, and what is wrong with them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsvl2.pipelines.errors import DocumentError, SchemaError, SchemaUnfillable
from dsvl2.pipelines.extract import json_schema, read_schema, short_form
from dsvl2.pipelines.extract.grammar import shortest

EXAMPLE = "invoice_no, date: date, total: number, items[]: {text, amount: number}"


def test_the_example_of_the_short_form() -> None:
    schema = json_schema(EXAMPLE)
    assert schema["required"] == ["invoice_no", "date", "total", "items"]
    assert schema["properties"]["date"] == {"type": ["string", "null"], "format": "date"}
    assert schema["properties"]["items"]["items"]["properties"]["amount"] == {"type": ["number", "null"]}
    assert shortest(read_schema(EXAMPLE)) == '{"invoice_no":null,"date":null,"total":null,"items":[]}'
    assert short_form(schema) == EXAMPLE


@pytest.mark.parametrize(
    ("words", "least"),
    [
        ("a!", '{"a":""}'),
        ("a?: number", "{}"),
        ("status: paid|open", '{"status":null}'),
        ('status: "paid in full"|open!', '{"status":"open"}'),
        ("tags[]: integer", '{"tags":[]}'),
        ("tags: date[]", '{"tags":[]}'),
        ("tags[]!: bool", '{"tags":[true]}'),
        ('buyer: {name "who pays", vat?}, ok: bool,', '{"buyer":{"name":null},"ok":null}'),
        ("größe: number, é-mail: email\n, x_1", '{"größe":null,"é-mail":null,"x_1":null}'),
        ("t: time!", '{"t":"00:00"}'),
    ],
)
def test_what_the_short_form_can_say(words: str, least: str) -> None:
    assert shortest(read_schema(words)) == least


def test_a_description_is_kept() -> None:
    assert json_schema('total: number "incl. \\"tax\\""')["properties"]["total"]["description"] == 'incl. "tax"'


@pytest.mark.parametrize(
    ("words", "fact", "hint"),
    [
        ("", "empty", "for example"),
        ("a, b c", "character 6: expected a comma or the end, not 'c': a, b >>>c", 'put ","'),
        ("a: nubmer", "unknown type 'nubmer'", "did you mean number?"),
        ("a: {b, c", "expected '}' or a comma, not the end", "close the braces"),
        ("a,, b", "expected the name of a field, not ','", "for example"),
        ('a: "x', "a quote that is not closed", ""),
        ("a; b", "unexpected ';'", ""),
        ("a, a", "the field 'a' is there twice", "another name"),
        ("-a", "unexpected '-'", ""),
        ("a: {}", "expected the name of a field", ""),
        ("a:" + "{a:" * 60, "nested deeper", "flatten"),
    ],
)
def test_a_mistake_in_the_short_form_is_shown_where_it_is(words: str, fact: str, hint: str) -> None:
    with pytest.raises(SchemaError) as caught:
        read_schema(words)
    assert fact in str(caught.value)
    assert hint in caught.value.hint and caught.value.hint


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('ab1_:,{}[]?!|" \n\\é;number'), max_size=40))
def test_the_short_form_parses_or_says_why(words: str) -> None:
    try:
        schema = json_schema(words)
    except SchemaError as error:
        assert error.hint
    else:
        assert read_schema(schema).schema is schema


PROPERTY = {"type": "object", "required": ["x"]}


@pytest.mark.parametrize(
    ("schema", "fact"),
    [
        (False, "is false"),
        ({**PROPERTY, "properties": {"x": {"type": "number", "minimum": 5, "maximum": 4}}}, "#/properties/x"),
        ({**PROPERTY, "properties": {"x": False}}, "'x' is required and cannot be there"),
        ({**PROPERTY, "properties": {}, "additionalProperties": False}, "'x' is required"),
        ({**PROPERTY, "properties": {"x": {"type": "string", "minLength": 3, "maxLength": 2}}}, "minLength 3"),
        ({"enum": []}, "empty"),
        ({"enum": ["a", 1], "type": "boolean"}, "does not fit"),
        ({"const": 1, "enum": [2]}, "const is not in enum"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "allows no value"),
        ({"type": "array", "items": False, "minItems": 1}, "minItems"),
        ({"type": "string", "pattern": "^abc$", "maxLength": 2}, "no text"),
        ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no text"),
        ({"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6}, "no text"),
        ({"$ref": "#"}, "no text"),
        ({"$defs": {"n": {**PROPERTY, "properties": {"x": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"}, "no text"),
        (
            {"type": "object", "minProperties": 3, "properties": {"a": {}}, "additionalProperties": False},
            "minProperties",
        ),
    ],
)
def test_a_schema_that_contradicts_itself_is_told_apart(schema: Any, fact: str) -> None:
    with pytest.raises(SchemaUnfillable, match=fact) as caught:
        read_schema(json.dumps(schema))
    assert caught.value.hint and caught.value.code == "schema_unfillable"


@pytest.mark.parametrize(
    ("schema", "fact"),
    [
        ({"type": "strin"}, "#/type"),
        ({"properties": {"a": {"minLength": "3"}}}, "#/properties/a/minLength"),
        ({"not": {"type": "string"}}, "'not' is not supported"),
        ({"properties": {"a": {"if": {}, "then": {}}}}, "#/properties/a: the keyword 'if'"),
        ({"patternProperties": {"^a": {}}}, "'patternProperties'"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "may satisfy both branch 1 and branch 0|both branch 0"),
        ({"$ref": "http://example.org/x.json"}, "does not lead into this schema"),
        ({"$ref": "#/$defs/nothing"}, "leads nowhere"),
        ({"type": "string", "pattern": "(?=a)b"}, "has assert"),
        ({"type": "string", "pattern": "(a)\\1"}, "has groupref"),
        ({"type": "string", "pattern": "a^b"}, "an anchor inside"),
        ({"type": "string", "pattern": "("}, "pattern|regex"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"}, "draft 3 and 4"),
    ],
)
def test_what_is_not_supported_is_named_with_its_place(schema: Any, fact: str) -> None:
    with pytest.raises(SchemaError, match=fact) as caught:
        read_schema(json.dumps(schema))
    assert not isinstance(caught.value, SchemaUnfillable) and caught.value.hint


@pytest.mark.parametrize(
    ("schema", "least"),
    [
        ({"not": {}} | {"not": {}}, None),
        ({"patternProperties": {}, "type": "null", "if": {"type": "null"}}, "null"),
        ({"type": ["integer", "null"], "description": "x", "examples": [1], "x-anything": 3}, "null"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"const": "é"}}, "title": "t"}, '"é"'),
        ({"oneOf": [{"properties": {"k": {"const": 1}}, "required": ["k"], "type": "object"},
                    {"properties": {"k": {"const": 2}}, "required": ["k"], "type": "object"}]}, '{"k":1}'),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "minItems": 2,
          "items": [{"const": 1}, {"const": 2}], "additionalItems": False}, "[1,2]"),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}, "minItems": 3}, "[1,2,2]"),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "minProperties": 1}, '{"a":1}'),
        (True, None),
    ],
)  # fmt: skip
def test_what_is_supported(schema: Any, least: str | None) -> None:
    if least is None:
        with pytest.raises(SchemaError):
            read_schema(json.dumps(schema))
    else:
        assert shortest(read_schema(json.dumps(schema))) == least


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "array", "items": {"type": "number"}}, "value[]: number"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": {"const": 1}}}}}, "b: 1"),
        ({"properties": {"i": {"type": "array", "items": {"$ref": "#/$defs/i"}}, "n": {"allOf": [{"$ref": "#/$defs/n"}]}},
          "$defs": {"i": {"properties": {"q": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}},
                    "n": {"properties": {"n": {"$ref": "#/$defs/n"}}}}},
         "i[]: {q: integer}, n: {n: {n: {n: {n: {n}}}}}"),
        ({"$ref": "#"}, "value"),
        ({"properties": {"k": {"enum": ["a", None, True]}, "d": {"type": "string", "format": "date"}}}, "k: a|true, d: date"),
    ],
)  # fmt: skip
def test_how_a_schema_is_shown_to_the_model(schema: Any, words: str) -> None:
    assert short_form(schema) == words


def test_a_file_is_read_and_a_bad_one_told(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('\ufeff{"type":"null"}', encoding="utf-8")
    assert read_schema(str(path)).schema == {"type": "null"}
    for content, fact in ((b'{"a":', "is no JSON"), (b"\xff\xfe", "cannot be read"), (b"[1]", "must be a JSON object")):
        path.write_bytes(content)
        with pytest.raises(SchemaError, match=fact):
            read_schema(str(path))
    with pytest.raises(SchemaError, match="cannot be read"):
        read_schema(str(tmp_path / "nosuch.json"))


@pytest.mark.parametrize("seed", range(300))
def test_a_spoilt_schema_is_an_error_of_ours_or_none(seed: int, random_schema: Any) -> None:
    rng = random.Random(seed)
    words = json.dumps(random_schema(rng))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(words))
        words = words[:at] + rng.choice('{}[]",:01ntruef-') + words[at + rng.randint(0, 2) :]
    try:
        read_schema(words)
    except DocumentError as error:
        assert isinstance(error, SchemaError) and error.hint


@pytest.mark.parametrize("kind", ["objekt", ["string", "txt"], 3])
def test_a_type_that_is_none_gets_those_there_are(kind: Any) -> None:
    with pytest.raises(SchemaError, match="is no type") as caught:
        read_schema(json.dumps({"type": "object", "properties": {"a": {"type": kind}}}))
    assert "integer, boolean, array, object, null" in str(caught.value.hint)
