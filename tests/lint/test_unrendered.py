"""Templates in fields that nothing renders."""

from __future__ import annotations

import pytest

from tests.lint.support import lint_text

AGENT = """
kind: Agent
name: clerk
model: claude-opus-5-5
prompt: "You keep the books of {{ vars.month }}."
vars: { month: { default: May } }
inputs: { ledger: {} }
task: "Add up {{ inputs.ledger }}."
"""


def found(fields: str) -> list[tuple[str, str, str | None]]:
    text = f"apiVersion: agentflow/v1{AGENT}{fields}"
    lines = text.splitlines()
    shown = []
    for problem in lint_text(text):
        if problem.code == "AF520":
            span = problem.span
            assert span is not None
            place = lines[span.line - 1][span.column - 1 : span.end_column - 1]
            shown.append((place, problem.message, problem.hint))
    return shown


@pytest.mark.parametrize(
    ("fields", "shown", "field", "hint"),
    [
        ("done: ['All of {{ inputs.ledger }} is there.']", "{{ inputs.ledger }}", "done", "only `task`"),
        ("outputs: { o: { path: 'o-{{vars.month}}.md' } }", "{{vars.month}}", "outputs", "`${var.month}`"),
        ("description: |\n  Of\n  {{ vars.month | upper }}", "{{ vars.month | upper }}", "description", "`${var.month}`"),
        ("scratch: '/tmp/{{- params.x }}'", "{{- params.x }}", "scratch", "their fragment"),
    ],
)  # fmt: skip
def test_it_is_found_at_its_braces(fields: str, shown: str, field: str, hint: str) -> None:
    [(place, message, advice)] = found(fields)
    assert place == shown
    assert message == f"`{shown}` stands in `{field}`, which is no template: it stays as it is."
    assert hint in str(advice)


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "done: ['All of ${var.month} is there.']",
        "sections: { autonomy: 'Do it for {{ vars.month }}.' }",
        "done: ['No `{{ name }}` is left in the letter.']",
        "raw: { x: '{{ vars.month }}' }",
    ],
)
def test_what_is_rendered_or_meant_for_others_is_fine(fields: str) -> None:
    assert found(fields) == []
