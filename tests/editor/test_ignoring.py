"""Where comments that suppress a finding are put."""

from __future__ import annotations

import pytest

from agentflow.codes import YAML_SYNTAX
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.editor.ignoring import can_be_ignored, ignoring
from agentflow.editor.index import FileIndex
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText
from agentflow.source.yaml import parse


def finding(text: str, words: str) -> Diagnostic:
    source = SourceText("a.yaml", text)
    start = text.index(words)
    return Diagnostic(
        code="AF602",
        name="x",
        severity=Severity.WARNING,
        message="It is so.",
        span=source.span(start, start + len(words)),
    )


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a: 1\n", "1", "a: 1  # agentflow: ignore[AF602]\n"),
        ("a: 1 # why\n", "1", "a: 1 # why  # agentflow: ignore[AF602]\n"),
        ("a: 1 # agentflow: ignore[]\n", "1", "a: 1 # agentflow: ignore[AF602]\n"),
        ("a:\n  b: 'x\n    y'\n", "x", "a:\n  # agentflow: ignore[AF602]\n  b: 'x\n    y'\n"),
        ("a:\n  b: 'x\n    y'\n", "y", "a:\n  # agentflow: ignore[AF602]\n  b: 'x\n    y'\n"),
        ("a:\n  b: 'x\n    y'\n", "b", "a:\n  # agentflow: ignore[AF602]\n  b: 'x\n    y'\n"),
        ("a: |\n  x\n  y\n", "x", "# agentflow: ignore[AF602]\na: |\n  x\n  y\n"),
        ("a: |\n  x\n", "a", "a: |  # agentflow: ignore[AF602]\n  x\n"),
        ("{ a: 1, b: 'x\n y' }\n", "a", "# agentflow: ignore[AF602]\n{ a: 1, b: 'x\n y' }\n"),
        ("prompt: |\n  x\n  y\n", "x", "prompt: |\n  x {# agentflow: ignore[AF602] #}\n  y\n"),
        ("prompt: x\n", "x", "prompt: x  # agentflow: ignore[AF602]\n"),
    ],
)
def test_the_comment_is_a_comment_there(text: str, words: str, expected: str) -> None:
    documents, _ = parse("a.yaml", text)
    edit = ignoring(finding(text, words), FileIndex(text, documents, ()))
    assert edit is not None
    after = apply_edits(SourceText("a.yaml", text), [edit])
    assert after == expected
    if "{#" not in expected:
        assert [d.data for d in parse("a.yaml", after).value] == [d.data for d in documents]


def test_errors_of_reading_and_findings_without_a_place_have_none() -> None:
    problem = finding("a: 1\n", "1")
    assert can_be_ignored(problem)
    assert not can_be_ignored(YAML_SYNTAX.at(Span.start_of("a.yaml"), "It is no YAML."))
    assert not can_be_ignored(YAML_SYNTAX.at(None, "It is no YAML."))
    assert ignoring(YAML_SYNTAX.at(None, "It is no YAML."), FileIndex("", (), ())) is None
