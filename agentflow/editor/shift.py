"""From the lines of a text to those of an older one: what is known of that still holds where they agree.

While somebody types, a file may be in no state to be read. What was known of it before is of use for
all lines above and below those that changed.
"""

from __future__ import annotations

import re
from functools import cached_property

__all__ = ["Shift"]

_LINE = re.compile(r"\r\n|\r|\n")


class Shift:
    def __init__(self, old: str, new: str) -> None:
        """Compare two texts; how their lines end makes no difference."""
        self._same = old == new
        self._texts = old, new

    @cached_property
    def _bounds(self) -> tuple[int, int, int]:
        """How many lines agree at the top and at the bottom, and how many more the new text has."""
        old, new = (_LINE.split(text.removeprefix("\ufeff")) for text in self._texts)
        least = min(len(old), len(new))
        top = next((n for n in range(least) if old[n] != new[n]), least)
        bottom = next((n for n in range(least - top) if old[-1 - n] != new[-1 - n]), least - top)
        return top, len(old) - bottom, len(new) - len(old)

    def old(self, line: int) -> int | None:
        """The line of the old text that a line of the new one is. None: it has changed. From 1."""
        if self._same:
            return line
        top, changed_to, more = self._bounds
        if line <= top:
            return line
        return line - more if line - more > changed_to else None

    def new(self, line: int) -> int | None:
        """The line of the new text that a line of the old one is. None: it is gone. From 1."""
        if self._same:
            return line
        top, changed_to, more = self._bounds
        if line <= top:
            return line
        return line + more if line > changed_to else None
