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

__all__ = ["Prose", "lowered", "phrases"]

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_FENCE = re.compile(
    r"^[ \t]*(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)", re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"(`+)[^`\n]+?(?<!`)\1(?!`)")
_SPACE = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|( )")
_GAP = r"(?:[ \t]+(?:\n[ \t]*)?|\n[ \t]*)"
_NOT_NEWLINE = re.compile(r"[^\n]")
_BOUNDARY = re.compile(r"[.!?;](?=\s|$)|\n[ \t]*\n|\n(?=[ \t]*(?:[-*+#>]|\d+[.)])[ \t])|\A")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|without|avoid|cannot|instead of|rather than|refrain|forbidden"
    r"|prohibited|disallowed|refuse|unless|already)\b|n['\u2019]t\b"
)


def _blank(match: re.Match[str]) -> str:
    return _NOT_NEWLINE.sub(" ", match[0])


def phrases(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which a space also stands for a line break, as in wrapped text."""
    return re.compile(
        _SPACE.sub(lambda found: _GAP if found[1] else found[0], pattern), re.MULTILINE
    )


def lowered(text: str) -> str:
    """`text` in lower case and of the same length."""
    return text.replace("\u0130", "i").lower()  # the only letter whose lower case is longer


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class Prose:
    """A prompt or a task."""

    def __init__(self, source: TemplateText) -> None:
        self.source = source

    @cached_property
    def text(self) -> str:
        """In lower case, with every template tag blanked. Offsets are those of the text as written.

        Patterns in lower case are several times faster than those that ignore case.
        """
        lower = lowered(self.source.text)
        return _TAG.sub(_blank, lower) if "{" in lower else lower

    @cached_property
    def words(self) -> str:
        """`text` with fenced and inline code blanked too."""
        text = self.text
        if "```" in text or "~~~" in text:
            text = _FENCE.sub(_blank, text)
        return _INLINE.sub(_blank, text) if "`" in text else text

    @cached_property
    def _starts(self) -> Sequence[int]:
        return [match.end() for match in _BOUNDARY.finditer(self.text)]

    def mentions(self, *parts: str) -> bool:
        """Whether one of `parts` is in the text at all: quicker than the pattern that comes next."""
        return any(part in self.text for part in parts)

    def find(self, pattern: re.Pattern[str], *, code: bool = True) -> Iterator[re.Match[str]]:
        """Matches that begin a word and that their sentence does not deny.

        Args:
            pattern: in lower case. It is much faster if it begins with letters.
            code: whether to search within code as well.
        """
        for match in self.find_all(pattern, code=code):
            if not self.is_denied(match.start()):
                yield match

    def find_all(self, pattern: re.Pattern[str], *, code: bool = True) -> Iterator[re.Match[str]]:
        """As `find`, denied or not."""
        text = self.text if code else self.words
        for match in pattern.finditer(text):
            start = match.start()
            if start == 0 or not (_is_word(text[start]) and _is_word(text[start - 1])):
                yield match

    def written(self, match: re.Match[str], group: int | str = 0) -> str:
        """What the user wrote there, on one line."""
        return " ".join(self.source.text[match.start(group) : match.end(group)].split())

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
