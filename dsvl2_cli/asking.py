"""Behind `dsvl2 ask`: which words are files and which questions, the pages to ask about, and how answers are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli.askable import Gathered, gather
from dsvl2_cli.errors import UsageError
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import InputFile
    from dsvl2.pipelines.ask import AskResult, PageRef
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session


@dataclass(frozen=True, slots=True)
class AskPlan:
    """What was asked for on the command line."""

    words: tuple[str, ...]
    questions: tuple[str, ...]
    questions_from: str | None
    read_at_most: int | None
    candidates: int
    chart: bool = False
    files_from: str | None = None


def answer_all(
    plan: AskPlan, common: Common, now: Session, *, tiles: int | None, tokens: int | None, together: bool
) -> None:
    """Read the pages, ask all questions, print the results."""
    files, asked = split_words(plan.words)
    if ("-" in files or plan.files_from == "-") and plan.questions_from == "-":
        raise UsageError("standard input cannot be both the document and the questions", "put one of them into a file")
    questions = read_questions(asked, plan.questions, plan.questions_from)
    if not files and plan.files_from is None:
        raise UsageError("no document was named", f"none of the words is an existing file: {' '.join(asked)[:120]}")
    with Work(common, now) as work, ExitStack() as stack:
        documents = work.documents(files, plan.files_from)
        if plan.chart:
            results = ask_pictures(work, documents, stack, questions)
        else:
            found = gather(
                work, documents, stack, limit=plan.read_at_most, rank_all=plan.candidates, questions=questions
            )
            results = ask_pages(work, found, questions, plan.candidates, tiles=tiles, tokens=tokens, together=together)
        work.stop_progress()
        show(results, now, one_source=len(documents) == 1)
        work.leave()


def ask_pictures(
    work: Work, documents: Sequence[InputFile], stack: ExitStack, questions: Sequence[str]
) -> list[AskResult]:
    """Answer from the data of the charts on the pages, which are not read as text.

    Raises:
        TooManyPages: with a plan.
    """
    from dsvl2.pipelines.ask import ask_charts, check_reading
    from dsvl2_cli.askable import Gathered, add_pages

    found = Gathered()
    for source in [stack.enter_context(work.open(one, text_layer="ignore", color=True)) for one in documents]:
        check_reading(tuple(source.selected), len(source.selected), None, source.name)
        add_pages(found, source, dict.fromkeys(source.selected), seen=True)
    return ask_charts(found.pages, questions, work.engine)


def ask_pages(
    work: Work,
    found: Gathered,
    questions: Sequence[str],
    candidates: int,
    *,
    tiles: int | None = None,
    tokens: int | None = None,
    together: bool = False,
) -> list[AskResult]:
    """Ask the questions of the pages in the way of the model.

    Raises:
        UnreadableFile, Leave: no page could be read.
    """
    from dsvl2.pipelines.ask import ImageBudget, ask_images, ask_text, with_charts
    from dsvl2.pipelines.errors import UnreadableFile

    if not found.pages:
        work.leave()
        raise UnreadableFile("no page could be read")
    if work.engine.info.reading.mode == "bands":
        if together or tiles is not None:
            work.now.console.warn("--together and --tiles-per-image are for whole-page models; this one reads text")
        results = ask_text(
            found.pages,
            questions,
            work.engine,
            candidates=candidates,
            part_tokens=tokens,
            not_asked=found.not_asked,
            not_read=found.not_read,
        )
        return with_charts(results, found.pages, questions, work.engine)
    budget = ImageBudget(tiles, tokens)
    return ask_images(
        found.pages,
        questions,
        work.engine,
        candidates=candidates,
        budget=budget,
        together=together,
        not_asked=found.not_asked,
        not_read=found.not_read,
    )


def show(results: Sequence[AskResult], now: Session, *, one_source: bool) -> None:
    """Print the results on standard output, and what they leave out on standard error."""
    for number, result in enumerate(results):
        if now.json:
            now.results.write(json_line(result))
            continue
        gap = "\n" if number else ""
        now.results.write(gap + readable(result, heading=len(results) > 1, one_source=one_source))
        for notice in result.notices:
            now.console.warn(f"{result.question}: {notice.message}" if len(results) > 1 else notice.message)
    note = coverage(results)
    if note:
        now.console.say(note)


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return (files, questions). What exists is a file, as are - and @LIST; what is spelt like a document is one too.

    Raises:
        UsageError: a web address.
    """
    files: list[str] = []
    questions: list[str] = []
    for word in words:
        if word.startswith(("http://", "https://")) and " " not in word:
            raise UsageError(f"{word} is a web address; nothing is fetched", "download it first, then name the file")
        (files if is_file_word(word) else questions).append(word)
    return files, questions


