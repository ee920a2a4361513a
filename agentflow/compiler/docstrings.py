"""Google-style docstrings: the description, and one for each argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["Docstring", "parse_docstring"]

_SECTION = re.compile(
    r"(Args|Arguments|Parameters|Attributes|Returns|Return|Raises|Yields|Example|Examples|Note|Notes"
    r"|Warning|Warnings|See Also|References|Source|Todo):"
)
_ARGUMENT = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


class Docstring(NamedTuple):
    description: str
    """Everything before the first section, paragraphs kept, lines of a paragraph joined."""
    arguments: Mapping[str, str]


def parse_docstring(text: str) -> Docstring:
    """Take a docstring apart. `text` is dedented, as `ast.get_docstring` returns it."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    arguments: dict[str, str] = {}
    for index in range(first, len(lines)):
        if lines[index] in {"Args:", "Arguments:", "Parameters:", "Attributes:"}:
            arguments = _arguments(lines[i] for i in range(index + 1, len(lines)))
    return Docstring(_paragraphs(lines[:first]), arguments)


def _paragraphs(lines: list[str]) -> str:
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip())
    return "\n\n".join(" ".join(block.split()) for block in blocks)


def _arguments(lines: Iterable[str]) -> dict[str, str]:
    """The entries up to the next line that is not indented."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    indent = 0
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth == 0:
            break
        match = _ARGUMENT.fullmatch(line.strip())
        if match and (not found or depth <= indent):
            indent = depth
            current = found.setdefault(match[1], [match[2]])
        else:
            current.append(line.strip())
    return {name: " ".join(" ".join(words).split()) for name, words in found.items()}
