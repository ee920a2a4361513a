"""Suggestions."""

from __future__ import annotations

import pytest

from agentflow.nearest import did_you_mean, nearest, one_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [("promt", "prompt"), ("PROMPT", "prompt"), ("budgets", "budget"), ("xyz", None), ("", None)],
)
def test_the_nearest_name(word: str, expected: str | None) -> None:
    assert nearest(word, ["budget", "prompt", "tools"]) == expected


def test_dashes_and_underscores_are_alike() -> None:
    assert did_you_mean("sales-analyst", ["sales_analyst"]) == "Did you mean 'sales_analyst'?"
    assert did_you_mean("zzz", ["sales"]) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["c", "a", "b"], "c, a or b")],
)
def test_a_list_of_names(names: list[str], expected: str) -> None:
    assert one_of(names) == expected


def test_long_lists_are_cut() -> None:
    assert one_of(map(str, range(9)), limit=3) == "0, 1, 2, …"
    assert one_of(["a", "b"], joined="and") == "a and b"
