"""YAML text to a tree that keeps everything the layout needs: places, styles, anchors, comments.

`source.tree` answers where a value stands; to write a file again it takes more. Comments are found in
what lies between the tokens, where the parser reads nothing else that a `#` could be part of.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from agentflow.source.yaml import events

__all__ = ["Comment", "Entry", "Node", "Page", "Tokens", "read_pages"]

_BETWEEN = re.compile(r"(?:\s|#[^\n]*)*")
_COMMENT = re.compile(r"#[^\n]*")
_HEADER = re.compile(r"[|>][-+0-9]*")
_DIRECTIVE = re.compile(r"(?m)^%[^\n]*")
_DASH = re.compile(r"(?:[^#\n-]|#[^\n]*|\n)*(-)")


@dataclass(slots=True)
class Node:
    """A value. `start` and `end` are offsets, the anchor included."""

    type: Literal["scalar", "alias", "map", "list"]
    start: int
    end: int
    anchor: str | None = None
    flow: bool = False
    """In braces or brackets."""
    style: str = ""
    """Of a scalar: `"`, `'`, `|`, `>`, or nothing."""
    raw: str = ""
    """A scalar as it is written, without its anchor; a block of text with its header."""
    value: str = ""
    """What a scalar says."""
    entries: list[Entry] = field(default_factory=list)
    foot: list[str] = field(default_factory=list)
    """Comments below the last entry, and `""` for a blank line before one of them."""


@dataclass(slots=True)
class Entry:
    """A key with its value, an item of a list, or the root of a document."""

    start: int
    """Offset of the key, or of the dash; of the value itself in brackets."""
    key: Node | None
    value: Node
    above: list[str] = field(default_factory=list)
    """Comments on lines of their own, and `""` for a blank line."""
    beside: list[str] = field(default_factory=list)
    """Comments behind it, on its line."""


@dataclass(slots=True)
class Page:
    """One document of a file."""

    start: int
    """Offset of its `---`, or of the text it starts with."""
    directives: list[str]
    root: Entry | None
    """None: it is empty."""
    rule: list[str] = field(default_factory=list)
    """Comments behind its `---`."""
    head: list[str] = field(default_factory=list)
    """Comments above its first key: they speak of the document, whichever key comes first."""
    foot: list[str] = field(default_factory=list)
    """Comments after its content that belong to no value."""


class Comment(NamedTuple):
    start: int
    column: int
    """From 0."""
    alone: bool
    """Nothing stands before it on its line."""
    text: str


class Tokens:
    """Where the text has content, and the comments in between."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._solid: list[tuple[int, int]] = []

    def add(self, start: int, end: int) -> None:
        if end > start:
            self._solid.append((start, end))

    def finish(self) -> list[Comment]:
        """All comments, in order. Call it once, when everything was added."""
        found = []
        self._solid.sort()
        position = 0
        for start, end in [*self._solid, (len(self.text), len(self.text))]:
            for match in _COMMENT.finditer(self.text, position, start):
                line = self.text.rfind("\n", 0, match.start()) + 1
                alone = not self.text[line : match.start()].strip()
                found.append(Comment(match.start(), match.start() - line, alone, match[0]))
            position = max(position, end)
        self._solid += [(item.start, item.start + len(item.text)) for item in found]
        self._solid.sort()
        self._ends = [end for _, end in self._solid]
        return found

    def has_blank_before(self, offset: int) -> bool:
        """Whether an empty line separates what stands here from what stands before it."""
        index = bisect_right(self._ends, offset) - 1
        position = self._ends[index] if index >= 0 else 0
        return self.text.count("\n", position, offset) >= 2

    def column(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset) - 1


