"""What a file of specs declares and whom it may mean, guessed from its text without parsing it.

A guess may be wrong: whoever acts on it compares it with what was read, see `is_true`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from agentflow.source.tree import Document

__all__ = ["LEAVES", "Outline", "is_true", "mentions", "outline"]

LEAVES = frozenset({"Agent", "Deployment", "Test", "Flow"})
"""Kinds that mostly stand for themselves. Those of the other kinds are there for others to use."""

_END = re.compile(r"^---(?:[ \t].*)?$", re.M)
_KEY = re.compile(r"(kind|name|abstract)[ \t]*:[ \t]+(.*?)[ \t]*(?:[ \t]#.*)?\r?$")
_KEYS_BEGIN = frozenset({"kind", "name", "abst"})
_CONTENT = re.compile(r"^[^#\s]", re.M)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_BETWEEN = bytes(
    code if chr(code) in "abcdefghijklmnopqrstuvwxyz0123456789-" else ord(" ")
    for code in range(256)
)
"""By byte: what is in no name becomes a space."""


class Outline(NamedTuple):
    """A file of nothing but leaves."""

    specs: tuple[tuple[str, str], ...]
    """Kind and name of each."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for _, name in self.specs)


def outline(text: str) -> Outline | None:
    """The specs of a file. None: others may use what is in it, or it is not plainly written."""
    specs = []
    text = text.removeprefix("\ufeff")
    for part in _END.split(text) if "---" in text else (text,):
        # Line by line: an expression that looks for the beginnings of lines looks at each character.
        lines = [line for line in part.split("\n") if line[:4] in _KEYS_BEGIN]
        keys = [(found[1], found[2]) for found in map(_KEY.match, lines) if found]
        said = dict(keys)
        if len(said) < len(keys) or "abstract" in said:
            return None
        kind, name = said.get("kind"), said.get("name", "")
        if kind is None and not keys and not _CONTENT.search(part):
            continue  # before the first `---`, or behind the last
        if kind not in LEAVES or not _NAME.fullmatch(name):
            return None
        specs.append((kind, name))
    return Outline(tuple(specs)) if specs else None


def mentions(text: str, names: frozenset[str]) -> frozenset[str]:
    """The names that stand anywhere in a text, as a reference or by chance."""
    words = text.encode("utf-8", "surrogatepass").translate(_BETWEEN).decode("ascii").split()
    return names.intersection([word.lstrip("-") if word[0] == "-" else word for word in words])


def is_true(guessed: Outline, documents: Iterable[Document]) -> bool:
    """Whether it is what the documents of the file declare."""
    found = []
    for document in documents:
        data = document.data
        if data is None:
            continue
        if not isinstance(data, dict) or "abstract" in data:
            return False
        found.append((data.get("kind"), data.get("name")))
    return tuple(found) == guessed.specs
