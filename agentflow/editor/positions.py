"""Places as editors count them: lines from 0, and columns in the code units of an encoding.

A `Span` counts characters from 1. Editors agree with the server on UTF-8, UTF-16 or UTF-32 units, and
UTF-16 is what all of them know: a character beyond U+FFFF counts twice there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from agentflow.diagnostics import Span

__all__ = ["Place", "Text", "characters", "units"]

_LINE = re.compile(r"\r\n|\r|\n")
_BYTES = {"utf-8": 1, "utf-16": 2}
_CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le"}
_BOM = "\ufeff"


class Place(NamedTuple):
    """As an editor has it."""

    line: int
    """From 0."""
    unit: int
    """Code units from the start of the line, from 0."""


def units(text: str, encoding: str) -> int:
    """How many code units of `utf-8`, `utf-16` or `utf-32` a text has."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    return len(text.encode(_CODECS[encoding], "surrogatepass")) // _BYTES[encoding]


def characters(text: str, count: int, encoding: str) -> int:
    """How many whole characters the first `count` code units of a text are; at most all of it."""
    if encoding == "utf-32" or text.isascii():
        return min(max(count, 0), len(text))
    left = count
    for number, character in enumerate(text):
        left -= units(character, encoding)
        if left < 0:
            return number
    return len(text)


class Text:
    """A text, for questions about its places. A byte order mark at its start is in no `Span`."""

    def __init__(self, text: str, encoding: str) -> None:
        self.encoding = encoding
        self._mark = units(_BOM, encoding) if text.startswith(_BOM) else 0
        self.text = text.removeprefix(_BOM)
        self.starts = [0, *(match.end() for match in _LINE.finditer(self.text))]

    def line(self, number: int) -> str:
        """A line without its break, counted from 0; empty behind the last."""
        if not 0 <= number < len(self.starts):
            return ""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end].rstrip("\r\n")

    def place(self, line: int, column: int) -> Place:
        """Where a character is, both counted from 1 as in a `Span`. Behind the end of a line: its end."""
        at = units(self.line(line - 1)[: max(column - 1, 0)], self.encoding)
        return Place(max(line - 1, 0), at + (self._mark if line <= 1 else 0))

    def range(self, span: Span) -> tuple[Place, Place]:
        """Start and end of a span of this text; what lies behind the last line ends with it."""
        return self._within(span.line, span.column), self._within(span.end_line, span.end_column)

    def _within(self, line: int, column: int) -> Place:
        last = len(self.starts)
        if line > last:
            return self.place(last, len(self.line(last - 1)) + 1)
        return self.place(line, column)

    def offset(self, place: Place) -> int:
        """The character at a place, counted from 0; the end of the line, or of the text, behind it."""
        if place.line >= len(self.starts):
            return len(self.text)
        unit = place.unit - (self._mark if place.line == 0 else 0)
        line = self.line(place.line)
        return self.starts[place.line] + characters(line, unit, self.encoding)

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column of the character at a place, from 1 as in a `Span`."""
        offset = self.offset(place)
        line = min(place.line, len(self.starts) - 1)
        return line + 1, offset - self.starts[line] + 1
