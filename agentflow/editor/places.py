"""What stands at a place of a spec: the path in its document, and whether it is a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from agentflow.diagnostics import Span
from agentflow.source.tree import Document, Path, value_at

__all__ = ["At", "document_at", "place_at"]


class At(NamedTuple):
    document: Document
    path: Path
    is_key: bool
    span: Span
    """Of the key, or of the value."""

    @property
    def value(self) -> Any:
        return value_at(self.document.data, self.path)


def document_at(documents: Sequence[Document], line: int) -> Document | None:
    """The document that a line belongs to: the last one that has begun by then."""
    begun = [document for document in documents if document.span(()).line <= line]
    return begun[-1] if begun else None


def place_at(documents: Sequence[Document], line: int, column: int) -> At | None:
    """The innermost key or value at a character, counted from 1, or right before it.

    None: there is no document.
    """
    document = document_at(documents, line)
    if document is None:
        return None
    here = (line, column)
    path: Path = ()
    while True:
        for step, key, value in _children(document, path):
            if key is not None and _holds(key, here):
                return At(document, (*path, step), is_key=True, span=key)
            if _holds(value, here) and value != key:
                path = (*path, step)
                break
        else:
            return At(document, path, is_key=False, span=document.span(path))


def _children(document: Document, path: Path) -> Iterator[tuple[str | int, Span | None, Span]]:
    """What stands right below: the step, the place of its key, and that of its value."""
    value = value_at(document.data, path)
    steps: Iterable[str | int] = ()
    if isinstance(value, dict):
        steps = value
    elif isinstance(value, list):
        steps = range(len(value))
    for step in steps:
        inner = (*path, step)
        key = document.span(inner, key=True) if isinstance(step, str) else None
        yield step, key, document.span(inner)


def _holds(span: Span, here: tuple[int, int]) -> bool:
    return (span.line, span.column) <= here <= (span.end_line, span.end_column)
