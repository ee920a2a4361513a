"""References that apply fills in: only marks are, whatever else a text holds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler import late

TEXTS = st.text(st.characters(exclude_characters="\ufdd0\ufdd1", exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.one_of(
    TEXTS,
    st.integers(),
    st.none(),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3), max_size=3),
)
LOOKS_LIKE = ("${ref.agent.a.id}", "$${ref.agent.a.id}", "ref.agent.a.id")


@given(VALUES)
def test_what_holds_no_mark_stays_as_it_is(value: Any) -> None:
    assert late.fill(value, lambda address, field: "x") == value
    assert late.readable(value) == value
    assert late.named(value) == set()


@given(TEXTS, TEXTS, st.sampled_from(LOOKS_LIKE))
def test_a_mark_is_found_wherever_it_stands(before: str, after: str, near: str) -> None:
    value = {"a": [before + late.mark("agent", "a", "id") + near + after]}
    assert late.named(value) == {"agent/a"}
    assert late.fill(value, lambda address, field: f"<{address}.{field}>") == {
        "a": [f"{before}<agent/a.id>{near}{after}"]
    }
    assert late.readable(value) == {"a": [before + "${ref.agent.a.id}" + near + after]}


def test_what_is_not_known_yet_stays_marked() -> None:
    mark = late.mark("environment", "e", "version")
    assert late.fill(mark, lambda address, field: None) == mark
