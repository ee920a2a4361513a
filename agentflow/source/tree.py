"""A parsed YAML document: its data, and the place of every key and value in it."""

from __future__ import annotations

from agentflow.diagnostics import Span

__all__ = ["Document", "Path"]

Path = tuple[str | int, ...]
"""From the root of a document: mapping keys and sequence indices."""


class Document:
    """Stand-in until the reader lands."""

    def span(self, path: Path, *, key: bool = False) -> Span:
        raise NotImplementedError

    def text_span(self, path: Path, start: int, end: int) -> Span:
        raise NotImplementedError
