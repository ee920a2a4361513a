"""AF614, AF627 and AF1017: what `raw` leaves open, and what it replaces of the spec it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentflow.compiler.globs import globs_meet
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of

__all__ = [
    "raw_overrides",
    "raw_server_asks",
    "raw_tools_open",
]

_SESSION = {"resources": ("files", "repositories", "memory"), "vault_ids": ("vaults",)}
_MADE_OF: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "agent": {
        "name": ("title",),
        "description": ("description",),
        "model": ("model",),
        "system": ("prompt",),
        "tools": ("tools", "mcp", "custom"),
        "mcp_servers": ("mcp",),
        "skills": ("skills",),
        "multiagent": ("team",),
    },
    "environment": {"name": ("title",), "description": ("description",), "scope": ("scope",)},
    "deployment": {
        "name": ("title",),
        "description": ("description",),
        "agent": ("agent",),
        "environment_id": ("environment",),
        "initial_events": ("task", "system", "outcome"),
        "schedule": ("schedule",),
        "budget": ("budget",),
        **_SESSION,
    },
    "memorystore": {"name": ("title",), "description": ("description",)},
    "vault": {"display_name": ("title",)},
}
"""By kind and key of the payload: the keys of the spec that it is made of."""
_CONFIG = {"networking": ("network",), "packages": ("packages",), "type": ("hosting",)}


@rule("AF1017", "raw-overrides", Severity.WARNING)
def raw_overrides(ctx: Context) -> Iterator[Diagnostic]:
    """`raw` replaces what the same spec declares.

    It is merged last and not checked. A reader of the spec believes what is declared, the rules
    looked at that too, and the service is told something else.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        raw: { model: claude-haiku-5-5 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-haiku-5-5
        prompt: Analyse the orders.
    """
    for bound in ctx.graph.all():
        raw = getattr(bound.spec, "raw", None)
        kind = bound.address.partition("/")[0]
        if not raw or kind not in _MADE_OF or bound.document.origin(("raw",)).document.is_verbatim:
            continue
        made_of: dict[tuple[str, ...], tuple[str, ...]] = {
            (key,): fields for key, fields in _MADE_OF[kind].items()
        }
        if kind == "environment" and isinstance(raw.get("config"), dict):
            made_of |= {("config", key): fields for key, fields in _CONFIG.items()}
        for path, fields in made_of.items():
            holder = raw if len(path) == 1 else raw[path[0]]
            declared = [name for name in fields if name in bound.spec.model_fields_set]
            if path[-1] in holder and declared:
                yield ctx.problem(
                    bound.span("raw", *path, key=True),
                    f"`raw.{'.'.join(path)}` of {bound.address} replaces what `{declared[0]}` "
                    "declares.",
                    hint=f"Change {one_of([f'`{name}`' for name in declared])} instead, or remove "
                    "it there.",
                    related=((bound.span(declared[0], key=True), "declared here"),),
                )


@rule("AF614", "raw-tools-open", Severity.WARNING)
def raw_tools_open(ctx: Context) -> Iterator[Diagnostic]:
    """A toolset in `raw` leaves on what it does not name.

    `configs` names single tools; all others follow `default_config`, and the service's default of
    it is: enabled. A "read-only" agent written this way keeps its shell.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read the orders.
        raw:
          tools:
            - type: agent_toolset_20260401
              configs: [{ name: read, enabled: true }]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read the orders.
        raw:
          tools:
            - type: agent_toolset_20260401
              default_config: { enabled: false }
              configs: [{ name: read, enabled: true }]
    """
    for agent in ctx.agents:
        tools = agent.spec.raw.get("tools")
        for index, entry in enumerate(tools if isinstance(tools, list) else ()):
            if _leaves_all_on(entry):
                yield ctx.problem(
                    agent.span("raw", "tools", index),
                    f"This toolset of agent {agent.spec.name!r} leaves every tool on that it does "
                    "not name.",
                    hint="Write `default_config: { enabled: false }`, or use `tools:` of the agent.",
                )


def _leaves_all_on(entry: object) -> bool:
    """Whether an entry is a toolset of the service that turns nothing off."""
    if not isinstance(entry, dict) or not str(entry.get("type")).startswith("agent_toolset_"):
        return False
    default = entry.get("default_config")
    configs = entry.get("configs")
    parts = [default, *(configs if isinstance(configs, list) else [])]
    return not any(isinstance(part, dict) and part.get("enabled") is False for part in parts)


@rule("AF627", "raw-server-asks", Severity.WARNING)
def raw_server_asks(ctx: Context) -> Iterator[Diagnostic]:
    """A toolset of an MCP server in `raw` asks before every call, since it does not say otherwise.

    The service's default for the tools of MCP servers is to ask. No rule in `approvals` answers, so
    every call is denied, or waits for ever where nobody looks on.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        raw:
          mcp_servers: [{ type: url, name: crm, url: "https://crm.northwind.dev/mcp" }]
          tools: [{ type: mcp_toolset, mcp_server_name: crm }]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } }
    """
    for agent in ctx.agents:
        tools = agent.spec.raw.get("tools")
        for index, entry in enumerate(tools if isinstance(tools, list) else ()):
            if not isinstance(entry, dict) or entry.get("type") != "mcp_toolset":
                continue
            server = str(entry.get("mcp_server_name"))
            answered = any(globs_meet(f"{server}.*", rule.tool) for rule in agent.spec.approvals)
            if not answered and _asks_by_default(entry):
                yield ctx.problem(
                    agent.span("raw", "tools", index),
                    f"Tools of the MCP server {server!r} ask before every call, and no rule in "
                    f"`approvals` of agent {agent.spec.name!r} answers.",
                    hint="Declare the server in `mcp`, or write `default_config: { permission_policy: "
                    "{ type: always_allow } }`.",
                )


def _asks_by_default(entry: Mapping[str, object]) -> bool:
    """Whether the toolset has tools on that no policy is given for."""
    default, configs = entry.get("default_config"), entry.get("configs")
    default = default if isinstance(default, dict) else {}
    named = (
        [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    )
    if "permission_policy" in default:
        return False
    if default.get("enabled") is not False:
        return True
    return any(each.get("enabled") and "permission_policy" not in each for each in named)
