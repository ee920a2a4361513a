"""The policy of an agent as a test runs it: nothing in it reaches beyond this machine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agentflow.compiler.manifest import AgentPolicy, CustomToolPolicy
from agentflow.testing.workers import STUB

__all__ = ["offline"]


def offline(policy: AgentPolicy, stubs: Collection[str] | None) -> AgentPolicy:
    """The policy with requests taken out of it: of custom tools, and to those who answer by webhook.

    Args:
        policy: as it was compiled.
        stubs: tools that are answered without being run. None: all that have code.
    """
    custom = {
        name: _stubbed(name, tool) if _is_stub(name, tool, stubs) else tool
        for name, tool in policy.custom.items()
    }
    uncertainty = policy.uncertainty
    return replace(
        policy,
        custom=custom,
        approvals=tuple(replace(rule, webhook=None) for rule in policy.approvals),
        uncertainty=None if uncertainty is None else replace(uncertainty, webhook=None),
    )


def _is_stub(name: str, tool: CustomToolPolicy, stubs: Collection[str] | None) -> bool:
    if not (tool.run or tool.command or tool.http):
        return stubs is not None and name in stubs  # a question to a person
    return stubs is None or name in stubs or tool.http is not None


def _stubbed(name: str, tool: CustomToolPolicy) -> CustomToolPolicy:
    return replace(tool, run=STUB + name, command=None, http=None, env={})
