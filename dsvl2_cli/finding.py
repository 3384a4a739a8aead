"""Behind `dsvl2 ground`: pages looked through one by one, places printed and drawn."""

from __future__ import annotations

import io
import json
import shlex
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.askable import gather
from dsvl2_cli.errors import UsageError
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from dsvl2.pipelines import Source
    from dsvl2.pipelines.ask import AskPage
    from dsvl2.pipelines.grounding import GroundResult, Region
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

ALL = 10**9


def find_all(
    file: str,
    phrase: str | None,
    common: Common,
    now: Session,
    *,
    describe: bool,
    draw: str | None,
    region: str | None,
    limit: int | None,
    force: bool,
) -> None:
    """Look through the pages, print a result for each, and draw those with boxes."""
    from dsvl2.pipelines.ask import check_reading
    from dsvl2.pipelines.grounding import check_phrase, parse_region

    if describe == (phrase is not None):
        raise UsageError("say what to look for, or --describe, one of them", 'dsvl2 ground scan.png "total due"')
    if phrase is not None:
        check_phrase(phrase)
    part = parse_region(region) if region is not None else None
    if draw is not None and Path(draw).suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UsageError(f"--draw writes an image, not {draw}", "name a file that ends in .png, .jpg or .webp")
    if phrase is not None and file != "-" and not Path(file).exists() and Path(phrase).is_file():
        meant = shlex.join(["dsvl2", "ground", phrase, file])
        raise UsageError(f"{file} does not exist, but {phrase} does: the document comes first", meant)
    with Work(common, now) as work, ExitStack() as stack:
        document = work.document(file)
        seen = engines.reading_profile(work.settings).mode != "bands"
        check = partial(check_region, part) if part is not None else None
        found = gather(work, [document], stack, limit=limit, rank_all=ALL, check=check)
        if seen:
            check_reading([page.number for page in found.pages], len(found.pages), limit, document.name)
        pages = found.pages[:limit] if seen else found.pages
        results = []
        for page in pages:
            result = find_on(page, phrase, part, work, seen=seen)
            results.append(result)
            if draw is not None and result.boxes:
                draw_on(page, result, draw, work, several=len(pages) > 1, force=force)
        work.stop_progress()
        show(results, now)
        left = [ref.page for ref in found.not_read] + [page.number for page in found.pages[len(pages) :]]
        if left:
            now.console.say(f"not looked at: page {', '.join(map(str, left))}")
        work.leave()


def check_region(part: Region, source: Source) -> None:
    """Look whether the region is on every page that is asked for, before a model is loaded or a page read.

    Raises:
        BoxOutside: it is not.
    """
    for number in source.selected:
        page = source.page_info(number)
        if page.error is None:  # else it is said when the page is read
            part.on(page.width_px, page.height_px)


def find_on(page: AskPage, phrase: str | None, part: Region | None, work: Work, *, seen: bool) -> GroundResult:
    """Look at one page in the way of the model."""
    from dsvl2.pipelines.grounding import describe_image, describe_read, ground_image, ground_read

    if seen:
        image = page.draw()
        if phrase is None:
            return describe_image(page.source, page.number, image, work.engine, part)
        return ground_image(page.source, page.number, image, phrase, work.engine, part)
    assert page.text is not None  # a model that reads by bands has read every page that was gathered
    if phrase is None:
        return describe_read(page.source, page.text, part)
    return ground_read(page.source, page.text, phrase, part)


def draw_on(page: AskPage, result: GroundResult, draw: str, work: Work, *, several: bool, force: bool) -> None:
    """Write the page with its boxes."""
    from dsvl2.pipelines.grounding import draw_boxes, scaled

    image = page.draw()
    path = Path(draw)
    if several:
        path = path.with_name(f"{path.stem}-{page.number}{path.suffix}")
    boxes = scaled(result.boxes, image.width / max(result.page_size[0], 1))
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    draw_boxes(image, boxes).save(buffer, kind)
    work.deliver(buffer.getvalue(), str(path), force)


def show(results: list[GroundResult], now: Session) -> None:
    """Print one JSON object a page, or a line for every place."""
    from dsvl2.pipelines.grounding import SPEC, format_box

    for result in results:
        if now.json:
            now.results.write(json.dumps(SPEC.record(result), ensure_ascii=False) + "\n")
            continue
        if result.description is not None and result.description != "\n".join(one.label for one in result.boxes):
            now.results.write(result.description + "\n")
        for number, one in enumerate(result.boxes, 1):
            grid = ",".join(map(str, one.grid))
            sure = "" if one.confidence is None else f"  {one.confidence:.0%}"
            label = one.label or result.phrase or ""
            now.results.write(f"page {result.page}  {number}  {format_box(one.box)} px  {grid} of 999{sure}  {label}\n")
        for notice in result.notices:
            now.console.warn(f"page {result.page}: {notice.message}")
    if not now.json and not any(result.boxes or result.description for result in results):
        now.results.write("not found\n")
