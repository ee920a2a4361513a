"""Annotations of GitHub Actions: one line a problem, from which no text can break out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.diagnostics import SETTINGS_FILE, Severity, Span
from agentflow.lint.engine import KNOWN
from agentflow.output.github import render_github

CODE = KNOWN["AF602"]


@pytest.mark.parametrize(
    ("span", "properties"),
    [
        (Span("a.yaml", 2, 7, 2, 10), "file=a.yaml,line=2,endLine=2,col=7,endColumn=9"),
        (Span("a.yaml", 2, 7, 2, 7), "file=a.yaml,line=2,endLine=2,col=7,endColumn=7"),
        (Span("a.yaml", 2, 7, 4, 1), "file=a.yaml,line=2,endLine=4"),
        (Span("a,b:c%.yaml", 1, 1, 2, 1), "file=a%2Cb%3Ac%25.yaml,line=1,endLine=2"),
    ],
)
def test_a_place(span: Span, properties: str) -> None:
    title = "title=AF602 ask-unanswered"
    assert render_github([CODE.at(span, "No.")]) == f"::error {properties},{title}::No.\n"


@pytest.mark.parametrize("span", [None, Span(SETTINGS_FILE, 1, 1, 1, 2)])
def test_what_is_in_no_file_has_a_title_only(span: Span | None) -> None:
    assert render_github([CODE.at(span, "No.")]) == "::error title=AF602 ask-unanswered::No.\n"


def test_severities_and_hints() -> None:
    problem = CODE.at(None, "100%, no.", hint="Mend it.\nSoon.")
    text = render_github([problem.at_severity(severity) for severity in Severity])
    assert re.findall("^::(\\w+) ", text, re.M) == ["error", "warning", "notice"]
    assert text.count("::100%25, no.%0AMend it.%0ASoon.\n") == 3


def test_paths_are_shown_as_wanted() -> None:
    text = render_github([CODE.at(Span("a.yaml", 1, 1, 1, 2), "No.")], show_path="x/{}".format)
    assert "file=x/a.yaml," in text


@given(st.text(), st.text(min_size=1), st.text())
def test_a_problem_is_one_line(message: str, file: str, hint: str) -> None:
    text = render_github([CODE.at(Span(file, 1, 1, 1, 2), message, hint=hint)])
    assert text.splitlines() == [text[:-1]]
    assert text.encode("utf-8", "strict")
