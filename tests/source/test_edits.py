"""Edits of a text: in any order, in the line endings around them, never over each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.diagnostics import Edit, Span
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText


def _edit(line: int, column: int, end: int, text: str) -> Edit:
    return Edit(Span("a", line, column, line, end), text)


@pytest.mark.parametrize(
    ("text", "edits", "after"),
    [
        ("a\nb\n", [_edit(2, 1, 2, "x"), _edit(1, 1, 1, "y")], "ya\nx\n"),
        ("a\r\nb", [_edit(2, 2, 2, "\nc")], "a\r\nb\r\nc"),
        ("a\rb", [_edit(1, 2, 2, "\nc")], "a\rc\rb"),
        ("a\nb\r\nc", [_edit(2, 2, 2, "\nx")], "a\nb\r\nx\r\nc"),
        ("a", [_edit(1, 2, 2, "\nb")], "a\nb"),
        ("ü😀x", [_edit(1, 3, 4, "y")], "ü😀y"),
        ("abc", [_edit(1, 1, 2, "x"), _edit(1, 2, 3, "y")], "xyc"),
        ("abc", [_edit(1, 1, 2, "x"), _edit(1, 1, 2, "x")], "xbc"),
        ("a\r\nb\r\n", [Edit(Span("a", 1, 1, 2, 1), "")], "b\r\n"),
    ],
)
def test_edits(text: str, edits: list[Edit], after: str) -> None:
    assert apply_edits(SourceText("a", text), edits) == after


@pytest.mark.parametrize(
    "edits",
    [
        [_edit(1, 1, 3, "x"), _edit(1, 2, 4, "y")],
        [_edit(1, 2, 2, "x"), _edit(1, 2, 2, "y")],
        [_edit(1, 2, 2, "x"), _edit(1, 1, 2, "y")],
        [_edit(2, 1, 1, "x")],
        [_edit(1, 3, 9, "x")],
        [_edit(1, 0, 1, "x")],
        [_edit(1, 3, 2, "x")],
    ],
)
def test_edits_that_cannot_be_made(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="a"):
        apply_edits(SourceText("a", "abc"), edits)


@given(st.text("ab\r\nü", max_size=20), st.data())
def test_a_place_has_one_offset(text: str, data: st.DataObject) -> None:
    source = SourceText("a", text)
    offset = data.draw(st.integers(0, len(text)))
    assert source.offset(*source.position(offset)) == offset
