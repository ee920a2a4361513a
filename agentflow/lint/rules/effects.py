"""AF615 and AF617 to AF619: what acts on the world, or on somebody else's servers, without a question."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.abilities import (
    acts,
    custom_acts,
    words_of,
)
from agentflow.lint.edits import rewrite
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of

__all__ = [
    "mcp_others_allowed",
    "mcp_write_open",
    "side_effect_open",
    "unsafe_retry",
]


@rule("AF615", "mcp-others-allowed", Severity.WARNING)
def mcp_others_allowed(ctx: Context) -> Iterator[Diagnostic]:
    """Every tool of an MCP server is allowed, also those it will have tomorrow.

    What a server offers is decided by whoever runs it. A tool that is added there, or renamed, is
    the agent's at once, and no diff of yours shows it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", others: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", tools: { find_customer: allow } }
    """
    for agent in ctx.agents:
        for server, spec in agent.spec.mcp.items():
            if spec.others == "allow":
                yield ctx.problem(
                    agent.span("mcp", server, "others"),
                    f"Agent {agent.spec.name!r} may use every tool of the MCP server {server!r}, "
                    "whatever the server offers.",
                    hint="Name the tools it needs below `tools`, and leave out `others`.",
                )


@rule("AF617", "side-effect-open", Severity.WARNING, confidence="medium")
def side_effect_open(ctx: Context) -> Iterator[Diagnostic]:
    """A custom tool that acts on the world may be called without limit.

    Its name says that something is sent, paid or deleted. An agent in a loop, or one that was talked
    into it, does it again and again. `policy: ask`, `max_calls` or `arguments` bounds the harm.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, policy: ask }
        approvals:
          - { tool: pay, ask: person, wait: 1h }
    """
    for agent in ctx.agents:
        for name in custom_acts(agent):
            tool = agent.spec.custom[name]
            if tool.policy == "allow" and tool.max_calls is None and not tool.arguments:
                yield ctx.problem(
                    agent.span("custom", name, key=True),
                    f"Agent {agent.spec.name!r} may call {name!r} as often as it likes, with any "
                    "arguments.",
                    hint="Add `policy: ask` and a rule in `approvals`, or `max_calls`, or rules for "
                    "`arguments`.",
                )


_ADDS_UP = frozenset(
    {"append", "charge", "email", "increment", "pay", "refund", "send", "transfer", "wire"}
)


@rule("AF618", "unsafe-retry", Severity.WARNING, confidence="medium")
def unsafe_retry(ctx: Context) -> Iterator[Diagnostic]:
    """A tool that adds up is said to be idempotent.

    After a crash an unfinished call of an idempotent tool is made again. For a tool that pays or
    sends, that is a second payment. It is idempotent only if it recognises the call, for instance by
    a key among its arguments.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5, idempotent: true }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5, idempotent: false }
    """
    for agent in ctx.agents:
        for name in custom_acts(agent):
            if agent.spec.custom[name].idempotent and words_of(name)[0] in _ADDS_UP:
                yield ctx.problem(
                    agent.span("custom", name, "idempotent"),
                    f"{name!r} of agent {agent.spec.name!r} is run a second time after a crash.",
                    hint="Write `idempotent: false`, unless the tool recognises a repeated call.",
                    fix=rewrite(agent, ("custom", name, "idempotent"), "true", "false"),
                )


@rule("AF619", "mcp-write-open", Severity.WARNING, confidence="medium")
def mcp_write_open(ctx: Context) -> Iterator[Diagnostic]:
    """A tool of an MCP server changes things that cannot be brought back, and nobody is asked.

    Calls of it run on the server, outside of the sandbox, with the rights of the credential. What is
    deleted, sent or merged there stays so.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Sort the issues.
        mcp:
          tracker: { url: "https://tracker.northwind.dev/mcp", tools: { delete_issue: allow } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Sort the issues.
        mcp:
          tracker: { url: "https://tracker.northwind.dev/mcp", tools: { delete_issue: ask } }
        approvals:
          - { tool: tracker.delete_issue, ask: person, wait: 1h }
    """
    for agent in ctx.agents:
        for server, spec in agent.spec.mcp.items():
            found: dict[str, Span] = {
                name: agent.span("mcp", server, "tools", name)
                for name, tool in spec.tools.items()
                if tool.policy == "allow" and acts(name)
            }
            if found:
                first, *rest = found.items()
                yield ctx.problem(
                    first[1],
                    f"Agent {agent.spec.name!r} may use {one_of(found, joined='and', limit=4)} of "
                    f"the MCP server {server!r} without asking.",
                    hint=f"Write `{first[0]}: ask` and a rule in `approvals`.",
                    related=tuple((span, "and here") for _, span in rest[:3]),
                )
