"""What a finding concerns, in words that stay when lines move: the spec and the path in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agentflow.compiler.graph import Graph
from agentflow.diagnostics import Diagnostic, Span
from agentflow.records import replace
from agentflow.source.tree import Document, Path

__all__ = ["anchored"]


def anchored(found: Iterable[Diagnostic], graph: Graph) -> Iterator[Diagnostic]:
    """The findings, each with its anchor: `agent/writer tools.bash`, or the file it is in.

    Places in lists are not counted: `approvals[].tool` stays what it is if an item comes before.
    """
    by_file: dict[str, list[Document]] = {}
    for document in graph.documents:
        by_file.setdefault(document.file, []).append(document)
    for problem in found:
        if problem.span is None:
            yield problem
        else:
            yield replace(problem, anchor=_anchor(problem.span, by_file))


def _anchor(span: Span, by_file: dict[str, list[Document]]) -> str:
    # The last that begins before it: between two documents there is nothing to find.
    for document in reversed(by_file.get(span.file, ())):
        if _start(document.span(())) <= _start(span) or document.index == 0:
            return f"{_address(document)} {_words(_path_at(document, span))}".rstrip()
    return span.file


def _address(document: Document) -> str:
    """Kind and name as they are written; the file of a document that has none."""
    data = document.data
    if isinstance(data, dict):
        kind, name = data.get("kind"), data.get("name")
        if isinstance(kind, str) and isinstance(name, str):
            return f"{kind.lower()}/{name}"
    return document.file


def _path_at(document: Document, span: Span) -> Path:
    """The innermost value that a place is in, or whose key it is."""
    path: Path = ()
    value: Any = document.data
    while isinstance(value, dict | list):
        children: Iterable[tuple[str | int, Any]]
        children = value.items() if isinstance(value, dict) else enumerate(value)
        inside = next(
            (child for child in children if _has(document, (*path, child[0]), span)), None
        )
        if inside is None:
            break
        path, value = (*path, inside[0]), inside[1]
    return path


def _has(document: Document, path: Path, span: Span) -> bool:
    key, value = document.span(path, key=True), document.span(path)
    return _start(key) <= _start(span) < (value.end_line, value.end_column) or key == span


def _start(span: Span) -> tuple[int, int]:
    return span.line, span.column


def _words(path: Path) -> str:
    """`("tools", "bash")` -> `tools.bash`; the item of a list is `[]`."""
    return "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
