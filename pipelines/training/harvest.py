"""Turns the documents of unpacked packages into clean paragraphs, with a language for each.

Which packages and folders hold text is one table. What the model is measured on is never read: no PDF, and none of
the document packages in ``FORBIDDEN``.
"""

from __future__ import annotations

import gzip
import html
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsvl2.pipelines.training.charset import INDEX, normalise

#: Packages (or parts of their names) whose documents serve as evaluation pages, or that may share text with those.
FORBIDDEN = ("octave", "cvs", "debmake", "debian-faq", "doc-debian", "developers-reference", "tesseract", "maint-guide",
             "debian-reference")  # fmt: skip
_MAX_FILE = 900_000  # characters read of one file
_MIT = re.compile(r"Permission is hereby granted, free of charge|shall be included in all copies or substantial|"
                  r"provided [“\"]as is[”\"], without warranty of any kind", re.I)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TextSource:
    """Files of one kind: ``globs`` below the unpacked packages, at most ``cap`` characters of them."""

    name: str
    language: str
    cap: int
    globs: tuple[str, ...]
    convert: str  # key of CONVERTERS


def _html(text: str) -> str:
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>", " ", text)
    text = re.sub(r"(?i)</?(p|div|li|h\d|tr|pre|dd|dt|td|table|ul|ol|dl|section|title|note|item)\b[^>]*>", "\n\n", text)
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def _man(text: str) -> str:
    text = re.sub(r'(?m)^[.\']\\".*$', "", text)
    text = re.sub(r"(?m)^\.(SH|SS|TP|PP|P|LP|IP|HP|TH|nf|fi|EX|EE|RS|RE|br|sp)\b.*$", "\n", text)
    text = re.sub(r"(?m)^\.[A-Za-z]+ ?", "", text)
    text = re.sub(r"\\f(\[\w*\]|\(..|.)", "", text)
    for escape, value in (("\\-", "-"), ("\\(co", "©"), ("\\(bu", "•"), ("\\(aq", "'"), ("\\(lq", "“"), ("\\(rq", "”"),
                          ("\\(em", "—"), ("\\(en", "–"), ("\\&", ""), ("\\e", "\\"), ("\\ ", " "), ("\\:",
                          "")):  # fmt: skip
        text = text.replace(escape, value)
    return re.sub(r"\\[|^/,%]", "", text)


def _pod(text: str) -> str:
    for _ in range(3):
        text = re.sub(r"[A-Z]<+ ?([^<>]*?) ?>+", r"\1", text)
    return re.sub(r"(?m)^=\w+ ?", "", text)


def _dictionary(text: str) -> str:
    """Without sources, braces, and the marks and brackets of pronunciations."""
    text = re.sub(r"\[(1913 Webster|Webster 1913 Suppl\.|PJC|WordNet [\d.]+|RP|AS)[^\]]*\]", "", text)
    return re.sub(r"[{}\\]|(?<=\w)[*\"`](?=\w)|\([^()\n]*\[[^()\n]*\),?", "", text)


def _markdown(text: str) -> str:
    text = re.sub(r"(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)", "", text)
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "").replace("#", "").replace("`", "")


def _licence_module(text: str) -> str:
    return text.partition("__LICENSE__")[2] or text.partition("__DATA__")[2]


CONVERTERS: dict[str, Callable[[str], str]] = {
    "html": _html, "man": _man, "pod": _pod, "markdown": _markdown, "licence": _licence_module,
    "plain": lambda text: text, "dict": _dictionary,
    "fortune": lambda text: re.sub(r"\n%+\n", "\n\n", text), "words": lambda text: text,
}  # fmt: skip

_DOC = "usr/share/doc"
_HANDBOOK = "debian-handbook/usr/share/doc/debian-handbook/html/{}/*.html"
_OFFICE = "libreoffice-help-{0}/usr/share/libreoffice/help/{0}/text/s*/**/*.html"
_GNOME = "gnome-user-docs/usr/share/help/{}/gnome-help/*.page"
#: two-letter language -> (handbook, office help, gnome help, manual pages, word list)
_LANGUAGES: dict[str, tuple[str, ...]] = {
    "de": ("de-DE", "de", "de", "de", "ngerman"), "fr": ("fr-FR", "fr", "fr", "fr", "french"),
    "es": ("es-ES", "es", "es", "es", "spanish"), "it": ("it-IT", "it", "it", "it", "italian"),
    "pl": ("pl-PL", "pl", "pl", "pl", "polish"), "pt": ("pt-BR", "pt", "pt_BR", "pt_BR", "portuguese"),
    "cs": ("cs-CZ", "cs", "cs", "cs", ""), "hu": ("", "hu", "hu", "hu", ""), "tr": ("tr-TR", "tr", "tr", "tr", ""),
    "nl": ("nl-NL", "nl", "nl", "nl", "dutch"), "sv": ("sv-SE", "sv", "sv", "sv", ""),
    "da": ("da-DK", "da", "da", "", "danish"), "ro": ("ro-RO", "", "ro", "ro", ""),
    "hr": ("hr-HR", "", "hr", "", ""), "lt": ("", "", "lt", "", ""), "lv": ("", "", "lv", "", ""),
    "sl": ("", "sl", "sl", "", ""), "fi": ("", "", "fi", "", ""), "ca": ("ca-ES", "", "ca", "", ""),
    "nb": ("nb-NO", "", "", "", ""),
}  # fmt: skip


