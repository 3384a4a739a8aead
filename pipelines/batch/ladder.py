"""What is tried when a page fails, in which order. Pure decisions; the scheduler carries them out.

normal -> fewer (fewer tiles at a time: the engine is asked for one part after the other) -> alone (a batch of this page only;
where memory, time or a crash was the trouble, and it had company) -> finer (a PDF page drawn at 1.5 times the resolution;
where that was not the trouble) -> text (the PDF's own text layer, marked) -> given up with the first error's code.
"""

from __future__ import annotations

from enum import StrEnum

from dsvl2.pipelines.documents import Block, Notice, PageError, PageResult

FINER = 1.5
DEATHS = 6
"""A page is given up after this many processes died of it by SIGKILL, which may come from outside."""
CRASHES = 2
"""... and after this many that crashed by themselves."""
TIMEOUTS = 2


class Rung(StrEnum):
    """The tries, in order; before them a text layer that is good enough to need none."""

    LAYER = "layer"
    NORMAL = "normal"
    FEWER = "fewer"
    ALONE = "alone"
    FINER = "finer"
    TEXT = "text"


_COSTLY = frozenset({"out_of_memory", "timeout", "worker_crashed", "too_large"})  # more pixels would make it worse


def next_rung(rung: Rung, code: str, *, drawn: bool, text: bool, company: int = 1) -> Rung | None:
    """Return what to try after `rung` failed with `code`; None to give up.

    drawn: the page can be drawn at another resolution. text: it has a text layer that can stand in for it. company: how many
    pages were read together in that try.
    """
    if rung is Rung.NORMAL and code != "truncated":
        return Rung.FEWER
    if rung is Rung.FEWER and code in _COSTLY and company > 1:
        return Rung.ALONE
    if rung in (Rung.NORMAL, Rung.FEWER, Rung.ALONE) and drawn and code not in _COSTLY:
        return Rung.FINER
    if rung is not Rung.TEXT and text and code != "truncated":  # half a reading says more than a doubtful layer
        return Rung.TEXT
    return None


def most_losses(code: str, exit_code: int | None) -> int:
    """Return how many processes a page may cost that end like this."""
    if code == "timeout":
        return TIMEOUTS
    return DEATHS if exit_code in (-9, -15) else CRASHES


def text_result(shell: PageResult, text: str, error: PageError) -> PageResult:
    """Make a result of the page's text layer, marked as such. `shell` holds the page's size and notices."""
    paragraphs = [" ".join(part.split()) for part in text.replace("\r", "").split("\n\n")]
    blocks = tuple(Block("paragraph", paragraph) for paragraph in paragraphs if paragraph)
    notice = Notice("text_layer_used", f"not read from the image ({error.message}): this is the PDF's own text layer")
    return PageResult(
        shell.number,
        blocks,
        shell.width_px,
        shell.height_px,
        shell.dpi,
        warnings=(*shell.warnings, notice),
    )
