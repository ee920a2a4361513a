"""Places in text that YAML folds: a prompt behind `>`, or one that goes over several lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.source.yaml import parse

FORMS = {
    "folded": "prompt: >\n  You have read-only\n  access to the code.\n\n    Never\n  write.\n",
    "stripped": "prompt: >-\n\n  You have read-only\n  access to the code.\n",
    "indented": "a:\n  prompt: >2\n    You have read-only\n    access to the code.\n",
    "plain": "prompt: You have read-only\n  access to\n\n  the code.\n",
    "double": 'prompt: "You have read-only\n  access to the code."\n',
    "single": "prompt: 'You have read-only\n  access to the code.'\n",
    "anchored": "prompt: &p >\n  You have read-only\n  access to the code.\n",
}


def _place(text: str, words: str) -> str:
    [document] = parse("a.yaml", text).value
    path = ("prompt",) if "prompt" in document.data else ("a", "prompt")
    value = document.data["prompt"] if len(path) == 1 else document.data["a"]["prompt"]
    start = value.index(words)
    span = document.text_span(path, start, start + len(words))
    lines = text.splitlines(keepends=True)
    first = sum(map(len, lines[: span.line - 1])) + span.column - 1
    last = sum(map(len, lines[: span.end_line - 1])) + span.end_column - 1
    return text[first:last]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", ["read-only", "You", "code."])
def test_a_word_is_found_where_it_stands(form: str, words: str) -> None:
    assert _place(FORMS[form], words) == words


@pytest.mark.parametrize("form", FORMS)
def test_words_on_both_sides_of_a_fold_are_one_range(form: str) -> None:
    place = _place(FORMS[form], "read-only access")
    assert place.split() == ["read-only", "access"]
    assert "\n" in place


@pytest.mark.parametrize(
    "text", ['prompt: "You \\"have\\"\n  access."\n', "prompt: 'It''s\n  access.'\n"]
)
def test_with_escapes_it_is_the_whole_text(text: str) -> None:
    assert _place(text, "access") == text.removeprefix("prompt: ").rstrip("\n")


@settings(deadline=None)
@given(st.lists(st.text("ab #:-'\"", min_size=1, max_size=8), min_size=1, max_size=4), st.data())
def test_any_stretch_of_a_folded_text_has_its_place(lines: list[str], data: st.DataObject) -> None:
    text = "prompt: >\n  x" + "\n  x".join(lines) + "\n"
    [document] = parse("a.yaml", text).value
    value = document.data["prompt"]
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    words = value[start:end]
    if words.strip():
        span = document.text_span(("prompt",), start, end)
        source = text.splitlines(keepends=True)
        first = sum(map(len, source[: span.line - 1])) + span.column - 1
        last = sum(map(len, source[: span.end_line - 1])) + span.end_column - 1
        assert text[first:last].split() == words.split()
