"""`--lexicon`: the words of its files, and what became of them in a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsvl2.pipelines import Document, PageResult
    from dsvl2.pipelines.review import Lexicon

CODE = "lexicon"


@dataclass(frozen=True, slots=True)
class LexiconFile:
    """A lexicon, and what names it among the options of a document: sixteen figures of the sha256 of its files."""

    lexicon: Lexicon
    digest: str

    def apply(self, page: PageResult) -> PageResult:
        """Return the page with its doubtful words put right."""
        from dsvl2.pipelines.review import with_lexicon

        return with_lexicon(page, self.lexicon)

    def noted(self, head: Document) -> Document:
        """Return the document with the lexicon among the options that its text depends on."""
        return replace(head, options=(*head.options, (CODE, self.digest)))


def read_lexicons(names: Sequence[str]) -> LexiconFile | None:
    """Read the files of --lexicon; None without one.

    Raises:
        FileMissing, BadLexicon, BadCorrections.
    """
    if not names:
        return None
    from dsvl2.pipelines.errors import FileMissing
    from dsvl2.pipelines.review import joined, parse_lexicon
    from dsvl2.pipelines.sources import not_there

    found, digest = [], hashlib.sha256()
    for name in names:
        try:
            data = Path(name).read_bytes()
        except FileNotFoundError as error:
            raise not_there(Path(name)) from error
        except OSError as error:
            raise FileMissing(f"{name} cannot be read: {error.strerror or error}") from error
        digest.update(hashlib.sha256(data).digest())
        found.append(parse_lexicon(data, name))
    return LexiconFile(joined(found), digest.hexdigest()[:16])


def mended(pages: Sequence[PageResult]) -> int:
    """Count the words that were put right."""
    return sum(notice.code == CODE for page in pages for notice in page.warnings)
