"""A line of source with marks under a part of it, as wide as a terminal shows it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from agentflow.records import NamedTuple

__all__ = ["Excerpt", "excerpt", "printable"]

MAX_WIDTH = 100
"""Columns of a line that are shown; longer ones are cut around the mark."""
_CONTEXT = 30
_TAB = 4
_HIDDEN = "\N{REPLACEMENT CHARACTER}"
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Excerpt(NamedTuple):
    line: str
    marks: str
    """Spaces, then one `^` for each column that is meant; at least one."""


def _is_hidden(char: str) -> bool:
    """Whether printing it could move the cursor, turn text around or change its colour."""
    return char in _BIDI or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    """`text` on one or more lines, without characters that would do something to a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_HIDDEN if char != "\n" and _is_hidden(char) else char for char in text)


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cells(line: str, masked: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    """What is shown for each character, and how many columns it takes."""
    cells: list[tuple[str, int]] = []
    column = 0
    for index, char in enumerate(line):
        if any(start <= index < end for start, end in masked):
            shown, width = "*", 1
        elif char == "\t":
            width = _TAB - column % _TAB
            shown = " " * width
        else:
            shown = _HIDDEN if _is_hidden(char) else char
            width = _width(shown)
        cells.append((shown, width))
        column += width
    return cells


def excerpt(line: str, start: int, end: int, *, masked: Sequence[tuple[int, int]] = ()) -> Excerpt:
    """Show `line` with `line[start:end]` marked.

    Args:
        line: without its line break.
        start: index of the first character that is meant.
        end: exclusive; may lie behind the line. Nothing between: one mark at `start`.
        masked: ranges of characters that are shown as `*`.
    """
    cells = _cells(line, masked)
    end = min(end, len(cells))
    start = min(start, len(cells))
    first, last = _window(cells, start, end)
    left = "…" if first > 0 else ""
    right = "…" if last < len(cells) else ""
    before = len(left) + _columns(cells[first:start])
    meant = _columns(cells[start : min(end, last)])
    shown = left + "".join(text for text, _ in cells[first:last]) + right
    return Excerpt(shown.rstrip(), " " * before + "^" * max(meant, 1))


def _columns(cells: Sequence[tuple[str, int]]) -> int:
    return sum(width for _, width in cells)


def _window(cells: Sequence[tuple[str, int]], start: int, end: int) -> tuple[int, int]:
    """The range of characters to show: the whole line, or what fits from a little before the mark."""
    if _columns(cells) <= MAX_WIDTH:
        return 0, len(cells)
    first = 0
    if _columns(cells[:end]) > MAX_WIDTH:
        first = start
        while first > 0 and _columns(cells[first - 1 : start]) <= _CONTEXT:
            first -= 1
    last = first
    width = 0
    while last < len(cells) and width + cells[last][1] <= MAX_WIDTH:
        width += cells[last][1]
        last += 1
    return first, last
