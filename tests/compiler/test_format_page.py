"""`agentflow fmt` of Markdown: the head in the layout of the documentation, the text left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler.formatting.page import format_page
from agentflow.source.markdown import parse_markdown


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "---\nname:   'a'  # short\nkind: Agent\napiVersion: agentflow/v1\n---\n\n\n  Text:   x\n",
            "---\napiVersion: agentflow/v1\nkind: Agent\nname: a # short\n---\n\n\n  Text:   x\n",
        ),
        ("\ufeff---\r\na:   1\r\n---\r\nb\r\n", "---\na: 1\n---\nb\n"),
        ("---\na: 1\n---", "---\na: 1\n---"),
        ("---\n---\nb\n", "---\n---\nb\n"),
        ("---\n# x\n---\n", "---\n# x\n---\n"),
    ],
)
def test_the_head_is_laid_out(before: str, after: str) -> None:
    assert format_page("a.md", before) == (after, ())
    assert format_page("a.md", after) == (after, ())


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("---\na: 1\n", "AF025", "a.md:1:1"),
        ("---\na: 1\na: 2\n---\n", "AF012", "a.md:3:1"),
        ("---\na: 1\n...\nb: 2\n---\n", "AF010", "a.md:4:1"),
        ("---\n[a]\n---\n", "AF105", "a.md:2:1"),
        ("---\nprompt: a\n---\nb\n", "AF025", "a.md:2:1"),
    ],
)
def test_what_cannot_be_read_is_left_as_it_is(text: str, code: str, place: str) -> None:
    after, problems = format_page("a.md", text)
    assert after == text
    assert [(problem.code, str(problem.span)) for problem in problems] == [(code, place)]


@settings(deadline=None)
@given(st.text(st.sampled_from("ab: -\n#'\"{}[],|%.")), st.text(st.sampled_from("ab \n-#{")))
def test_it_changes_no_meaning_and_has_an_end(head: str, text: str) -> None:
    before = f"---\n{head}\n---\n{text}"
    after, problems = format_page("a.md", before)
    if problems:
        assert after == before
    else:
        said = [document.data for document in parse_markdown("a.md", before).value]
        assert [document.data for document in parse_markdown("a.md", after).value] == said
        assert format_page("a.md", after) == (after, ())
