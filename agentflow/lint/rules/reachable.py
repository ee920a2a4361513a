"""AF71x: hosts that let more through than they seem to, and openings that nobody uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow.compiler.checks.session import members_of, session_of
from agentflow.compiler.graph import AgentNode, Bound, DeploymentNode
from agentflow.compiler.reach import covers
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.edits import remove
from agentflow.lint.hosts import is_of_anybody
from agentflow.lint.rule import Context, rule

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec

__all__ = [
    "host_of_anybody",
    "host_twice",
    "mcp_opening_unused",
    "registries_opening_unused",
]


@rule("AF708", "host-of-anybody", Severity.WARNING)
def host_of_anybody(ctx: Context) -> Iterator[Diagnostic]:
    """An allowed host belongs to whoever wants one.

    Below domains such as amazonaws.com or vercel.app everybody can put up a host, and a paste site
    takes what anybody sends. A limited network with such an entry keeps nothing in: what the agent
    sees can be sent to a host of a stranger.

    Bad:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: ["*.amazonaws.com"] }
    Good:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: [northwind-orders.s3.eu-central-1.amazonaws.com] }
    """
    for environment in ctx.environments:
        for index, host in enumerate(environment.spec.network.hosts):
            if is_of_anybody(host):
                yield ctx.problem(
                    environment.span("network", "hosts", index),
                    f"{host!r} lets environment {environment.spec.name!r} reach hosts that anybody "
                    "can have.",
                    hint="Name the very host that is yours.",
                )


@rule("AF709", "host-twice", Severity.INFO)
def host_twice(ctx: Context) -> Iterator[Diagnostic]:
    """An allowed host is covered by another entry already.

    Who removes one of the two later believes that the host is closed.

    Bad:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: ["*.northwind.dev", northwind.dev, api.northwind.dev] }
    Good:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: ["*.northwind.dev", northwind.dev] }
    """
    for environment in ctx.environments:
        hosts = environment.spec.network.hosts
        for index, host in enumerate(hosts):
            bare = host.removeprefix("*.")
            for other, entry in enumerate(hosts):
                repeated = entry.lower() == host.lower() and other < index
                if repeated or (entry.startswith("*.") and covers(entry, bare)):
                    yield ctx.problem(
                        environment.span("network", "hosts", index),
                        f"{host!r} is covered by {entry!r} already.",
                        hint="Remove it, or write narrower entries.",
                        fix=remove(
                            environment, ("network", "hosts", index), f"{host!r}", safe=True
                        ),
                        related=((environment.span("network", "hosts", other), "covers it"),),
                    )
                    break


def _inhabitants(ctx: Context, environment: Bound[EnvironmentSpec]) -> list[AgentNode]:
    """Every agent with sessions there, and those that it hands work to."""
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    found: dict[str, AgentNode] = {}
    for owner in owners:
        session = session_of(owner, ctx.graph)
        if session.environment is not environment or session.agent is None:
            continue
        for agent in (session.agent, *(m for _, m in members_of(session.agent, ctx.graph))):
            found[agent.address] = agent
    return list(found.values())


@rule("AF710", "registries-opening-unused", Severity.INFO, confidence="medium", level=Level.STRICT)
def registries_opening_unused(ctx: Context) -> Iterator[Diagnostic]:
    """The registries of package managers are reachable, and nothing is installed.

    Everybody can publish there, so the opening is also a way in for code of strangers and a way out
    for data. No package is declared, and no prompt speaks of installing any.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders.
        ---
        kind: Environment
        name: analytics
        network: { packages: true }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders.
        ---
        kind: Environment
        name: analytics
        network: { packages: true }
        packages: { pip: [pandas==2.3.3] }
    """
    for environment in ctx.environments:
        from agentflow.spec.environment import PACKAGE_MANAGERS

        spec = environment.spec
        declared = any(getattr(spec.packages, manager) for manager in PACKAGE_MANAGERS)
        agents = _inhabitants(ctx, environment) if spec.network.packages else []
        if not agents or declared or "config" in spec.raw:
            continue
        texts = [prose.text for agent in agents for _, prose in ctx.texts(agent)]
        if not any(re.search(r"install|dependenc|package|\bnpm\b|\bpip\b", text) for text in texts):
            yield ctx.problem(
                environment.span("network", "packages"),
                f"Environment {spec.name!r} lets package managers through, and nobody needs one.",
                hint="Remove `packages: true`, or declare what is installed.",
                fix=remove(environment, ("network", "packages"), "`packages: true`", safe=False),
            )


@rule("AF711", "mcp-opening-unused", Severity.INFO)
def mcp_opening_unused(ctx: Context) -> Iterator[Diagnostic]:
    """The hosts of MCP servers are let through, and no agent there has one.

    `mcp: inferred` follows what agents declare. It opens nothing today, and whatever an agent
    declares tomorrow, without a change of the environment that a reviewer would see.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders.
        ---
        kind: Environment
        name: analytics
        network: { mcp: inferred }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders.
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } } }
        ---
        kind: Environment
        name: analytics
        network: { mcp: inferred }
    """
    for environment in ctx.environments:
        if environment.spec.network.mcp != "inferred":
            continue
        agents = _inhabitants(ctx, environment)
        if agents and not any(a.spec.mcp or "mcp_servers" in a.spec.raw for a in agents):
            yield ctx.problem(
                environment.span("network", "mcp"),
                f"No agent in environment {environment.spec.name!r} has an MCP server.",
                hint="Remove `mcp: inferred`.",
                fix=remove(environment, ("network", "mcp"), "`mcp: inferred`", safe=False),
            )
