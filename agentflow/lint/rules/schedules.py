"""AF100x and AF101x: when deployments start, and when they do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from agentflow.compiler.cron import Cron, parse_cron
from agentflow.compiler.dated import START_DELAY_MINUTES
from agentflow.compiler.graph import DeploymentNode
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.clocks import unsteady_time
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of

__all__ = ["frequent_schedule", "night_schedule", "runs_overlap", "schedule_skips_months"]

_SHORTEST_GAP = START_DELAY_MINUTES.value + 1
"""Minutes. With less between them, sessions run into each other."""


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

    Where the clock is changed, an hour of one night does not exist, and an hour of another comes
    twice; in most zones that is between 01:00 and 04:00 on a Sunday. The session does not start, or
    starts twice.

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
        minute = unsteady_time(cron, zone) if len(cron.hours) < 24 else None
        if minute is not None:
            yield ctx.problem(
                _field(node, 1),
                f"Deployment {node.spec.name!r} starts at {minute // 60:02}:{minute % 60:02}, which in "
                f"{zone} does not exist or comes twice on nights when the clock is changed.",
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


_DAY = 24 * 60
"""Minutes."""


@rule("AF1011", "runs-overlap", Severity.WARNING, confidence="medium")
def runs_overlap(ctx: Context) -> Iterator[Diagnostic]:
    """The next session starts while the one before may still run.

    The agent is given more time by its budget than lies between two starts. Two sessions then work
    on the same things, write into the same memory, and report the same twice.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: watcher
        model: claude-opus-5-5
        prompt: Look for new orders.
        budget: { usd: 1, wall: 2h }
        ---
        kind: Deployment
        name: watch
        agent: watcher
        environment: id:env_01
        task: Look for new orders.
        schedule: { cron: "0 * * * *", timezone: UTC }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: watcher
        model: claude-opus-5-5
        prompt: Look for new orders.
        budget: { usd: 1, wall: 45m }
        ---
        kind: Deployment
        name: watch
        agent: watcher
        environment: id:env_01
        task: Look for new orders.
        schedule: { cron: "0 * * * *", timezone: UTC }
    """
    for node, cron, _ in _scheduled(ctx):
        budget = node.agent.spec.budget if node.agent is not None else None
        wall = budget.wall if budget is not None else None
        gap = _shortest_pause(cron)
        if node.agent is not None and wall is not None and wall > gap * 60:
            yield ctx.problem(
                node.span("schedule", "cron"),
                f"Deployment {node.spec.name!r} starts a session every {_time(gap)} at the least, "
                f"and a run of agent {node.agent.spec.name!r} may take {_time(int(wall // 60))}.",
                hint="Start it less often, or give the agent less time.",
                related=((node.agent.span("budget", "wall"), "how long it may take"),),
            )


def _shortest_pause(cron: Cron) -> int:
    """Minutes between two starts, at least. From one day to the next only if it is for every day."""
    starts = sorted(hour * 60 + minute for hour in cron.hours for minute in cron.minutes)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    if len(cron.days) == 31 and len(cron.weekdays) == 7:
        gaps.append(_DAY - starts[-1] + starts[0])
    return min([*gaps, _DAY])


def _time(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest}m" if hours and rest else f"{hours}h" if hours else f"{rest}m"


@rule("AF1012", "schedule-skips-months", Severity.WARNING)
def schedule_skips_months(ctx: Context) -> Iterator[Diagnostic]:
    """The schedule is for a day that some months do not have.

    There is no 31st in five months of the year and no 30th in February: the session is not moved
    to another day, it does not start.

    Bad:
        apiVersion: agentflow/v1
        kind: Deployment
        name: month-end
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of the month.
        schedule: { cron: "0 9 31 * *", timezone: UTC }
        budget: { usd: 2 }
    Good:
        apiVersion: agentflow/v1
        kind: Deployment
        name: month-end
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of the month before.
        schedule: { cron: "0 9 1 * *", timezone: UTC }
        budget: { usd: 2 }
    """
    for node, cron, _ in _scheduled(ctx):
        if len(cron.weekdays) < 7:
            continue  # days of the week count too
        skipped = [month for month in sorted(cron.months) if min(cron.days) > _days_of(month)]
        if skipped:
            names = one_of([_MONTHS[month - 1] for month in skipped], joined="and", limit=5)
            yield ctx.problem(
                _field(node, 2),
                f"Deployment {node.spec.name!r} never starts in {names}.",
                hint="Choose a day from 1 to 28; the first is the day after the last.",
            )


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def _days_of(month: int) -> int:
    """In a year that is no leap year."""
    from calendar import monthrange

    return monthrange(2026, month)[1]
