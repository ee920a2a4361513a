"""Plain data as YAML that people read: block style, texts without quotes where that is safe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from agentflow.source.tree import Path

__all__ = ["Line", "scalar", "yaml_lines"]

_PLAIN = re.compile(r"[A-Za-z_./$](?:[A-Za-z0-9_ ./()+@,:=*?!&;'\"|<>${}\[\]~^%#-]*[^\s:])?")
_DATE_OR_NUMBER = re.compile(r"\.?\d|\.(?:inf|nan)", re.I)
_AMOUNT = re.compile(r"\d+(?:\.\d+)?(?:[kM]|%|h|m|s|ms)(?:\d+(?:m|s|ms))*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
"""What some reader of YAML takes for another type than text."""


class Line(NamedTuple):
    text: str
    path: Path | None
    """Of the scalar, or of the empty collection, that the line holds. None: it holds none, or only a
    further line of one."""


def yaml_lines(data: Any) -> Iterator[Line]:
    """Any JSON-like data: reading the lines gives the same data again."""
    if isinstance(data, (dict, list)) and data:
        yield from _block(data, (), "")
    else:
        yield from _entry("", data, (), "")


def _block(data: Any, path: Path, indent: str) -> Iterator[Line]:
    if isinstance(data, dict):
        for key, item in data.items():
            yield from _entry(f"{indent}{scalar(key)}:", item, (*path, key), indent)
        return
    for index, item in enumerate(data):
        at = (*path, index)
        if isinstance(item, (dict, list)) and item:
            # The first entry stands behind the dash.
            first, *rest = _block(item, at, f"{indent}  ")
            yield first._replace(text=f"{indent}- {first.text[len(indent) + 2 :]}")
            yield from rest
        else:
            yield from _entry(f"{indent}-", item, at, indent)


def _entry(head: str, value: Any, path: Path, indent: str) -> Iterator[Line]:
    """A key, or a dash, and what belongs to it."""
    if isinstance(value, (dict, list)) and value:
        yield Line(head, None)
        yield from _block(value, path, f"{indent}  ")
        return
    space = " " if head else ""
    if isinstance(value, str) and head and _fits_a_block(value):
        kept = "" if value.endswith("\n") else "-"
        yield Line(f"{head} |{kept}", path)
        for line in value.removesuffix("\n").split("\n"):
            yield Line(f"{indent}  {line}" if line else "", None)
        return
    yield Line(f"{head}{space}{scalar(value)}", path)


def _fits_a_block(text: str) -> bool:
    """Whether the lines of a text can stand as they are."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[-1].strip())
        and bool(lines[0].strip())
        and not lines[0].startswith(" ")
        and all(line == line.rstrip() and line.isprintable() for line in lines)
    )


def scalar(value: Any) -> str:
    """A scalar or an empty collection on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return json.dumps(value)


def _text(text: str) -> str:
    safe = _PLAIN.fullmatch(text) is not None and not _DATE_OR_NUMBER.match(text)
    safe = (
        safe
        and text.isprintable()
        and ": " not in text
        and " #" not in text
        and text.lower() not in _WORDS
    )
    if safe or _AMOUNT.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in quoted)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
