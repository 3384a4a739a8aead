"""Read a page the other way up where its ink did not say which is right and the first reading is hardly to be believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dsvl2.pipelines.documents import PageResult, sum_usage
from dsvl2.pipelines.reading import PreparedPage

CLEARLY = 0.1  # that the other reading must be surer by: a picture read both ways is nonsense twice
Read = Callable[[PreparedPage], PageResult]


def worth_turning(page: PreparedPage, read: PageResult) -> bool:
    """Say whether a page should be read the other way up as well. Ordinary pages never are: their lines or their words say."""
    return page.over is not None and read.error is None and (read.mostly_doubtful or read.let_go)


def the_surer(page: PreparedPage, first: PageResult, read: Read) -> PageResult:
    """Return the first reading of a page that is `worth_turning`, or that of the other way up if it is clearly surer.

    What both took is in the usage. An error of the second reading leaves the first as it is.
    """
    assert page.over is not None
    try:
        second = read(page.over())
    except Exception:  # a reading that nobody asked for must not cost the one there is
        return first
    if second.error is not None:
        return first
    better = second.calibrated and _sure(second) > _sure(first) + CLEARLY
    usage = sum_usage(one.usage for one in (first, second) if one.usage is not None)
    return replace(second if better else first, usage=usage)


def _sure(read: PageResult) -> float:
    return 0.0 if read.confidence is None else read.confidence
