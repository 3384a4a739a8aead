"""Whether a value stands on the page, and where: read values are copies, so what is not there is a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dsvl2.pipelines.documents import Box
from dsvl2.pipelines.extract.printed import dates_in
from dsvl2.pipelines.spatial import Located, SpatialText, locate

LIKE_ENOUGH = 0.7  # score of `locate` from which a text counts as the page's own
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T.*)?")


@dataclass(frozen=True, slots=True)
class Support:
    """Where a value stands on a page, as it is printed there; `reading` is how sure its letters are, None unknown."""

    quote: str
    box: Box
    match: float
    reading: float | None


def support_of(spatial: SpatialText, value: Any) -> Support | None:
    """Return where a text, number or date stands on the page; None if it does not, or cannot be looked for."""
    if value is None or isinstance(value, bool) or not spatial.segments:
        return None
    if isinstance(value, int | float):
        return _number(spatial, value)
    text = str(value)
    found = _located(spatial, locate(spatial, text))
    iso = _ISO.fullmatch(text)
    if iso is not None:  # the digits of an ISO date resemble those of other dates: only the same date counts
        return found if found is not None and found.match == 1 else _date(spatial, iso[1])
    return found if found is not None and found.match >= LIKE_ENOUGH else None


def _number(spatial: SpatialText, value: float) -> Support | None:
    """A number in any of its printed forms; a negative one may be printed with its sign elsewhere."""
    forms = [f"{value:.2f}", f"{value:g}" if abs(value) < 1e6 else str(value), str(value)]
    forms += [form.lstrip("-") for form in forms if value < 0]
    for form in dict.fromkeys(forms):
        found = _located(spatial, locate(spatial, form))
        if found is not None and found.match >= 0.9:  # below that its digits differ
            return found
    return None


def _date(spatial: SpatialText, iso: str) -> Support | None:
    for number, segment in enumerate(spatial.segments):
        for printed, meant in dates_in(segment.text):
            if iso in meant:
                found = locate(spatial, printed)
                box = found.box if found is not None and number in found.segments else segment.box
                return Support(printed, box, 1.0, segment.confidence)
    return None


def _located(spatial: SpatialText, found: Located | None) -> Support | None:
    if found is None:
        return None
    sure = [spatial.segments[number].confidence for number in found.segments]
    known = [confidence for confidence in sure if confidence is not None]
    return Support(found.text, found.box, found.score, min(known) if known else None)
