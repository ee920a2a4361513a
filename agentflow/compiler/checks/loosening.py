"""What overlays and `--set` make wider than the specs that were reviewed.

A target allows it by `loosen`. Compared is the spec with all its layers against the spec without
overlays and `--set`; making it narrower is always fine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Literal

from agentflow import codes
from agentflow.compiler.graph import Bound, Graph
from agentflow.compiler.reach import covers, normal_url, url_host
from agentflow.diagnostics import Diagnostic, Span
from agentflow.records import NamedTuple
from agentflow.source.layers import Composed
from agentflow.source.tree import Path
from agentflow.spec.agent import AgentSpec, ApprovalRule
from agentflow.spec.budget import AgentBudget, BudgetSpec
from agentflow.spec.custom import ArgumentRule, CustomTool
from agentflow.spec.deployment import DeploymentBudget, DeploymentSpec
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.mcp import McpServer
from agentflow.spec.refs import parse_ref
from agentflow.spec.reuse import OverlaySpec
from agentflow.spec.team import TeamSpec
from agentflow.spec.tool import BUILT_IN_TOOLS, BuiltInTool, WebFetchTool
from agentflow.spec.vault import VaultSpec

__all__ = ["check_loosening"]

Topic = Literal["tools", "hosts", "budget"]


class Wider(NamedTuple):
    """One way in which the spec became wider."""

    topic: Topic
    path: Path
    message: str
    """A sentence without its end: "`tools.bash` is allow, and was ask"."""


def check_loosening(bound: Bound[Any], graph: Graph) -> Iterator[Diagnostic]:
    if bound.reviewed is None:
        return
    allowed = graph.target.loosen
    for wider in _wider(bound.reviewed.spec, bound.spec, graph):
        if wider.topic in allowed:
            continue
        words = ", ".join([*allowed, wider.topic])
        hint = f"Take it back, or write `loosen: [{words}]` in the target {graph.target_name!r}."
        span, before = _places(bound, bound.reviewed, wider.path, graph)
        related = () if before is None or before == span else ((before, "what the spec says"),)
        yield codes.LOOSENED.at(span, f"{wider.message}.", hint=hint, related=related)


def _places(
    bound: Bound[Any], reviewed: Bound[Any], path: Path, graph: Graph
) -> tuple[Span, Span | None]:
    """Where a value was made wider, and where it stands in the spec itself.

    What an overlay took out stands nowhere in the result: then it is the line that takes it out.
    """
    document = bound.document
    if not isinstance(document, Composed):
        return document.span(path), None
    span, before = document.span(path), reviewed.span(*path)
    written_in = document.origin(path).document
    if span == before or written_in in (document.base, reviewed.document.origin(path).document):
        found = [place for overlay in _overlays(graph) for place in _patched(overlay, bound, path)]
        span = max(found, key=lambda place: place[0])[1] if found else span
    return span, before


def _overlays(graph: Graph) -> Iterator[Bound[OverlaySpec]]:
    """Those of the target, also if they are not reported on."""
    for overlay in (graph.known or {}).values() if graph.known else graph.overlays.values():
        spec = overlay.spec
        if isinstance(spec, OverlaySpec):
            names = [spec.target] if isinstance(spec.target, str) else spec.target
            if graph.target_name in names:
                yield Bound(address=overlay.address, spec=spec, document=overlay.document)


def _patched(
    overlay: Bound[OverlaySpec], bound: Bound[Any], path: Path
) -> Iterator[tuple[int, Span]]:
    """What a patch says about a path: how many steps of it, and where."""
    for pattern, values in overlay.spec.patch.items():
        if not fnmatchcase(bound.address, pattern):
            continue
        at: Path = ("patch", pattern)
        data: Any = values
        for number, step in enumerate(path):
            keys = [
                key
                for key in (step, f"{step}-", f"{step}+")
                if isinstance(data, dict) and key in data
            ]
            if not keys:
                break
            at, data = (*at, keys[0]), data[keys[0]]
            yield number, overlay.document.span(at, key=True)


def _wider(before: Any, after: Any, graph: Graph) -> Iterator[Wider]:
    if isinstance(after, AgentSpec):
        yield from _agent(before, after)
        yield from _environment_named(before.environment, after.environment, graph)
        yield from _budget(before.budget, after.budget)
        yield from _raw(
            before, after, {"tools": "tools", "mcp_servers": "tools", "multiagent": "tools"}
        )
    elif isinstance(after, EnvironmentSpec):
        yield from _network(before, after)
        yield from _raw(before, after, {"config": "hosts"})
    elif isinstance(after, VaultSpec):
        yield from _credentials(before, after)
    elif isinstance(after, DeploymentSpec):
        yield from _environment_named(before.environment, after.environment, graph)
        yield from _budget(before.budget, after.budget)
        yield from _raw(
            before, after, {"environment_id": "hosts", "agent": "tools", "budget": "budget"}
        )


def _raw(before: Any, after: Any, topics: Mapping[str, Topic]) -> Iterator[Wider]:
    for key, topic in topics.items():
        if key in after.raw and after.raw[key] != before.raw.get(key):
            yield Wider(topic, ("raw", key), f"`raw.{key}` says more than the spec did")


# Tools

_RANK = {"off": 0, "ask": 1, "auto": 2, "allow": 3}


def _policy(path: Path, before: str, after: str) -> Iterator[Wider]:
    if _RANK[after] > _RANK[before]:
        where = ".".join(map(str, path))
        yield Wider("tools", path, f"`{where}` is {after}, and was {before}")


def _agent(before: AgentSpec, after: AgentSpec) -> Iterator[Wider]:
    for name in BUILT_IN_TOOLS:
        yield from _built_in(name, getattr(before.tools, name), getattr(after.tools, name))
    for server, spec in after.mcp.items():
        yield from _server(server, before.mcp.get(server), spec)
    for name, tool in after.custom.items():
        yield from _custom(name, before.custom.get(name), tool)
    yield from _approvals(before.approvals, after.approvals)
    yield from _team(before.team, after.team)


def _built_in(name: str, before: BuiltInTool | None, after: BuiltInTool | None) -> Iterator[Wider]:
    if after is None or after.policy == "off":
        return
    yield from _policy(
        ("tools", name), before.policy if before is not None else "off", after.policy
    )
    if before is None or before.policy == "off" or not name.startswith("web_"):
        return
    yield from _domains(name, before, after)
    if isinstance(before, WebFetchTool) and isinstance(after, WebFetchTool):
        for key in ("user", "custom", "server"):
            was, now = getattr(before.sources, key), getattr(after.sources, key)
            if was != now and now != "none" and was != "all":
                path: Path = ("tools", name, "sources", key)
                yield Wider("tools", path, f"`{'.'.join(map(str, path))}` lets more through")


def _domains(name: str, before: Any, after: Any) -> Iterator[Wider]:
    path: Path = ("tools", name, "domains")
    where = f"`tools.{name}`"
    if before.domains is not None:
        if after.domains is None:
            words = ", ".join(before.domains)
            yield Wider("tools", path, f"{where} reaches every domain, and was limited to {words}")
        for index, domain in enumerate(after.domains or ()):
            if not any(_within(domain, entry) for entry in before.domains):
                yield Wider("tools", (*path, index), f"{where} reaches {domain!r}, and did not")
    elif before.blocked is not None and after.domains is None:
        for domain in before.blocked:
            if not any(_within(domain, entry) for entry in after.blocked or ()):
                blocked: Path = ("tools", name, "blocked")
                yield Wider("tools", blocked, f"{where} reaches {domain!r}, which was blocked")


def _within(domain: str, entry: str) -> bool:
    """Whether `entry` covers `domain`: itself, its subdomains, what is below its path."""
    host, _, path = domain.lower().partition("/")
    whole, _, above = entry.lower().partition("/")
    return (host == whole or host.endswith(f".{whole}")) and path.startswith(above)


def _server(name: str, before: McpServer | None, after: McpServer) -> Iterator[Wider]:
    path: Path = ("mcp", name)
    if before is None:
        yield Wider("tools", path, f"The MCP server {name!r} is new")
        return
    if normal_url(before.url) != normal_url(after.url):
        message = f"The MCP server {name!r} is at {after.url!r}, and was at {before.url!r}"
        yield Wider("hosts", (*path, "url"), message)
    yield from _policy((*path, "others"), before.others, after.others)
    for tool in {**before.tools, **after.tools}:
        was = before.tools[tool].policy if tool in before.tools else before.others
        now = after.tools[tool].policy if tool in after.tools else after.others
        if tool in after.tools or tool in before.tools:
            yield from _policy((*path, "tools", tool), was, now)


def _custom(name: str, before: CustomTool | None, after: CustomTool) -> Iterator[Wider]:
    path: Path = ("custom", name)
    if before is None:
        yield Wider("tools", path, f"The custom tool {name!r} is new")
        return
    yield from _policy((*path, "policy"), before.policy, after.policy)
    for key in ("run", "command"):
        if getattr(after, key) not in (None, getattr(before, key)):
            yield Wider("tools", (*path, key), f"The custom tool {name!r} runs something else")
    if after.http is not None and (before.http is None or before.http.url != after.http.url):
        host = url_host(after.http.url)
        yield Wider("hosts", (*path, "http", "url"), f"The custom tool {name!r} calls {host!r} now")
    was, now = before.max_calls, after.max_calls
    if was is not None and (now is None or now > was):
        words = "without limit" if now is None else f"{now} times"
        message = f"The custom tool {name!r} may be called {words}, and was {was} times"
        yield Wider("tools", (*path, "max_calls"), message)
    for argument, rule in before.arguments.items():
        if _admits_more(rule, after.arguments.get(argument)):
            message = f"The rule for {argument!r} of the custom tool {name!r} lets more through"
            yield Wider("tools", (*path, "arguments", argument), message)


def _admits_more(before: ArgumentRule, after: ArgumentRule | None) -> bool:
    if after is None:
        return True
    if before.allow is not None and (
        after.allow is None or not set(after.allow) <= set(before.allow)
    ):
        return True
    return not set(before.deny or ()) <= set(after.deny or ())


def _approvals(before: Sequence[ApprovalRule], after: Sequence[ApprovalRule]) -> Iterator[Wider]:
    """Rules that allow what they did not, because they are new or because others went before them."""
    for index, rule in enumerate(after):
        if rule.answer != "allow":
            continue
        path: Path = ("approvals", index)
        if rule not in before:
            yield Wider("tools", path, f"The rule for {rule.tool!r} allows, and there was none")
            continue
        ahead = [r for r in before[: before.index(rule)] if _stops(r, rule)]
        if any(r not in after[:index] for r in ahead):
            message = f"The rule for {rule.tool!r} allows what a rule before it took"
            yield Wider("tools", path, message)


def _stops(rule: ApprovalRule, other: ApprovalRule) -> bool:
    """Whether a rule does not allow, and may take calls that the other one is about."""
    same = fnmatchcase(rule.tool, other.tool) or fnmatchcase(other.tool, rule.tool)
    return rule.answer != "allow" and same


def _team(before: TeamSpec | None, after: TeamSpec | None) -> Iterator[Wider]:
    for key in ("coordinator", "subagents", "workflows"):
        now = getattr(after, key, None)
        was = getattr(before, key, None)
        if now is None:
            continue
        path: Path = ("team", key)
        if was is None:
            yield Wider("tools", path, f"`team.{key}` is new")
            continue
        members = set(_members(was))
        more = [member for member in _members(now) if member not in members]
        if more:
            yield Wider("tools", path, f"`team.{key}` has {more[0]!r}, and had not")
        if getattr(now, "inline", False) and not getattr(was, "inline", False):
            message = f"`team.{key}` lets the agent define agents of its own, and did not"
            yield Wider("tools", path, message)


def _members(roster: Any) -> Sequence[str]:
    return roster if isinstance(roster, list) else list(roster.agents)


# Hosts


def _network(before: EnvironmentSpec, after: EnvironmentSpec) -> Iterator[Wider]:
    if after.hosting == "self-hosted":
        if before.hosting != "self-hosted":
            message = "What a self-hosted environment reaches is not limited here, and was"
            yield Wider("hosts", ("hosting",), message)
        return
    if before.hosting == "self-hosted":
        return  # nothing was limited
    was, now = before.network, after.network
    if was.open:
        return
    if now.open:
        yield Wider("hosts", ("network",), "The network is open, and was limited")
        return
    for index, host in enumerate(now.hosts):
        if not any(covers(entry, host) for entry in was.hosts):
            yield Wider("hosts", ("network", "hosts", index), f"{host!r} is reached, and was not")
    if now.packages and not was.packages:
        message = "Package managers reach their registries, and did not"
        yield Wider("hosts", ("network", "packages"), message)
    if now.mcp == "inferred" and was.mcp == "off":
        message = "The hosts of all MCP servers are reached, and were not"
        yield Wider("hosts", ("network", "mcp"), message)


def _environment_named(before: str | None, after: str | None, graph: Graph) -> Iterator[Wider]:
    """Another environment is wider unless both are known and it reaches nothing more."""
    if after is None or after == before:
        return
    old, new = _environment(before, graph), _environment(after, graph)
    if old is not None and new is not None and not any(_network(old, new)):
        return
    message = f"The environment is {after!r}, which may reach more than {before or 'none'!r} did"
    yield Wider("hosts", ("environment",), message)


def _environment(text: str | None, graph: Graph) -> EnvironmentSpec | None:
    """As it was reviewed: what overlays make of it is reported there."""
    ref = parse_ref(text, "environment") if text else None
    bound = graph.bound(ref.address) if ref is not None and ref.address is not None else None
    if bound is None:
        return None
    found: EnvironmentSpec = (bound.reviewed or bound).spec
    return found


def _credentials(before: VaultSpec, after: VaultSpec) -> Iterator[Wider]:
    """Variables that are sent to more hosts, and credentials for other servers."""
    for name, credential in after.credentials.items():
        was = before.credentials.get(name)
        path: Path = ("credentials", name)
        if credential.url is not None and (
            was is None or was.url is None or normal_url(was.url) != normal_url(credential.url)
        ):
            yield Wider("hosts", (*path, "url"), f"The credential {name!r} is sent to another URL")
        if credential.variable is None:
            continue
        old = was.variable if was is not None else None
        known: Sequence[str] = old.hosts if old is not None and old.hosts != "any" else ()
        if old is not None and old.hosts == "any":
            continue
        hosts = (*path, "variable", "hosts")
        if credential.variable.hosts == "any":
            yield Wider("hosts", hosts, f"The variable of {name!r} may be sent to every host")
            continue
        for index, host in enumerate(credential.variable.hosts):
            if not any(covers(entry, host) for entry in known):
                message = f"The variable of {name!r} may be sent to {host!r}, and was not"
                yield Wider("hosts", (*hosts, index), message)


# Budget


def _budget(
    before: BudgetSpec | DeploymentBudget | None, after: BudgetSpec | DeploymentBudget | None
) -> Iterator[Wider]:
    if before is None:
        return
    for limit in ("usd", "tokens", "turns", "tool_calls", "active", "wall"):
        was = getattr(before, limit, None)
        now = getattr(after, limit, None)
        if was is not None and (now is None or now > was):
            path: Path = ("budget", limit)
            message = f"`budget.{limit}` is not limited, and was"
            if now is not None:
                message = f"`budget.{limit}` is {_amount(limit, now)}, and was"
            yield Wider("budget", path, f"{message} {_amount(limit, was)}")
    if isinstance(before, AgentBudget):
        now_drawn = after.pools if isinstance(after, AgentBudget) else None
        for pool in before.pools or ():
            if pool not in (now_drawn or ()):
                message = f"Runs do not draw from the pool {pool!r}, and did"
                yield Wider("budget", ("budget", "pools"), message)


def _amount(limit: str, value: Any) -> str:
    if isinstance(value, Decimal):
        return f"${value:f}"
    return f"{value:g} seconds" if limit in ("active", "wall") else f"{value:,}"