def read_pages(text: str) -> tuple[list[Page], Tokens, list[Comment]]:
    """The documents of a text that `source.yaml.parse` has nothing against, without comments yet.

    One at least: for a text without content an empty one.

    Line breaks are line feeds.

    Raises:
        YAMLError: the syntax is broken.
    """
    reader = _Reader(text)
    pages = list(reader.pages(iter(events(text))))
    if not pages:  # there may be comments all the same
        pages.append(Page(len(text), [], None))
    return pages, reader.tokens, reader.tokens.finish()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = Tokens(text)
        self._position = 0
        """Behind the last token."""

    def pages(self, stream: Iterator[Any]) -> Iterator[Page]:
        for event in stream:
            if not isinstance(event, DocumentStartEvent):
                continue
            page = self._page(event)
            following = next(stream)
            root = self._node(following, stream)
            if root.type != "scalar":  # `null`, in some spelling: every other one is refused
                page.root = Entry(root.start, None, root)
            end = next(event for event in stream if isinstance(event, DocumentEndEvent))
            if self.text.startswith("...", end.start_mark.index):
                self._token(end.start_mark.index, end.start_mark.index + 3)
            yield page

    def _page(self, event: Any) -> Page:
        start, end = event.start_mark.index, event.end_mark.index
        if not event.explicit:
            return Page(self._position, [], None)
        directives = []
        rule = self.text.rfind("---", start, end)
        for match in _DIRECTIVE.finditer(self.text, self._position, rule):
            directives.append(match[0].rstrip())
            self._token(*match.span())
        self._token(rule, rule + 3)
        return Page(rule, directives, None)

    def _token(self, start: int, end: int) -> None:
        self.tokens.add(start, end)
        self._position = max(self._position, end)

    def _node(self, event: Any, stream: Iterator[Any]) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            self._token(start, end)
            return Node("alias", start, end, raw=self.text[start:end], anchor=None)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        assert isinstance(event, (MappingStartEvent, SequenceStartEvent))
        node = Node("map" if isinstance(event, MappingStartEvent) else "list", start, end)
        self._anchor(node, event)
        node.flow = bool(event.flow_style)
        if node.flow and end > start and self.text[end - 1] in "[{":
            self._token(end - 1, end)  # the pair in `[a: b]` has no braces of its own
        fill = self._map if node.type == "map" else self._list
        node.end = max(fill(node, stream), node.start)
        return node

    def _anchor(self, node: Node, event: Any) -> int:
        """The offset behind the anchor and what separates it from the value."""
        if event.anchor is None:
            return node.start
        node.anchor = event.anchor
        end = node.start + 1 + len(event.anchor)
        self._token(node.start, end)
        between = _BETWEEN.match(self.text, end, max(node.end, end))
        return between.end() if between else end

    def _map(self, node: Node, stream: Iterator[Any]) -> int:
        for event in stream:
            if isinstance(event, MappingEndEvent):
                return self._closed(node, event)
            key = self._node(event, stream)
            value = self._node(next(stream), stream)
            node.entries.append(Entry(key.start, key, value))
        raise AssertionError("The mapping does not end.")

    def _list(self, node: Node, stream: Iterator[Any]) -> int:
        for event in stream:
            if isinstance(event, SequenceEndEvent):
                return self._closed(node, event)
            start = event.start_mark.index
            if not node.flow:
                dash = _DASH.match(self.text, self._position)
                assert dash is not None, "An item of a list has a dash."
                start = dash.start(1)
                self._token(start, start + 1)
            value = self._node(event, stream)
            node.entries.append(Entry(start, None, value))
        raise AssertionError("The list does not end.")

    def _closed(self, node: Node, event: Any) -> int:
        """Where a collection ends: its end event comes after comments if it is not in brackets."""
        if node.flow:
            end: int = event.end_mark.index
            self._token(event.start_mark.index, end)
            return end
        return self._position

    def _scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        node = Node("scalar", start, end, style=event.style or "", value=event.value)
        begin = self._anchor(node, event)
        raw = self.text[begin:end]
        header = _HEADER.match(raw) if node.style in ("|", ">") else None
        if header is None:
            node.raw = raw.rstrip()
            node.end = max(begin + len(node.raw), self._position if node.anchor else start)
            self._token(begin, begin + len(node.raw))
            return node
        body = raw.find("\n") + 1 or len(raw)
        lines = raw[body:].split("\n")
        node.raw = "\n".join([header[0], *self._block(node, header[0], lines)])
        kept = lines[: node.raw.count("\n")]
        size = sum(len(line) + 1 for line in kept)
        if kept and "+" not in header[0]:
            size -= 1  # its last line break separates it from what follows
        self._token(begin, begin + header.end())
        self._token(begin + body, min(begin + body + size, end))
        node.end = min(begin + body + size, end)
        return node

    def _block(self, node: Node, header: str, lines: list[str]) -> list[str]:
        """The lines of a block of text without its indentation; blank ones at its end if they count."""
        solid = next((line for line in lines if line.strip(" ")), None)
        if solid is None:
            content = node.value.split("\n")
        else:
            # A text that begins with spaces keeps them, so they are not indentation.
            first = next(line for line in node.value.split("\n") if line.strip(" "))
            indent = _leading(solid) - _leading(first)
            content = [line[indent:] for line in lines]
        if content and not content[-1]:
            content.pop()  # what follows the last line break
        if "+" not in header:
            while content and not content[-1]:
                content.pop()
        return content


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
