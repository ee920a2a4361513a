"""AF60x: tools, and who answers for them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.abilities import has_raw_tools, policies_of
from agentflow.lint.rule import Context, rule

__all__ = [
    "ask_always_allowed",
    "ask_unanswered",
    "outputs_without_writer",
    "unrecoverable_custom_tool",
    "write_gate_open",
]

_WRITERS = ("write", "edit", "bash")


def _asking(agent: AgentNode) -> Iterator[tuple[str, Span]]:
    """Tools that wait for an answer, with the place of their policy."""
    for name, policy in policies_of(agent).items():
        if policy == "ask":
            yield name, agent.span("tools", name)
    for name, tool in agent.spec.custom.items():
        if tool.policy == "ask":
            yield name, agent.span("custom", name, "policy")
    for server, spec in agent.spec.mcp.items():
        for name, mcp_tool in spec.tools.items():
            if mcp_tool.policy == "ask":
                yield f"{server}.{name}", agent.span("mcp", server, "tools", name)
        if spec.others == "ask":
            yield f"{server}.*", agent.span("mcp", server, "others")


def _is_about(rule: str, tool: str, agent: AgentNode) -> bool:
    """Whether a rule is about a tool, or about some of those that `server.*` stands for."""
    server, _, rest = rule.partition(".")
    if tool == f"{server}.*" and rest in agent.spec.mcp[server].tools:
        return False
    return globs_meet(tool, rule)


@rule("AF602", "ask-unanswered", Severity.ERROR)
def ask_unanswered(ctx: Context) -> Iterator[Diagnostic]:
    """A tool asks, and nobody answers.

    The first matching rule of `approvals` answers a tool that asks, and no match means deny. With
    no rule for the tool every call of it is denied: the agent spends its budget on refusals.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 *" }, answer: allow }
    """
    for agent in ctx.agents:
        for name, span in _asking(agent):
            if any(_is_about(approval.tool, name, agent) for approval in agent.spec.approvals):
                continue
            yield ctx.problem(
                span,
                f"Tool {name!r} of agent {agent.spec.name!r} asks, but no rule in `approvals` "
                "answers for it: every call is denied.",
                hint=f"Add `approvals: [{{ tool: {name}, ask: person }}]` or a rule with "
                "`answer: allow`, or turn the tool off.",
            )


@rule("AF607", "ask-always-allowed", Severity.WARNING)
def ask_always_allowed(ctx: Context) -> Iterator[Diagnostic]:
    """A tool asks, and every call is allowed without a look.

    A rule without `match` that answers `allow` says yes to whatever the agent wants, including what
    a rule further down denies. The `ask` looks like a gate in a review, and is none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 *" }, answer: allow }
          - { tool: bash, ask: person }
    """
    for agent in ctx.agents:
        for name, span in _asking(agent):
            rules = enumerate(agent.spec.approvals)
            first = next(((i, r) for i, r in rules if fnmatchcase(name, r.tool)), None)
            if first is not None and not first[1].match and first[1].answer == "allow":
                yield ctx.problem(
                    agent.span("approvals", first[0]),
                    f"This rule allows every call of {name!r} by agent {agent.spec.name!r}, which "
                    "is to ask.",
                    hint=f"Narrow it with `match`, or write `{name}: allow` and say what you mean.",
                    related=((span, "asks here"),),
                )


@rule("AF603", "write-gate-open", Severity.WARNING)
def write_gate_open(ctx: Context) -> Iterator[Diagnostic]:
    """One way of writing asks, and another does not.

    `write`, `edit` and `bash` all change files. An agent that is refused by one takes the next: a
    gate in front of one of them stops nothing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: ask, bash: allow }
        approvals:
          - { tool: write, match: { file_path: "/mnt/session/outputs/*" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: ask, read: allow }
        approvals:
          - { tool: write, match: { file_path: "/mnt/session/outputs/*" }, answer: allow }
    """
    for agent in ctx.agents:
        policies = policies_of(agent)
        gated = [name for name in ("write", "edit") if policies.get(name) == "ask"]
        ways = [name for name in _WRITERS if policies.get(name) in ("allow", "auto")]
        if gated and ways:
            does = "asks" if len(gated) == 1 else "ask"
            yield ctx.problem(
                agent.span("tools", ways[0]),
                f"{_and(gated)} of agent {agent.spec.name!r} {does}, but {_and(ways)} can change "
                f"the same files without asking.",
                hint=f"Write `{ways[0]}: ask` and a rule in `approvals`, or turn {_and(ways)} off.",
                related=tuple((agent.span("tools", name), "asks here") for name in gated),
            )


@rule("AF605", "unrecoverable-custom-tool", Severity.INFO)
def unrecoverable_custom_tool(ctx: Context) -> Iterator[Diagnostic]:
    """A custom tool runs on defaults that matter after a crash.

    If agentflow is killed while the tool runs, a call of an idempotent tool is made again, and
    of any other one the agent is told that the outcome is unknown. A call is stopped after the
    `timeout`, 60 seconds by default. Saying either of them shows that somebody thought about it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Convert the totals to euros.
        custom:
          currency_rate:
            run: desk.tools:currency_rate
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Convert the totals to euros.
        custom:
          currency_rate:
            run: desk.tools:currency_rate
            timeout: 10s
            idempotent: true
    """
    for agent in ctx.agents:
        for name, tool in agent.spec.custom.items():
            if not {"timeout", "idempotent"} & tool.model_fields_set:
                yield ctx.problem(
                    agent.span("custom", name, key=True),
                    f"Custom tool {name!r} of agent {agent.spec.name!r} states neither `timeout` "
                    "nor `idempotent`.",
                    hint="Write `idempotent: true` if running it twice does no harm, and a "
                    "`timeout` such as 10s.",
                )


@rule("AF606", "outputs-without-writer", Severity.ERROR)
def outputs_without_writer(ctx: Context) -> Iterator[Diagnostic]:
    """Outputs are declared, and no tool can write them.

    Outputs are files in the session's sandbox. Only `write` and `bash` make new ones there; custom
    tools run on your side. Every run would end with its outputs missing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        outputs:
          report: { path: report.md }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow, write: allow }
        outputs:
          report: { path: report.md }
    """
    for agent in ctx.agents:
        required = [name for name, output in agent.spec.outputs.items() if output.required]
        if not required or has_raw_tools(agent) or {"write", "bash"} & policies_of(agent).keys():
            continue
        yield ctx.problem(
            agent.span("outputs", required[0], key=True),
            f"Agent {agent.spec.name!r} must deliver {_and(required)}, but has no tool that "
            "writes files.",
            hint="Add `tools: { write: allow }`.",
        )


def _and(names: list[str]) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b' and 'c'`."""
    quoted = [repr(name) for name in names]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
