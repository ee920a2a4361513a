"""Diagnostics for programs: one JSON object, whose shape is promised by schemas/diagnostics.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from agentflow.diagnostics import Diagnostic, Fix, Severity, Span

__all__ = ["diagnostics_schema", "render_json"]

FORMAT = 1


def render_json(
    problems: Sequence[Diagnostic], *, show_path: Callable[[str], str] = str, **more: Any
) -> str:
    """The problems in the order given, and how many of each severity.

    Paths are relative to the project, with forward slashes, unless `show_path` says otherwise.
    `more` is put beside them as it is.
    """
    counts = {
        severity.value: sum(problem.severity is severity for problem in problems)
        for severity in Severity
    }
    data = {
        "format": FORMAT,
        "problems": [_problem(problem, show_path) for problem in problems],
        "counts": counts,
        **more,
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _problem(problem: Diagnostic, show_path: Callable[[str], str]) -> dict[str, Any]:
    return {
        "code": problem.code,
        "name": problem.name,
        "severity": problem.severity.value,
        "message": problem.message,
        "span": None if problem.span is None else _span(problem.span, show_path),
        "hint": problem.hint,
        "related": [
            {"span": _span(span, show_path), "message": caption}
            for span, caption in problem.related
        ],
        "fix": None if problem.fix is None else _fix(problem.fix, show_path),
    }


def _span(span: Span, show_path: Callable[[str], str]) -> dict[str, Any]:
    return {
        "file": show_path(span.file),
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _fix(fix: Fix, show_path: Callable[[str], str]) -> dict[str, Any]:
    edits = [{"span": _span(edit.span, show_path), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def diagnostics_schema() -> str:
    """JSON Schema of what `--format json` prints."""
    place = {"type": "integer", "minimum": 1}
    span = _object(
        {
            "file": {"type": "string"},
            "line": place,
            "column": place,
            "end_line": place,
            "end_column": place,
        },
        description="Counted from 1, in characters; the end is exclusive.",
    )
    here = {"$ref": "#/$defs/span"}
    text, nullable_text = {"type": "string"}, {"type": ["string", "null"]}
    fix = _object(
        {
            "title": text,
            "safe": {"type": "boolean", "description": "The meaning of the spec stays the same."},
            "edits": {"type": "array", "items": _object({"span": here, "text": text})},
        }
    )
    problem = _object(
        {
            "code": {"type": "string", "pattern": r"^[A-Z]{2,8}\d{2,4}$"},
            "name": text,
            "severity": {"enum": [severity.value for severity in Severity]},
            "message": text,
            "span": {
                "anyOf": [here, {"type": "null"}],
                "description": "null: no file is to blame.",
            },
            "hint": nullable_text,
            "related": {"type": "array", "items": _object({"span": here, "message": text})},
            "fix": {"anyOf": [fix, {"type": "null"}]},
        }
    )
    count = {"type": "integer", "minimum": 0}
    counts = _object({severity.value: count for severity in Severity})
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Diagnostics of agentflow",
        "$defs": {"span": span},
        **_object(
            {
                "format": {"const": FORMAT},
                "problems": {"type": "array", "items": problem},
                "counts": counts,
            }
        ),
        "additionalProperties": True,
    }
    schema["properties"]["statistics"] = {
        "type": "array",
        "description": "With `--statistics`: how often each code was found, the most frequent first.",
        "items": _object(
            {
                "code": problem["properties"]["code"],
                "name": text,
                "severity": problem["properties"]["severity"],
                "count": count,
                "fixable": count,
            }
        ),
    }
    schema["properties"]["fixed"] = {
        "type": "array",
        "description": "With `--fix`: how many findings of each code were fixed; `problems` are left.",
        "items": _object({"code": problem["properties"]["code"], "name": text, "count": count}),
    }
    schema["properties"]["changed"] = {
        "type": "array",
        "description": "With `--fix`: the files that were written.",
        "items": text,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
