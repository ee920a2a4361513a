"""Every rule, by hand and in the order of their codes: reading this file tells all."""

from __future__ import annotations

from agentflow.lint.rule import Rule
from agentflow.lint.rules import budgets, networking, policies, prompts, secrets, tools

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    policies.no_done_criteria,
    policies.no_uncertainty_policy,
    policies.no_outputs,
    prompts.output_path_elsewhere,
    prompts.placeholder_in_prompt,
    prompts.volatile_prompt,
    prompts.uncertainty_contradicted,
    policies.unused_input,
    tools.read_only_not_enforced,
    tools.ask_unanswered,
    tools.write_gate_open,
    tools.named_tool_off,
    tools.unrecoverable_custom_tool,
    tools.outputs_without_writer,
    tools.ask_always_allowed,
    networking.install_in_prompt,
    networking.host_not_allowed,
    networking.wildcard_without_domain,
    networking.web_tools_closed,
    networking.unused_environment,
    networking.unpinned_package,
    budgets.no_budget,
    budgets.budget_without_dollars,
    budgets.unknown_model,
    budgets.retired_model,
    budgets.retiring_model,
    secrets.secret_in_text,
    secrets.secret_from_environment,
)
