"""What the policies of a project demand of its specs, with all their layers.

A policy that could be evaded by `raw` would be none: where `raw` says something that a demand is
about, the spec does not meet it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from agentflow import codes
from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import Bound, DeploymentNode, Graph
from agentflow.compiler.reach import url_host
from agentflow.diagnostics import Diagnostic
from agentflow.records import NamedTuple
from agentflow.source.tree import Path
from agentflow.spec.agent import AgentSpec
from agentflow.spec.budget import BudgetSpec
from agentflow.spec.deployment import DeploymentSpec
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.flow import FlowSpec
from agentflow.spec.policy import PolicyCheck, PolicySpec
from agentflow.spec.tool import declared_tools
from agentflow.spec.vault import VaultSpec
from agentflow.spec.walk import types_at

__all__ = ["LIMITS", "check_policies", "forbidden", "policies_of", "tool_policies"]

LIMITS = ("usd", "tokens", "turns", "tool_calls", "active", "wall")

_JUDGED = ("agent", "environment", "deployment", "vault", "memorystore", "skill", "flow")
"""Kinds that become something on a service, or start what does."""


class Unmet(NamedTuple):
    path: Path
    message: str
    """A sentence without its end."""


def check_policies(
    bound: Bound[Any], policies: Sequence[Bound[PolicySpec]], target: str
) -> Iterator[Diagnostic]:
    """Args: `target` is the name of the one that is compiled for."""
    if bound.address.partition("/")[0] not in _JUDGED:
        return
    for policy in policies:
        for name, check in policy.spec.checks.items():
            if not _matches(bound.address, check.applies) or not _matches(target, check.targets):
                continue
            related = ((policy.span("checks", name, key=True), f"policy {policy.spec.name!r}"),)
            for unmet in _unmet(bound, check):
                yield codes.POLICY_VIOLATED.at(
                    bound.span(*unmet.path),
                    f"{unmet.message} (policy {policy.spec.name!r}, {name}).",
                    hint=check.message,
                    related=related,
                )


def policies_of(graph: Graph) -> tuple[Bound[PolicySpec], ...]:
    """Also those in files that are not reported on."""
    everything = graph.policies if graph.known is None else graph.known
    return tuple(
        Bound(address=bound.address, spec=bound.spec, document=bound.document)
        for bound in everything.values()
        if isinstance(bound.spec, PolicySpec)
    )


def _matches(text: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _unmet(bound: Bound[Any], check: PolicyCheck) -> Iterator[Unmet]:
    if check.max_budget is not None:
        yield from _budget(bound, check, check.max_budget)
    if check.models is not None:
        yield from _models(bound, check.models)
    if check.forbid_hosts is not None:
        yield from _hosts(bound, check.forbid_hosts)
    if check.network is not None:
        yield from _network(bound)
    if check.ask is not None or check.forbid_tools is not None:
        yield from _tools(bound, check.ask or (), check.forbid_tools or ())
    for key in check.require or ():
        yield from _required(bound, key)


def _by_raw(bound: Bound[Any], keys: Collection[str], what: str) -> Iterator[Unmet]:
    for key in keys:
        if key in bound.spec.raw:
            yield Unmet(("raw", key), f"`raw.{key}` sets {what}, which no policy can check")


# The demands


def _budget(bound: Bound[Any], check: PolicyCheck, most: BudgetSpec) -> Iterator[Unmet]:
    """Of agents and deployments; of flows only where the policy names them, for theirs is a sum."""
    spec: AgentSpec | DeploymentSpec | FlowSpec = bound.spec
    limits: Sequence[str] = LIMITS
    budget: Any = getattr(spec, "budget", None)
    if isinstance(spec, DeploymentSpec):
        limits = ("usd",)  # the one limit that a deployment has
        if budget is None and isinstance(bound, DeploymentNode) and bound.agent is not None:
            budget = bound.agent.spec.budget
        yield from _by_raw(bound, ("budget",), "the budget")
    elif isinstance(spec, FlowSpec):
        limits = LIMITS if any(glob.startswith("flow/") for glob in check.applies) else ()
    elif not isinstance(spec, AgentSpec):
        return
    for limit in limits:
        allowed = getattr(most, limit)
        has = getattr(budget, limit, None)
        if allowed is None:
            continue
        if has is None:
            path: Path = ("budget",) if spec.budget is not None else ("name",)
            message = f"{bound.address} has no `budget.{limit}`, and needs one of {_shown(limit, allowed)} at most"
            yield Unmet(path, message)
        elif has > allowed:
            path = ("budget", limit) if spec.budget is not None else ("agent",)
            message = (
                f"`budget.{limit}` of {bound.address} is {_shown(limit, has)}, and may be "
                f"{_shown(limit, allowed)} at most"
            )
            yield Unmet(path, message)


def _shown(limit: str, value: Any) -> str:
    if isinstance(value, Decimal):
        return f"${value:f}"
    if limit in ("active", "wall"):
        return f"{value:g} seconds"
    return f"{value:,}"


def _models(bound: Bound[Any], globs: Sequence[str]) -> Iterator[Unmet]:
    spec = bound.spec
    if not isinstance(spec, AgentSpec):
        return
    used: dict[Path, str] = {("model",): spec.model.id}
    if spec.team is not None and spec.team.advisor is not None:
        used["team", "advisor"] = spec.team.advisor
    for path, model in used.items():
        if not _matches(model, globs):
            yield Unmet(path, f"{bound.address} uses the model {model!r}")
    yield from _by_raw(bound, ("model",), "the model")


def forbidden(host: str, glob: str, *, subdomains: bool = False) -> bool:
    """Whether a host, or one that it stands for, is one of those that a glob forbids.

    Args:
        host: as in `hosts` of an environment: `*.example.com` stands for all its subdomains.
        glob: a glob over host names.
        subdomains: the host stands for its subdomains too, as in the domains of web tools.
    """
    host, glob = host.lower(), glob.lower()
    return globs_meet(host, glob) or (subdomains and globs_meet(f"*.{host}", glob))


def _hosts(bound: Bound[Any], globs: Sequence[str]) -> Iterator[Unmet]:
    spec = bound.spec
    if isinstance(spec, EnvironmentSpec):
        yield from _by_raw(bound, ("config",), "the network")
        if spec.network.open and spec.hosting == "cloud":
            message = f"{bound.address} reaches every host, also {', '.join(globs)}"
            yield Unmet(("network",), message)
    elif isinstance(spec, AgentSpec):
        yield from _by_raw(bound, ("tools", "mcp_servers"), "tools")
        yield from _unlimited(bound, globs)
    for path, host, subdomains in _named_hosts(spec):
        if any(forbidden(host, glob, subdomains=subdomains) for glob in globs):
            yield Unmet(path, f"{bound.address} reaches {host!r}")


def _named_hosts(spec: Any) -> Iterator[tuple[Path, str, bool]]:
    """Place and host, and whether its subdomains are meant too."""
    if isinstance(spec, EnvironmentSpec):
        for index, host in enumerate(spec.network.hosts):
            yield ("network", "hosts", index), host, False
    elif isinstance(spec, AgentSpec):
        for name, tool in declared_tools(spec.tools).items():
            for index, domain in enumerate(getattr(tool, "domains", None) or ()):
                yield ("tools", name, "domains", index), domain.partition("/")[0], True
        for name, server in spec.mcp.items():
            yield ("mcp", name, "url"), url_host(server.url) or "", False
        for name, custom in spec.custom.items():
            if custom.http is not None:
                yield ("custom", name, "http", "url"), url_host(custom.http.url) or "", False
    elif isinstance(spec, VaultSpec):
        for name, credential in spec.credentials.items():
            if credential.url is not None:
                yield ("credentials", name, "url"), url_host(credential.url) or "", False
            variable = credential.variable
            hosts = variable.hosts if variable is not None and variable.hosts != "any" else ()
            for index, host in enumerate(hosts):
                yield ("credentials", name, "variable", "hosts", index), host, False


def _unlimited(bound: Bound[AgentSpec], globs: Sequence[str]) -> Iterator[Unmet]:
    """Web tools that reach every domain except those that are blocked."""
    for name, tool in declared_tools(bound.spec.tools).items():
        if not name.startswith("web_") or getattr(tool, "domains", None) is not None:
            continue
        blocked = [domain.lower() for domain in getattr(tool, "blocked", None) or ()]
        open_ = [glob for glob in globs if not any(_blocks(domain, glob) for domain in blocked)]
        if open_:
            message = f"{name} of {bound.address} reaches every domain, also {', '.join(open_)}"
            yield Unmet(("tools", name), message)


def _blocks(domain: str, glob: str) -> bool:
    """Whether a blocked domain, with its subdomains, covers all that a glob can mean."""
    bare = glob.lower().removeprefix("*.")
    return "*" not in bare and (bare == domain or bare.endswith(f".{domain}"))


def _network(bound: Bound[Any]) -> Iterator[Unmet]:
    if isinstance(bound.spec, EnvironmentSpec):
        if bound.spec.network.open:
            yield Unmet(("network",), f"The network of {bound.address} is open")
        elif bound.spec.hosting != "cloud":
            message = f"{bound.address} is self-hosted, and its network is that of its workers"
            yield Unmet(("hosting",), message)
        yield from _by_raw(bound, ("config",), "the network")


def tool_policies(spec: AgentSpec) -> Mapping[str, tuple[Path, str]]:
    """Every tool that is on, as `bash`, `rate` or `crm.add`: its place and its policy.

    `crm.*` stands for the tools of a server that are not named.
    """
    found: dict[str, tuple[Path, str]] = {
        name: (("tools", name), tool.policy) for name, tool in declared_tools(spec.tools).items()
    }
    for name, custom in spec.custom.items():
        found[name] = ("custom", name), custom.policy
    for server, mcp in spec.mcp.items():
        for name, tool in mcp.tools.items():
            if tool.policy != "off":
                found[f"{server}.{name}"] = ("mcp", server, "tools", name), tool.policy
        if mcp.others != "off":
            found[f"{server}.*"] = ("mcp", server, "others"), mcp.others
    return found


def _tools(bound: Bound[Any], ask: Sequence[str], off: Sequence[str]) -> Iterator[Unmet]:
    if not isinstance(bound.spec, AgentSpec):
        return
    yield from _by_raw(bound, ("tools", "mcp_servers"), "tools")
    for name, (path, policy) in tool_policies(bound.spec).items():
        if _means(name, off):
            yield Unmet(path, f"{bound.address} has the tool {name!r}, which has to be off")
        elif policy != "ask" and _means(name, ask):
            yield Unmet(path, f"The tool {name!r} of {bound.address} is {policy}, and has to ask")


def _means(name: str, globs: Sequence[str]) -> bool:
    """Whether a glob means a tool, or one of those that `server.*` stands for."""
    return any(globs_meet(name, glob) for glob in globs)


def _required(bound: Bound[Any], key: str) -> Iterator[Unmet]:
    path: Path = tuple(key.split("."))
    if not types_at(type(bound.spec), path):
        return  # its kind has no such key
    if _has(bound.spec, path):
        return
    if isinstance(bound, DeploymentNode) and bound.agent is not None:
        # What a deployment does not say, it takes from its agent.
        inherited = getattr(bound.spec, str(path[0]), None) is None
        if inherited and _has(bound.agent.spec, path):
            return
    yield Unmet(("name",), f"{bound.address} has no `{key}`")


def _has(spec: Any, path: Path) -> bool:
    value = spec
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = getattr(value, f"{step}_" if step in ("schema", "in") else str(step), None)
    return value not in (None, "", [], {}) and value is not False
