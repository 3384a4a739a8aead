"""An examination counts an answer as right only if all of it is."""

from __future__ import annotations

from dsvl2.pipelines.training import nano
from dsvl2.pipelines.training.exam import _turns
from dsvl2.pipelines.training.material import conversations


def test_an_answer_is_right_to_its_end_or_wrong() -> None:
    ((ids, roles),) = conversations([("page", [("Q: one", "abc"), ("Q: two", ""), ("Q: three", "xy")])])
    right = [1] * (len(ids) - 1)
    assert list(_turns(right, roles[1:], ids[1:])) == [True, True, True]
    ends = [place for place, token in enumerate(ids[1:]) if token == nano.EOS]
    right[ends[0] - 1] = right[ends[1]] = 0  # the last letter of the first, and the end that is the whole second answer
    assert list(_turns(right, roles[1:], ids[1:])) == [False, False, True]
    right[ends[2] - 4] = 0  # of the question
    assert list(_turns(right, roles[1:], ids[1:])) == [False, False, True]
