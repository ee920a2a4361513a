"""Pools of a project: each limits something, and each that an agent draws from is declared."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow import codes
from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.compiler.zones import zones
from agentflow.diagnostics import Diagnostic
from agentflow.nearest import did_you_mean, one_of
from agentflow.spec.project import ProjectSpec

__all__ = ["check_pools", "check_pools_used"]


def check_pools(project: Bound[ProjectSpec]) -> Iterator[Diagnostic]:
    for name, pool in project.spec.pools.items():
        if pool.usd is None and pool.tokens is None:
            message = f"The pool {name!r} has no limit."
            span = project.span("pools", name, key=True)
            yield codes.BUDGET.at(span, message, hint="Write one of usd or tokens.")
        if pool.timezone not in zones():
            message = f"No time zone is named {pool.timezone!r}."
            hint = did_you_mean(pool.timezone, zones())
            yield codes.TIMEZONE.at(
                project.span("pools", name, "timezone"),
                message,
                hint=hint or "Write a name such as Europe/Berlin or UTC.",
            )


def check_pools_used(node: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    """The names in `budget.pools` of an agent."""
    known = graph.project.spec.pools
    names = node.spec.budget.pools if node.spec.budget is not None else None
    for index, name in enumerate(names or ()):
        span = node.span("budget", "pools", index)
        if name not in known:
            hint = did_you_mean(name, known)
            declared = f"Pools are {one_of(known, joined='and')}." if known else _HOW.format(name)
            yield codes.UNKNOWN_POOL.at(span, f"No pool is named {name!r}.", hint=hint or declared)
        elif names is not None and name in names[:index]:
            message = f"The pool {name!r} is named twice."
            yield codes.UNKNOWN_POOL.at(span, message, hint="Name it once.")


_HOW = "Declare it in the project: `pools: {{ {}: {{ usd: 20, per: day }} }}`."
