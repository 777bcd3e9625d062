"""Two answers are compared by what they say."""

import pytest

from artistjobs.core.comparison import (
    ComparedAnswer,
    ComparisonTotals,
    Verdict,
    are_equal,
    differing_properties,
    verdict,
)


def make(text="a", data=None, **changes) -> ComparedAnswer:
    row = {
        "job": 1, "is_done": True, "text": text, "data": data, "is_structured": data is not None, "model": "gpt-5",
        "input_tokens": 10, "output_tokens": 5, "cost_usd": 0.5, "unpriced": 0, "seconds": 1.0, "error_code": None,
    }  # fmt: skip
    return ComparedAnswer(**(row | changes))


@pytest.mark.parametrize(
    ("first", "second", "is_equal"),
    [
        (1, 1.0, True), (1, True, False), (0, False, False), (None, False, False), ("1", 1, False), ([], {}, False),
        ([1, 2], [2, 1], False), ([1], [1, 2], False), ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}, True),
        ({"a": None}, {}, False), ({"a": [{"b": True}]}, {"a": [{"b": 1}]}, False),
    ],
)  # fmt: skip
def test_json_values_are_equal_by_what_they_mean(first, second, is_equal):
    assert are_equal(first, second) == are_equal(second, first) == is_equal


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (make("a\n"), make(" a"), Verdict.SAME),
        (make("a"), make("A"), Verdict.DIFFERENT),
        (make('{"a": 1, "b": 2}', {"a": 1, "b": 2}), make('{"b":2,"a":1.0}', {"b": 2, "a": 1.0}), Verdict.SAME),
        (make("[1]", [1]), make("[2]", [2]), Verdict.DIFFERENT),
        (make('{"a": 1}', {"a": 1}), make('{"a": 1}'), Verdict.SAME),
        (make(), make(is_done=False, text=None), Verdict.ONLY_FIRST),
        (make(is_done=False, text=None), make(), Verdict.ONLY_SECOND),
        (make(is_done=False, text=None), make(is_done=False, text=None), Verdict.NEITHER),
    ],
)
def test_a_row_gets_one_of_five_verdicts(first, second, expected):
    assert verdict(first, second) is expected


def test_the_properties_that_differ_are_named_in_order():
    assert differing_properties({"b": 1, "a": 1, "c": 0}, {"a": 1, "b": 2, "d": 0}) == ["b", "c", "d"]
    assert differing_properties([1], {"a": 1}) == []


def test_totals_add_up_and_an_unknown_cost_is_counted():
    totals = ComparisonTotals()
    totals.add(Verdict.DIFFERENT, make(), make(cost_usd=None, unpriced=2), ["born"])
    totals.add(Verdict.ONLY_FIRST, make(), make(is_done=False, cost_usd=None), [])

    assert (totals.rows, totals.first.done, totals.second.done) == (2, 2, 1)
    assert (totals.first.cost_usd, totals.second.cost_usd, totals.second.unpriced) == (1.0, 0.0, 2)
    assert totals.differing == {"born": 1}
