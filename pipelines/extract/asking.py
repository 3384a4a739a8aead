"""Ask a model for fields: the whole form at once, held to its language, or one field alone for a second look."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import Any

from dsvl2.model import GenerationRequest, GenerationResult, GrammarConstraint, Message, SamplingParams
from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.extract.grammar import grammar_of, shortest
from dsvl2.pipelines.extract.leaves import Path, leaves_of, probabilities, value_at
from dsvl2.pipelines.extract.repair import repaired
from dsvl2.pipelines.extract.shapes import Form
from dsvl2.pipelines.extract.shortform import short_form
from dsvl2.pipelines.extract.support import Finder, Support, support_of
from dsvl2.pipelines.extract.types import FieldEvidence, Options, Reading, View
from dsvl2.pipelines.spatial import printable
from dsvl2.pipelines.tasks.base import Engine, Prompts, fill

PROMPTS = Prompts(
    page="<image>\nExtract these fields from the document as JSON, with null for what the document does not say: {fields}",
    nano="{page}\nJSON: {fields}",
)
QUESTION = Prompts(page="", nano="{page}\nQ: {fields}")
QUESTION_TOKENS = 120
_FRAME = 40  # tokens of the turn around page and fields
_MOST = 1024
_IMAGES = 4  # pages drawn at a time


class Asker:
    """Asks one engine for one form. `most_tokens` is the length of the longest answer so far."""

    def __init__(self, engine: Engine, form: Form, options: Options) -> None:
        self.engine, self.form, self.options = engine, form, options
        self.reads_text = engine.info.reading.mode == "bands"
        self.limit = options.max_tokens or min(_MOST, engine.info.context_length // 4)
        self.fields = short_form(form.schema)
        self.most_tokens = 0
        self._constraint = GrammarConstraint(grammar_of(form))

    @property
    def room(self) -> int:
        """Tokens that the text of a page may take."""
        return max(self.engine.info.context_length - self.limit - _FRAME - len(self.fields), 64)

    def read(self, views: Sequence[View]) -> list[Reading]:
        """Extract from every view; the images of a few at a time are drawn and go to the engine together.

        Raises:
            ConstraintError: the limit is too short for any answer. ContextOverflow.
        """
        sampling = SamplingParams(max_new_tokens=self.limit, constraint=self._constraint)
        size = len(views) if self.reads_text else _IMAGES
        readings: list[Reading] = []
        for start in range(0, len(views), max(size, 1)):
            group = views[start : start + size]
            answers = self.engine.generate([self._request(view, PROMPTS, self.fields, sampling) for view in group])
            readings += [self._reading(view, answer) for view, answer in zip(group, answers, strict=True)]
        return readings

    def ask(self, looks: Sequence[tuple[View, Path]]) -> list[tuple[str, float | None]]:
        """Ask for single fields of views; return each answer's text ("" for none) and its probability, if it is known."""
        if not self.reads_text:
            return [self._said_alone(view, path) for view, path in looks]
        sampling = SamplingParams(max_new_tokens=QUESTION_TOKENS)
        requests = [self._request(view, QUESTION, self.question(path), sampling) for view, path in looks]
        return [_plain(answer) for answer in (self.engine.generate(requests) if requests else [])]

    def alone(self, views: Sequence[View], name: str) -> tuple[Form, list[Reading]]:
        """Extract one property alone, its list for instance, from every view, with all the tiles there are."""
        from dsvl2.pipelines.extract.schema import read_schema

        whole = {key: value for key, value in self.form.schema.items() if key not in ("minProperties", "x-rules")}
        form = read_schema({**whole, "properties": {name: whole["properties"][name]}, "required": [name]})
        other = Asker(self.engine, form, replace(self.options, tiles=None))
        other.limit = self.limit
        readings = other.read(views)
        self.most_tokens = max(self.most_tokens, other.most_tokens)
        return form, readings

    def _said_alone(self, view: View, path: Path) -> tuple[str, float | None]:
        if path[0] not in self.form.schema.get("properties", {}):
            return "", None
        _, (reading,) = self.alone([view], str(path[0]))
        value = value_at(reading.data, path) if path in reading.evidence else None
        return ("", None) if value is None else (str(value), reading.evidence[path].confidence)

    def question(self, path: Path) -> str:
        """What is asked about a field: its description, or its name in words."""
        schema: Any = self.form.schema
        for name in path:
            schema = schema.get("properties", {}).get(name, {}) if isinstance(schema, dict) else {}
        described = schema.get("description") if isinstance(schema, dict) else None
        words = [re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-]+", " ", str(name)).strip().casefold() for name in path]
        return f"{(described or ' '.join(words)).rstrip(' ?.')}?"

    def _request(self, view: View, prompts: Prompts, fields: str, sampling: SamplingParams) -> GenerationRequest:
        if self.reads_text:
            page = view.text.text if view.text is not None else ""
            content = fill(prompts.nano, page=page, fields=printable(fields))
            return GenerationRequest((Message("user", content, shared=len(page) + 1),), sampling)
        assert view.draw is not None
        content = fill(PROMPTS.page, fields=fields)
        return GenerationRequest((Message("user", content, (view.draw(),)),), sampling, tiles=self.options.tiles)

    def _reading(self, view: View, answer: GenerationResult) -> Reading:
        """The data of an answer; what does not have the form (only a scripted engine says that) becomes the least there is."""
        self.most_tokens = max(self.most_tokens, len(answer.token_ids))
        notices: list[Notice] = []
        leaves = leaves_of(answer.text)
        text = answer.text
        data, changes = repaired(self.form, _loaded(text))
        if data is _NOTHING or changes is None:
            text = shortest(self.form) or "null"
            data, leaves = json.loads(text), ()
            notices.append(Notice("bad_answer", f"page {view.page}: the answer did not have the form; it was dropped"))
        else:
            notices += [Notice("repaired", f"page {view.page}: {change}") for change in changes]
        closed = answer.finish_reason == "length"
        if closed and answer.loops_recovered > 1 and 2 * len(answer.token_ids) < self.limit:
            fact = f"page {view.page}: the model repeated itself; the answer was brought to an end"
            notices.append(Notice("repetition", fact))
        elif closed:
            fact = f"page {view.page}: the answer reached its limit of {self.limit} tokens and was brought to an end"
            notices.append(Notice("token_limit", fact))
        sure = dict(
            zip((leaf.path for leaf in leaves), probabilities(leaves, answer.pieces, answer.logprobs), strict=True)
        )
        finder = None if view.text is None else Finder(view.text)
        evidence = {
            leaf.path: _evidence(view, finder.find(leaf.value, leaf.path) if finder else None, sure.get(leaf.path))
            for leaf in leaves_of(json.dumps(data))
        }
        return Reading(view.page, data, evidence, tuple(notices), closed)


def evidence_of(view: View, value: Any, confidence: float | None) -> FieldEvidence:
    """Where a value stands on a view; how sure its letters were read counts too."""
    return _evidence(view, None if view.text is None else support_of(view.text, value), confidence)


def _evidence(view: View, found: Support | None, confidence: float | None) -> FieldEvidence:
    if found is None:
        return FieldEvidence(view.page, None, None, confidence)
    if confidence is not None and found.reading is not None:
        confidence *= found.reading
    return FieldEvidence(view.page, found.box, found.quote, confidence, reading=found.reading)


_NOTHING = object()


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _plain(answer: GenerationResult) -> tuple[str, float | None]:
    from dsvl2.pipelines.ask.answers import parse_answer

    text = parse_answer(answer.text).value or ""
    if not answer.text:
        return "", None if answer.empty_logprob is None else exp(min(answer.empty_logprob, 0.0))
    return text, exp(sum(min(logprob, 0.0) for logprob in answer.logprobs)) if text else None
