"""Apply edits to a text: byte for byte, in any order, never two over each other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from agentflow.diagnostics import Edit
from agentflow.source.text import SourceText

__all__ = ["Placed", "apply_edits", "overlap", "placed"]

_BREAK = re.compile(r"\r\n|\r|\n")


class Placed(NamedTuple):
    """An edit with offsets: `text[start:end]` becomes `new`. Sorted as they stand in the text."""

    start: int
    end: int
    new: str


def placed(source: SourceText, edits: Iterable[Edit]) -> tuple[Placed, ...]:
    """Edits of one file in the order of their places; the same edit twice is one.

    Line breaks of what is inserted become those of the lines around it.

    Raises:
        ValueError: a place is not in the text, or two edits are over each other.
    """
    found: set[Placed] = set()
    for edit in edits:
        span = edit.span
        start = source.offset(span.line, span.column)
        end = source.offset(span.end_line, span.end_column)
        if end < start:
            raise ValueError(f"{span} ends before it begins")
        found.add(Placed(start, end, _BREAK.sub(line_break(source.text, start), edit.text)))
    ordered = tuple(sorted(found))
    for first, second in pairwise(ordered):
        if overlap(first, second):
            raise ValueError(f"{source.file}: two edits at offset {second.start}")
    return ordered


def overlap(first: Placed, second: Placed) -> bool:
    """Whether only one of two edits can be made.

    Of two that touch it is not clear which comes first if one of them inserts.
    """
    if first.start == first.end or second.start == second.end:
        return first.start <= second.end and second.start <= first.end
    return first.start < second.end and second.start < first.end


def line_break(text: str, offset: int) -> str:
    """The one that ends the line at `offset`, or else the one before it; LF in a text of one line."""
    match = _BREAK.search(text, offset)
    if match is not None:
        return match[0]
    found = _BREAK.findall(text, 0, offset)
    return found[-1] if found else "\n"


def apply_edits(source: SourceText, edits: Iterable[Edit]) -> str:
    """The text with the edits made; everything else stays as it is.

    Raises:
        ValueError: see `placed`.
    """
    parts: list[str] = []
    done = 0
    for edit in placed(source, edits):
        parts += [source.text[done : edit.start], edit.new]
        done = edit.end
    parts.append(source.text[done:])
    return "".join(parts)
