"""A project after `resolve`: typed specs bound to each other, each still knowing where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agentflow.diagnostics import Span
from agentflow.source.tree import Document, Path
from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.project import ProjectSpec, TargetSpec

__all__ = ["AgentNode", "Bound", "Graph", "Misshapen", "TemplateText"]

S = TypeVar("S", bound=SpecModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound(Generic[S]):
    """A spec and the document it came from."""

    address: str
    spec: S
    document: Document

    def span(self, *path: str | int, key: bool = False) -> Span:
        """Where the value at `path` stands, or its key; of the nearest parent if it is absent."""
        return self.document.span(path, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """A template and where its characters stand: in a YAML scalar, or as a file of its own."""

    name: str
    """Project-relative path of the file the text is in."""
    text: str
    document: Document | None
    """None: the text is the whole of the file `name`."""
    path: Path
    """Of the scalar in `document`; empty for a file."""

    def span(self, start: int, end: int) -> Span:
        """The place of `text[start:end]`; of the whole scalar where YAML folded or escaped it."""
        if self.document is not None:
            return self.document.text_span(self.path, start, end)
        line = self.text.count("\n", 0, start) + 1
        column = start - (self.text.rfind("\n", 0, start) + 1) + 1
        end_line = self.text.count("\n", 0, end) + 1
        end_column = end - (self.text.rfind("\n", 0, end) + 1) + 1
        return Span(self.name, line, column, end_line, end_column)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode(Bound[AgentSpec]):
    prompt: TemplateText
    task: TemplateText | None
    vars: Mapping[str, Any]
    """Every variable the agent sees, with its value: the project's, the target's, its own."""
    environment: str | None
    """Address of an Environment in this graph, or `id:env_…`. None: not said."""

    def templates(self) -> Misshapen:
        """What can be checked of it when it cannot be rendered."""
        return Misshapen(
            prompt=self.prompt, task=self.task, vars=self.vars, inputs=tuple(self.spec.inputs)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Misshapen:
    """The templates of an agent whose spec has errors: they can be checked all the same."""

    prompt: TemplateText | None
    task: TemplateText | None
    vars: Mapping[str, Any]
    inputs: tuple[str, ...]
    """Names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    project: Bound[ProjectSpec]
    target_name: str
    target: TargetSpec
    agents: Mapping[str, AgentNode]
    """By name, sorted."""
    environments: Mapping[str, Bound[EnvironmentSpec]]
    """By name, sorted."""
    documents: tuple[Document, ...]
    """All documents of the project, also those that did not become a spec."""
    misshapen: tuple[Misshapen, ...] = ()
