"""Offsets in a text, and the lines and columns people count."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from agentflow.diagnostics import Span
from agentflow.patterns import regex

__all__ = ["SourceText"]

_LINE_BREAK = regex(r"\r\n|\r|\n")


class SourceText:
    """The text of one file. Offsets count characters from 0."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    @cached_property
    def mentions_substitution(self) -> bool:
        """Whether `${` stands in it; kept, because a file may hold a thousand specs."""
        return "${" in self.text

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of the character at `offset`, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a place: `position` the other way round.

        Raises:
            ValueError: there is no such place.
        """
        if not 1 <= line <= len(self._starts) or column < 1:
            raise ValueError(f"{self.file} has no place {line}:{column}")
        offset = self._starts[line - 1] + column - 1
        if offset > (self._starts[line] if line < len(self._starts) else len(self.text)):
            raise ValueError(f"{self.file} has no place {line}:{column}")
        return offset

    def span(self, start: int, end: int) -> Span:
        """The place of `text[start:end]`."""
        return Span(self.file, *self.position(start), *self.position(end))

    def line_bounds(self, line: int) -> tuple[int, int]:
        """Start and end offset of a line, counted from 1, without its line break."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start, start + len(self.text[start:end].rstrip("\r\n"))

    @property
    def line_count(self) -> int:
        return len(self._starts)
