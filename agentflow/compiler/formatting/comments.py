"""Which comment belongs to which value, so that it moves where the value moves.

A comment behind a value is beside it. One on a line of its own stands above what follows, unless it is
indented further than that: then it is the foot of the block it is aligned with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentflow.compiler.formatting.tree import Comment, Entry, Node, Page, Tokens

__all__ = ["attach", "is_addressed", "words"]

_UNSPACED = re.compile(r"^(#+)(?=[^\s#!:])")
_NEVER = -1
"""The column of what follows the end of a document: nothing is above it."""


def attach(pages: Sequence[Page], tokens: Tokens, comments: Sequence[Comment]) -> None:
    """Give each comment to an entry, or to its document; keep which of them follow a blank line."""
    _Attacher(tokens, comments).run(pages)


def is_addressed(lines: Sequence[str]) -> bool:
    """Whether one of the comments talks to the linter: then its place has a meaning."""
    return any("agentflow:" in line for line in lines)


def words(comment: str) -> str:
    """What a comment says, without what the layout changes."""
    return comment.lstrip("#").strip()


def _spaced(text: str) -> str:
    """`#text` -> `# text`. `#!` and `#:` have meanings of their own."""
    return _UNSPACED.sub(r"\1 ", text.rstrip())


class _Attacher:
    def __init__(self, tokens: Tokens, comments: Sequence[Comment]) -> None:
        self.tokens = tokens
        self.comments = comments
        self.position = 0

    def run(self, pages: Sequence[Page]) -> None:
        for number, page in enumerate(pages):
            is_last = number + 1 == len(pages)
            self._page(page, len(self.tokens.text) if is_last else pages[number + 1].start)

    def _page(self, page: Page, limit: int) -> None:
        """Take what belongs to a document; the next one starts at `limit`."""
        # What stands above the first `---` of a file.
        page.head += self._take(page.start, blank=True)
        if page.root is None:
            page.rule = self._beside(limit)
            page.foot = self._take(limit, blank=True)
            return
        root = page.root.value
        first = _first(root)
        page.rule = self._beside(first) if self.tokens.text.startswith("---", page.start) else []
        page.head += self._take(first, blank=True)
        # An anchor may stand between the two.
        if page.head and any(map(self.tokens.has_blank_before, (root.start, first))):
            page.head.append("")
        if root.entries:
            self._children(root, page.root, root.end if root.flow else limit, _NEVER)
        page.root.beside += self._beside(limit)
        page.foot = self._take(limit, blank=True)

    def _entry(self, entry: Entry, limit: int, column: int) -> None:
        """Take what belongs to an entry; what follows it stands at `limit`, in `column`."""
        entry.above = self._take(entry.start, blank=True)
        if self.tokens.has_blank_before(entry.start):
            entry.above.append("")
        value = entry.value
        if value.entries and not value.flow:
            entry.beside = self._beside(_first(value))
            self._children(value, entry, limit, column)
            return
        while self._has(value.start):
            alone = self.comments[self.position].alone
            (entry.above if alone else entry.beside).extend(self._take_one(blank=False))
        if value.entries:
            entry.beside += self._beside(_first(value))
            self._children(value, entry, value.end, _NEVER)
            value.foot += self._take(value.end, blank=True)
        elif value.flow:
            # Braces with nothing between them cannot become lines that hold a comment.
            entry.above += self._take(value.end, blank=False)
        entry.beside += self._beside(limit)

    def _children(self, node: Node, owner: Entry, limit: int, column: int) -> None:
        """Take what belongs to the entries of a collection, and what stands below the last one."""
        for number, entry in enumerate(node.entries):
            if number + 1 < len(node.entries):
                following = node.entries[number + 1].start
                self._entry(entry, following, self.tokens.column(following))
            else:
                self._entry(entry, limit, column)
            if not number and entry.above[:1] == [""]:
                del entry.above[0]
            if node.flow and is_addressed(entry.beside):
                self._lift(owner, entry)
        own = self.tokens.column(node.entries[0].start)
        while self._has(limit):
            comment = self.comments[self.position]
            is_below = node.flow or (comment.column >= own and comment.column > column)
            if not (comment.alone and is_below):
                break
            node.foot += self._take_one(blank=True)

    def _lift(self, owner: Entry, entry: Entry) -> None:
        """A comment to the linter covers what begins in its line, also where that is more."""
        text = self.tokens.text
        if text.find("\n", owner.start, entry.start) < 0:
            owner.beside += entry.beside
            entry.beside = []

    def _has(self, limit: int) -> bool:
        return self.position < len(self.comments) and self.comments[self.position].start < limit

    def _beside(self, limit: int) -> list[str]:
        """Comments behind something, up to one that has a line of its own."""
        found: list[str] = []
        while self._has(limit) and not self.comments[self.position].alone:
            found += self._take_one(blank=False)
        return found

    def _take(self, limit: int, *, blank: bool) -> list[str]:
        found: list[str] = []
        while self._has(limit):
            found += self._take_one(blank=blank)
        return found

    def _take_one(self, *, blank: bool) -> list[str]:
        """The next comment, after `""` if a blank line separates it from what is before."""
        comment = self.comments[self.position]
        self.position += 1
        separate = blank and self.tokens.has_blank_before(comment.start)
        return ["", _spaced(comment.text)] if separate else [_spaced(comment.text)]


def _first(node: Node) -> int:
    """Where the content of a value begins, behind its anchor."""
    return node.entries[0].start if node.entries else node.start
