"""Reading a prompt the way a person would: what is code, what is a template tag, what is denied.

Offsets always refer to the text as written, so that a finding can point at the very word. Prose is
ambiguous; these helpers prefer to miss something over accusing a harmless sentence.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from agentflow.compiler.graph import TemplateText
from agentflow.diagnostics import Span

__all__ = ["Prose"]

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FENCE = re.compile(
    r"^[ \t]*(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"(?<!`)(`+)(?!`)[^`\n]+?\1(?!`)")
_NOT_NEWLINE = re.compile(r"[^\n]")
_BOUNDARY = re.compile(r"[.!?;](?=\s|$)|\n[ \t]*\n|\n(?=[ \t]*(?:[-*+#>]|\d+[.)])[ \t])|\A")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|without|avoid|cannot|instead of|rather than|refrain|forbidden"
    r"|prohibited|disallowed|refuse|unless|already)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


def _blank(match: re.Match[str]) -> str:
    return _NOT_NEWLINE.sub(" ", match[0])


class Prose:
    """A prompt or a task."""

    def __init__(self, source: TemplateText) -> None:
        self.source = source

    @cached_property
    def text(self) -> str:
        """As written, but with every template tag blanked."""
        return _TAG.sub(_blank, self.source.text) if "{" in self.source.text else self.source.text

    @cached_property
    def words(self) -> str:
        """`text` with fenced and inline code blanked too."""
        if "`" not in self.text and "~~~" not in self.text:
            return self.text
        return _INLINE.sub(_blank, _FENCE.sub(_blank, self.text))

    @cached_property
    def _starts(self) -> Sequence[int]:
        return [match.end() for match in _BOUNDARY.finditer(self.text)]

    def find(self, pattern: re.Pattern[str], *, code: bool = True) -> Iterator[re.Match[str]]:
        """Matches that the sentence does not deny. `code`: also within code."""
        for match in pattern.finditer(self.text if code else self.words):
            if not self.is_denied(match.start()):
                yield match

    def sentence_before(self, position: int) -> str:
        """The sentence or list item that `position` is in, up to there."""
        start = self._starts[bisect_right(self._starts, position) - 1]
        return self.text[start:position]

    def sentence_around(self, position: int) -> str:
        index = bisect_right(self._starts, position)
        end = self._starts[index] if index < len(self._starts) else len(self.text)
        return self.text[self._starts[index - 1] : end]

    def is_denied(self, position: int) -> bool:
        """Whether a negation comes before, in the sentence or in what leads into its list."""
        before = self.sentence_before(position)
        if _NEGATION.search(before):
            return True
        return _ITEM.match(before) is not None and bool(
            _NEGATION.search(self._lead_in(position - len(before)))
        )

    def _lead_in(self, position: int) -> str:
        """The last line before a list: a heading or `Never do these:`."""
        for line in reversed(self.text[:position].splitlines()):
            if line.strip() and not _ITEM.match(line) and not line.startswith(("  ", "\t")):
                return line
        return ""

    def span(self, match: re.Match[str], group: int | str = 0) -> Span:
        return self.source.span(match.start(group), match.end(group))
