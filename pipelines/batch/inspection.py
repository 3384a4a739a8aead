"""Look at a run folder: how far it is, and whether everything in it is as the manifest says. Calls no model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from dsvl2.pipelines.batch.codec import unpack_result
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.places import named, place_of
from dsvl2.pipelines.batch.shelves import content_digest
from dsvl2.pipelines.documents import Notice

_RATE_WINDOW = 300.0
EXAMPLES = 5
"""So many documents, and so many pages, are named for each code."""


_NOTICES = (
    "SELECT json_extract(told.value, '$[0]'), count(*) FROM outputs, json_each(outputs.notices) told"
    " GROUP BY 1 ORDER BY 1"
)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a run is. `notices`: outputs of which something is to be said, by code.

    `rate` is in pages a second over the last five minutes of work, None if nothing was read then.

    `answers_by_status` are documents that were asked as a whole; `examples` the first documents and pages that failed, by
    code. `seconds_left` is a guess:
    documents that were not opened yet count as many pages as the others on average.
    """

    documents: int
    documents_by_state: dict[str, int]
    pages: int
    pages_by_status: dict[str, int]
    answers_by_status: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    attempts: int = 0
    outputs: int = 0
    notices: dict[str, int] = field(default_factory=dict)
    vanished: int = 0
    rate: float | None = None
    seconds_left: float | None = None


def run_status(manifest: Manifest) -> RunStatus:
    """Count what the manifest knows of the current plan."""
    db, plan, recipes = manifest.db, manifest.plan, manifest.recipes
    recipe = recipes.pages
    states = dict(db.execute("SELECT state, count(*) FROM documents WHERE plan = ? GROUP BY state", (plan,)))
    failures: dict[str, int] = dict(
        db.execute("SELECT code, count(*) FROM documents WHERE plan = ? AND code IS NOT NULL GROUP BY code", (plan,))
    )
    statuses: dict[str, int] = {}
    results = (
        "SELECT r.status, r.code, count(*) FROM documents d, json_each(d.selected) page JOIN results r"
        " ON r.sha256 = d.sha256 AND r.page = page.value AND r.recipe = ? WHERE d.plan = ? GROUP BY 1, 2"
    )
    for status, code, count in db.execute(results, (recipe, plan)):
        statuses[status] = statuses.get(status, 0) + count
        if code is not None:
            failures[code] = failures.get(code, 0) + count
    answers: dict[str, int] = {}
    whole = (
        "SELECT r.status, r.code, count(*) FROM documents d JOIN results r ON r.sha256 = d.sha256 AND r.page = 0"
        " AND r.recipe = ? WHERE d.plan = ? GROUP BY 1, 2"
    )
    for status, code, count in db.execute(whole, (recipes.whole or 0, plan)):
        answers[status] = answers.get(status, 0) + count
        if code is not None:
            failures[code] = failures.get(code, 0) + count
    opened, pages = db.execute(
        "SELECT count(*), total(json_array_length(selected)) FROM documents WHERE plan = ? AND selected IS NOT NULL",
        (plan,),
    ).fetchone()
    total = sum(states.values())
    rate = _rate(manifest, recipe)
    unopened = total - opened - _unopenable(manifest, plan) - states.get("elsewhere", 0)
    left = pages - sum(statuses.values()) + (unopened * pages / opened if opened else 0)
    return RunStatus(
        documents=total,
        documents_by_state=dict(sorted(states.items())),
        pages=int(pages),
        pages_by_status=dict(sorted(statuses.items())),
        answers_by_status=dict(sorted(answers.items())),
        failures=dict(sorted(failures.items())),
        examples={code: list(_examples(manifest, code)) for code in sorted(failures)},
        attempts=db.execute(
            "SELECT count(*) FROM attempts WHERE recipe IN (?, ?)", (recipe, recipes.whole or recipe)
        ).fetchone()[0],
        outputs=db.execute("SELECT count(*) FROM outputs").fetchone()[0],
        notices=_notices(manifest),
        vanished=db.execute("SELECT count(*) FROM documents WHERE plan < ?", (plan,)).fetchone()[0],
        rate=rate,
        seconds_left=max(left, 0) / rate if rate else None,
    )


