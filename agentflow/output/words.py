"""The difference of two longer texts, line by line, and word by word where a line was reworded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

__all__ = ["DiffLine", "Piece", "text_diff"]

_CONTEXT = 2
"""Unchanged lines shown around a change."""
_ELIDE_FROM = 100
"""Characters of unchanged text inside a reworded line, from which the middle is left out."""
_KEEP = 45
"""Characters of it that stay at either end, down to the last whole word."""
_ALIKE = 0.4
"""Share of words in common from which two lines are one that was reworded."""


class Piece(NamedTuple):
    mark: str
    """` ` both have it, `-` only the old text, `+` only the new one."""
    text: str


class DiffLine(NamedTuple):
    mark: str
    """` ` unchanged, `-` gone, `+` new, `~` reworded, `…` lines that are not shown."""
    pieces: tuple[Piece, ...]


def text_diff(before: str, after: str) -> list[DiffLine]:
    """Lines to show, without line breaks. A missing final line break counts as no difference."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    blocks = matcher.get_opcodes()
    for number, (tag, a, b, c, d) in enumerate(blocks):
        if tag == "equal":
            lines += _context(old[a:b], first=number == 0, last=number == len(blocks) - 1)
        else:
            lines += _replaced(old[a:b], new[c:d])
    return lines


def _context(same: Sequence[str], *, first: bool, last: bool) -> Iterator[DiffLine]:
    head = 0 if first else _CONTEXT
    tail = 0 if last else _CONTEXT
    hidden = len(same) - head - tail
    if hidden <= 1:
        yield from (_whole(" ", line) for line in same)
        return
    yield from (_whole(" ", line) for line in same[:head])
    yield _whole("…", f"{hidden} unchanged lines")
    yield from (_whole(" ", line) for line in same[len(same) - tail :])


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    for before, after in zip(old, new, strict=False):
        pieces = _reworded(before, after)
        if pieces is None:
            yield _whole("-", before)
            yield _whole("+", after)
        else:
            yield DiffLine("~", pieces)
    yield from (_whole("-", line) for line in old[len(new) :])
    yield from (_whole("+", line) for line in new[len(old) :])


def _whole(mark: str, line: str) -> DiffLine:
    return DiffLine(mark, (Piece(mark if mark in "-+" else " ", line),))


def _reworded(before: str, after: str) -> tuple[Piece, ...] | None:
    """None: the lines have too little in common."""
    split: Callable[[str], list[str]] = re.compile(r"\s+|\w+|[^\w\s]").findall
    old, new = split(before), split(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None
    pieces: list[Piece] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pieces.append(Piece(" ", _elided("".join(old[a:b]))))
            continue
        if b > a:
            pieces.append(Piece("-", "".join(old[a:b])))
        if d > c:
            pieces.append(Piece("+", "".join(new[c:d])))
    return tuple(pieces)


def _elided(text: str) -> str:
    if len(text) < _ELIDE_FROM:
        return text
    head, tail = text[:_KEEP].rpartition(" ")[0], text[-_KEEP:].partition(" ")[2]
    return f"{head or text[:_KEEP]} … {tail or text[-_KEEP:]}"
