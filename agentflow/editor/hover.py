"""What is said of the place under the pointer, as Markdown. No secret is ever part of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from agentflow.compiler.explain import Explained, explain
from agentflow.compiler.graph import Graph
from agentflow.compiler.unseen import HIDDEN
from agentflow.diagnostics import Span
from agentflow.editor.analysis import Analysis
from agentflow.editor.fields import choices, field_at, plain
from agentflow.editor.places import At, place_at
from agentflow.editor.symbols import PROJECT, Name, address_of
from agentflow.lint.catalogue import explain as explain_code
from agentflow.lint.engine import KNOWN
from agentflow.output.yaml_text import yaml_lines
from agentflow.source.tree import Document, Path, mapping_at, value_at

__all__ = ["Said", "code_page", "hover"]

_CODE = re.compile(r"\bAF\d{3,4}\b")
_MOST_LINES = 25
"""Of a value that is shown: a hover is no page."""


class Said(NamedTuple):
    markdown: str
    span: Span | None
    """What it is about, in the text of the index. None: it has no place there."""


def code_page(line: str, column: int) -> tuple[str, int, int] | None:
    """The page of a code that stands at a column of a line, from 1, and where that begins and ends."""
    for match in _CODE.finditer(line):
        if match.start() < column <= match.end() + 1 and match[0] in KNOWN:
            page = explain_code(match[0])
            if page is not None:
                return _fenced(page, "text"), match.start() + 1, match.end() + 1
    return None


def hover(analysis: Analysis, file: str, line: int, column: int) -> Said | None:
    """What is known of a place in the text of the index, counted from 1. None: nothing."""
    found = analysis.index.files.get(file)
    if found is None:
        return None
    name = analysis.index.at(file, line, column)
    at = place_at(found.documents, line, column)
    parts: list[str] = []
    if name is not None and not name.declares:
        parts += _of_name(analysis, name)
    if at is not None and at.path:
        parts += _of_place(analysis, at)
    span = name.span if name is not None else at.span if at is not None and at.path else None
    return Said("\n\n---\n\n".join(parts), span) if parts else None


def _of_place(analysis: Analysis, at: At) -> Iterator[str]:
    kind = str(mapping_at(at.document, ()).get("kind"))
    field = field_at(kind, at.path)
    if field is not None:
        lines = [
            f"**{field.name}**: {field.description}" if field.description else f"**{field.name}**"
        ]
        words = choices(kind, at.path)
        if words:
            lines.append("One of " + ", ".join(f"`{word}`" for word in words) + ".")
        if field.default is not None and field.default:
            lines.append(f"Default: `{field.default}`.")
        elif field.required:
            lines.append("Required.")
        yield "\n\n".join(lines)
    address = address_of(at.document)
    explained = explain(analysis.graph, address) if analysis.graph and address else None
    if explained is not None and analysis.graph is not None:
        yield from _effective(explained, plain(at.path), at, analysis.graph)


def _effective(explained: Explained, path: Path, at: At, graph: Graph) -> Iterator[str]:
    """The value that counts in the end, and where it was written, unless it is what stands here."""
    if any(isinstance(step, str) and step.endswith(("+", "-")) for step in at.path):
        path = plain(at.path[: next(n for n, s in enumerate(at.path) if str(s)[-1:] in "+-") + 1])
    shown = {value.path: value for value in explained.values}
    value = _readable(explained, path, graph)
    if value is None and path not in shown:
        return
    below = [item for item in explained.values if item.path[: len(path)] == path]
    here = at.document.file, at.span.line
    if len(below) == 1 and below[0].path == path:
        one = below[0]
        if one.written is None and (one.span.file, one.span.line) == here and value == at.value:
            return
        wrote = f", as `{one.written}`" if one.written is not None else ""
        place = f"{one.span.file}:{one.span.line}"
        yield f"On target `{explained.target}`: {_inline(value)} from {place}{wrote}"
    elif any(item.span.file != at.document.file or item.written for item in below) or (
        value != at.value
    ):
        lines = [line.text for line in yaml_lines(value)]
        more = ["…"] if len(lines) > _MOST_LINES else []
        text = "\n".join([*lines[:_MOST_LINES], *more])
        yield f"On target `{explained.target}`:\n\n{_fenced(text, 'yaml')}"


def _readable(explained: Explained, path: Path, graph: Graph) -> Any:
    """The value at a path. What comes from the environment may be anybody's: its name is shown."""
    private = _private(graph, explained.address)
    hidden = {
        value.path: value.written
        for value in explained.values
        if value.written is not None and _is_private(value.written, private)
    }

    def replaced(value: Any, at: Path) -> Any:
        if at in hidden:
            return hidden[at]
        if isinstance(value, dict):
            return {key: replaced(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [replaced(item, (*at, index)) for index, item in enumerate(value)]
        return value

    return replaced(value_at(explained.data, path), path)


def _variables(graph: Graph, owner: str, key: str) -> Iterator[tuple[Document, Path]]:
    """Where the value of a variable may be written, the one that wins first."""
    project = graph.project.document
    yield project, ("targets", graph.target_name, "vars", key)
    own = graph.composed.get(owner)
    if own is not None:
        yield own, ("vars", key, "default")
    yield project, ("vars", key, "default")


def _private(graph: Graph, owner: str) -> frozenset[str]:
    """Variables that the environment has a part in, itself or through others."""
    found: frozenset[str] = frozenset()
    names = {*mapping_at(graph.project.document, ("vars",))}
    names |= {*mapping_at(graph.composed.get(owner), ("vars",))}
    while True:
        more = {
            name
            for name in names
            for document, path in _variables(graph, owner, name)
            if _is_private(str(document.written(path)), found)
        }
        if more <= found:
            return found
        found |= more


def _is_private(written: str, private: frozenset[str]) -> bool:
    used = re.findall(r"\$\{var\.(\w+)", written)
    return "${env." in written or "${secret." in written or not private.isdisjoint(used)


def _of_name(analysis: Analysis, name: Name) -> Iterator[str]:
    if name.symbol.startswith("file:"):
        yield f"`{name.symbol.removeprefix('file:')}`"
        return
    declared = [other for other in analysis.index.named(name.symbol) if other.declares]
    title = name.symbol.replace("#", " ").removeprefix(f"{PROJECT} ")
    value = _variable(analysis, name.symbol)
    head = f"**{title}**" + (f" = {value}" if value is not None else "")
    for one in declared[:1]:
        head += f", {one.span.file}:{one.span.line}"
    if not declared:
        head += ": not declared"
    yield head
    for one in declared[:1]:
        said = _declaration(analysis, one)
        if said:
            yield said


def _declaration(analysis: Analysis, name: Name) -> str | None:
    """What a declaration says: of a spec its description, of anything else its text."""
    found = analysis.index.files.get(name.span.file)
    at = place_at(found.documents, name.span.line, name.span.column) if found else None
    if found is None or at is None:
        return None
    if "#" not in name.symbol:
        data = mapping_at(at.document, ())
        return str(data["description"]) if isinstance(data.get("description"), str) else None
    if ".credentials." in name.symbol.replace("#", "."):
        return None  # secrets stand there
    span = at.document.span(at.path)
    lines = re.split(r"\r\n|\r|\n", found.text)[name.span.line - 1 : span.end_line][:12]
    return _fenced("\n".join(lines).strip(), "yaml")


def _variable(analysis: Analysis, symbol: str) -> str | None:
    """The value of a variable; as it is written where the environment has a part in it.

    None: it is no variable, or has no value.
    """
    owner, _, part = symbol.partition("#")
    steps = part.split(".")
    graph = analysis.graph
    if graph is None or len(steps) != 2 or steps[0] != "vars":
        return None
    private = _private(graph, owner)
    for document, path in _variables(graph, owner, steps[1]):
        value = value_at(document.data, path)
        if value is not None:
            written = document.written(path)
            return _inline(written if _is_private(str(written), private) else value)
    return None


def _inline(value: Any) -> str:
    if value == HIDDEN:
        return HIDDEN
    if isinstance(value, str) and len(value) > 200:
        value = f"{value[:200]}…"
    text = "\n".join(line.text for line in yaml_lines(value))
    return f"`{text}`" if "\n" not in text and "`" not in text else f"\n\n{_fenced(text, 'yaml')}"


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
