"""An agent as a test runs it: nothing of it reaches beyond this machine.

What the embedded service does not have (vaults, memory stores, repositories, skills, graders) is left out, and
so are the packages of environments: in a test a script plays the model, and what it would find is in the script.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import AgentPolicy, CustomToolPolicy, Resource
from agentflow.testing.workers import STUB

__all__ = ["offline", "offline_payload", "played"]


_PLAYED = ("agent", "environment", "file")
"""Kinds of resources that a test has."""


def offline_payload(resource: Resource, *, team: bool, ids: Mapping[str, str]) -> dict[str, Any]:
    """A payload with what the embedded service can have.

    Args:
        resource: an agent or an environment.
        team: somebody plays the members of its team.
        ids: of what was created before, by address.
    """
    payload = dict(resource.payload)
    if resource.kind == "agent":
        payload["skills"] = []
        if not team:
            payload["multiagent"] = None
    if resource.kind == "environment":
        # Installing them takes a network and minutes; what runs in a test is mostly a stub.
        payload["config"] = {k: v for k, v in payload["config"].items() if k != "packages"}
    filled: dict[str, Any] = late.fill(
        payload, lambda address, field: "1" if field == "version" else ids.get(address)
    )
    return filled


def played(resources: Sequence[Resource]) -> list[Resource]:
    """Those that a test creates, each after what it refers to."""
    waiting = {one.address: one for one in resources if one.kind in _PLAYED}
    ordered: list[Resource] = []
    while waiting:
        ready = [one for one in waiting.values() if not waiting.keys() & set(one.depends_on)]
        assert ready, "references of a manifest make no circle"
        for one in ready:
            ordered.append(waiting.pop(one.address))
    return ordered


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
    uncertainty, session = policy.uncertainty, policy.session
    files = tuple(one for one in session.resources if one.get("type") == "file")
    return replace(
        policy,
        custom=custom,
        session=replace(session, resources=files, vault_ids=(), outcome=None),
        approvals=tuple(replace(rule, webhook=None) for rule in policy.approvals),
        uncertainty=None if uncertainty is None else replace(uncertainty, webhook=None),
    )


def _is_stub(name: str, tool: CustomToolPolicy, stubs: Collection[str] | None) -> bool:
    if not (tool.run or tool.command or tool.http):
        return stubs is not None and name in stubs  # a question to a person
    return stubs is None or name in stubs or tool.http is not None


def _stubbed(name: str, tool: CustomToolPolicy) -> CustomToolPolicy:
    return replace(tool, run=STUB + name, command=None, http=None, env={})
