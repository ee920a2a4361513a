"""Show what apply would change on a target, with the reason for each. Changes nothing."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    project_options,
    show_problems,
    use_color,
)
from agentflow.cli.planning import add_drift_options, drift_policy
from agentflow.compiler.plan import DriftPolicy, Plan
from agentflow.errors import EXIT_BLOCKED, EXIT_CHANGES, EXIT_OK
from agentflow.operations.check import compiled, open_project
from agentflow.operations.plan import make_plan
from agentflow.operations.workspace import state_dir
from agentflow.state.store import StateStore

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 5 when there is something to change"
    )
    add_drift_options(parser)
    add_project_options(parser)
    add_format_option(parser)


async def _plan(args: Namespace, drift: DriftPolicy) -> Plan:
    from agentflow.operations.connect import connect

    options = project_options(args)
    project = open_project(options.directory)
    built, report = compiled(
        project, target=options.target, variables=options.variables, rules=True
    )
    if report.problems:
        show_problems(report.problems, stream=sys.stderr, sources=report.sources, root=project.root)
    manifest = built.manifest
    store = StateStore(
        state_dir(project.root), project=manifest.project, target=manifest.target.name
    )
    async with connect(manifest.target, project.root) as connection:
        return await make_plan(
            manifest, connection.resources, store, drift=drift, sources=built.sources
        )


def run(args: Namespace) -> int:
    from agentflow.output.plan import render_plan
    from agentflow.output.plan_json import render_plan_json

    plan = asyncio.run(_plan(args, drift_policy(args)))
    if args.format == "json":
        print(render_plan_json(plan))
    else:
        print(render_plan(plan, color=use_color(sys.stdout)), end="")
    if plan.blocked:
        return EXIT_BLOCKED
    return EXIT_CHANGES if args.exit_code and not plan.is_empty else EXIT_OK
