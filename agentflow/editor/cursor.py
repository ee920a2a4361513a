"""Where the cursor is while a spec is being written, when it often is not YAML yet.

A word is put where the cursor is and the text mended around it, in one way after another, until it can
be read; where the word is then is the answer. So everything YAML allows is understood, by its parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from agentflow.source.tree import Document, Path
from agentflow.source.yaml import parse

__all__ = ["Cursor", "find_cursor"]

_MARK = "zqCursorqz"
_BORDER = re.compile(r"(?m)^---(?:[ \t].*)?\r?$")
_KIND = re.compile(r"(?m)^kind:[ \t]*[\"']?([A-Za-z]+)")
_WORD = re.compile(r"[A-Za-z0-9_./@*-]*\Z")
_REST = re.compile(r"[A-Za-z0-9_./@*-]*")
_CLOSING = ("", "}", "]", "}}", "]}", "}]", '"', "'", '"}', '"]', "}}}")


class Cursor(NamedTuple):
    document: Document
    """With a word that means nothing where the cursor is."""
    kind: str | None
    path: Path
    """Of the value the cursor is in; for a key, of the mapping that it would belong to."""
    is_key: bool
    start: int
    """Where the word begins that is being written: an offset in the text."""
    word: str
    """What there is of it."""


def find_cursor(text: str, offset: int) -> Cursor | None:
    """What is being written at an offset. None: nobody can tell."""
    low, high = _chunk(text, offset)
    before, after = text[low:offset], text[offset:high]
    word = _WORD.search(before)
    assert word is not None
    left, right = before[: word.start()], _REST.sub("", after, count=1)
    for attempt in _attempts(left, right):
        documents, _ = parse("", attempt)
        for document in documents:
            found = _search(document.data, ())
            if found is not None:
                path, is_key = found
                return Cursor(
                    document, _kind(document, before + after), path, is_key,
                    low + word.start(), word[0],
                )  # fmt: skip
    return None


def _chunk(text: str, offset: int) -> tuple[int, int]:
    """Start and end of the document, or of the frontmatter, that an offset is in."""
    low, high = 0, len(text)
    for match in _BORDER.finditer(text):
        if match.end() < offset:
            low = match.end()
        elif match.start() >= offset:
            high = match.start()
            break
    return low, high


def _attempts(left: str, right: str) -> Iterator[str]:
    """Texts with the mark in them, the likeliest first."""
    line = left[left.rfind("\n") + 1 :]
    rest, break_, below = right.partition("\n")
    starts_line = not line.strip(" \t")
    suffixes: tuple[str, ...] = (": 0", "") if starts_line else ("", ": 0")
    if rest.lstrip().startswith(":"):
        suffixes = ("",)
    for tail in (f"{rest}{break_}{below}", f"{break_}{below}"):
        for suffix in suffixes:
            yield f"{left}{_MARK}{suffix}{tail}"
    for closing in _CLOSING:
        for suffix in suffixes:
            yield f"{left}{_MARK}{suffix}{closing}{break_}{below}"
            yield f"{left}{_MARK}{suffix}{closing}\n"


def _search(data: Any, path: Path) -> tuple[Path, bool] | None:
    if isinstance(data, dict):
        for key, value in data.items():
            if _MARK in key:
                return path, True
            if (found := _search(value, (*path, key))) is not None:
                return found
    elif isinstance(data, list):
        for index, value in enumerate(data):
            if (found := _search(value, (*path, index))) is not None:
                return found
    elif isinstance(data, str) and _MARK in data:
        return path, False
    return None


def _kind(document: Document, text: str) -> str | None:
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    if isinstance(kind, str) and _MARK not in kind:
        return kind
    match = _KIND.search(text)
    return match[1] if match else None
