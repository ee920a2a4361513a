"""Where each value of a manifest was written, by address and path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.diagnostics import Span
from agentflow.spec.project import ProjectSpec

__all__ = ["Sources"]

_WHOLE = (
    "title",
    "model",
    "prompt",
    "task",
    "environment",
    "identity",
    "team",
    "session",
    "uncertainty",
    "outcome",
    "scratch",
    "repair",
    "budget",
)
_BY_KEY = (
    "budget",
    "inputs",
    "tools",
    "mcp",
    "custom",
    "files",
    "repositories",
    "outputs",
    "sections",
)
_BY_INDEX = ("approvals", "done", "skills", "memory", "vaults")


class Sources(Mapping[str, Span]):
    """`agent/x` for the whole of a spec, `agent/x#budget.usd` for a value of an agent.

    Looked for when the first place is asked for: lint never does, and there are many.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @cached_property
    def _places(self) -> Mapping[str, Span]:
        return dict(_sources(self._graph))

    def __getitem__(self, address: str) -> Span:
        return self._places[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __bool__(self) -> bool:
        return True


def _sources(graph: Graph) -> Iterator[tuple[str, Span]]:
    for bound in (
        *graph.environments.values(),
        *graph.deployments.values(),
        *graph.vaults.values(),
        *graph.memory_stores.values(),
        *graph.skills.values(),
    ):
        yield bound.address, bound.span("name")
    for vault in graph.vaults.values():
        for name in vault.spec.credentials:
            yield f"{vault.address}.{name}", vault.span("credentials", name, key=True)
    for node in graph.agents.values():
        yield from _agent_sources(node, graph.project)


def _agent_sources(node: AgentNode, project: Bound[ProjectSpec]) -> Iterator[tuple[str, Span]]:
    address, data = node.address, node.document.data
    yield address, node.span("name")
    for field in _WHOLE:
        if field in data:
            yield f"{address}#{field}", node.span(field)
    for field in _BY_KEY:
        for key in _keys(data.get(field)):
            yield f"{address}#{field}.{key}", _entry(node, field, key)
    if node.spec.budget is not None and node.spec.budget.pools:
        # The limits of a pool stand in the project: that is the place to change them.
        for name in node.spec.budget.pools:
            yield f"{address}#budget.pools.{name}", _entry(project, "pools", name)
    for field in _BY_INDEX:
        for index in _keys(data.get(field)):
            yield f"{address}#{field}.{index}", node.span(field, index)


def _keys(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _entry(node: Bound[Any], field: str, key: str) -> Span:
    """From the key to the end of its value where both are on one line; else the key alone."""
    name, value = node.span(field, key, key=True), node.span(field, key)
    if (name.file, name.line) != (value.file, value.end_line):
        return name
    return Span(name.file, name.line, name.column, value.end_line, value.end_column)
