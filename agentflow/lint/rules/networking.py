"""AF70x: environments: what is reachable and what is installed, against what prompts want."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow.compiler.dated import WEB_TOOLS_FOLLOW_NETWORK
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.reach import is_open, reaches, url_host
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.abilities import policies_of
from agentflow.lint.edits import add_behind
from agentflow.lint.hosts import is_of_anybody
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.spec.tool import declared_tools

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec

__all__ = [
    "host_not_allowed",
    "unpinned_package",
    "unused_environment",
    "web_tools_closed",
    "wildcard_without_domain",
]

_VERSION = r"(?s)[=<>~!@:\[ ;].*"


_URL = Phrase(
    r"(?<!\]\()https?://(?:[^\s/@`\"'<>]+@)?(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)",
    marks=("://",),
)
_USE = (
    r"\b(?:fetch|download|get|load|pull|open|read|visit|call|query|request|curl|wget|post|send"
    r"|upload|scrape|crawl|clone|look up|check|poll|import|retrieve|browse|connect)\b"
)
_BARE = Phrase(
    r"(?:(?:curl|wget|ping|ssh|git clone)(?: --?[\w=-]+)* ['\"]?(?:[\w.-]+@)?|(?:from|at|to|on|of|via) `?)"
    r"(?P<host>(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
    r"(?:com|org|net|gov|edu|io|dev|app|eu|uk|de|fr|nl|ch))(?![\w@]|\.\w)",
    marks=("from", "at", "to", "on", "of", "via", "curl", "wget", "ping", "ssh", "clone"),
)
"""Without a scheme: where a command or the words around show that a host is meant."""
_NOWHERE = r"(?:.*\.)?(?:example\.(?:com|org|net)|example|test|invalid|localhost)|127(?:\.\d+){3}"
_REGISTRIES = (
    *("pypi.org", "files.pythonhosted.org", "*.npmjs.org", "crates.io", "*.crates.io"),
    *("rubygems.org", "index.rubygems.org", "proxy.golang.org", "sum.golang.org"),
    *("archive.ubuntu.com", "security.ubuntu.com"),
)
"""What `network.packages` opens."""
_REQUESTS = frozenset({"bash", "web_fetch", "web_search"})


def _reachable(agent: AgentNode, environment: EnvironmentSpec) -> list[str]:
    """Hosts that the agent gets an answer from, by whatever way, as entries of `hosts`."""
    network = environment.network
    others = [server.url for server in agent.spec.mcp.values()]
    others += [tool.http.url for tool in agent.spec.custom.values() if tool.http is not None]
    found = [*network.hosts, *(host for url in others if (host := url_host(url)))]
    return [*found, *_REGISTRIES] if network.packages else found


def _named_hosts(agent: AgentNode, prose: Prose) -> Iterator[re.Match[str]]:
    yield from prose.find(_URL)
    if not _REQUESTS.isdisjoint(policies_of(agent)):
        yield from prose.find(_BARE)


@rule("AF702", "host-not-allowed", Severity.WARNING, confidence="medium")
def host_not_allowed(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt sends the agent to a host that it cannot reach.

    A blocked request is answered with HTTP 403 by a proxy, and curl ends with exit code 0: the
    agent may take the error page for the data.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Download the rates from https://rates.northwind.dev/latest.csv first.
        tools: { bash: allow }
        ---
        kind: Environment
        name: analytics
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Download the rates from https://rates.northwind.dev/latest.csv first.
        tools: { bash: allow }
        ---
        kind: Environment
        name: analytics
        network: { hosts: [rates.northwind.dev] }
    """
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or is_open(environment.spec):
            continue
        reported: set[str] = set()
        reachable = _reachable(agent, environment.spec)
        for field, prose in ctx.texts(agent):
            for match in _named_hosts(agent, prose):
                host = match["host"]
                if (
                    host in reported
                    or re.fullmatch(_NOWHERE, host)
                    or reaches(reachable, host)
                    or not re.search(_USE, prose.sentence_before(match.start("host")))
                ):
                    continue
                reported.add(host)
                yield ctx.problem(
                    prose.span(match, "host"),
                    f"The {field} of agent {agent.spec.name!r} uses {host!r}, which environment "
                    f"{environment.spec.name!r} does not let it reach.",
                    hint=f"Write `network: {{ hosts: [{host}] }}` in the environment.",
                    related=((environment.span("network"), "what is reachable"),),
                )


