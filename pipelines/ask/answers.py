"""What a model says to a question, as an answer or as none. Takes any text; what it drops is said."""

from __future__ import annotations

import re
import unicodedata

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.tasks.base import Parsed

NOT_HERE = "not in the document"
LONGEST = 4000
_SPECIAL = re.compile(r"<[|｜][^<>\n]{0,40}[|｜]>|<(?:image|/?s|pad)>")
_LEAD = re.compile(r"\A\s*(?:A|Answer)\s*:\s*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:the answer (?:is|was) )?(?:n/?a|none|unknown|not (?:in|on|found|given|stated|mentioned|provided|available)\b.{0,60}"
    r"|(?:it|that|this) (?:is|does) not (?:in|on|say|appear|given|stated|mentioned)\b.{0,60})",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"\w{3}[.!?][\"'\u201d\u2019)]?(?=\s)")  # not behind "No." or "J. R."
_NEXT = re.compile(r"\n[^\S\n]*(?:Q|Question)\s*:")


def whole_sentences(answer: str | None) -> str | None:
    """Return the whole sentences of an answer that was cut off; all of it if there is none."""
    ends = list(_SENTENCE.finditer(answer or ""))
    return answer if answer is None or not ends else answer[: ends[-1].end()]


def parse_answer(output: str) -> Parsed[str | None]:
    """Return the answer in one line (paragraphs kept apart by a newline); None for an empty or declining one.

    Never raises. Special tokens, control characters, a further question that the model asks itself, and what goes beyond
    4,000 characters are dropped, each with a notice.
    """
    dropped: list[Notice] = []
    text = output.encode("utf-8", "replace").decode("utf-8")
    if following := _NEXT.search(text):
        text = text[: following.start()]
        dropped.append(Notice("ran_on", "the model went on to ask itself another question; that was dropped"))
    bare = _SPECIAL.sub("", text)
    if bare != text:
        dropped.append(Notice("special_tokens", "special tokens inside the answer were dropped"))
    clean = "".join(c for c in bare if c in "\n\t" or unicodedata.category(c)[0] != "C")
    if clean != bare:
        dropped.append(Notice("control_characters", "control characters inside the answer were dropped"))
    lines = (" ".join(line.split()) for line in _LEAD.sub("", clean, count=1).split("\n"))
    answer = "\n".join(line for line in lines if line)
    if len(answer) > LONGEST:
        dropped.append(Notice("answer_cut", f"the answer had {len(answer)} characters and was cut to {LONGEST}"))
        answer = answer[:LONGEST].rstrip()
    declined = not answer or _REFUSAL.fullmatch(answer.strip(" .\"'")) is not None
    return Parsed(None if declined else answer, tuple(dropped))
