"""Every generated file of the repository, and the pure function that makes it."""

from __future__ import annotations

from collections.abc import Callable

from agentflow.cli.reference import commands_page
from agentflow.cli.spec_reference import spec_page
from agentflow.lint.pages import GENERATED as LINT_FILES
from agentflow.local.drivers.script_file import script_schema
from agentflow.local.fault_plan import faults_schema
from agentflow.output.audit_report import audit_schema, costs_schema, diff_schema
from agentflow.output.compiled import compile_schema
from agentflow.output.events import events_schema
from agentflow.output.explain import explain_schema
from agentflow.output.forecast import forecast_schema
from agentflow.output.json import diagnostics_schema
from agentflow.output.plan_json import apply_schema, plan_schema
from agentflow.output.run import run_schema
from agentflow.output.shown import session_schema
from agentflow.output.tested import tests_schema
from agentflow.spec.schema import SCHEMAS
from tests.support.api_page import api_page
from tests.support.audit_page import audit_page
from tests.support.faults_page import faults_page

__all__ = ["GENERATED"]

GENERATED: dict[str, Callable[[], str]] = {
    **{f"schemas/{name}": render for name, render in SCHEMAS.items()},
    **LINT_FILES,
    "schemas/apply.json": apply_schema,
    "schemas/audit.json": audit_schema,
    "schemas/compile.json": compile_schema,
    "schemas/cost.json": costs_schema,
    "schemas/diagnostics.json": diagnostics_schema,
    "schemas/diff.json": diff_schema,
    "schemas/events.json": events_schema,
    "schemas/explain.json": explain_schema,
    "schemas/faults.json": faults_schema,
    "schemas/forecast.json": forecast_schema,
    "schemas/plan.json": plan_schema,
    "schemas/run.json": run_schema,
    "schemas/script.json": script_schema,
    "schemas/session.json": session_schema,
    "schemas/tests.json": tests_schema,
    "docs/api.md": api_page,
    "docs/audit.md": audit_page,
    "docs/commands.md": commands_page,
    "docs/faults.md": faults_page,
    "docs/spec.md": spec_page,
}
