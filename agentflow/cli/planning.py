"""[io] What plan and apply share: their options, and how a plan is made."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from agentflow.cli.options import project_options, show_problems
from agentflow.compiler.plan import DriftPolicy, Plan
from agentflow.operations.check import compiled, open_project
from agentflow.operations.plan import make_plan
from agentflow.operations.workspace import state_dir
from agentflow.ports import Resources
from agentflow.state.store import StateStore

__all__ = ["Planned", "add_drift_options", "planned"]


class Planned(NamedTuple):
    plan: Plan
    resources: Resources
    """The service it was made against; usable until the context ends."""
    store: StateStore


def add_drift_options(parser: ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--accept-drift", action="store_true", help="keep what was changed on the service"
    )
    group.add_argument(
        "--overwrite-drift", action="store_true", help="replace what was changed on the service"
    )


def _drift_policy(args: Namespace) -> DriftPolicy:
    if args.accept_drift:
        return DriftPolicy.ACCEPT
    return DriftPolicy.OVERWRITE if args.overwrite_drift else DriftPolicy.BLOCK


@asynccontextmanager
async def planned(args: Namespace) -> AsyncIterator[Planned]:
    """Check the project, connect to the target, and plan. Findings go to standard error.

    Raises:
        ProblemsFound: the project has errors, of the compiler or of a rule.
        UsageError, Blocked, StateError, ServiceError: as `connect` and `make_plan`.
    """
    from agentflow.operations.connect import connect

    options = project_options(args)
    project = open_project(options.directory)
    built, report = compiled(
        project,
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        rules=True,
    )
    if report.problems:
        show_problems(report.problems, stream=sys.stderr, sources=report.sources, root=project.root)
    manifest = built.manifest
    store = StateStore(
        state_dir(project.root), project=manifest.project, target=manifest.target.name
    )
    async with connect(manifest.target, project.root) as connection:
        plan = await make_plan(
            manifest,
            connection.resources,
            store,
            drift=_drift_policy(args),
            sources=built.sources,
        )
        yield Planned(plan, connection.resources, store)
