"""The tree to text: two spaces per level, lists below their key, one blank line at most.

What is in braces or brackets stays there while it fits on its line and has no comments inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agentflow.compiler.formatting.scalars import in_one_line, written
from agentflow.compiler.formatting.tree import Entry, Node, Page

__all__ = ["MAX_WIDTH", "lay_out"]

MAX_WIDTH = 100
"""Characters of a line up to which braces and brackets stay. Comments do not count."""

_STEP = 2
_MARKER = re.compile(r"(?:---|\.\.\.)\s")
"""Begins or ends a document at the start of a line."""


class _Kept(str):
    """A line of a text that ends with its blank lines: another one below would belong to it."""

    __slots__ = ()


def lay_out(pages: Sequence[Page]) -> str:
    """The text of a file. Documents without content are left out; their comments are not."""
    above: list[str] = []  # comments before the first content
    lines: list[str] = []
    for page in pages:
        if page.root is None:
            (lines if lines else above).extend([*page.rule, *page.head, *page.foot])
            continue
        if lines and page.directives:
            lines.append("...")
        lines += page.directives
        if lines or page.rule:
            lines.append("---" + _behind(page.rule[-1:]))
        lines += _trimmed([*above, *page.rule[:-1], *page.head])
        lines += [*_root(page.root), *page.foot]
        above = []
    return "".join(f"{line}\n" for line in _separated(lines or _trimmed(above)))


def _separated(lines: Sequence[str]) -> Iterator[str]:
    """Without the blank lines that would become part of the text above them."""
    last = ""
    for line in lines:
        if line or isinstance(line, _Kept) or not isinstance(last, _Kept):
            yield line
            last = line


def _root(root: Entry) -> list[str]:
    """The content of a document, which has no key above it."""
    node = root.value
    flow = _fitting(_anchored(node, ""), node) if node.flow else None
    if flow is not None:
        return [*root.beside[:-1], _anchored(node, "") + flow + _behind(root.beside[-1:])]
    if not node.anchor:
        return [*root.beside, *_block(node, 0)]
    # The anchor has a line of its own, and what stands above the first key stands above both.
    first = node.entries[0]
    bare = replace(node, entries=[replace(first, above=[]), *node.entries[1:]])
    return [*root.beside, *_trimmed(first.above), f"&{node.anchor}", *_block(bare, 0)]


def _trimmed(lines: list[str]) -> list[str]:
    """Without blank lines at the start."""
    start = next((number for number, line in enumerate(lines) if line), len(lines))
    return lines[start:]


def _behind(comments: Sequence[str]) -> str:
    return "".join(f" {comment}" for comment in comments)


def _anchored(node: Node, before: str) -> str:
    return f"{before}&{node.anchor} " if node.anchor else before


def _block(node: Node, indent: int) -> list[str]:
    """The entries of a mapping or a list, one below the other."""
    margin = " " * indent
    lines: list[str] = []
    for number, entry in enumerate(node.entries):
        # Only one comment can stand in a line: others go above it.
        above = [*entry.above, *entry.beside[:-1]]
        lines += _indented(above if number else _trimmed(above), margin)
        lines += _item(entry, indent) if node.type == "list" else _pair(entry, indent)
    return [*lines, *_indented(node.foot, margin)]


def _indented(lines: Sequence[str], margin: str) -> Iterator[str]:
    return (margin + line if line else "" for line in lines)


def _key(entry: Entry) -> str:
    assert entry.key is not None
    text = in_one_line(entry.key)
    if text is None or _MARKER.match(text):  # written behind `?`, where they may stand
        raw = json.dumps(entry.key.value, ensure_ascii=False)
        text = in_one_line(replace(entry.key, style='"', raw=raw))
    return _anchored(entry.key, "") + (text or '""')


def _pair(entry: Entry, indent: int) -> Iterator[str]:
    return _value(" " * indent + _key(entry) + ":", entry, " ", indent)


def _item(entry: Entry, indent: int) -> Iterator[str]:
    node = entry.value
    start = " " * indent + "-"
    # A comment or an anchor of the whole would become one of its first entry.
    compact = node.entries and not (node.anchor or entry.beside or any(node.entries[0].above))
    if not compact or (node.flow and _fitting(start + " ", node) is not None):
        yield from _value(start, entry, " ", indent)
        return
    lines = _block(node, indent + _STEP)
    yield start + " " + lines[0].lstrip(" ")
    yield from lines[1:]


def _value(start: str, entry: Entry, space: str, indent: int) -> Iterator[str]:
    """What stands behind `start`, which is a key or a dash at `indent`, and the lines below."""
    node, behind = entry.value, _behind(entry.beside[-1:])
    start = f"{start}{space}&{node.anchor}" if node.anchor else start
    space = " " if node.anchor else space
    if node.type in ("map", "list"):
        flow = _fitting(start + space, node) if node.flow else None
        if flow is not None:
            yield start + space + flow + behind
        else:
            yield start + behind
            yield from _block(node, indent + _STEP)
        return
    text = written(node)
    if text is not None:
        yield (start + space + text if text else start) + behind
    elif node.style in ("|", ">"):
        yield from _text_block(start + space, node, behind, indent + _STEP)
    else:
        yield from _folded(start + space, node, behind, " " * (indent + _STEP))


def _text_block(start: str, node: Node, behind: str, indent: int) -> Iterator[str]:
    header, *lines = node.raw.split("\n")
    style, chomp = header[0], header.strip("|>0123456789")
    digit = str(_STEP) if header.strip("|>+-") else ""
    if not node.value.endswith("\n"):
        # Also where the file ends in the middle of its last line.
        chomp = "-" if node.value else chomp.replace("+", "")
    yield start + style + digit + chomp + behind
    shown = _indented(lines, " " * indent)
    yield from map(_Kept, shown) if chomp == "+" else shown


def _folded(start: str, node: Node, behind: str, margin: str) -> Iterator[str]:
    """A text that goes on in further lines, whose line breaks are kept."""
    first, *lines = node.raw.split("\n")
    lines = [line.lstrip(" \t") for line in lines]
    cut = [_cut(line, node.style) for line in (first, *lines[:-1])] + lines[-1:]
    yield start + cut[0]
    yield from _indented(cut[1:-1], margin)
    yield margin + cut[-1] + behind


def _cut(line: str, style: str) -> str:
    """Without blanks at its end, unless the first of them is escaped."""
    short = line.rstrip(" \t")
    escaped = style == '"' and (len(short) - len(short.rstrip("\\"))) % 2
    return line[: len(short) + 1] if escaped else short


def _fitting(start: str, node: Node) -> str | None:
    """A collection in one line, if it may stand behind `start`."""
    flow = _in_flow(node)
    return flow if flow is not None and len(start) + len(flow) <= MAX_WIDTH else None


def _in_flow(node: Node) -> str | None:
    """A value in one line. None: it has comments, or lines of its own."""
    if node.type not in ("map", "list"):
        return in_one_line(node)
    parts = []
    for entry in node.entries:
        text = _in_flow(entry.value)
        if text is None or entry.above or entry.beside:
            return None
        text = (_anchored(entry.value, "") + text).rstrip()
        if entry.key is not None:
            text = f"{_key(entry)}: {text}" if text else _key(entry)
        parts.append(text)
    if node.foot:
        return None
    inner = ", ".join(parts)
    if node.type == "list":
        return f"[{inner}]"
    return f"{{ {inner} }}" if inner else "{}"
