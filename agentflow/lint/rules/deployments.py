"""AF100x: deployments, which start by themselves and are watched by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from agentflow.compiler.cron import Cron, parse_cron
from agentflow.compiler.graph import DeploymentNode
from agentflow.compiler.zones import has_summer_time
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.tool import declared_tools

__all__ = [
    "deployment_without_budget",
    "frequent_schedule",
    "night_schedule",
    "unattended_auto",
]

_SHORTEST_GAP = 10
"""Minutes. The service starts a session up to nine minutes late, so that shorter ones run into
each other: https://platform.claude.com/docs/en/managed-agents/scheduled-deployments"""


def _scheduled(ctx: Context) -> Iterator[tuple[DeploymentNode, Cron, str]]:
    """Deployments with a schedule that can be read, and the zone."""
    for node in ctx.graph.deployments.values():
        schedule = node.spec.schedule
        cron = parse_cron(schedule.cron) if schedule is not None else None
        if schedule is not None and isinstance(cron, Cron):
            yield node, cron, schedule.timezone


def _field(node: DeploymentNode, number: int) -> Span:
    """The place of a field of the schedule, counted from 0."""
    assert node.spec.schedule is not None
    part = list(re.finditer(r"\S+", node.spec.schedule.cron))[number]
    return node.document.text_span(("schedule", "cron"), part.start(), part.end())


@rule("AF1001", "night-schedule", Severity.WARNING)
def night_schedule(ctx: Context) -> Iterator[Diagnostic]:
    """The schedule is in the hours that summer time leaves out or repeats.

    In most zones the clock is changed between 01:00 and 03:00. On one night of the year the session
    does not start, on another it starts twice.

    Bad:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
        schedule: { cron: "30 2 * * *", timezone: Europe/Berlin }
        budget: { usd: 2 }
    Good:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
        schedule: { cron: "30 4 * * *", timezone: Europe/Berlin }
        budget: { usd: 2 }
    """
    for node, cron, zone in _scheduled(ctx):
        # Every hour: one more or less matters to nobody.
        if cron.hours & {1, 2} and len(cron.hours) < 24 and has_summer_time(zone):
            yield ctx.problem(
                _field(node, 1),
                f"Deployment {node.spec.name!r} starts between 01:00 and 03:00, when the clock of "
                f"{zone} may be changed.",
                hint="Choose another hour, or `timezone: UTC`.",
            )


@rule("AF1002", "frequent-schedule", Severity.WARNING)
def frequent_schedule(ctx: Context) -> Iterator[Diagnostic]:
    """The schedule starts sessions faster than they can be kept apart.

    The service starts a session some minutes late, on purpose. Sessions that follow each other
    within ten minutes overlap, work on the same things and cost a sandbox each.

    Bad:
        apiVersion: agentflow/v1
        kind: Deployment
        name: watch
        agent: id:agent_01
        environment: id:env_01
        task: Look for new orders.
        schedule: { cron: "*/5 * * * *", timezone: UTC }
        budget: { usd: 2 }
    Good:
        apiVersion: agentflow/v1
        kind: Deployment
        name: watch
        agent: id:agent_01
        environment: id:env_01
        task: Look for new orders.
        schedule: { cron: "*/30 * * * *", timezone: UTC }
        budget: { usd: 2 }
    """
    for node, cron, _ in _scheduled(ctx):
        gap = _shortest_gap(cron)
        if gap < _SHORTEST_GAP:
            often = "every minute" if gap == 1 else f"{gap} minutes after each other"
            yield ctx.problem(
                _field(node, 0),
                f"Deployment {node.spec.name!r} starts sessions {often}.",
                hint=f"Leave at least {_SHORTEST_GAP} minutes between two of them.",
            )


def _shortest_gap(cron: Cron) -> int:
    """Minutes between two starts, at least; an hour or more counts as one hour."""
    minutes = sorted(cron.minutes)
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    if any((hour + 1) % 24 in cron.hours for hour in cron.hours):
        gaps.append(60 - minutes[-1] + minutes[0])
    return min([*gaps, 60])


@rule("AF1003", "unattended-auto", Severity.WARNING)
def unattended_auto(ctx: Context) -> Iterator[Diagnostic]:
    """A tool with `auto` may ask, and nobody answers for the deployment.

    Where the service reaches no judgement about a call, it asks. The session then waits without
    end.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: auto }
        ---
        kind: Deployment
        name: nightly
        agent: analyst
        environment: id:env_01
        task: Analyse the orders of yesterday.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: auto }
        ---
        kind: Deployment
        name: nightly
        agent: analyst
        environment: id:env_01
        task: Analyse the orders of yesterday.
        answered_by: the worker of the desk
    """
    for node in ctx.graph.deployments.values():
        agent = node.agent
        if agent is None or node.spec.answered_by is not None:
            continue
        tools = declared_tools(agent.spec.tools).items()
        auto = {name: agent.span("tools", name) for name, tool in tools if tool.policy == "auto"}
        for server, spec in agent.spec.mcp.items():
            for name, mcp_tool in spec.tools.items():
                if mcp_tool.policy == "auto":
                    auto[f"{server}.{name}"] = agent.span("mcp", server, "tools", name)
            if spec.others == "auto":
                auto[f"{server}.*"] = agent.span("mcp", server, "others")
        if auto:
            yield ctx.problem(
                node.span("agent"),
                f"{one_of(auto, joined='and', limit=4)} of agent {agent.spec.name!r} may ask, and "
                f"nobody answers for deployment {node.spec.name!r}.",
                hint="Write `answered_by:`, or `allow` or `off` for the tools.",
                related=tuple((span, f"{name} is auto") for name, span in list(auto.items())[:4]),
            )


@rule("AF1004", "deployment-without-budget", Severity.ERROR)
def deployment_without_budget(ctx: Context) -> Iterator[Diagnostic]:
    """The sessions of a deployment may spend without limit.

    They start by themselves, and nobody looks on. The agent is not managed here, so its budget is
    not known; a session only has the one its deployment gives it.

    Bad:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
    Good:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
        budget: { usd: 2 }
    """
    for node in ctx.graph.deployments.values():
        own = node.spec.budget is not None or "budget" in node.spec.raw
        if node.spec.agent.startswith("id:") and not own:
            yield ctx.problem(
                node.span("name"),
                f"Deployment {node.spec.name!r} has no budget: nothing stops its sessions from "
                "spending.",
                hint="Add `budget: { usd: 2.50 }`, with your own figure.",
            )
