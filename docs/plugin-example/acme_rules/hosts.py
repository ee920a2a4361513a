"""Hosts that agents should not know of."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.lint.api import Context, Diagnostic, Phrase, Severity, rule

__all__ = ["internal_host"]

_INTERNAL = Phrase(r"(?:[a-z0-9-]+\.)+corp\.acme\.example\b", marks=[".corp.acme.example"])


@rule("ACME001", "internal-host", Severity.ERROR, since="1.0.0")
def internal_host(ctx: Context) -> Iterator[Diagnostic]:
    """A text that agents read names a host of the internal network.

    Agents work outside of it, where the name does not resolve, and prompts are seen by people who
    should not learn what the hosts of the network are called.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reporter
        model: claude-opus-5-5
        prompt: Get the figures from https://figures.corp.acme.example/today.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reporter
        model: claude-opus-5-5
        prompt: Get the figures from https://figures.acme.example/today.
    """
    for whole, agent, prose in ctx.passages():
        for match in prose.find_all(_INTERNAL):
            yield ctx.problem(
                prose.span(match),
                f"The {whole} of agent {agent.spec.name!r} names {prose.written(match)!r}.",
                hint="Use the public name, without `corp`.",
            )
