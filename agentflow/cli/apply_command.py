"""Create and update agents and environments on a target, after showing the plan."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    project_options,
    to_stderr,
    use_color,
)
from agentflow.cli.planning import add_drift_options, planned
from agentflow.compiler.plan import Plan
from agentflow.errors import EXIT_BLOCKED, EXIT_OK, UsageError
from agentflow.operations.apply import apply_plan

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--auto-approve", action="store_true", help="do not ask before changing")
    parser.add_argument(
        "--require-tests",
        action="store_true",
        help="first run the tests that the target asks for, and change nothing if one fails",
    )
    add_drift_options(parser)
    add_project_options(parser)
    add_format_option(parser)


def _confirmed(plan: Plan) -> bool:
    """Ask in the terminal.

    Raises:
        UsageError: nobody is there to answer.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to approve the plan.", hint="Apply it with --auto-approve."
        )
    where = plan.workspace.workspace_id or plan.workspace.base_url
    sys.stderr.write(f"Apply this to target {plan.target!r} ({where})? Type yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == "yes"


async def _apply(args: Namespace) -> int:
    from agentflow.output.plan import progress_line, render_outcome, render_plan
    from agentflow.output.plan_json import render_outcome_json, render_plan_json

    as_json = args.format == "json"
    shown = sys.stderr if as_json else sys.stdout
    color = use_color(shown)
    async with planned(args) as (plan, resources, store):
        print(render_plan(plan, color=color), end="", file=shown, flush=True)
        if plan.blocked:
            if as_json:
                print(render_plan_json(plan))
            return EXIT_BLOCKED
        # An empty plan is applied too: what was learned of the service is worth keeping.
        if not plan.is_empty and not args.auto_approve and not _confirmed(plan):
            to_stderr("Nothing was changed.")
            return EXIT_OK
        outcome = await apply_plan(
            plan, resources, store, lambda step: to_stderr(progress_line(step))
        )
    if as_json:
        print(render_outcome_json(plan, outcome))
    elif not plan.is_empty:
        print(render_outcome(outcome, color=color), end="")
    return outcome.exit_code


def _require_tests(args: Namespace) -> None:
    """Run the tests of the target's layers.

    Raises:
        Blocked: one does not pass, or there is none.
        ProblemsFound: the project has errors.
    """
    from agentflow.operations.check import open_project
    from agentflow.output.tested import render_case, render_totals
    from agentflow.testing.gate import run_required

    options = project_options(args)
    color = use_color(sys.stderr)
    run_required(
        open_project(options.directory),
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        heard=lambda result: to_stderr(render_case(result, color=color)) if result.is_bad else None,
        totals=lambda results, took_s: to_stderr(render_totals(results, took_s, color=color)),
    )


def run(args: Namespace) -> int:
    if args.require_tests:
        _require_tests(args)
    return asyncio.run(_apply(args))
