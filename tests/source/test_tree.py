"""Places: of keys, of values, and of characters inside of texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.diagnostics import Span
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Path
from agentflow.source.yaml import parse


def document(text: str) -> Document:
    documents, problems = parse("f.yaml", text)
    assert problems == ()
    return documents[0]


def cut(text: str, span: Span) -> str:
    """The characters of a span, found by line and column alone."""
    lines = [*text.splitlines(keepends=True), ""]
    start = sum(map(len, lines[: span.line - 1])) + span.column - 1
    end = sum(map(len, lines[: span.end_line - 1])) + span.end_column - 1
    return text[start:end]


TEXT = """\
# a comment
name: one
model: { id: "x y", effort: 'low' }   # and another
list:
  - first
  - second: 2
    third: "a\\tb"

# far below
empty:
prompt: |
  Line one.

    Line three.
folded: >
  word
  word
last: &anchor text
"""


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (("name",), False, "one"),
        (("name",), True, "name"),
        (("model",), False, "{ id: \"x y\", effort: 'low' }"),
        (("model", "id"), False, '"x y"'),
        (("model", "effort"), True, "effort"),
        (("list",), False, '- first\n  - second: 2\n    third: "a\\tb"'),
        (("list", 0), False, "first"),
        (("list", 1), False, 'second: 2\n    third: "a\\tb"'),
        (("list", 1, "second"), False, "2"),
        (("empty",), False, "empty"),
        (("prompt",), False, "|\n  Line one.\n\n    Line three."),
        (("folded",), False, ">\n  word\n  word"),
        (("nowhere",), False, None),
        (("model", "nowhere"), True, "{ id: \"x y\", effort: 'low' }"),
        (("list", 7, "x"), False, '- first\n  - second: 2\n    third: "a\\tb"'),
        (("name", "below", "a", "scalar"), False, "one"),
    ],
)
def test_a_span_is_the_text_of_its_value_or_key(
    path: Path, key: bool, expected: str | None
) -> None:
    span = document(TEXT).span(path, key=key)
    if expected is None:
        assert (span.line, span.column) == (2, 1)
    else:
        assert cut(TEXT, span) == expected


@pytest.mark.parametrize(
    ("path", "word", "expected"),
    [
        (("name",), "ne", "ne"),
        (("model", "id"), "y", "y"),
        (("list", 1, "third"), "b", '"a\\tb"'),
        (("prompt",), "three", "three"),
        (("prompt",), "  Line three.", "  Line three."),
        (("prompt",), "one.\n\n  Line", "one.\n\n    Line"),
        (("folded",), "word word", "word\n  word"),
        (("last",), "ex", "ex"),
    ],
)
def test_characters_of_a_text_are_found_where_they_stand(
    path: Path, word: str, expected: str
) -> None:
    found = document(TEXT)
    value: Any = found.data
    for step in path:
        value = value[step]
    start = value.index(word)
    assert cut(TEXT, found.text_span(path, start, start + len(word))) == expected


def test_the_end_of_a_literal_block_has_a_place() -> None:
    text = "prompt: |\n  a\n  b"
    found = document(text)
    assert found.data["prompt"] == "a\nb"
    assert cut(text, found.text_span(("prompt",), 2, 3)) == "b"
    trailing = document("prompt: |\n  a\n")
    assert trailing.text_span(("prompt",), 2, 2).line == 3


def test_windows_line_ends_do_not_move_places() -> None:
    text = "a: 1\r\nprompt: |\r\n  one\r\n  two\r\nb: 2\r\n"
    found = document(text)
    assert found.data["prompt"] == "one\ntwo\n"
    assert found.text_span(("prompt",), 4, 7) == Span("f.yaml", 4, 3, 4, 6)
    assert found.span(("b",)) == Span("f.yaml", 5, 4, 5, 5)


def test_columns_count_characters() -> None:
    found = document("é: 😀x\nb: 'é😀' # c\n")
    assert found.span(("é",)) == Span("f.yaml", 1, 4, 1, 6)
    assert found.text_span(("b",), 1, 2) == Span("f.yaml", 2, 6, 2, 7)


def test_other_data_keeps_the_places() -> None:
    found = document("a: ${var.x} and more\nb: one\n")
    changed = found.with_data({"a": "long value and more", "b": "one"})
    assert changed.span(("b",)) == found.span(("b",))
    assert changed.source == found.source
    # The text is not what stands in the file any more: the line is all that can be said.
    assert changed.text_span(("a",), 0, 4) == found.span(("a",))
    assert changed.text_span(("b",), 0, 1) == Span("f.yaml", 2, 4, 2, 5)


def test_a_substituted_block_keeps_its_lines() -> None:
    text = "p: |\n  one ${var.x}\n    two {{ y }}\n"
    found = document(text)
    changed = found.with_data({"p": "one 1\n  two {{ y }}\n"})
    start = changed.data["p"].index("{{")
    assert cut(text, changed.text_span(("p",), start, start + 7)) == "two {{ y }}"
    more_lines = found.with_data({"p": "one\n1\n  two {{ y }}\n"})
    assert more_lines.text_span(("p",), 0, 1) == found.span(("p",))


PLAIN = st.text(alphabet="abc 1:#-'\"\\é😀{}[]\n", min_size=1, max_size=30)


@settings(deadline=None)
@given(PLAIN)
def test_the_text_of_a_quoted_span_reads_back_as_the_value(value: str) -> None:
    import json

    text = f"k:\n  - [x, {json.dumps(value, ensure_ascii=False)}]\n"
    found = document(text)
    assert found.data == {"k": [["x", value]]}
    again = document(cut(text, found.span(("k", 0, 1))))
    assert again.data == value


@settings(deadline=None)
@given(st.lists(st.text(alphabet="ab é😀{}:", max_size=12), min_size=1, max_size=8), st.data())
def test_every_character_of_a_literal_block_is_found(lines: list[str], data: st.DataObject) -> None:
    value = "\n".join(["x", *lines, "y"])
    text = "a: 1\nkey:\n  block: |\n" + "".join(f"    {line}\n" for line in value.split("\n"))
    found = document(text)
    read = found.data["key"]["block"]
    assert read == value + "\n"
    start = data.draw(st.integers(0, len(value) - 1))
    span = found.text_span(("key", "block"), start, start + 1)
    if read[start] != "\n":
        assert cut(text, span) == read[start]


@settings(deadline=None)
@given(st.text(alphabet="a\r\n😀", max_size=30), st.data())
def test_positions_agree_with_counting(text: str, data: st.DataObject) -> None:
    import re

    offset = data.draw(st.integers(0, len(text)))
    source = SourceText("f", text)
    starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))]
    line = max(number for number, start in enumerate(starts, 1) if start <= offset)
    assert source.position(offset) == (line, offset - starts[line - 1] + 1)
    low, high = source.line_bounds(line)
    assert "\n" not in text[low:high]
    assert source.line_count == len(starts)
