"""AF70x: environments: what is installed and what is reachable, against what prompts want."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.prose import Phrase
from agentflow.lint.rule import Context, rule
from agentflow.spec.environment import PACKAGE_MANAGERS, EnvironmentSpec
from agentflow.spec.tool import declared_tools

__all__ = [
    "host_not_allowed",
    "install_in_prompt",
    "unpinned_package",
    "unused_environment",
    "web_tools_closed",
    "wildcard_without_domain",
]

_INSTALL = Phrase(
    r"(?:(?:python3? -m )?(?P<pip>pip3?|uv pip|uv) (?:install|add)"
    r"|(?P<npm>npm|yarn|pnpm) (?:install|i|add)|(?P<apt>apt(?:-get)?) (?:-y )?install"
    r"|(?P<cargo>cargo) (?:install|add)|(?P<gem>gem) install|(?P<go>go) (?:install|get))"
    r"(?P<options>(?: --?[\w=-]+)*)(?: ['\"]?(?P<name>@?[a-z][\w./-]*\w|@?[a-z]))?",
    marks=("install", "uv add", "yarn", "npm", "cargo", "go get"),
    wraps=False,
)
_VERSION = r"(?s)[=<>~!@:\[ ;].*"


@rule("AF701", "install-in-prompt", Severity.WARNING, confidence="medium")
def install_in_prompt(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt has packages installed that the environment neither has nor allows.

    Package managers cannot reach their registries unless `network.packages` says so. The agent
    tries, fails and tries again, in every session and at the price of tokens. Declared packages are
    installed once, before the session starts.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Run `pip install pandas`, then analyse the orders.
        ---
        kind: Environment
        name: analytics
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Analyse the orders with pandas, which is installed.
        ---
        kind: Environment
        name: analytics
        network: { packages: true }
        packages: { pip: [pandas==2.3.3] }
    """
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or _lets_packages_in(environment):
            continue
        for field, prose in ctx.texts(agent):
            for match in prose.find(_INSTALL):
                manager = next(name for name in PACKAGE_MANAGERS if match[name])
                if getattr(environment.spec.packages, manager):
                    continue  # declared and not reachable: the compiler says so
                package = prose.written(match, "name") if match["name"] else None
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} has "
                    f"{repr(package) if package else 'packages'} installed with {manager}, but "
                    f"environment {environment.spec.name!r} neither declares nor allows that.",
                    hint=f"Take it out of the {field} and write `packages: {{ {manager}: "
                    f"[{package or '...'}] }}` and `network: {{ packages: true }}` in the "
                    "environment.",
                    related=((environment.span("name"), "the environment"),),
                )


def _lets_packages_in(environment: Bound[EnvironmentSpec]) -> bool:
    network = environment.spec.network
    return network.open or network.packages or "config" in environment.spec.raw


_URL = Phrase(
    r"(?<!\]\()https?://(?:[^\s/@`\"'<>]+@)?(?P<host>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)",
    marks=("://",),
)
_USE = (
    r"\b(?:fetch|download|get|load|pull|open|read|visit|call|query|request|curl|wget|post|send"
    r"|upload|scrape|crawl|clone|look up|check|poll|import|retrieve|browse|connect)\b"
)
_NOWHERE = r"(?:.*\.)?(?:example\.(?:com|org|net)|example|test|invalid|localhost)|127(?:\.\d+){3}"


def _reachable(host: str, allowed: list[str]) -> bool:
    """`*.example.com` covers every subdomain and not example.com itself."""
    host = host.lower()
    return any(
        host.endswith(entry[1:].lower()) if entry.startswith("*.") else host == entry.lower()
        for entry in allowed
    )


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
        if environment is None or environment.spec.network.open or "config" in environment.spec.raw:
            continue
        reported: set[str] = set()
        for field, prose in ctx.texts(agent):
            for match in prose.find(_URL):
                host = match["host"]
                if (
                    host in reported
                    or re.fullmatch(_NOWHERE, host)
                    or _reachable(host, environment.spec.network.hosts)
                    or not re.search(_USE, prose.sentence_before(match.start()))
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
            if domain != host and not _reachable(domain, hosts):
                yield ctx.problem(
                    environment.span("network", "hosts", index),
                    f"{host!r} in environment {environment.spec.name!r} does not cover "
                    f"{domain!r} itself.",
                    hint=f"Add `{domain}` to `hosts` if it is needed too.",
                )


@rule("AF704", "web-tools-closed", Severity.WARNING)
def web_tools_closed(ctx: Context) -> Iterator[Diagnostic]:
    """Web tools are on, and the environment reaches no host.

    Since October 2026 the service holds `web_search` and `web_fetch` to the hosts of the
    environment as well. With none listed each call fails with `url_not_allowed`.

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
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or "config" in environment.spec.raw:
            continue
        if environment.spec.network.open or environment.spec.network.hosts:
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
