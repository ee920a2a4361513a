"""AF1008 to AF1010: teams, and versions of agents that stand still or move by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentflow.compiler.checks.session import members_of, team_entries
from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import Meant
from agentflow.source.tree import Path
from agentflow.spec.refs import Ref, parse_ref

__all__ = ["member_undescribed", "pinned_own_agent", "unpinned_agent"]


@rule("AF1008", "member-undescribed", Severity.WARNING)
def member_undescribed(ctx: Context) -> Iterator[Diagnostic]:
    """A member of a team has no description.

    The agent that leads sees the name and the description of each member, not its prompt. Without
    one it guesses from the name who is to do what.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader] }
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader] }
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        description: Reads orders of a month, and returns what is odd in them.
        prompt: Read orders.
    """
    reported: set[str] = set()
    for agent in ctx.agents:
        for path, member in members_of(agent, ctx.graph):
            bare = member.spec.description is None and "description" not in member.spec.raw
            if bare and member.address not in reported:
                reported.add(member.address)
                yield ctx.problem(
                    member.span("name"),
                    f"Agent {member.spec.name!r} is in the team of {agent.spec.name!r}, which "
                    "cannot see what it is for.",
                    hint="Add a `description` that says what it does and what it returns.",
                    related=((agent.span(*path), "the team"),),
                )


def _references(ctx: Context) -> Iterator[tuple[Bound[Any], Path, str, Ref]]:
    """Every agent that a team or a deployment names, with where and how."""
    for agent in ctx.agents:
        for base, roster in team_entries(agent).items():
            for index, member in enumerate(roster):
                ref = None if member == "self" else parse_ref(member, "agent")
                if ref is not None:
                    yield agent, (*base, index), member, ref
    for node in ctx.graph.deployments.values():
        ref = parse_ref(node.spec.agent, "agent")
        if ref is not None:
            yield node, ("agent",), node.spec.agent, ref


@rule("AF1009", "pinned-own-agent", Severity.WARNING)
def pinned_own_agent(ctx: Context) -> Iterator[Diagnostic]:
    """A version is pinned of an agent that this project makes.

    What is changed in its file has no effect there, however often it is applied: the team or the
    deployment keeps the old one. Without a version it gets the one that is applied together with it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        ---
        kind: Deployment
        name: nightly
        agent: reader@3
        environment: id:env_01
        task: Read the orders of yesterday.
        budget: { usd: 2 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        ---
        kind: Deployment
        name: nightly
        agent: reader
        environment: id:env_01
        task: Read the orders of yesterday.
        budget: { usd: 2 }
    """
    for bound, path, text, ref in _references(ctx):
        if ref.name is not None and ref.pin is not None:
            bare = text.partition("@")[0]
            hint = f"Write `{bare}`, or suppress this until the roll-out."
            yield ctx.problem(
                bound.span(*path),
                f"{bound.address} stays with version {ref.pin} of agent {ref.name!r}, whatever is "
                "changed in its spec.",
                hint=Meant(hint, word=text, near=bare),
            )


@rule("AF1010", "unpinned-agent", Severity.INFO, level=Level.STRICT)
def unpinned_agent(ctx: Context) -> Iterator[Diagnostic]:
    """An agent of somebody else is taken without a version.

    The service takes the newest version at the time of each apply, so what a team or a deployment
    does changes without a diff here.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: ["id:agent_01"] }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: ["id:agent_01@4"] }
    """
    for bound, path, text, ref in _references(ctx):
        if ref.id is not None and ref.pin is None:
            yield ctx.problem(
                bound.span(*path),
                f"{bound.address} takes whatever version of {text!r} is the newest when it is "
                "applied.",
                hint=f"Write the version you tested with: `{text}@…`.",
            )
