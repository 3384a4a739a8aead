"""Read a page the other way up where its ink did not say which is right and the first reading is hardly to be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dsvl2.pipelines.documents import PageResult, sum_usage
from dsvl2.pipelines.reading import PreparedPage

CLEARLY = 0.1  # that a reading upside down must be surer by than one upright: a picture is nonsense both ways
WEAK = 0.7  # mean surety of words below which the way up is asked again; half of nonsense can look like figures
Read = Callable[[PreparedPage], PageResult]


def worth_turning(page: PreparedPage, read: PageResult) -> bool:
    """Say whether a page should be read the other way up as well. Ordinary pages never are: their lines or their words say."""
    if page.over is None or read.error is not None:
        return False
    return read.let_go or read.mostly_doubtful or (read.calibrated and 0 < _sure(read) < WEAK)


def the_surer(page: PreparedPage, first: PageResult, read: Read) -> PageResult:
    """Return the first reading of a page that is `worth_turning`, or that of the other way up if it is surer.

    Pages lie upright oftener than not: to turn one over, the reading must be clearly surer; to leave it, just surer.

    What both took is in the usage. An error of the second reading leaves the first as it is.
    """
    assert page.over is not None
    try:
        second = read(page.over())
    except Exception:  # a reading that nobody asked for must not cost the one there is
        return first
    if second.error is not None:
        return first
    needed = 0.0 if second.rotation == 0 else CLEARLY
    better = second.calibrated and _sure(second) > _sure(first) + needed
    usage = sum_usage(one.usage for one in (first, second) if one.usage is not None)
    return replace(second if better else first, usage=usage)


def _sure(read: PageResult) -> float:
    return 0.0 if read.confidence is None else read.confidence
