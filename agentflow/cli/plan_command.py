"""Show what apply would change on a target, with the reason for each. Changes nothing."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace

from agentflow.cli.options import add_format_option, add_project_options, use_color
from agentflow.cli.planning import add_drift_options, planned
from agentflow.compiler.plan import Plan
from agentflow.errors import EXIT_BLOCKED, EXIT_CHANGES, EXIT_OK

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 5 when there is something to change"
    )
    add_drift_options(parser)
    add_project_options(parser)
    add_format_option(parser)


async def _plan(args: Namespace) -> Plan:
    async with planned(args) as made:
        return made.plan


def run(args: Namespace) -> int:
    from agentflow.output.plan import render_plan
    from agentflow.output.plan_json import render_plan_json

    plan = asyncio.run(_plan(args))
    if args.format == "json":
        print(render_plan_json(plan))
    else:
        print(render_plan(plan, color=use_color(sys.stdout)), end="")
    if plan.blocked:
        return EXIT_BLOCKED
    return EXIT_CHANGES if args.exit_code and not plan.is_empty else EXIT_OK