def _notices(manifest: Manifest) -> dict[str, int]:
    """Count what was to be said of outputs, by code."""
    if not any(name == "notices" for _, name, *_ in manifest.db.execute("PRAGMA table_info(outputs)")):
        return {}  # of an earlier version
    return dict(manifest.db.execute(_NOTICES))


def _examples(manifest: Manifest, code: str) -> Iterator[str]:
    """Name a few documents and pages that failed with a code, in the order of the plan."""
    db, plan, recipes = manifest.db, manifest.plan, manifest.recipes
    documents = "SELECT name FROM documents WHERE plan = ? AND code = ? ORDER BY position LIMIT ?"
    for (name,) in db.execute(documents, (plan, code, EXAMPLES)):
        yield name
    pages = (
        "SELECT d.name, r.page FROM documents d JOIN results r ON r.sha256 = d.sha256 AND r.recipe IN (?, ?)"
        " WHERE d.plan = ? AND r.code = ? AND (r.page = 0 OR EXISTS"
        " (SELECT 1 FROM json_each(d.selected) page WHERE page.value = r.page)) ORDER BY d.position, r.page LIMIT ?"
    )
    for name, page in db.execute(pages, (recipes.pages, recipes.whole or recipes.pages, plan, code, EXAMPLES)):
        yield f"{name} page {page}" if page else f"{name}: the answer"


def _unopenable(manifest: Manifest, plan: int) -> int:
    query = "SELECT count(*) FROM documents WHERE plan = ? AND selected IS NULL AND code IS NOT NULL"
    return int(manifest.db.execute(query, (plan,)).fetchone()[0])


def _rate(manifest: Manifest, recipe: int) -> float | None:
    since = time.time() - _RATE_WINDOW
    query = "SELECT count(*), min(done_at), max(done_at) FROM results WHERE recipe = ? AND done_at > ?"
    count, first, last = manifest.db.execute(query, (recipe, since)).fetchone()
    return (count - 1) / (last - first) if count > 1 and last > first else None


def verify_run(manifest: Manifest) -> Iterator[Notice]:
    """Recount pages and rehash inputs and outputs; yield what is not as it should be."""
    db, recipes = manifest.db, manifest.recipes
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield Notice("manifest_damaged", str(line))
    for row in manifest.documents():
        if row.sha256 is None:
            if row.code is None and not _elsewhere(manifest, row.id):
                yield Notice("not_read", f"{row.name} was not read yet")
            continue
        digest = content_digest(row.path) if row.url is None else _remote_sha256(row.url)
        if digest is None:
            yield Notice("input_gone", f"{row.name} is gone")
        elif digest != row.sha256:
            yield Notice("input_changed", f"{row.name} changed since it was read")
        for page in (*row.selected, *([] if recipes.whole is None else [0])):
            payload = manifest.payload(row.sha256, page, recipes.of(page))
            what = f"{row.name} page {page}" if page else f"{row.name}: the answer"
            if payload is None:
                yield Notice("page_missing", f"{what} was not read yet" if page else f"{what} is missing")
            elif not _is_whole(payload, page, row.name):
                yield Notice("result_damaged", f"{what}: its stored result is damaged")
    for raw, expected in db.execute("SELECT path, sha256 FROM outputs ORDER BY path"):
        place = place_of(os.fsdecode(raw))
        digest = content_digest(place)
        if digest is None:
            yield Notice("output_gone", f"{named(place)} is gone")
        elif digest != expected:
            yield Notice("output_changed", f"{named(place)} is not what was written")


def _elsewhere(manifest: Manifest, document: int) -> bool:
    """Whether another process of a shared batch did it."""
    row = manifest.db.execute("SELECT state FROM documents WHERE id = ?", (document,)).fetchone()
    return row is not None and row[0] == "elsewhere"


def _is_whole(payload: bytes, page: int, name: str) -> bool:
    try:
        return unpack_result(payload, name).number == page
    except Exception:  # whatever a damaged record leads to
        return False


def _remote_sha256(url: str) -> str | None:
    from dsvl2.pipelines.batch.remote import digest
    from dsvl2.pipelines.batch.requests import is_request, request_digest
    from dsvl2.pipelines.errors import BadRequest

    try:
        return request_digest(url) if is_request(url) else digest(url)
    except (BadRequest, OSError):
        return None
