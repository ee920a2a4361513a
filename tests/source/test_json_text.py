"""JSON with the places of its values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentflow.source.characters import RESERVED
from agentflow.source.json_text import parse_json
from agentflow.source.tree import value_at

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=RESERVED)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(CHARACTERS, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(CHARACTERS, max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), st.sampled_from([None, 2, "\t"])
)
def test_what_a_program_writes_is_read(data: dict[str, Any], indent: int | str | None) -> None:
    text = json.dumps(data, indent=indent)
    (document,), problems = parse_json("a.json", text)
    assert problems == ()
    assert document.data == data


def test_a_pair_of_escapes_is_one_character_and_moves_no_place() -> None:
    text = r'{"a": "\ud83d\ude00 \\ud83d\\ude00", "b": 1.50, "c": "\/"}'
    (document,), problems = parse_json("a.json", text)
    assert problems == ()
    assert document.data == {"a": "\U0001f600 \\ud83d\\ude00", "b": Decimal("1.50"), "c": "/"}
    span = document.span(("b",))
    assert (span.column, text[span.column - 1 : span.end_column - 1]) == (43, "1.50")
    assert value_at(document.data, ("a",))[0] == "\U0001f600"


def test_yaml_that_is_no_json_is_read_too() -> None:
    (document,), problems = parse_json("a.json", "a: one\n")
    assert (document.data, problems) == ({"a": "one"}, ())


def test_half_a_pair_is_a_problem_with_a_place() -> None:
    _, problems = parse_json("a.json", r'{"a": "\ud83d"}')
    assert [problem.code for problem in problems] == ["AF010"]
    assert problems[0].span is not None
    assert problems[0].span.line == 1
