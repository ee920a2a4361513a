"""AF62x: what an agent is given and can do nothing with, and what it waits for too long."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.abilities import has_raw_tools, policies_of
from agentflow.lint.edits import rewrite
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import UrlFilter, is_enabled

__all__ = [
    "fetch_without_source",
    "files_without_reader",
    "memory_without_writer",
    "unpinned_skill",
    "wait_beyond_budget",
    "waits_for_ever",
]


def _has_none_of(agent: AgentNode, *tools: str) -> bool:
    """Whether neither the agent nor those it hands work to can have any of these tools."""
    return (
        not has_raw_tools(agent)
        and agent.spec.team is None
        and policies_of(agent).keys().isdisjoint(tools)
    )


@rule("AF620", "files-without-reader", Severity.WARNING)
def files_without_reader(ctx: Context) -> Iterator[Diagnostic]:
    """The agent is given files, and no tool can read them.

    What is mounted lies in the sandbox; it is not part of the conversation. Without `read`, `bash`
    or `grep` the agent sees a path and guesses what is behind it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        inputs:
          orders: { type: file }
        task: Analyse {{ inputs.orders }}.
        tools: { write: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        inputs:
          orders: { type: file }
        task: Analyse {{ inputs.orders }}.
        tools: { write: allow, read: allow }
    """
    for agent in ctx.agents:
        given: dict[str, Path] = {
            f"the input {name!r}": ("inputs", name)
            for name, item in agent.spec.inputs.items()
            if item.type == "file"
        }
        for kind in ("files", "repositories", "memory"):
            if getattr(agent.spec, kind):
                given[f"`{kind}`"] = (kind,)
        if given and _has_none_of(agent, "read", "bash", "grep"):
            yield ctx.problem(
                agent.span(*next(iter(given.values())), key=True),
                f"Agent {agent.spec.name!r} is given {one_of(given, joined='and', limit=4)}, and "
                "has no tool that reads files.",
                hint="Add `tools: { read: allow }`.",
            )


@rule("AF621", "memory-without-writer", Severity.WARNING)
def memory_without_writer(ctx: Context) -> Iterator[Diagnostic]:
    """The agent may write into a memory store, and has no tool that writes.

    Memory is a directory. Without `write`, `edit` or `bash` nothing is ever noted down, and the next
    session starts where this one did.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        memory: [{ store: notes, access: read_write }]
        ---
        kind: MemoryStore
        name: notes
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow, edit: allow, write: allow }
        memory: [{ store: notes, access: read_write }]
        ---
        kind: MemoryStore
        name: notes
    """
    for agent in ctx.agents:
        for index, mount in enumerate(agent.spec.memory):
            if mount.access == "read_write" and _has_none_of(agent, "write", "edit", "bash"):
                yield ctx.problem(
                    agent.span("memory", index, "access"),
                    f"Agent {agent.spec.name!r} may write into {mount.store!r}, and has no tool "
                    "that writes files.",
                    hint="Add `tools: { write: allow }`, or write `access: read_only`.",
                    fix=rewrite(agent, ("memory", index, "access"), "read_write", "read_only"),
                )


@rule("AF622", "fetch-without-source", Severity.WARNING)
def fetch_without_source(ctx: Context) -> Iterator[Diagnostic]:
    """web_fetch is on, and no address can ever be fetched.

    It only fetches addresses that stand in the conversation already, and `sources` says which parts
    of it count. With the user's messages left out and no other tool to bring one, every call
    fails with `url_not_in_prior_context`, at the price of a turn.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Find out what analysts expect of the market.
        tools:
          web_fetch: { policy: allow, sources: { user: none } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Find out what analysts expect of the market.
        tools:
          web_search: allow
          web_fetch: { policy: allow, sources: { user: none } }
    """
    for agent in ctx.agents:
        fetch = agent.spec.tools.web_fetch
        if fetch is None or not is_enabled(fetch) or fetch.sources.user == "all":
            continue
        searches = {"web_search"} & policies_of(agent).keys()
        if has_raw_tools(agent) or _passes(fetch.sources.server, searches):
            continue
        if not _passes(fetch.sources.custom, agent.spec.custom.keys()):
            yield ctx.problem(
                agent.span("tools", "web_fetch", "sources"),
                f"web_fetch of agent {agent.spec.name!r} takes addresses from nothing that the "
                "agent has.",
                hint="Turn web_search on, or let the `user` bring addresses.",
            )


def _passes(source: str | UrlFilter, tools: Collection[str]) -> bool:
    """Whether some of these tools may contribute addresses."""
    names = set(tools)
    if isinstance(source, UrlFilter):
        names = (
            names & set(source.only) if source.only is not None else names - set(source.but or ())
        )
        return bool(names)
    return source == "all" and bool(names)


@rule("AF623", "wait-beyond-budget", Severity.WARNING)
def wait_beyond_budget(ctx: Context) -> Iterator[Diagnostic]:
    """A wait is longer than the whole run may take.

    `wall` counts from start to end, the time that a person takes to answer included. The run is
    stopped by its budget while it still waits, and `on_timeout` never comes to bear.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals: [{ tool: bash, ask: person, wait: 2h }]
        budget: { usd: 2, wall: 1h }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals: [{ tool: bash, ask: person, wait: 2h }]
        budget: { usd: 2, wall: 4h }
    """
    for agent in ctx.agents:
        wall = agent.spec.budget.wall if agent.spec.budget is not None else None
        if wall is None:
            continue
        waits: list[tuple[Path, float | None]] = [
            (("approvals", index, "wait"), approval.wait)
            for index, approval in enumerate(agent.spec.approvals)
        ]
        if agent.spec.uncertainty is not None:
            waits.append((("uncertainty", "wait"), agent.spec.uncertainty.wait))
        for path, wait in waits:
            if wait is not None and wait >= wall:
                yield ctx.problem(
                    agent.span(*path),
                    f"A run of agent {agent.spec.name!r} is over before this wait is.",
                    hint="Make `wall` longer than `wait`, or wait less long.",
                    related=((agent.span("budget", "wall"), "the whole run"),),
                )
        for name, tool in agent.spec.custom.items():
            if "timeout" in tool.model_fields_set and tool.timeout >= wall:
                yield ctx.problem(
                    agent.span("custom", name, "timeout"),
                    f"A run of agent {agent.spec.name!r} is over before a call of {name!r} times "
                    "out.",
                    hint="Make `wall` longer than `timeout`, or the `timeout` shorter.",
                    related=((agent.span("budget", "wall"), "the whole run"),),
                )


@rule("AF624", "waits-for-ever", Severity.WARNING)
def waits_for_ever(ctx: Context) -> Iterator[Diagnostic]:
    """A run waits for a person, and nothing ends the wait.

    Neither the rule has a `wait` nor the budget a `wall`. If nobody looks, the run stands still
    until somebody does, and holds its session open.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals: [{ tool: bash, ask: person }]
        budget: { usd: 2 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals: [{ tool: bash, ask: person, wait: 2h, on_timeout: halt }]
        budget: { usd: 2 }
    """
    for agent in ctx.agents:
        if agent.spec.budget is not None and agent.spec.budget.wall is not None:
            continue
        for index, approval in enumerate(agent.spec.approvals):
            if approval.ask == "person" and approval.wait is None:
                yield ctx.problem(
                    agent.span("approvals", index, "ask"),
                    f"A run of agent {agent.spec.name!r} waits here until somebody answers, "
                    "however long that is.",
                    hint="Add `wait: 30m`, or `wall` to the budget.",
                )


@rule("AF625", "unpinned-skill", Severity.INFO, level=Level.STRICT)
def unpinned_skill(ctx: Context) -> Iterator[Diagnostic]:
    """A skill has no version.

    A skill holds instructions and scripts. Without a version each apply takes what is newest, so an
    agent changes without a diff; and a version that is deleted on the service takes the agent along.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        skills: [anthropic/xlsx]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        skills: [anthropic/xlsx@20260801]
    """
    for agent in ctx.agents:
        for index, text in enumerate(agent.spec.skills):
            ref = parse_ref(text, "skill")
            if ref is not None and ref.name is None and ref.pin is None:
                yield ctx.problem(
                    agent.span("skills", index),
                    f"The skill {text!r} of agent {agent.spec.name!r} has no version.",
                    hint=f"Write the version you tested with: `{text}@…`.",
                )
    for skill in ctx.graph.skills.values():
        if skill.spec.anthropic is not None and skill.spec.version is None:
            yield ctx.problem(
                skill.span("anthropic"),
                f"Skill {skill.spec.name!r} has no version.",
                hint="Add the `version` you tested with.",
            )
