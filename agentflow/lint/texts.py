"""Everything an agent reads, text by text: its prompt, its task, and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow.compiler.fragments import Fragments, template_parts
from agentflow.compiler.graph import AgentNode, TemplateText

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["agent_texts"]


def agent_texts(
    agent: AgentNode, *, fragments: Fragments, files: Files | None
) -> Iterator[tuple[str, TemplateText]]:
    """Each text with what it is part of: `prompt`, `tools section` and others, `task`.

    The prompt itself is the first. A file or a fragment that several of them hold comes with each.

    Args:
        files: where includes are read from. None: files that are included are left out.
    """
    wholes = [("prompt", agent.prompt)]
    wholes += [(f"{name} section", text) for name, text in agent.sections.items()]
    wholes += [("task", agent.task)] if agent.task is not None else []
    for field, whole in wholes:
        for part in template_parts(whole, fragments=fragments, files=files):
            yield field, part.text
