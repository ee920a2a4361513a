"""A plan, and what came of it, for programs.

The shapes are promised by schemas/plan.json and schemas/apply.json.
"""

from __future__ import annotations

import json
from typing import Any

from agentflow.compiler.apply import Status
from agentflow.compiler.changes import Change, ChangeKind
from agentflow.compiler.plan import Action, Origin, Plan, Verb
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.operations.apply import ActionResult, ApplyOutcome

__all__ = [
    "apply_schema",
    "outcome_json",
    "plan_json",
    "plan_schema",
    "render_outcome_json",
    "render_plan_json",
]

FORMAT = 1


def render_plan_json(plan: Plan) -> str:
    return json.dumps(plan_json(plan), indent=2, ensure_ascii=False)


def plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "project": plan.project,
        "target": plan.target,
        "service": plan.service,
        "workspace": {
            "organization_id": plan.workspace.organization_id,
            "workspace_id": plan.workspace.workspace_id,
        },
        "empty": plan.is_empty,
        "blocked": plan.blocked,
        "counts": {verb.value: number for verb, number in plan.counts.items()},
        "actions": [_action(action) for action in plan.actions],
        "orphans": [{"address": o.address, "id": o.id} for o in plan.orphans],
        "not_applied": [
            {"address": n.address, "kind": n.kind, "name": n.name, "needs": list(n.needs)}
            for n in plan.not_applied
        ],
        "problems": [_problem(problem) for problem in plan.problems],
    }


def render_outcome_json(plan: Plan, outcome: ApplyOutcome) -> str:
    return json.dumps(outcome_json(plan, outcome), indent=2, ensure_ascii=False)


def outcome_json(plan: Plan, outcome: ApplyOutcome) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "plan": plan_json(plan),
        "ok": outcome.ok,
        "results": [_result(result) for result in outcome.results],
    }


def _action(action: Action) -> dict[str, Any]:
    return {
        "address": action.address,
        "kind": action.kind,
        "name": action.name,
        "action": action.verb.value,
        "reason": action.reason,
        "origin": action.origin.value if action.origin else None,
        "blocked": action.blocked,
        "record_only": action.record_only,
        "id": action.record.id if action.record else None,
        "version": action.record.version if action.record else None,
        "depends_on": list(action.depends_on),
        "changes": [_change(change) for change in action.changes],
        "kept": [_change(change) for change in action.kept],
    }


def _change(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"op": change.kind.value, "path": change.path}
    if change.kind is not ChangeKind.ADD:
        shown["before"] = change.before
    if change.kind is not ChangeKind.REMOVE:
        shown["after"] = change.after
    return {**shown, "unchecked": change.unchecked}


def _problem(problem: Diagnostic) -> dict[str, Any]:
    span = problem.span
    return {
        "code": problem.code,
        "name": problem.name,
        "severity": problem.severity.value,
        "message": problem.message,
        "hint": problem.hint,
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }


def _result(result: ActionResult) -> dict[str, Any]:
    return {
        "address": result.action.address,
        "action": result.action.verb.value,
        "status": result.status.value,
        "id": result.record.id if result.record else None,
        "version": result.record.version if result.record else None,
        "error": result.error.message if result.error else None,
        "hint": result.error.hint if result.error else None,
        "skipped_for": result.skipped_for,
        "theirs": [_change(change) for change in result.theirs],
    }


def plan_schema() -> str:
    """The text of schemas/plan.json."""
    return _text({"title": "agentflow plan --format json", **_plan_shape()})


def apply_schema() -> str:
    """The text of schemas/apply.json."""
    shape = _object(
        format={"const": FORMAT},
        plan=_plan_shape(),
        ok={"type": "boolean"},
        results=_list(
            _object(
                address=_STRING,
                action={"enum": [Verb.CREATE.value, Verb.UPDATE.value]},
                status={"enum": [status.value for status in Status]},
                id=_STRING_OR_NULL,
                version=_INTEGER_OR_NULL,
                error=_STRING_OR_NULL,
                hint=_STRING_OR_NULL,
                skipped_for=_STRING_OR_NULL,
                theirs=_list(_CHANGE),
            )
        ),
    )
    return _text({"title": "agentflow apply --format json", **shape})


def _text(schema: dict[str, Any]) -> str:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**dialect, **schema}, indent=2) + "\n"


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_STRING = {"type": "string"}
_BOOLEAN = {"type": "boolean"}
_STRING_OR_NULL = {"type": ["string", "null"]}
_INTEGER_OR_NULL = {"type": ["integer", "null"]}
_CHANGE = {
    "type": "object",
    "properties": {
        "op": {"enum": [kind.value for kind in ChangeKind]},
        "path": {"type": "string", "description": "JSON pointer into the payload."},
        "before": {"description": "Absent for what is added."},
        "after": {"description": "Absent for what is removed."},
        "unchecked": {"type": "boolean", "description": "Set by `raw`."},
    },
    "required": ["op", "path", "unchecked"],
    "additionalProperties": False,
}


def _plan_shape() -> dict[str, Any]:
    action = _object(
        address=_STRING,
        kind=_STRING,
        name=_STRING,
        action={"enum": [verb.value for verb in Verb]},
        reason=_STRING,
        origin={"enum": [*(origin.value for origin in Origin), None]},
        blocked=_BOOLEAN,
        record_only=_BOOLEAN,
        id=_STRING_OR_NULL,
        version=_INTEGER_OR_NULL,
        depends_on=_list(_STRING),
        changes=_list(_CHANGE),
        kept=_list(_CHANGE),
    )
    problem = _object(
        code=_STRING,
        name=_STRING,
        severity={"enum": [severity.value for severity in Severity]},
        message=_STRING,
        hint=_STRING_OR_NULL,
        file=_STRING_OR_NULL,
        line=_INTEGER_OR_NULL,
        column=_INTEGER_OR_NULL,
    )
    return _object(
        format={"const": FORMAT},
        project=_STRING,
        target=_STRING,
        service=_STRING,
        workspace=_object(organization_id=_STRING_OR_NULL, workspace_id=_STRING_OR_NULL),
        empty=_BOOLEAN,
        blocked=_BOOLEAN,
        counts=_object(**{verb.value: {"type": "integer"} for verb in Verb}),
        actions=_list(action),
        orphans=_list(_object(address=_STRING, id=_STRING)),
        not_applied=_list(
            _object(
                address=_STRING,
                kind=_STRING,
                name={**_STRING, "description": "What it is called on the service."},
                needs={
                    **_list(_STRING),
                    "description": "Addresses that are not applied either. Empty: its kind is not.",
                },
            )
        ),
        problems=_list(problem),
    )
