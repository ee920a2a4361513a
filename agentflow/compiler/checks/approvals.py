"""Approval rules: each names a tool that exists and asks, arguments it has, and can be reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from agentflow import codes
from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.toolcard import ToolCard
from agentflow.diagnostics import Diagnostic, Fix
from agentflow.nearest import did_you_mean, one_of
from agentflow.source.cuts import cut
from agentflow.spec.agent import AgentSpec, ApprovalRule
from agentflow.spec.tool import BUILT_IN_TOOLS, declared_tools

__all__ = ["BUILT_IN_ARGUMENTS", "check_approvals"]

BUILT_IN_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "bash": ("command", "restart", "timeout_ms"),
    "read": ("file_path", "view_range"),
    "write": ("file_path", "content"),
    "edit": ("file_path", "old_string", "new_string", "replace_all"),
    "glob": ("pattern", "path"),
    "grep": ("pattern", "path"),
    "web_search": ("query",),
    "web_fetch": ("url",),
}
"""https://platform.claude.com/docs/en/managed-agents/tools; those of the web tools from their calls."""


def check_approvals(node: AgentNode, cards: Mapping[str, ToolCard]) -> Iterator[Diagnostic]:
    policies = _policies(node.spec)
    # `auto` asks when the service reaches no judgement.
    asking = {name for name, policy in policies.items() if policy in {"ask", "auto"}}
    for index, rule in enumerate(node.spec.approvals):
        matched = _meant(rule.tool, policies)
        if not matched:
            if not _taken_away(node, rule):
                yield _unknown_tool(node, index, rule, policies)
        elif not matched & asking:
            yield _never_asks(node, index, rule, matched)
        else:
            yield from _arguments(node, index, rule, matched & asking, cards)
            yield from _unreachable(node, index, matched & asking, asking)


def _taken_away(node: AgentNode, rule: ApprovalRule) -> bool:
    """Whether the spec has the tool, and only an overlay or `--set` takes it away: that is never wrong."""
    spec = node.reviewed.spec if node.reviewed is not None else None
    return spec is not None and rule in spec.approvals and bool(_meant(rule.tool, _policies(spec)))


def _policies(agent: AgentSpec) -> dict[str, str]:
    """Every tool the agent has, with its policy; `server.*` stands for those not named."""
    found: dict[str, str] = {n: t.policy for n, t in declared_tools(agent.tools).items()}
    found |= {name: tool.policy for name, tool in agent.custom.items()}
    for server, spec in agent.mcp.items():
        # Also those that are off: a rule for one of them must not count as one for the others.
        found |= {f"{server}.{name}": tool.policy for name, tool in spec.tools.items()}
        found[f"{server}{_OTHERS}"] = spec.others
    return found


_OTHERS = ".*"


def _meant(rule: str, policies: Mapping[str, str]) -> set[str]:
    """The tools that a rule is about, those that are off left out."""
    names = {name for name in policies if not name.endswith(_OTHERS) and fnmatchcase(name, rule)}
    if rule not in policies:
        names |= {name for name in policies if name.endswith(_OTHERS) and globs_meet(rule, name)}
    return {name for name in names if policies[name] != "off"}


def _all_of(rule: str, names: Iterable[str]) -> set[str]:
    """The tools that a rule takes every call of."""
    return {name for name in names if fnmatchcase(name, rule)}


def _unknown_tool(
    node: AgentNode, index: int, rule: ApprovalRule, policies: Mapping[str, str]
) -> Diagnostic:
    span = node.span("approvals", index, "tool")
    server = rule.tool.partition(".")[0]
    if policies.get(rule.tool) == "off" and rule.tool not in BUILT_IN_TOOLS:
        message = f"The rule is about {rule.tool!r}, which is off."
        hint = (
            f"Write `{rule.tool.rpartition('.')[2]}: ask` below `mcp.{server}.tools`, or remove it."
        )
    elif rule.tool in BUILT_IN_TOOLS:
        message = f"The rule is about {rule.tool!r}, which this agent does not have."
        hint = f"Write `{rule.tool}: ask` below `tools`, or remove the rule."
    else:
        message = f"No tool of this agent is named {rule.tool!r}."
        have = [name for name, policy in policies.items() if policy != "off"]
        hint = did_you_mean(rule.tool, have) or (
            f"It has {one_of(have, joined='and')}." if have else "It has no tools."
        )
    return codes.APPROVAL_TOOL.at(span, message, hint=hint)


def _never_asks(node: AgentNode, index: int, rule: ApprovalRule, matched: set[str]) -> Diagnostic:
    name = min(matched)
    tool = f"{name!r}" if rule.tool == name else f"{rule.tool!r} ({one_of(sorted(matched))})"
    message = f"The rule is about {tool}, which never asks, so it decides nothing."
    place = "policy: ask" if name in node.spec.custom else f"{name.rpartition('.')[2]}: ask"
    if name.endswith(_OTHERS):
        place = "others: ask"
    hint = f"Write `{place}` where the tool is declared, or remove the rule."
    return codes.APPROVAL_TOOL.at(node.span("approvals", index, "tool"), message, hint=hint)


def _arguments(
    node: AgentNode, index: int, rule: ApprovalRule, tools: set[str], cards: Mapping[str, ToolCard]
) -> Iterator[Diagnostic]:
    known: set[str] = set()
    for name in tools:
        if name in BUILT_IN_ARGUMENTS:
            known.update(BUILT_IN_ARGUMENTS[name])
        elif "." in name:
            return  # the server alone knows the arguments of its tools
        elif name in cards:
            properties = cards[name].input_schema.get("properties")
            known.update(properties if isinstance(properties, Mapping) else ())
        else:
            return  # its schema has errors that are reported already
    for argument in rule.match:
        if argument not in known:
            named = one_of(map(repr, sorted(tools)), joined="and")
            verb = "The tool {} has" if len(tools) == 1 else "The tools {} have"
            message = f"{verb.format(named)} no argument {argument!r}."
            hint = (
                did_you_mean(argument, known)
                or f"Arguments are {one_of(sorted(known), joined='and')}."
            )
            span = node.span("approvals", index, "match", argument, key=True)
            yield codes.APPROVAL_ARGUMENT.at(span, message, hint=hint)


def _unreachable(
    node: AgentNode, index: int, mine: set[str], asking: set[str]
) -> Iterator[Diagnostic]:
    """A rule before this one takes every call that this one could match."""
    rules = node.spec.approvals
    for before in range(index):
        taken = _all_of(rules[before].tool, asking)
        if rules[before].tool == rules[index].tool:
            taken = mine
        narrower = rules[before].match.items() <= rules[index].match.items()
        if mine <= taken and narrower:
            message = f"Rule {index + 1} is never reached: rule {before + 1} takes the same calls."
            related = ((node.span("approvals", before), f"rule {before + 1}"),)
            hint = "The first match wins: put the narrower rule first."
            span = node.span("approvals", index)
            edit = cut(node.document, ("approvals", index))
            fix = Fix("Remove the rule", (edit,), safe=False) if edit else None
            yield codes.APPROVAL_UNREACHABLE.at(span, message, hint=hint, related=related, fix=fix)
            return