def sources() -> list[TextSource]:
    """Every source of text; legal text is kept apart as ``lg`` so that it can be drawn more often."""
    mega = 1_000_000
    english = [
        ("python", 2.2, ("python3.11-doc/*/share/doc/python3.11/html/[hltwf]*/*.html",), "html"),
        ("postgresql", 2.4, ("postgresql-doc-15/**/html/*.html",), "html"), ("git", 1.2, ("git-doc/**/*.html",),
        "html"),
        ("office", 2.2, (_OFFICE.format("en-US").replace("help-en-US", "help-en-us"),), "html"),
        ("gnome", 0.5, (_GNOME.format("C"),), "html"), ("handbook", 1.6, (_HANDBOOK.format("en-US"),), "html"),
        ("harden", 0.7, ("harden-doc/**/en-US/*.html",), "html"), ("history", 0.2, ("debian-history/**/*.en.html",),
        "html"),
        ("exim", 0.8, ("exim4-doc-html/**/*.html",), "html"),
        ("vim", 0.5, ("vim-doc/**/usr*.html",), "html"), ("sqlite", 0.9, ("sqlite3-doc/**/*.html",), "html"),
        ("jargon", 1.5, ("dict-foldoc/**/*.dict.dz", "dict-jargon/**/*.dict.dz", "dict-devil/**/*.dict.dz"), "dict"),
        ("gcide", 2.0, ("dict-gcide/**/*.dict.dz",), "dict"), ("perl", 1.2, ("perl-doc/**/*.pod",), "pod"),
        ("fortunes", 1.2, ("fortunes/**/fortunes/*.u8",), "fortune"),
        ("manual", 0.8, ("manpages*/usr/share/man/man[1-8]/*.gz",), "man"),
        ("essays", 7.0, ("anarchism/**/markdown/*.md.gz",), "markdown"),
    ]  # fmt: skip
    found = [TextSource(name, "en", int(cap * mega), globs, kind) for name, cap, globs, kind in english]
    found += [
        TextSource("policy", "lg", mega, ("debian-policy/**/*.txt.gz",), "plain"),
        TextSource("licences", "lg", mega, ("base-files/usr/share/common-licenses/*",), "plain"),
        TextSource("licence modules", "lg", mega, ("libsoftware-license-perl/**/License/*.pm",), "licence"),
    ]
    for code, (book, office, gnome, manual, words) in _LANGUAGES.items():
        globs = [_HANDBOOK.format(book)] * bool(book) + [_GNOME.format(gnome)] * bool(gnome)
        found.append(TextSource(f"book {code}", code, 160_000, tuple(globs), "html"))
        if office:
            found.append(TextSource(f"office {code}", code, 90_000, (_OFFICE.format(office),), "html"))
        if manual:
            found.append(
                TextSource(f"manual {code}", code, 60_000, (f"manpages-*/usr/share/man/{manual}/man*/*.gz",), "man")
            )
        if words:
            found.append(TextSource(f"words {code}", code, 30_000, (f"w*/usr/share/dict/{words}",), "words"))
    return found


def harvest(source: TextSource, folder: Path, rng: random.Random) -> list[str]:
    """Clean paragraphs of ``source``, shuffled, about ``source.cap`` characters in all."""
    paragraphs: dict[str, None] = {}
    size = 0
    for path in _files(source, folder, rng):
        for paragraph in clean(CONVERTERS[source.convert](_read(path)), source.convert):
            size += len(paragraph) * (paragraph not in paragraphs)
            paragraphs[paragraph] = None
        if size > 2 * source.cap:
            break
    kept, size = [], 0
    order = list(paragraphs)
    rng.shuffle(order)
    for paragraph in order:
        if size >= source.cap:
            break
        kept.append(paragraph)
        size += len(paragraph)
    return kept


def clean(text: str, kind: str = "plain") -> list[str]:
    """Split into paragraphs of the charset's characters; drop what is not running text."""
    if kind == "words":
        words = [w for w in text.split("\n") if 2 < len(w) < 24 and all(c in INDEX for c in w)]
        random.Random(len(words)).shuffle(words)
        return [" ".join(words[i : i + 12]) for i in range(0, min(len(words), 12_000), 12)]
    kept = []
    for paragraph in re.split(r"\n\s*\n", normalise(text).replace("\r", "").replace("¶", "")):
        line = " ".join(paragraph.split())
        if len(line) < 60 and line[-1:] not in ".!?:" and kind == "html" and len(line) % 3:
            continue  # too many menu entries and headings otherwise
        known = "".join(c for c in line if c in INDEX)
        letters = sum(c.isalpha() or c == " " for c in known)
        if (
            len(known) < 25
            or len(line) - len(known) > 0.01 * len(line)
            or letters < 0.62 * len(known)
            or _MIT.search(known)
        ):
            continue
        kept.append(known)
    return kept


def _files(source: TextSource, folder: Path, rng: random.Random) -> Iterator[Path]:
    paths = sorted({path for pattern in source.globs for path in folder.glob(pattern) if path.is_file()})
    for_training = [path for path in paths if path.suffix != ".pdf" and not _forbidden(path.relative_to(folder))]
    rng.shuffle(for_training)
    yield from for_training


def _forbidden(path: Path) -> bool:
    """Judge by package, and by any folder that carries a forbidden package's name."""
    return any(name in part for name in FORBIDDEN for part in path.parts[:-1])


def _read(path: Path) -> str:
    opener = gzip.open if path.suffix in (".gz", ".dz") else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="ignore") as file:
            text = file.read(30_000_000 if path.suffix == ".dz" else _MAX_FILE)
    except (OSError, EOFError):
        return ""
    return str(text)
