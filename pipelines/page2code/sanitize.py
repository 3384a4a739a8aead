"""HTML from a model, made safe to open: no scripts, nothing fetched, nothing sent. Takes any text; never raises.

Tags are written anew from what a parser understood, by lists of what is allowed; a content security policy inside the
file forbids the rest a second time.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from html.parser import HTMLParser

from dsvl2.pipelines.documents import Notice
from dsvl2.pipelines.tasks.base import Parsed

POLICY = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
LONGEST = 400_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _words("area br col hr img input source track wbr path circle rect line polyline polygon ellipse stop")
_GONE = _words("script iframe object embed applet noscript template frameset frame noembed noframes math portal")
_HEAD = frozenset(("html", "head", "body", "meta", "link", "base"))
_ALLOWED = _words(
    "a abbr address article aside b blockquote br button caption center cite code col colgroup dd del details dfn div "
    "dl dt em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 header hr i img input ins kbd label "
    "legend li main mark meter nav ol optgroup option output p pre progress q s samp section select small span strike "
    "strong style sub summary sup table tbody td textarea tfoot th thead time title tr tt u ul var svg g path circle "
    "rect line polyline polygon ellipse text tspan defs lineargradient radialgradient stop wbr"
)
_NAME = re.compile(r"[a-z_][-a-z0-9_.:]*", re.IGNORECASE)
_LINKS = frozenset(("href", "src", "xlink:href"))
_SENDS = _words(
    "action formaction srcdoc srcset ping background poster data longdesc usemap manifest target dynsrc lowsrc"
)
_DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_URL = re.compile(r"url\s*\(\s*(['\"]?)(.*?)\1\s*(?:\)|$)", re.IGNORECASE | re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_BAD_CSS = re.compile(
    r"@(?:import|font-face|namespace|charset)\b[^;{}]*(?:;|\{[^}]*\}|$)|expression\s*\(|-moz-binding|behavior\s*:|image-set\s*\(",
    re.IGNORECASE,
)


def safe_html(text: str, *, title: str = "") -> Parsed[str]:
    """Return a complete HTML file with the allowed part of `text`, and a notice for each kind of thing taken out."""
    faults: Counter[str] = Counter()
    if len(text) > LONGEST:
        faults["too_long"] += 1
        text = text[:LONGEST]
    writer = _Writer(faults)
    try:
        writer.feed(text)
        writer.close()
    except Exception:  # the parser gives up on some malformed declarations: what it has not seen becomes text
        faults["malformed"] += 1
        writer.handle_data(writer.rawdata)
    writer.finish()
    style = f"<style>\n{css}\n</style>\n" if (css := "\n".join(writer.styles)) else ""
    shown = html.escape(" ".join("".join(writer.title).split()) or title)
    head = f'<meta charset="utf-8">\n{POLICY}\n<title>{shown}</title>\n{style}'
    body = "".join(writer.parts).strip()
    opening = f"<body{writer.body}>"
    page = f"<!doctype html>\n<html>\n<head>\n{head}</head>\n{opening}\n{body}\n</body>\n</html>\n"
    return Parsed(page, _notices(faults))


def safe_css(text: str, faults: Counter[str]) -> str:
    """Return a style sheet or attribute without anything that fetches or runs."""

    def keep(match: re.Match[str]) -> str:
        address = match[2].strip()
        if _DATA_IMAGE.fullmatch(address):
            return f'url("{address}")'
        if not address.startswith("#"):
            faults["external"] += 1
        return "none"

    clean = _ESCAPE.sub(lambda match: html.unescape(f"&#x{match[1]};"), text.partition("<")[0])
    clean = clean.replace("\\", "").replace("\0", "").replace("<", "")
    clean = re.sub(r"/\*.*?(?:\*/|$)", "", clean, flags=re.DOTALL)
    before = None
    while before != clean:  # what is left when something was taken out may be such a thing itself
        before = clean
        clean, count = _BAD_CSS.subn("", clean)
        faults["external"] += count
    return _URL.sub(keep, clean).strip()


class _Writer(HTMLParser):
    """Writes the allowed tags again, in order, and closes what is left open."""

    def __init__(self, faults: Counter[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.faults = faults
        self.parts: list[str] = []
        self.styles: list[str] = []
        self.title: list[str] = []
        self.body = ""
        self._open: list[str] = []
        self._gone: list[str] = []
        self._in: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._gone or tag in _GONE:
            if tag in _GONE:
                self._gone.append(tag)
                self.faults["script"] += 1
        elif tag in ("style", "title"):
            self._in = tag
        elif tag == "body":
            self.body = self._attributes(attrs)
        elif tag in _HEAD:
            self.faults["external"] += tag in ("link", "base")
        elif tag not in _ALLOWED:
            self.faults["unknown_tag"] += 1
        else:
            self.parts.append(f"<{tag}{self._attributes(attrs)}>")
            if tag not in _VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._gone:
            if tag in self._gone:
                del self._gone[len(self._gone) - 1 - self._gone[::-1].index(tag) :]
        elif tag == self._in:
            self._in = None
        elif tag in self._open:
            while self._open:
                closed = self._open.pop()
                self.parts.append(f"</{closed}>")
                if closed == tag:
                    break

    def handle_data(self, data: str) -> None:
        if self._gone:
            return
        if self._in == "style":
            self.styles.append(safe_css(data, self.faults))
        elif self._in == "title":
            self.title.append(data)
        else:
            self.parts.append(html.escape(data, quote=False))

    def handle_comment(self, data: str) -> None:
        self.faults["comment"] += 1

    def finish(self) -> None:
        """Close what is open; the text of a script that never ended is gone with it."""
        self.parts += [f"</{tag}>" for tag in reversed(self._open)]
        self._open = []

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> str:
        kept = []
        for name, value in dict(reversed(attrs)).items():
            safe = self._attribute(name.lower(), value or "")
            if safe is not None:
                kept.append(f' {name.lower()}="{html.escape(safe)}"')
        return "".join(reversed(kept))

    def _attribute(self, name: str, value: str) -> str | None:
        """Return the value to write; None drops the attribute."""
        if name.startswith("on"):
            self.faults["script"] += 1
            return None
        if not _NAME.fullmatch(name) or name in _SENDS:
            self.faults["external"] += name in _SENDS
            return None
        if name in _LINKS:
            if value.startswith("#") or (name == "src" and _DATA_IMAGE.fullmatch(value.strip())):
                return value
            self.faults["external"] += 1
            return None
        if name == "style" or "url" in value.lower():
            return safe_css(value, self.faults)
        return value


_SAID = {
    "too_long": "the page was longer than 400,000 characters and was cut",
    "malformed": "a part of the page that is no HTML was kept as text",
    "script": "{n} script(s) or event handler(s) were taken out",
    "external": "{n} reference(s) to something outside the file were taken out",
    "unknown_tag": "{n} unknown tag(s) were taken out, their text kept",
    "comment": "{n} comment(s) were taken out",
}


def _notices(faults: Counter[str]) -> tuple[Notice, ...]:
    return tuple(Notice(f"html_{kind}", said.format(n=faults[kind])) for kind, said in _SAID.items() if faults[kind])
