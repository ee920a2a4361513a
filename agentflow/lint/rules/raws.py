"""AF1017: what `raw` replaces of the spec it stands in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of

__all__ = ["raw_overrides"]

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
