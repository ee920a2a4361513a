"""Skills of an agent, by the rules of the service.

https://platform.claude.com/docs/en/managed-agents/skills
"""

from __future__ import annotations

from collections.abc import Iterator

from agentflow import codes
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic
from agentflow.spec.refs import Ref, parse_ref
from agentflow.spec.tool import is_enabled

__all__ = ["check_skills"]


def check_skills(node: AgentNode) -> Iterator[Diagnostic]:
    skills = node.spec.skills
    if not skills:
        return
    if not is_enabled(node.spec.tools.read) and "tools" not in node.spec.raw:
        message = f"Agent {node.spec.name!r} has skills, but cannot read them."
        span = node.span("skills", key=True)
        yield codes.SKILL_UNUSABLE.at(span, message, hint="Write `tools: { read: allow }`.")
    first: dict[str, int] = {}
    for index, text in enumerate(skills):
        ref = parse_ref(text, "skill")
        if ref is None:
            continue
        earlier = first.setdefault(_identity(ref), index)
        if earlier != index:
            message = f"The skill {text!r} is named twice."
            related = ((node.span("skills", earlier), "here already"),)
            span = node.span("skills", index)
            hint = "Remove one of them."
            yield codes.SKILL_UNUSABLE.at(span, message, hint=hint, related=related)


def _identity(ref: Ref) -> str:
    return ref.address or f"anthropic/{ref.anthropic}" if ref.id is None else f"id:{ref.id}"
