"""Diagnostics as programs read them."""

from __future__ import annotations

import json

import jsonschema
import pytest

from agentflow.diagnostics import Code, Diagnostic, Edit, Fix, Severity, Span
from agentflow.output.json import diagnostics_schema, render_json

CODE = Code("AF602", "ask-unanswered", Severity.WARNING, "A tool asks.")
HERE = Span("a.yaml", 1, 2, 3, 4)
PROBLEMS = [
    CODE.at(None, "Nothing to blame."),
    CODE.at(
        HERE,
        "All of it, with ümlauts.",
        hint="Do it.",
        related=((HERE, "there"),),
        fix=Fix("Remove it", (Edit(HERE, ""),), safe=True),
    ),
]


@pytest.mark.parametrize("problems", [[], PROBLEMS])
def test_the_shape_is_what_the_schema_promises(problems: list[Diagnostic]) -> None:
    schema = json.loads(diagnostics_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render_json(problems)), schema)


def test_every_part_of_a_problem_is_there() -> None:
    data = json.loads(render_json(PROBLEMS, show_path=lambda path: f"sub/{path}"))
    span = {"file": "sub/a.yaml", "line": 1, "column": 2, "end_line": 3, "end_column": 4}
    assert data["format"] == 1
    assert data["counts"] == {"error": 0, "warning": 2, "info": 0}
    assert data["problems"][0]["span"] is None
    assert data["problems"][1] == {
        "code": "AF602",
        "name": "ask-unanswered",
        "severity": "warning",
        "message": "All of it, with ümlauts.",
        "span": span,
        "hint": "Do it.",
        "related": [{"span": span, "message": "there"}],
        "fix": {"title": "Remove it", "safe": True, "edits": [{"span": span, "text": ""}]},
    }
