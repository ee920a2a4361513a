"""Edits that rules propose: of a value that stands in the file as it is."""

from __future__ import annotations

from typing import Any

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Edit, Fix
from agentflow.source.tree import Path

__all__ = ["add_behind", "remove", "rewrite"]


def remove(bound: Bound[Any], path: Path, what: str, *, safe: bool) -> Fix | None:
    """Take out the entry at `path`; see `source.cuts`. `what`: how the title calls it."""
    from agentflow.source.cuts import cut

    edit = cut(bound.document, path)
    return None if edit is None else Fix(f"Remove {what}", (edit,), safe=safe)


def add_behind(bound: Bound[Any], path: Path, text: str) -> Fix | None:
    """Add an item to a list, behind the one at `path`. Never safe: the meaning changes."""
    from agentflow.source.cuts import insert_after

    edit = insert_after(bound.document, path, text)
    return None if edit is None else Fix(f"Add {text!r}", (edit,), safe=False)


def rewrite(bound: Bound[Any], path: Path, old: str, new: str) -> Fix | None:
    """Replace the text `old` that the value at `path` begins with. Never safe: the meaning changes.

    None: the value is not written out there, for instance because a variable stands for it.
    """
    document = bound.document.origin(path).document
    span = bound.span(*path)
    lines = document.source.split("\n")
    if span.file != document.file or span.line > len(lines):
        return None
    line = lines[span.line - 1]
    quote = line[span.column - 1 : span.column] in ('"', "'")
    start = span.column - 1 + quote
    if not line.startswith(old, start):
        return None
    place = type(span)(span.file, span.line, start + 1, span.line, start + 1 + len(old))
    return Fix(f"Write {new!r} for {old!r}", (Edit(place, new),), safe=False)
