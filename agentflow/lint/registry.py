"""Every rule, by hand and in the order of their codes: reading this file tells all.

Modules of rules are imported when they are needed: for a project without flows or teams, those of flows
and teams never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.compiler.graph import Graph
    from agentflow.lint.rule import Rule

    RULES: tuple[Rule, ...]
    """All of them."""

__all__ = ["ABOUT", "RULES", "rules_for"]

ABOUT: Mapping[str, tuple[str, ...]] = {
    "access": ("environment", "vault", "skill", ".skills", ".team"),
    "credentials": ("vault",),
    "deployments": ("deployment",),
    "effects": (".mcp", ".custom"),
    "flows": ("flow",),
    "gates": ("environment", ".approvals", ".custom"),
    "governance": ("policy", ".title"),
    "installs": ("environment",),
    "networking": ("environment",),
    "raws": (".raw",),
    "reachable": ("environment",),
    "schedules": ("deployment",),
    "teams": ("deployment", ".team"),
    "unused": (
        *("vault", "memorystore", "skill", "toolset", "fragment"),
        *(".vars", ".secrets", ".pools"),
    ),
}
"""Module of rules -> kinds, as in addresses, and fields of some spec: without any of them it finds nothing.
Others may always find something."""

_NAMES = (
    "policies.no_done_criteria",
    "policies.no_uncertainty_policy",
    "policies.no_outputs",
    "prompts.output_path_elsewhere",
    "prompts.placeholder_in_prompt",
    "prompts.volatile_prompt",
    "prompts.uncertainty_contradicted",
    "policies.unused_input",
    "unused.unused_fragment",
    "unused.unused_variable",
    "wording.vague_done",
    "wording.done_needs_person",
    "contradictions.contradictory_instructions",
    "wording.too_many_absolutes",
    "wording.emphasis_everywhere",
    "wording.repeated_instruction",
    "wording.section_weakened",
    "wording.generic_prompt",
    "contents.volatile_substitution",
    "unrendered.template_not_rendered",
    "contents.undescribed_output",
    "contents.upload_not_there",
    "contents.nested_output",
    "contents.mount_without_root",
    "prohibitions.read_only_not_enforced",
    "tools.ask_unanswered",
    "tools.write_gate_open",
    "named.named_tool_off",
    "tools.unrecoverable_custom_tool",
    "tools.outputs_without_writer",
    "tools.ask_always_allowed",
    "unused.unused_toolset",
    "access.many_skills",
    "access.unknown_skill",
    "prohibitions.forbidden_command_open",
    "prohibitions.forbidden_tool_open",
    "gates.match_everything",
    "raws.raw_tools_open",
    "effects.mcp_others_allowed",
    "gates.approves_any_program",
    "effects.side_effect_open",
    "effects.unsafe_retry",
    "effects.mcp_write_open",
    "grants.files_without_reader",
    "grants.memory_without_writer",
    "grants.fetch_without_source",
    "grants.wait_beyond_budget",
    "grants.waits_for_ever",
    "grants.unpinned_skill",
    "named.named_tool_missing",
    "raws.raw_server_asks",
    "gates.web_gate_open",
    "installs.install_in_prompt",
    "networking.host_not_allowed",
    "networking.wildcard_without_domain",
    "networking.web_tools_closed",
    "networking.unused_environment",
    "networking.unpinned_package",
    "access.domain_not_reachable",
    "reachable.host_of_anybody",
    "reachable.host_twice",
    "reachable.registries_opening_unused",
    "reachable.mcp_opening_unused",
    "budgets.no_budget",
    "budgets.budget_without_dollars",
    "budgets.unknown_model",
    "budgets.retired_model",
    "budgets.retiring_model",
    "limits.budget_below_floor",
    "limits.tokens_below_turns",
    "limits.one_turn_with_tools",
    "limits.turns_without_effect",
    "limits.team_without_headroom",
    "limits.budget_in_cents",
    "limits.unpriced_model",
    "unused.unused_pool",
    "secrets.secret_in_text",
    "secrets.secret_from_environment",
    "unused.unused_secret",
    "unused.unused_vault",
    "access.shadowed_credential",
    "access.member_without_credential",
    "safety.hidden_character",
    "safety.lethal_combination",
    "safety.memory_from_untrusted",
    "credentials.credential_for_any_host",
    "credentials.unused_credential",
    "safety.unencrypted_server",
    "safety.repository_follows_branch",
    "credentials.credential_misses_host",
    "schedules.night_schedule",
    "schedules.frequent_schedule",
    "deployments.unattended_auto",
    "deployments.deployment_without_budget",
    "governance.same_title",
    "unused.unused_resource",
    "governance.policy_without_effect",
    "teams.member_undescribed",
    "teams.pinned_own_agent",
    "teams.unpinned_agent",
    "schedules.runs_overlap",
    "schedules.schedule_skips_months",
    "flows.flow_without_budget",
    "flows.step_beyond_flow",
    "flows.approved_by_timeout",
    "flows.retry_repeats_effects",
    "raws.raw_overrides",
)
"""Module and name of each."""


def rules_for(graph: Graph) -> tuple[Rule, ...]:
    """The rules that may find something in a project."""
    there = {kind for kind, specs in graph.by_kind().items() if specs}
    there |= {address.partition("/")[0] for address in graph.known or ()}
    for bound in (graph.project, *graph.all()):
        there |= {f".{field}" for field in bound.spec.model_fields_set}
    absent = {module for module, topics in ABOUT.items() if there.isdisjoint(topics)}
    return tuple(_rule(name) for name in _NAMES if name.partition(".")[0] not in absent)


def __getattr__(name: str) -> Any:
    if name == "RULES":
        return _all()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _all() -> tuple[Rule, ...]:
    return tuple(map(_rule, _NAMES))


def _rule(name: str) -> Rule:
    module, _, rule = name.partition(".")
    found: Rule = getattr(import_module(f"agentflow.lint.rules.{module}"), rule)
    return found
