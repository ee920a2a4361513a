"""Resources that need each other's ids, and so can be created in no order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentflow import codes
from agentflow.compiler import late
from agentflow.compiler.graph import Bound, Graph
from agentflow.compiler.manifest import Resource
from agentflow.diagnostics import Diagnostic
from agentflow.source.tree import Path

__all__ = ["circles"]


def circles(graph: Graph, resources: Sequence[Resource]) -> Iterator[Diagnostic]:
    """One problem for each circle, at the reference that closes it.

    Args:
        resources: sorted by address; they depend only on each other.
    """
    needs = {resource.address: resource.depends_on for resource in resources}
    done: set[str] = set()
    for start in needs:
        # A path of addresses, each with what is still to be followed from it.
        path: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            path.append((start, iter(needs[start])))
        while path:
            address, rest = path[-1]
            target = next(rest, None)
            if target is None:
                done.add(address)
                path.pop()
                continue
            names = [name for name, _ in path]
            if target in names:
                yield _problem(graph, [*names[names.index(target) :], target])
            elif target not in done:
                path.append((target, iter(needs[target])))


def _problem(graph: Graph, circle: Sequence[str]) -> Diagnostic:
    bound = graph.bound(circle[-2])
    assert bound is not None, f"{circle[-2]} is in the manifest, and not in the graph"
    message = f"No order of creation is possible: {' needs '.join(circle)}."
    if len(circle) == 2:
        message = f"{circle[0]} needs its own id before it exists."
    span = bound.span(*_place(graph, bound, circle[-1]))
    return codes.REFERENCE_CYCLE.at(span, message, hint="Take one of these references out.")


def _place(graph: Graph, bound: Bound[Any], target: str) -> Path:
    """Where a spec refers to `target`: by `${ref.…}`, or in a field for references."""
    marks = _holding(bound.document.data, late.opening(*target.split("/")), ())
    fields = (
        reference.path
        for reference in graph.references
        if (reference.source, reference.target) == (bound.address, target)
        and reference.path != ("extends",)
    )
    return next(marks, None) or next(fields, ())


def _holding(value: Any, text: str, path: Path) -> Iterator[Path]:
    """Paths of the strings that hold `text`."""
    if isinstance(value, str):
        if text in value:
            yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _holding(item, text, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _holding(item, text, (*path, index))
