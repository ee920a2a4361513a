"""AF910, AF911 and AF914: credentials that go too far, or not far enough."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.compiler.checks.session import session_of
from agentflow.compiler.graph import AgentNode, DeploymentNode
from agentflow.compiler.reach import normal_url, reaches, url_host
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of

__all__ = [
    "credential_for_any_host",
    "credential_misses_host",
    "unused_credential",
]


@rule("AF910", "credential-for-any-host", Severity.WARNING)
def credential_for_any_host(ctx: Context) -> Iterator[Diagnostic]:
    """A credential may be sent to every host that the session reaches.

    The service puts the value in on the way out, whoever asks for it. With `hosts: any` a request to
    a host of somebody else carries it as well, and a page can talk the agent into that request.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { rates: "env:RATES" }
        ---
        kind: Vault
        name: desk
        credentials:
          rates: { variable: { name: RATES, value: "${secret.rates}", hosts: any } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { rates: "env:RATES" }
        ---
        kind: Vault
        name: desk
        credentials:
          rates:
            variable: { name: RATES, value: "${secret.rates}", hosts: [rates.northwind.dev] }
    """
    for vault in ctx.graph.vaults.values():
        for name, credential in vault.spec.credentials.items():
            if credential.variable is not None and credential.variable.hosts == "any":
                yield ctx.problem(
                    vault.span("credentials", name, "variable", "hosts"),
                    f"The value of {credential.variable.name} in vault {vault.spec.name!r} may be "
                    "sent to every host.",
                    hint="List the hosts that it is for.",
                )


@rule("AF911", "unused-credential", Severity.INFO)
def unused_credential(ctx: Context) -> Iterator[Diagnostic]:
    """A credential is for an MCP server that no agent has.

    Often the address of one of them was changed and that of the other was not: then the agent's
    calls go out without a credential, and fail.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM" }
        ---
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        vaults: [desk]
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } } }
        ---
        kind: Vault
        name: desk
        credentials: { crm: { url: "https://crm.northwind.dev/sse", bearer: "${secret.crm}" } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM" }
        ---
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        vaults: [desk]
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } } }
        ---
        kind: Vault
        name: desk
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" } }
    """
    servers = {
        normal_url(server.url): agent.span("mcp", name, "url")
        for agent in ctx.agents
        for name, server in agent.spec.mcp.items()
    }
    foreign = any(node.agent is None for node in ctx.graph.deployments.values())
    if not ctx.agents or foreign or any("mcp_servers" in agent.spec.raw for agent in ctx.agents):
        return  # who else uses a vault cannot be seen here
    for vault in ctx.graph.vaults.values():
        for name, credential in vault.spec.credentials.items():
            if credential.url is None or normal_url(credential.url) in servers:
                continue
            host = url_host(credential.url)
            near = [span for url, span in servers.items() if url_host(url) == host]
            yield ctx.problem(
                vault.span("credentials", name, "url"),
                f"No agent has the MCP server that the credential {vault.spec.name}.{name} is for.",
                hint="Write the same address in both, with its path, or remove the credential.",
                related=tuple((span, "another address of that host") for span in near[:1]),
            )


@rule("AF914", "credential-misses-host", Severity.WARNING, confidence="medium")
def credential_misses_host(ctx: Context) -> Iterator[Diagnostic]:
    """A credential is for a domain, and the session reaches a host below it without.

    The service compares hosts letter by letter: what is put in for github.com is not put in for
    api.github.com. Calls there come back with 401, and the usual answer, to open everything, does
    not help.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { github: "env:GITHUB" }
        ---
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        environment: lab
        vaults: [desk]
        ---
        kind: Environment
        name: lab
        network: { hosts: [github.com, api.github.com] }
        ---
        kind: Vault
        name: desk
        credentials:
          github: { variable: { name: GH_TOKEN, value: "${secret.github}", hosts: [github.com] } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { github: "env:GITHUB" }
        ---
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        environment: lab
        vaults: [desk]
        ---
        kind: Environment
        name: lab
        network: { hosts: [github.com, api.github.com] }
        ---
        kind: Vault
        name: desk
        credentials:
          github:
            variable:
              name: GH_TOKEN
              value: "${secret.github}"
              hosts: [github.com, api.github.com]
    """
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    reported: set[Span] = set()
    for owner in owners:
        session = session_of(owner, ctx.graph)
        if session.environment is None:
            continue
        reached = session.environment.spec.network.hosts
        for vault in {
            item.vault.address: item.vault for item in session.vaults(ctx.graph) if item.vault
        }.values():
            for name, credential in vault.spec.credentials.items():
                hosts = credential.variable.hosts if credential.variable is not None else "any"
                place = vault.span("credentials", name, "variable", "hosts")
                missed = [] if hosts == "any" else _missed(hosts, reached)
                if not missed or place in reported:
                    continue
                reported.add(place)
                yield ctx.problem(
                    place,
                    f"The credential {vault.spec.name}.{name} is not for {one_of(missed)}, which "
                    f"environment {session.environment.spec.name!r} reaches too.",
                    hint=f"Add `{missed[0]}` to `hosts` if it is called there.",
                    related=((session.environment.span("network", "hosts"), "what is reachable"),),
                )


def _missed(hosts: list[str], reached: list[str]) -> list[str]:
    """Hosts that are reached, are below one of `hosts` and are not covered by any."""
    parents = tuple(f".{host.lower()}" for host in hosts if not host.startswith("*."))
    below = [host for host in reached if parents and host.lower().endswith(parents)]
    return [host for host in below if not host.startswith("*.") and not reaches(hosts, host)]
