"""What is being written, whatever the text around it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.editor.cursor import find_cursor
from agentflow.source.tree import Path

PARTS = st.sampled_from(
    [
        "kind: Agent\n",
        "tools:",
        " { ",
        "}",
        "[",
        "]",
        "read: ",
        "\n",
        "  ",
        "- ",
        "'",
        '"',
        "|\n",
        "#",
        "---\n",
        "é😀",
        "&a ",
        "*a",
    ]
)


@pytest.mark.parametrize(
    ("text", "path", "is_key", "word"),
    [
        ("a:\n  b: |", ("a", "b"), False, ""),
        ("a:\n  b: wo|rd\n  c: 1\n", ("a", "b"), False, "wo"),
        ("a:\n  |\n  c: 1\n", ("a",), True, ""),
        ("a:\n  b: 1\n  ne|\n", ("a",), True, "ne"),
        ("a:\n  ne|w: 1\n", ("a",), True, "ne"),
        ("a: { b: 1, |", ("a",), True, ""),
        ("a: { b: |\nc: 1\n", ("a", "b"), False, ""),
        ("a: [x, y|", ("a", 1), False, "y"),
        ("a:\n  - x\n  - |\n", ("a", 1), False, ""),
        ("a:\n  - { b: |", ("a", 0, "b"), False, ""),
        ('a: "wo|', ("a",), False, "wo"),
        ("a: 1\n---\nb: |\n---\nc: [\n", ("b",), False, ""),
        ("---\na: |\n---\nText: [\n", ("a",), False, ""),
        ("a: 1\r\nb:\r\n  |", ("b",), True, ""),
    ],
)
def test_the_cursor_is_found(text: str, path: Path, is_key: bool, word: str) -> None:
    offset = text.index("|")
    found = find_cursor(text.replace("|", ""), offset)
    assert found is not None
    assert (found.path, found.is_key, found.word) == (path, is_key, word)
    assert found.start == offset - len(word)


def test_the_kind_is_read_from_what_is_there() -> None:
    found = find_cursor("kind: Agent\ntools: { read: ", 27)
    assert found is not None
    assert found.kind == "Agent"


@given(st.lists(PARTS, max_size=12).map("".join), st.data())
def test_nothing_makes_it_fail(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    found = find_cursor(text, offset)
    assert found is None or text[found.start : offset] == found.word
