"""AF613, AF616 and AF628: gates in front of tools that let everything through."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.tool import declared_tools

__all__ = [
    "approves_any_program",
    "match_everything",
    "web_gate_open",
]


@rule("AF613", "match-everything", Severity.WARNING)
def match_everything(ctx: Context) -> Iterator[Diagnostic]:
    """A condition holds for every value.

    `*` matches whatever the agent sends. A rule with such a condition looks like a restriction in a
    review, and is none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "*" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 /tmp/*" }, answer: allow }
    """
    for agent in ctx.agents:
        for index, approval in enumerate(agent.spec.approvals):
            for argument, glob in approval.match.items():
                if approval.answer == "allow" and not glob.strip("*"):
                    yield ctx.problem(
                        agent.span("approvals", index, "match", argument),
                        f"{glob!r} matches every {argument} that agent {agent.spec.name!r} sends.",
                        hint="Write a glob that means the calls you want to allow.",
                    )
        for name, tool in agent.spec.custom.items():
            for argument, limit in tool.arguments.items():
                for number, glob in enumerate(limit.allow or ()):
                    if not glob.strip("*"):
                        yield ctx.problem(
                            agent.span("custom", name, "arguments", argument, "allow", number),
                            f"{glob!r} allows every {argument} of the custom tool {name!r}.",
                            hint="Write what is allowed, or remove the list.",
                        )


_WRAPPERS = (
    r"(?:\S*/)?(?:(?:sudo|doas|env|xargs|eval|exec|ssh|nohup|parallel)\b.*\*.*"
    r"|(?:ba|z|da|k|fi)?sh (?:-\w+ )*(?:\*|-\w*c\b.*\*).*"
    r"|(?:python[\d.]*|node|perl|ruby|php) -[cer]\b.*\*.*)|\*.*[^*].*"
)


@rule("AF616", "approves-any-program", Severity.WARNING)
def approves_any_program(ctx: Context) -> Iterator[Diagnostic]:
    """An approval rule names a program that runs any other one.

    `sudo *`, `sh -c *` and `xargs *` hand the rest to whatever it names, and a glob that begins with
    `*` lets the agent choose the program. The rule reads like a list of allowed commands, and
    allows all of them.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "sh -c *" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 -m pytest *" }, answer: allow }
    """
    for agent in ctx.agents:
        for index, approval in enumerate(agent.spec.approvals):
            command = approval.match.get("command")
            if approval.answer == "allow" and command and re.fullmatch(_WRAPPERS, command):
                yield ctx.problem(
                    agent.span("approvals", index, "match", "command"),
                    f"{command!r} lets agent {agent.spec.name!r} run any program.",
                    hint="Write the programs themselves, one rule each.",
                )


@rule("AF628", "web-gate-open", Severity.WARNING)
def web_gate_open(ctx: Context) -> Iterator[Diagnostic]:
    """Web tools are limited, and the shell reaches every host.

    A list of domains or an `ask` holds the web tools alone. With an open network the shell has the
    whole web: what web_fetch is refused, curl fetches.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: lab
        prompt: Find out what analysts expect of the market.
        tools:
          bash: allow
          web_fetch: { policy: allow, domains: [northwind.dev] }
        ---
        kind: Environment
        name: lab
        network: open
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: lab
        prompt: Find out what analysts expect of the market.
        tools:
          bash: allow
          web_fetch: { policy: allow, domains: [northwind.dev] }
        ---
        kind: Environment
        name: lab
        network: { hosts: [northwind.dev] }
    """
    for agent in ctx.agents:
        tools = declared_tools(agent.spec.tools)
        environment = ctx.environment_of(agent)
        bash = tools.get("bash")
        if (
            environment is None
            or bash is None
            or bash.policy == "ask"
            or not environment.spec.network.open
        ):
            continue
        limited = [
            name
            for name, tool in tools.items()
            if name.startswith("web_") and (tool.policy == "ask" or getattr(tool, "domains", None))
        ]
        if limited:
            yield ctx.problem(
                agent.span("tools", "bash"),
                f"{one_of(limited, joined='and')} of agent {agent.spec.name!r} {_has(limited)} limited, and "
                f"bash reaches every host in environment {environment.spec.name!r}.",
                hint="Write `network: { hosts: [...] }` in the environment, or `bash: ask`.",
                related=(
                    (agent.span("tools", limited[0], key=True), "limited here"),
                    (environment.span("network"), "open here"),
                ),
            )


def _has(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
