"""Markdown with frontmatter as one document: both parts at the places of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.source.markdown import has_frontmatter, parse_markdown, split
from agentflow.source.tree import Document, value_at

PAGE = "---\nname: a\nmodel:\n  id: m\n---\n\nFirst line.\n\n  Second {{ x }}.\n"


def read(text: str) -> Document:
    (document,), problems = parse_markdown("a.md", text)
    assert problems == ()
    return document


def test_the_text_below_is_the_prompt() -> None:
    assert read(PAGE).data == {
        "name": "a",
        "model": {"id": "m"},
        "prompt": "First line.\n\n  Second {{ x }}.",
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_both_parts_have_the_places_of_the_file(newline: str, mark: str) -> None:
    document = read(mark + PAGE.replace("\n", newline))
    assert str(document.span(("name",))) == "a.md:2:7"
    assert str(document.span(("model", "id"))) == "a.md:4:7"
    assert str(document.span(("model",), key=True)) == "a.md:3:1"
    assert str(document.span(("prompt",))) == "a.md:7:1"
    start = value_at(document.data, ("prompt",)).index("{{")
    span = document.text_span(("prompt",), start, start + 7)
    assert (span.line, span.end_line) == (9, 9)
    if newline == "\n":
        assert (span.column, span.end_column) == (10, 17)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("---\nname: a\n", "a.md:1:1", "The frontmatter does not end."),
        ("---\nname: a\n---\n", None, None),
        ("---\nprompt: a\n---\n", None, None),
        ("---\nprompt: a\n---\nb\n", "a.md:2:1", "The frontmatter has 'prompt', and there is text"),
        ("---\na: [\n---\nb\n", "a.md:3:1", ""),
        ("---\na: 1\n...\n---\nb: 2\n---\nc\n", None, None),
        ("---\na: 1\n--- {b: 2}\n---\nc\n", "a.md:3:5", "The frontmatter has several documents"),
        ("# no frontmatter\n---\na: 1\n---\n", None, None),
        ("", None, None),
    ],
)
def test_what_is_wrong_is_placed(text: str, place: str | None, message: str | None) -> None:
    problems = parse_markdown("a.md", text).problems
    assert [str(problem.span) for problem in problems] == ([] if place is None else [place])
    assert message is None or message in problems[0].message


def test_only_a_first_line_of_three_hyphens_opens_it() -> None:
    assert has_frontmatter("\ufeff---  \r\n")
    assert not has_frontmatter("----\n")
    assert not has_frontmatter("\n---\n")
    assert not has_frontmatter("--- a\n")


def test_a_ruler_in_the_text_ends_nothing() -> None:
    assert read("---\na: 1\n---\none\n\n---\n\ntwo\n").data["prompt"] == "one\n\n---\n\ntwo"


@given(st.text(st.sampled_from("ab-: \n\r#{}\ufeff")))
def test_the_parts_are_cut_where_the_fences_are(text: str) -> None:
    page = split(text)
    if page is not None:
        (start, end), (body, stop) = page
        assert text[:start].strip() == "---"
        assert text[end:].startswith("---")
        assert 0 < start <= end < body <= stop <= len(text)
        assert text[body:stop] == text[body:stop].rstrip()


@given(st.text(st.sampled_from("abc \n-:{}'\"[]#\t")))
def test_no_page_makes_it_raise(text: str) -> None:
    parse_markdown("a.md", f"---\n{text}")