def is_file_word(word: str) -> bool:
    """Say whether a word of the command line names a document rather than asking something."""
    if word == "-" or (word.startswith("@") and len(word) > 1 and os.path.exists(word[1:])):
        return True
    if not word or "\0" in word or len(word) > 4000:
        return False
    try:
        if os.path.exists(word):
            return True
    except OSError:
        return False
    from dsvl2.pipelines.sources import READING_SUFFIXES, SUFFIXES

    suffix = Path(word).suffix.lower()
    return " " not in word and any(suffix in known for known in (*SUFFIXES.values(), READING_SUFFIXES))


def read_questions(given: Sequence[str], more: Sequence[str], questions_from: str | None) -> list[str]:
    """Return all questions, checked: words of the command line, --question, then those of a file, one a line.

    Raises:
        UsageError: there is none, or the file cannot be read. QuestionError: one is empty or too long.
    """
    from dsvl2.pipelines.ask import check_question

    questions = [*given, *more, *(question_lines(questions_from) if questions_from is not None else ())]
    if not questions:
        hint = 'write it behind the files: dsvl2 ask invoice.pdf "total due?"'
        if questions_from is None:
            raise UsageError("no question was asked", f"{hint}, or name a file of them with --questions-from")
        place = "standard input" if questions_from == "-" else questions_from
        raise UsageError(f"there is no question in {place}", "write one on each line")
    return [check_question(question, number) for number, question in enumerate(questions, 1)]


def question_lines(place: str) -> list[str]:
    """Return the questions of a file or of standard input, one a line.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"the questions in {place} cannot be read: {reason}", "check the path") from error
    return [line for line in text.splitlines() if line.strip()]


def json_line(result: AskResult) -> str:
    """One question's result as one line of JSON."""
    from dsvl2.pipelines.ask import SPEC

    return json.dumps(SPEC.record(result), ensure_ascii=False) + "\n"


def readable(result: AskResult, *, heading: bool, one_source: bool) -> str:
    """One question's result for a person: the answer, and where it stands."""
    lines = [f"Q: {result.question}"] if heading else []
    lines.append(result.answer if result.answer is not None else "not in the document")
    if result.found:
        lines.append("  " + place_line(result, one_source))
    return "\n".join(lines) + "\n"


def place_line(result: AskResult, one_source: bool) -> str:
    """Page, quote and confidence of an answer on one line."""
    place = f"page {result.page}" if one_source else f"{result.source} page {result.page}"
    sure = "" if result.confidence is None else f" ({result.confidence:.0%} sure)"
    if not result.evidence:
        return f"{place}{sure}; not found there in these words"
    quote = result.evidence[0].quote
    short = quote if len(quote) <= 160 else quote[:157] + "..."
    return f'{place}: "{short}"{sure}'


def coverage(results: Sequence[AskResult]) -> str | None:
    """Say which pages were asked and which not, if not all were; None otherwise."""
    asked = {ref for result in results for ref in result.pages_asked}
    rest = {ref for result in results for ref in result.pages_not_asked} - asked
    unread = {ref for result in results for ref in result.pages_not_read}
    if not rest and not unread:
        return None
    parts = [f"asked {listed(asked)}"]
    if rest:
        parts.append(f"ranked lower: {listed(rest)}")
    if unread:
        parts.append(f"not read: {listed(unread)}")
    return "; ".join(parts)


def listed(refs: set[PageRef]) -> str:
    """Page numbers by document, runs joined."""
    from dsvl2.pipelines.formats import page_list

    sources = sorted({ref.source for ref in refs})
    lists = {source: page_list(sorted(ref.page for ref in refs if ref.source == source)) for source in sources}
    named = {source: f"page{'' if numbers.isdigit() else 's'} {numbers}" for source, numbers in lists.items()}
    if len(named) == 1:
        return next(iter(named.values()))
    return ", ".join(f"{source} {numbers}" for source, numbers in named.items())