@rule("AF703", "wildcard-without-domain", Severity.INFO)
def wildcard_without_domain(ctx: Context) -> Iterator[Diagnostic]:
    """A wildcard host does not cover the domain itself.

    `*.example.com` lets www.example.com through and stops example.com, which is where most links
    begin.

    Bad:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: ["*.northwind.dev"] }
    Good:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { hosts: ["*.northwind.dev", northwind.dev] }
    """
    for environment in ctx.environments:
        hosts = environment.spec.network.hosts
        for index, host in enumerate(hosts):
            domain = host.removeprefix("*.")
            if domain != host and not reaches(hosts, domain) and not is_of_anybody(host):
                yield ctx.problem(
                    environment.span("network", "hosts", index),
                    f"{host!r} in environment {environment.spec.name!r} does not cover "
                    f"{domain!r} itself.",
                    hint=f"Add `{domain}` to `hosts` if it is needed too.",
                    fix=add_behind(environment, ("network", "hosts", index), domain),
                )


@rule("AF704", "web-tools-closed", Severity.WARNING)
def web_tools_closed(ctx: Context) -> Iterator[Diagnostic]:
    """Web tools are on, and the environment reaches no host.

    The service holds `web_search` and `web_fetch` to the hosts of the environment as well. With
    none listed each call fails with `url_not_allowed`.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Find out what analysts expect of the market.
        tools: { web_search: allow }
        ---
        kind: Environment
        name: analytics
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Find out what analysts expect of the market.
        tools: { web_search: allow }
        ---
        kind: Environment
        name: analytics
        network: open
    """
    if not WEB_TOOLS_FOLLOW_NETWORK.value:
        return
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or is_open(environment.spec) or environment.spec.network.hosts:
            continue
        for name in declared_tools(agent.spec.tools):
            if name.startswith("web_"):
                yield ctx.problem(
                    agent.span("tools", name),
                    f"Tool {name!r} of agent {agent.spec.name!r} is on, but environment "
                    f"{environment.spec.name!r} reaches no host.",
                    hint="Write `network: { hosts: [...] }` or `network: open` in the environment.",
                    related=((environment.span("name"), "the environment"),),
                )


@rule("AF705", "unused-environment", Severity.INFO)
def unused_environment(ctx: Context) -> Iterator[Diagnostic]:
    """No agent uses the environment.

    It would be created on the service all the same. Often an agent was meant to name it and does
    not, and so runs elsewhere.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Environment
        name: analytics
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
    """
    if not ctx.agents:
        return
    used = {agent.environment for agent in ctx.agents}
    used |= {reference.target for reference in ctx.graph.references}
    for environment in ctx.environments:
        if environment.address not in used:
            name = environment.spec.name
            yield ctx.problem(
                environment.span("name"),
                f"No agent uses environment {name!r}.",
                hint=f"Write `environment: {name}` in the agent it is for, or remove it.",
            )


_PINNED = {
    "apt": r"=\S",
    "cargo": r"@\S",
    "gem": r":\S",
    "go": r"@(?!latest$)\S",
    "npm": r".@(?!latest$)\S",
    "pip": r"===?\s*\S|@\s*\S",
}


@rule("AF706", "unpinned-package", Severity.INFO)
def unpinned_package(ctx: Context) -> Iterator[Diagnostic]:
    """A package has no version.

    The environment is built again on the service now and then, with what is newest that day. An
    agent that worked yesterday fails for a reason that no diff shows.

    Bad:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { packages: true }
        packages: { pip: [pandas] }
    Good:
        apiVersion: agentflow/v1
        kind: Environment
        name: analytics
        network: { packages: true }
        packages: { pip: [pandas==2.3.3] }
    """
    for environment in ctx.environments:
        for manager, pattern in _PINNED.items():
            packages: list[str] = getattr(environment.spec.packages, manager)
            for index, package in enumerate(packages):
                if not re.search(pattern, package):
                    sign = {"apt": "=", "gem": ":", "pip": "=="}.get(manager, "@")
                    yield ctx.problem(
                        environment.span("packages", manager, index),
                        f"Package {package!r} of environment {environment.spec.name!r} has no "
                        "exact version.",
                        hint=f"Write the version you tested with: `{_bare(package)}{sign}1.2.3`.",
                    )


def _bare(package: str) -> str:
    return package[:1] + re.sub(_VERSION, "", package[1:])
