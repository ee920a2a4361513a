"""Fragments without a project around them."""

from __future__ import annotations

from agentflow.compiler.fragments import Fragment, Fragments, Param
from agentflow.compiler.graph import TemplateText

__all__ = ["fragment", "fragments"]


def fragment(name: str, text: str, /, **params: Param) -> Fragment:
    """A fragment in a file of its own, `fragments/<name>.md`."""
    template = TemplateText(name=f"fragments/{name}.md", text=text, document=None, path=())
    return Fragment(name=name, template=template, params=params)


def fragments(*each: Fragment) -> Fragments:
    return {one.name: one for one in each}
