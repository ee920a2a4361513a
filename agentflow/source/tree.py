"""A parsed YAML document: its data, and the place of every key and value in it.

Places are kept as offsets beside the data, so that reading costs little; lines and columns are
computed only for what is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from agentflow.diagnostics import Span
from agentflow.patterns import regex
from agentflow.records import NamedTuple
from agentflow.source.text import SourceText

__all__ = ["Document", "Node", "Origin", "Path", "Verbatim", "mapping_at", "value_at"]

Path = tuple[str | int, ...]
"""From the root of a document: mapping keys and sequence indices."""

Node: TypeAlias = "tuple[int, int, dict[str, Entry] | list[Node] | None]"
"""Start and end offset of a value, and its children; None for a scalar."""
Entry: TypeAlias = "tuple[int, int, Node]"
"""Start and end offset of a key, and its value."""

_ANCHOR = regex(r"&[^\s,\[\]{}]+\s+")


class Document:
    """One YAML document.

    `data` is plain Python: dict, list, str, int, bool, None, and Decimal for numbers with a
    fraction. It is shared where the text has aliases, so it is never changed in place.
    """

    __slots__ = ("_node", "_original", "_text", "data", "file", "index")

    is_verbatim: ClassVar[bool] = False
    """Whether its texts are what they are: `${…}`, `{{ … }}` and `./…` mean nothing in them."""

    def __init__(self, text: SourceText, index: int, data: Any, node: Node) -> None:
        self.file = text.file
        self.index = index
        """Counted from 0 in its file."""
        self.data = data
        self._text = text
        self._node = node
        self._original = data

    def __repr__(self) -> str:
        return f"Document({self.file!r}, {self.index})"

    @property
    def source(self) -> str:
        """The text of the whole file, without a byte order mark."""
        return self._text.text

    @property
    def mentions_substitution(self) -> bool:
        """Whether `${` stands in it at all."""
        return self._text.mentions_substitution

    def origin(self, path: Path) -> Origin:
        """The document that wrote the value at `path`, and where in it."""
        return Origin(self, path)

    def verbatim(self) -> Document:
        """The same document, written in another language than that of specs."""
        return Verbatim(self._text, self.index, self.data, self._node)

    def written(self, path: Path) -> Any:
        """What stands at `path` before anything was substituted; None where nothing does."""
        return value_at(self._original, path)

    def with_data(self, data: Any) -> Document:
        """The same places for other data, as substitution makes it."""
        copy = Document(self._text, self.index, data, self._node)
        copy._original = self._original
        return copy

    def span(self, path: Path, *, key: bool = False) -> Span:
        """Where the value at `path` stands, or its key.

        What the text does not have is placed at its nearest parent; an empty value at its key.
        """
        node, entry, found = self._find(path)
        if entry is not None and (node[0] == node[1] or (key and found)):
            return self._text.span(entry[0], entry[1])
        return self._text.span(node[0], node[1])

    def text_span(self, path: Path, start: int, end: int) -> Span:
        """Where the characters `start` to `end` of the text at `path` stand.

        Exact where the text stands in the file as it is, also over several lines: plain, quoted
        without escapes, or a block. Its line where substitution changed it but not its line breaks;
        else the whole scalar.
        """
        return self.text_span_of(path, value_at(self.data, path), start, end)

    def text_span_of(self, path: Path, current: Any, start: int, end: int) -> Span:
        """`text_span` for the text `current`, which substitution made of what stands at `path`."""
        node, _, found = self._find(path)
        original = value_at(self._original, path)
        if not found or node[2] is not None or not isinstance(original, str):
            return self.span(path)
        if original is current or original == current:
            return self._exact(node, original, start, end)
        if isinstance(current, str) and current.count("\n") == original.count("\n"):
            line = current.count("\n", 0, min(start, len(current)))
            lines = original.split("\n")
            first = sum(len(text) + 1 for text in lines[:line])
            indent = len(lines[line]) - len(lines[line].lstrip())
            return self._exact(node, original, first + indent, first + len(lines[line]))
        return self.span(path)

    def _find(self, path: Path) -> tuple[Node, Entry | None, bool]:
        """The node at `path` or its nearest parent, the key it stands under, and whether it is it."""
        node, entry = self._node, None
        for step in path:
            children = node[2]
            if isinstance(children, dict) and isinstance(step, str) and step in children:
                entry = children[step]
                node = entry[2]
            elif isinstance(children, list) and isinstance(step, int) and step < len(children):
                entry, node = None, children[step]
            else:
                return node, entry, False
        return node, entry, True

    def _exact(self, node: Node, value: str, start: int, end: int) -> Span:
        begin, stop, _ = node
        text = self._text.text
        anchor = _ANCHOR.match(text, begin, stop)
        begin = anchor.end() if anchor else begin
        if text.startswith(value, begin) and begin + len(value) == stop:
            return self._text.span(begin + start, begin + end)
        if text[begin : begin + 1] in ("'", '"') and text[begin + 1 : stop - 1] == value:
            return self._text.span(begin + 1 + start, begin + 1 + end)
        if text[begin : begin + 1] == "|":
            first = self._in_block(begin, value, start)
            last = self._in_block(begin, value, end)
            if first is not None and last is not None:
                return self._text.span(first, last)
        folded = self._in_folded(begin, stop, value, start, end)
        return self._text.span(*(folded or node[:2]))

    def _in_folded(
        self, begin: int, stop: int, value: str, start: int, end: int
    ) -> tuple[int, int] | None:
        """The file offsets of `value[start:end]` in text of several lines that YAML folds.

        Folding changes white space only, so the n-th other character is the same in both.
        None: there are escapes, or nothing but white space is meant.
        """
        text = self._text.text
        if text[begin] in "|>":
            begin = text.find("\n", begin, stop) + 1
        elif text[begin] in "'\"":
            begin, stop = begin + 1, stop - 1
        solid = [offset for offset in range(begin, stop) if not text[offset].isspace()]
        first = sum(not char.isspace() for char in value[:start])
        last = first + sum(not char.isspace() for char in value[start:end])
        if first == last or "".join(text[begin:stop].split()) != "".join(value.split()):
            return None
        return solid[first], solid[last - 1] + 1

    def _in_block(self, begin: int, value: str, offset: int) -> int | None:
        """The file offset of `value[offset]` in the literal block whose `|` stands at `begin`.

        None: the lines of the file are not those of the value.
        """
        line_start = value.rfind("\n", 0, offset) + 1
        line_end = value.find("\n", line_start)
        content = value[line_start : line_end if line_end >= 0 else len(value)]
        number = self._text.position(begin)[0] + 1 + value.count("\n", 0, offset)
        if number > self._text.line_count:
            # The offset behind the last line break of a block that ends the file.
            return len(self._text.text) if not content else None
        low, high = self._text.line_bounds(number)
        if not self._text.text[low:high].endswith(content):
            return None
        return high - len(content) + (offset - line_start)


class Verbatim(Document):
    """A document without substitution and templates."""

    __slots__ = ()

    is_verbatim = True

    @property
    def mentions_substitution(self) -> bool:
        return False


class Origin(NamedTuple):
    """Where a value was written."""

    document: Document
    path: Path
    """In that document."""


def value_at(data: Any, path: Path) -> Any:
    """What stands at `path` of plain data; None where nothing does."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def mapping_at(document: Document | None, path: Path) -> Mapping[str, Any]:
    """The mapping at `path` of a document; an empty one where there is none."""
    value = value_at(document.data, path) if document is not None else None
    return value if isinstance(value, dict) else {}
