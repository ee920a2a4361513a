"""Reading a prompt the way a person would: what is code, what is a template tag, what is denied.

Offsets always refer to the text as written, so that a finding can point at the very word. Prose is
ambiguous; these helpers prefer to miss something over accusing a harmless sentence.

Most prompts hold nothing of what a rule looks for. Patterns are therefore compiled only when one of
their marks is in a text: compiling all of them would take longer than linting a project.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from agentflow.compiler.graph import TemplateText
from agentflow.diagnostics import Span

__all__ = ["Phrase", "Prose", "lowered"]

# Kept as text: `re` compiles them at their first use, and remembers.
_TAG = r"\{[{%#]"
_FENCE = r"(?sm)^[ \t]*(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)"
_INLINE = r"(`+)[^`\n]+?(?<!`)\1(?!`)"
_INDENTED = (
    r"(?m)^(?P<before>(?![ \t]*$)[^\n]+)\n(?:[ \t]*\n)+(?P<code>(?:(?: {4}|\t)[^\n]*(?:\n|\Z))+)"
)
_BOUNDARY = r"[.!?;](?=\s|$)|\n[ \t]*\n|\n(?=[ \t]*(?:[-*+#>]|\d+[.)])[ \t])|\A"
_ITEM = r"[ \t]*(?:[-*+]|\d+[.)])[ \t]"
_NEGATION = (
    r"\b(?:not|never|no|none|without|avoid|cannot|instead of|rather than|refrain|forbidden"
    r"|prohibited|disallowed|refuse|unless|already)\b|n['\u2019]t\b"
)
_CONDITION = r"\A\W*(?:if|when(?:ever)?|where(?:ver)?|once|in case|should)\b[^,:]*[,:]"
"""What is denied in it is not what is asked for: "if you cannot read it, ask"."""
_SPACE = r"\\.|\[(?:\\.|[^\]])*\]|( )"
_GAP = r"(?:[ \t]+(?:\n[ \t]*)?|\n[ \t]*)"


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _without_indented(match: re.Match[str]) -> str:
    """A paragraph and the indented code behind it; behind a list, what is indented belongs to it."""
    if re.match(_ITEM, match["before"]) or match["before"][0] in " \t":
        return match[0]
    start = match.start("code") - match.start()
    return match[0][:start] + re.sub(r"[^\n]", " ", match["code"])


_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_NEAR = 400
"""Characters of a sentence that are looked at, and five times as many of a list."""


def _without_tags(text: str) -> str:
    """`text` with its template tags blanked; a tag that is not closed stays."""
    parts: list[str] = []
    done = 0
    unclosed: set[str] = set()
    for tag in re.finditer(_TAG, text):
        if tag.start() < done or tag[0] in unclosed:
            continue
        end = text.find(_CLOSING[tag[0]], tag.end())
        if end < 0:
            unclosed.add(tag[0])
            continue
        parts += [text[done : tag.start()], re.sub(r"[^\n]", " ", text[tag.start() : end + 2])]
        done = end + 2
    return "".join([*parts, text[done:]])


def lowered(text: str) -> str:
    """`text` in lower case and of the same length."""
    return text.replace("\u0130", "i").lower()  # the only letter whose lower case is longer


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


class Phrase:
    r"""What a rule looks for.

    Args:
        pattern: in lower case; several times faster than ignoring case. A space also stands for a
            line break, as in wrapped text. It matches only where a word begins, so that it needs no
            `\b` in front, which would make it slow.
        marks: a text that holds none of them is not searched.
        also: nor is one that holds none of these, for marks that many texts hold.
        wraps: False for commands, which end with their line.
    """

    def __init__(
        self, pattern: str, *, marks: Sequence[str], also: Sequence[str] = (), wraps: bool = True
    ) -> None:
        self.pattern = pattern
        self.marks = marks
        self.also = also
        self.wraps = wraps

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        pattern = self.pattern
        if self.wraps:
            pattern = re.sub(_SPACE, lambda found: _GAP if found[1] else found[0], pattern)
        return re.compile(pattern, re.MULTILINE)


class Prose:
    """A prompt or a task."""

    def __init__(self, source: TemplateText) -> None:
        self.source = source

    @cached_property
    def text(self) -> str:
        """In lower case, with every template tag blanked. Offsets are those of the text as written."""
        lower = lowered(self.source.text)
        has_tags = "{" in lower and not self.source.is_verbatim
        return _without_tags(lower) if has_tags else lower

    @cached_property
    def words(self) -> str:
        """`text` with fenced, indented and inline code blanked too."""
        text = self.text
        if "```" in text or "~~~" in text:
            text = re.sub(_FENCE, _blank, text)
        if "\n    " in text or "\n\t" in text:
            text = re.sub(_INDENTED, _without_indented, text)
        return re.sub(_INLINE, _blank, text) if "`" in text else text

    @cached_property
    def _starts(self) -> Sequence[int]:
        """Where sentences and list items begin."""
        return [match.end() for match in re.finditer(_BOUNDARY, self.text)]

    def find(self, phrase: Phrase, *, code: bool = True) -> Iterator[re.Match[str]]:
        """Matches that their sentence does not deny. `code`: also within code."""
        found = self.find_all(phrase, code=code)
        return (match for match in found if not self.is_denied(match.start()))

    def find_all(self, phrase: Phrase, *, code: bool = True) -> Iterator[re.Match[str]]:
        """As `find`, denied or not."""
        text = self.text
        for mark in phrase.marks:  # asked forty times of a text that has none: no generator here
            if mark in text:
                if phrase.also and not any(other in text for other in phrase.also):
                    break
                return self._matches(phrase, text if code else self.words)
        return iter(())

    def _matches(self, phrase: Phrase, text: str) -> Iterator[re.Match[str]]:
        for match in phrase.compiled.finditer(text):
            start = match.start()
            if start == 0 or not (_is_word(text[start]) and _is_word(text[start - 1])):
                yield match

    def written(self, match: re.Match[str], group: int | str = 0) -> str:
        """What the user wrote there, on one line."""
        return " ".join(self.source.text[match.start(group) : match.end(group)].split())

    def span(self, match: re.Match[str], group: int | str = 0) -> Span:
        return self.source.span(match.start(group), match.end(group))

    def _start(self, position: int) -> int:
        """Where the sentence or list item begins that `position` is in."""
        return self._starts[bisect_right(self._starts, position) - 1]

    def sentence_before(self, position: int) -> str:
        """The sentence or list item that `position` is in, up to there."""
        return self.text[max(self._start(position), position - _NEAR) : position]

    def is_denied(self, position: int) -> bool:
        """Whether a negation comes before, in the sentence or in what leads into its list."""
        sentence = re.sub(_CONDITION, "", self.sentence_before(position))
        if re.search(_NEGATION, sentence):
            return True
        start = self._start(position)
        return re.match(_ITEM, self.text[start : start + 20]) is not None and bool(
            re.search(_NEGATION, self._lead_in(start))
        )

    def _lead_in(self, position: int) -> str:
        """The last line before a list: a heading or `Never do these:`."""
        before = self.text[max(0, position - 5 * _NEAR) : position]
        for line in reversed(before.splitlines()):
            if line.strip() and not re.match(_ITEM, line) and not line.startswith(("  ", "\t")):
                return line
        return ""
