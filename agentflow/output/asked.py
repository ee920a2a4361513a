"""A call that somebody is to allow, as lines of text: its arguments, and what it would change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.output.text import clean

__all__ = ["call_lines"]

SHOWN = 4_000
"""Characters of one argument, and of a diff; a person cannot judge more in a terminal anyway."""

_IN_THE_DIFF = {"write": ("content",), "edit": ("old_string", "new_string", "replace_all")}
"""Arguments that a diff says all about."""


def call_lines(
    tool: str, input: Mapping[str, Any], change: str | None, *, whole: str, indent: str
) -> Iterator[str]:
    """Each line begins with `indent`, so that no argument can pass for a line of ours.

    Args:
        change: a unified diff of what it would change. None: the arguments are all there is.
        whole: where what is cut can be seen, as a command.
    """
    told = _IN_THE_DIFF.get(tool, ()) if change is not None else ()
    for name, value in input.items():
        if name in told:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield from _block(f"{clean(name)}: {_cut(text, whole)}", indent)
    if change is not None:
        # Every line of a diff has a sign of its own in front, so these can stand in line with each other.
        yield from (f"{indent}{line}" for line in _cut(change, whole).split("\n"))


def _cut(text: str, whole: str) -> str:
    left = len(text) - SHOWN
    shown = clean(text[:SHOWN])
    return shown if left <= 0 else f"{shown}\n… and {left:,} characters more: {whole}"


def _block(text: str, indent: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield f"{indent}{first}"
    yield from (f"{indent}  {line}" for line in rest)
