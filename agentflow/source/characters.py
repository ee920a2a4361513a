"""Characters that no text of a project may hold, whichever way they come in.

Half of a surrogate pair is none that could be written to a file or sent, and a null byte is in no text
that a person wrote. U+FDD0 and U+FDD1, which Unicode reserves for a program's own use, mark references
and secrets in payloads: a text that held them could pass for one.
"""

from __future__ import annotations

import re

from agentflow.patterns import regex

__all__ = ["ESCAPED_RESERVED", "RESERVED", "is_plain", "no_text"]

RESERVED = "\ufdd0\ufdd1"
_NO_TEXT = regex(f"[\x00\ud800-\udfff{RESERVED}]")

ESCAPED_RESERVED = regex(r"\\(?:u|U0000)FDD[01]", re.IGNORECASE)
"""Finds what may be one of them in the source of a text: in YAML, JSON, Python and Jinja alike."""


def no_text(value: str) -> str | None:
    """The first such character of a text, as `U+FDD0`. None: there is none."""
    found = None if is_plain(value) else _NO_TEXT.search(value)
    return f"U+{ord(found[0]):04X}" if found else None


def is_plain(text: str) -> bool:
    """Whether a text has nothing but characters that can be printed, and ends of lines, as nearly all.

    Patterns that look for the others are those that take longest to compile.
    """
    return text.isprintable() or text.replace("\n", "").isprintable()
