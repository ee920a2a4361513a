"""Places in the units of an editor, against the codecs that define them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.diagnostics import Span
from agentflow.editor.positions import Place, Text, characters, units

ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
WIDTH = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
LINES = st.lists(
    st.text(st.sampled_from("ab é😀\u0301\u2028\x0b𝄞"), max_size=6), min_size=1, max_size=4
)


@given(st.text(), ENCODINGS)
def test_units_are_those_of_the_codec(text: str, encoding: str) -> None:
    codec, width = WIDTH[encoding]
    assert units(text, encoding) == len(text.encode(codec, "surrogatepass")) // width


@given(st.text(), ENCODINGS, st.data())
def test_units_and_characters_undo_each_other(
    text: str, encoding: str, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(text)))
    assert characters(text, units(text[:count], encoding), encoding) == count


@pytest.mark.parametrize(
    ("text", "count", "encoding", "expected"),
    [
        ("x😀y", 2, "utf-16", 1),  # in the middle of a pair: the character it is in
        ("x😀y", 3, "utf-16", 2),
        ("x😀y", 5, "utf-8", 2),
        ("x😀y", 99, "utf-16", 3),
        ("e\u0301x", 2, "utf-16", 2),  # a combining character counts for itself
        ("e\u0301x", 3, "utf-8", 2),
        ("abc", -1, "utf-16", 0),
    ],
)
def test_characters(text: str, count: int, encoding: str, expected: int) -> None:
    assert characters(text, count, encoding) == expected


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), ENCODINGS, st.booleans(), st.data())
def test_every_character_is_found_again(
    lines: list[str], break_: str, encoding: str, mark: bool, data: st.DataObject
) -> None:
    text = Text(("\ufeff" if mark else "") + break_.join(lines), encoding)
    line = data.draw(st.integers(1, len(lines)))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 1))
    place = text.place(line, column)
    shift = units("\ufeff", encoding) if mark and line == 1 else 0
    assert place == Place(line - 1, units(lines[line - 1][: column - 1], encoding) + shift)
    assert text.position(place) == (line, column)
    assert text.text[text.offset(place) :].startswith(lines[line - 1][column - 1 :])


def test_what_lies_outside_is_moved_to_the_nearest_end() -> None:
    text = Text("ab\ncd", "utf-16")
    assert text.place(1, 9) == Place(0, 2)
    assert text.range(Span("f", 2, 1, 99, 1)) == (Place(1, 0), Place(1, 2))
    assert text.offset(Place(9, 9)) == 5
    assert text.position(Place(9, 9)) == (2, 3)
    assert text.position(Place(0, 99)) == (1, 3)
    assert text.line(7) == ""
