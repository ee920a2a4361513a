"""Where an entry of a mapping or a list can be taken out of the text, or one be added behind it.

None wherever the layout is one that a person should change: nothing is guessed.
"""

from __future__ import annotations

from agentflow.diagnostics import Edit
from agentflow.patterns import regex
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Path

__all__ = ["cut", "insert_after"]

_BEFORE_ITEM = regex(r"[ \t]*-[ \t]+")
_FOLLOWS = regex(r"(?P<blank>(?:[ \t]*(?:\r\n|\r|\n))*)(?P<comment>[ \t]*#)?")
_KEEPS = regex(r"[|>]\d?\+")
"""The head of a block of text that keeps the empty lines behind it."""
_REST = regex(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")


def cut(document: Document, path: Path) -> Edit | None:
    """Take out the entry at `path`, and what holds it if nothing else is in it.

    Args:
        document: what is put together from several is edited in the one that wrote the entry.
        path: of a value that is there.
    """
    document, path = document.origin(path)
    siblings = _siblings(document, path)
    while siblings is not None and len(siblings) == 1:
        path = path[:-1]
        siblings = _siblings(document, path)
    if siblings is None:
        return None
    source = SourceText(document.file, document.source)
    start, end = _offsets(document, source, path)
    if _is_flow(document, source, path[:-1]):
        at = siblings.index(path[-1])
        if at:
            start = _offsets(document, source, (*path[:-1], siblings[at - 1]))[1]
        else:
            end = _offsets(document, source, (*path[:-1], siblings[1]))[0]
        if "#" in source.text[start:end] or "\n" in source.text[start:end]:
            return None
    else:
        lines = _lines(source, start, end, is_item=isinstance(path[-1], int))
        if lines is None or _would_join(source.text, *lines):
            return None
        start, end = lines
    return Edit(source.span(start, end), "")


def insert_after(document: Document, path: Path, text: str) -> Edit | None:
    """Add the list item `text`, as YAML, behind the one at `path`."""
    document, path = document.origin(path)
    if not path or not isinstance(path[-1], int) or _siblings(document, path) is None:
        return None
    source = SourceText(document.file, document.source)
    start, end = _offsets(document, source, path)
    if _is_flow(document, source, path[:-1]):
        return Edit(source.span(end, end), f", {text}")
    lines = _lines(source, start, end, is_item=True)
    if lines is None:
        return None
    first, last = lines
    before = source.text[first:start]
    if last and source.text[last - 1] in "\r\n":
        return Edit(source.span(last, last), f"{before}{text}\n")
    if source.text[start] in "|>":
        return None  # a line break that ends the file is one that the text of a block does not have
    return Edit(source.span(last, last), f"\n{before}{text}")


def _would_join(text: str, start: int, end: int) -> bool:
    """Whether what follows some lines may become a part of a block of text that ends before them."""
    indent = len(text[start:end]) - len(text[start:end].lstrip(" \t"))
    follows = _FOLLOWS.match(text, end)
    if follows is None:
        return False
    comment = follows["comment"]
    keeps = follows["blank"] and _KEEPS.search(text, 0, start)
    return bool(keeps) or (comment is not None and len(comment) - 1 > indent)


def _siblings(document: Document, path: Path) -> list[str | int] | None:
    """What stands beside the value at `path`, and itself, in order. None: it is not written there."""
    if not path:
        return None
    parent = document.written(path[:-1])
    if isinstance(parent, dict):
        found: list[str | int] = list(parent)
    elif isinstance(parent, list):
        found = list(range(len(parent)))
    else:
        return None
    return found if path[-1] in found else None


def _offsets(document: Document, source: SourceText, path: Path) -> tuple[int, int]:
    """The first character of the key, or of the item, and the one behind the value."""
    value = document.span(path)
    key = value if isinstance(path[-1], int) else document.span(path, key=True)
    return (
        source.offset(key.line, key.column),
        source.offset(value.end_line, value.end_column),
    )


def _is_flow(document: Document, source: SourceText, path: Path) -> bool:
    span = document.span(path)
    return source.text[source.offset(span.line, span.column)] in "{["


def _lines(source: SourceText, start: int, end: int, *, is_item: bool) -> tuple[int, int] | None:
    """The whole lines of an entry, with the break of the last. None: something else is on them."""
    text = source.text
    first = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    before = text[first:start]
    if not (_BEFORE_ITEM.fullmatch(before) if is_item else not before.strip(" \t")):
        return None
    if text[end - 1 : end] in ("\r", "\n"):
        return first, end  # a block of text has its last break in it
    rest = _REST.match(text, end)
    return None if rest is None else (first, rest.end())
