"""Hosts and domains, by the service's rules.

Environments: https://platform.claude.com/docs/en/managed-agents/environments
Web tools: https://platform.claude.com/docs/en/managed-agents/tools
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from agentflow import codes
from agentflow.compiler.graph import AgentNode, Bound
from agentflow.diagnostics import Diagnostic
from agentflow.nearest import Meant, one_of
from agentflow.patterns import regex

if TYPE_CHECKING:
    from agentflow.spec.environment import EnvironmentSpec

__all__ = ["check_domains", "check_environment", "host_problem"]

_LABEL = regex(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_PRIVATE = ("localhost", "local", "internal", "localdomain", "invalid")


def check_environment(environment: Bound[EnvironmentSpec]) -> Iterator[Diagnostic]:
    from agentflow.spec.environment import PACKAGE_MANAGERS

    network, packages = environment.spec.network, environment.spec.packages
    for index, host in enumerate(network.hosts):
        problem = host_problem(host)
        if problem is not None:
            message = f"The host {host!r} is refused by the service: {problem}."
            span = environment.span("network", "hosts", index)
            yield codes.BAD_HOST.at(span, message, hint=_host_hint(host))
    used = [manager for manager in PACKAGE_MANAGERS if getattr(packages, manager)]
    if used and not network.open and not network.packages:
        managers = one_of(used, joined="and")
        message = f"{managers} cannot install: the network is closed to package managers."
        span = environment.span("packages", key=True)
        hint = "Write `packages: true` below `network`."
        yield codes.PACKAGES_BLOCKED.at(span, message, hint=hint)
    extra = [word for word, on in (("hosts", network.hosts), ("packages", network.packages)) if on]
    if network.open and extra:
        message = (
            f"The network is open, so {one_of(extra, joined='and')} below it restrict nothing."
        )
        span = environment.span("network", extra[0], key=True)
        hint = "Remove `open: true`, or write `network: open` alone."
        yield codes.OPEN_NETWORK.at(span, message, hint=hint)


def host_problem(host: str) -> str | None:
    """Why an entry of `hosts` is refused, as the end of a sentence. None: it is fine."""
    bare = host.removeprefix("*.")
    problem = _host_problem(bare)
    if problem is None and host.startswith("*.") and "." not in bare:
        return "a wildcard covers the subdomains of a domain"
    return problem


def _host_problem(host: str) -> str | None:
    """Why a bare host is refused; None: it is fine."""
    if "://" in host:
        return "it has a scheme"
    if "/" in host or "?" in host:
        return "it has a path"
    if re.search(r":\d+$", host) and host.count(":") == 1:
        return "it has a port"
    if "*" in host:
        return "a wildcard stands only at the start, as in *.example.com"
    if not host.isascii():
        return "it is not ASCII"
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        return "it is not a host name"
    return None


def _host_hint(host: str) -> str:
    bare = re.sub(r"^[a-z+]+://", "", host.lower())
    bare = re.split(r"[/?]", bare, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    if bare and not bare.isascii():
        try:
            bare = bare.encode("idna").decode()
        except UnicodeError:
            bare = ""
    if bare and bare != host and _host_problem(bare.removeprefix("*.")) is None:
        # A port or a path said less than the whole host; a scheme and a slash said nothing.
        same = re.sub(r"^https?://|/$", "", host, flags=re.IGNORECASE).lower() == bare
        return Meant(f"Write {bare}.", word=host, near=bare, safe=same)
    return "Write a bare host name such as docs.python.org."


def check_domains(node: AgentNode) -> Iterator[Diagnostic]:
    """Domains of the web tools; subdomains are covered without a wildcard."""
    for tool in ("web_search", "web_fetch"):
        spec = getattr(node.spec.tools, tool)
        if spec is None:
            continue
        fields: tuple[Literal["domains", "blocked"], ...] = ("domains", "blocked")
        for field in fields:
            seen: set[str] = set()
            for index, domain in enumerate(getattr(spec, field) or ()):
                problem = _domain_problem(domain, path_allowed=tool == "web_search")
                if domain.lower() in seen:
                    problem = "it is listed twice"
                seen.add(domain.lower())
                if problem is not None:
                    message = f"The domain {domain!r} is refused by the service: {problem}."
                    span = node.span("tools", tool, field, index)
                    yield codes.BAD_DOMAIN.at(span, message, hint=_domain_hint(domain))


def _domain_problem(domain: str, *, path_allowed: bool) -> str | None:
    import ipaddress

    host, slash, _ = domain.partition("/")
    if slash and "://" not in domain and not path_allowed:
        return "web_fetch takes hosts without a path"
    if host.startswith("*."):
        return "subdomains are covered without a wildcard"
    problem = _host_problem(domain if "://" in domain else host)
    if problem is not None:
        return problem
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return "it is an IP address"
    labels = host.lower().split(".")
    if labels[-1] in _PRIVATE:
        return "it is not a public name"
    return "it is a single label" if len(labels) == 1 else None


def _domain_hint(domain: str) -> str:
    bare = domain.removeprefix("*.")
    return f"Write {bare}." if bare != domain and not _host_problem(bare) else _host_hint(domain)
