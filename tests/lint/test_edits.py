"""What rules propose to write: it is exact, it silences the finding, and it breaks nothing."""

from __future__ import annotations

import pytest

from agentflow.diagnostics import Diagnostic, Fix
from tests.lint.support import PROJECT, lint_files

AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
FLOW = "apiVersion: agentflow/v1\nkind: Flow\nname: f\nsteps:\n  one:\n    approve: "
PAY = AGENT + "custom:\n  pay: { run: 'desk.tools:pay', timeout: 9s, max_calls: 1, "
STORE = "---\nkind: MemoryStore\nname: notes\n"

FIXED = [
    (
        "AF618",
        PAY + "idempotent: true } # twice\n",
        PAY + "idempotent: false } # twice\n",
    ),
    (
        "AF621",
        AGENT + "memory:\n  - store: notes\n    access: read_write   # why\n" + STORE,
        AGENT + "memory:\n  - store: notes\n    access: read_only   # why\n" + STORE,
    ),
    (
        "AF907",
        AGENT + "description: 'Sells\u200b\u2060 things \u2013 fine'\n",
        AGENT + "description: 'Sells things \u2013 fine'\n",
    ),
    (
        "AF912",
        AGENT + "mcp: { crm: { url: 'http://crm.dev/http://x' } }\r\n",
        AGENT + "mcp: { crm: { url: 'https://crm.dev/http://x' } }\r\n",
    ),
    (
        "AF912",
        AGENT + "mcp:\n  crm:\n    url: http://crm.dev\n",
        AGENT + "mcp:\n  crm:\n    url: https://crm.dev\n",
    ),
    (
        "AF1015",
        FLOW + '{ message: Go on, on_timeout: "approve" }\n',
        FLOW + '{ message: Go on, on_timeout: "stop" }\n',
    ),
]


def _found(text: str, code: str) -> list[Diagnostic]:
    return [p for p in lint_files({"a.yaml": text}) if p.code == code]


def _applied(text: str, fix: Fix) -> str:
    for edit in fix.edits:
        lines = text.split("\n")
        assert edit.span.line == edit.span.end_line
        line = lines[edit.span.line - 1]
        start, end = edit.span.column - 1, edit.span.end_column - 1
        lines[edit.span.line - 1] = line[:start] + edit.text + line[end:]
        text = "\n".join(lines)
    return text


@pytest.mark.parametrize(("code", "text", "fixed"), FIXED)
def test_an_edit_is_exact_and_mends(code: str, text: str, fixed: str) -> None:
    (problem,) = _found(text, code)
    assert problem.fix is not None
    assert problem.fix.safe == (code == "AF907")
    assert _applied(text, problem.fix) == fixed
    assert _found(fixed, code) == []


def test_what_a_variable_stands_for_is_not_edited() -> None:
    project = PROJECT + "vars: { crm: { default: 'http://crm.dev' } }\n"
    text = AGENT + "mcp: { crm: { url: '${var.crm}' } }\n"
    found = lint_files({"agentflow.yaml": project, "a.yaml": text})
    (problem,) = [p for p in found if p.code == "AF912"]
    assert problem.fix is None


def test_what_another_file_says_is_edited_there() -> None:
    base = AGENT.replace("name: a", "name: base\nabstract: true")
    base += "mcp: { crm: { url: 'http://crm.dev' } }\n"
    text = AGENT.replace("name: a", "name: a\nextends: base")
    found = lint_files({"base.yaml": base, "a.yaml": text})
    (problem,) = [p for p in found if p.code == "AF912"]
    assert problem.fix is not None
    assert problem.fix.edits[0].span.file == "base.yaml"
    assert "https://crm.dev" in _applied(base, problem.fix)
