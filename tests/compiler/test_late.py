"""References that apply fills in: only marks are, whatever else a text holds."""

from __future__ import annotations

from typing import Any

import pytest
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


def known(address: str, field: str) -> str:
    return "7" if field == "version" else "agent_01"


def test_the_version_in_a_reference_to_an_agent_becomes_a_number() -> None:
    version = late.mark("agent", "a", "version")
    reference = {"type": "agent", "id": late.mark("agent", "a", "id"), "version": version}
    filled = late.fill({"team": [reference]}, known)
    assert filled == {"team": [{"type": "agent", "id": "agent_01", "version": 7}]}


@pytest.mark.parametrize(
    "value",
    [
        {"type": "custom", "id": "skill_1", "version": late.mark("skill", "s", "version")},
        {"type": "agent", "version": late.mark("agent", "a", "version")},
        {"version": late.mark("agent", "a", "version")},
        [late.mark("agent", "a", "version")],
    ],
)
def test_elsewhere_a_version_stays_text(value: Any) -> None:
    filled = late.fill(value, known)
    assert "7" in (filled.values() if isinstance(filled, dict) else filled)


def test_a_version_that_is_text_already_is_left_alone() -> None:
    reference = {"type": "agent", "id": "agent_01", "version": "7"}
    assert late.fill(reference, known) == reference


@given(TEXTS, TEXTS)
def test_a_secret_is_read_where_it_stands_and_nowhere_else(before: str, after: str) -> None:
    value = {"token": [f"{before}{late.secret('key')}{after}"], "id": late.mark("agent", "a", "id")}
    assert late.secrets(value) == {"key"}
    revealed = late.revealed(value, {"key": "s3cret"})
    assert revealed == {"token": [f"{before}s3cret{after}"], "id": value["id"]}
