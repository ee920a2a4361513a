"""How a text is quoted: not where that protects nothing, else by double quotes.

What is written without quotes stays so. Quotes are taken off only from texts that every reader of YAML
takes for text, in braces and outside of them, in version 1.1 and in 1.2.
"""

from __future__ import annotations

import re

from agentflow.compiler.formatting.tree import Node

__all__ = ["in_one_line", "written"]

_PLAIN = re.compile(r"(?:[^\W\d]|\.{0,2}/(?=\S))(?:[\w ./()+;=@'-]*[\w./()+;=@'-])?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_ESCAPE = re.compile(r"\\[\\\"/]")


def written(node: Node) -> str | None:
    """A scalar or alias in one line. None: it is a block of text, or has line breaks to keep."""
    if node.style in ("|", ">"):
        return None
    if "\n" in node.raw:
        return None
    if node.raw == "-":
        return '"-"'  # `{-}` is one, and `{ - }` is none
    return _quoted(node) if node.style else node.raw


def in_one_line(node: Node) -> str | None:
    """As `written`, and also for a text that goes on in further lines, if it can be joined."""
    if node.style in ("|", ">"):
        return None
    if "\n" not in node.raw:
        return written(node)
    if "\n" in node.value:
        return None
    return _quoted(node) if node.style else node.value


def _quoted(node: Node) -> str | None:
    text = node.value
    if node.style == '"' and "\\" in _ESCAPE.sub("", node.raw):
        # An escape that was chosen: an invisible character, a line break.
        return None if "\n" in node.raw else node.raw
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'
