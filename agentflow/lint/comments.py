"""Comments that talk to the linter: where they stand and what they cover.

A YAML tree has no comments, so they are searched in the text; the places of scalars tell which
matches are comments and which are part of a text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from agentflow.compiler.graph import AgentNode, Graph, TemplateText
from agentflow.diagnostics import Span
from agentflow.records import NamedTuple
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Path

__all__ = ["Comment", "Entry", "comments"]

_DIRECTIVE = r"agentflow:[ \t]*(?P<verb>[A-Za-z-]+)[ \t]*(?P<list>\[(?P<codes>[^\]\n]*)\])?"
_YAML = rf"(?m)(?:^|(?<=[ \t]))#[ \t]*{_DIRECTIVE}(?P<reason>[^\r\n]*)"
_JINJA = rf"\{{#-?[ \t]*{_DIRECTIVE}(?P<reason>(?:[^#{{]|#(?!\}})|\{{(?!#))*)#\}}"
_VERBS = ("ignore", "ignore-file")
_ENTRY = r"[^,\s][^,]*?(?=\s*(?:,|$))"
_END = 2**31
_HEADER = r"(?:^|[:\s-])[|>][-+0-9]*[ \t]+$"
_IGNORED_LINE = r"\s*(?:#.*|---.*|\.\.\.\s*)?"


class Entry(NamedTuple):
    """One code of a comment, and its place."""

    code: str
    span: Span
    cut: Span
    """What goes with it if there are others: also the comma."""


class Comment(NamedTuple):
    span: Span
    entries: tuple[Entry, ...]
    """Empty: it names none, or is not an `ignore`."""
    covers: tuple[Span, ...]
    reason: str
    """Why, in the writer's words; empty: it does not say."""
    cut: Span | None
    """What goes with it: the white space before it, or its whole line. None: nobody knows."""

    def holds(self, span: Span) -> bool:
        """Whether what begins at `span` is covered."""
        place = (span.line, span.column)
        return any(
            cover.file == span.file
            and (cover.line, cover.column) <= place <= (cover.end_line, cover.end_column)
            for cover in self.covers
        )


def comments(graph: Graph, templates: Iterable[TemplateText]) -> Iterator[Comment]:
    """Every comment to the linter in the files of a project and in the texts of its agents."""
    by_file: dict[str, list[Document]] = {}
    for document in graph.documents:
        by_file.setdefault(document.file, []).append(document)
    for documents in by_file.values():
        if "agentflow:" in documents[0].source:
            agents = [a for a in graph.agents.values() if a.document.file == documents[0].file]
            yield from _in_yaml(documents, agents)
    seen: set[Span] = set()
    for template in templates:
        for comment in _in_template(template):
            if comment.span not in seen:
                seen.add(comment.span)
                yield comment


def _whole(file: str) -> Span:
    return Span(file, 1, 1, _END, 1)


def _entries(match: re.Match[str], place: Any) -> tuple[Entry, ...]:
    """`place` gives the span of a range of offsets in the text that was searched."""
    if match["verb"] not in _VERBS or match["list"] is None:
        return ()
    start, codes = match.start("codes"), match["codes"]
    found = [entry.span() for entry in re.finditer(_ENTRY, codes)]
    # The first goes with the comma behind it, any other with the one before.
    cuts = [(before[1], here[1]) for before, here in pairwise(found)]
    if found:
        cuts.insert(0, (found[0][0], found[1][0] if len(found) > 1 else found[0][1]))
    return tuple(
        Entry(
            codes[low:high],
            place(start + low, start + high),
            place(start + cut[0], start + cut[1]),
        )
        for (low, high), cut in zip(found, cuts, strict=True)
    )


def _is_addressed(match: re.Match[str]) -> bool:
    """`# agentflow: ignore` and `# agentflow: anything[...]`; other words are prose."""
    return match["verb"] in _VERBS or match["list"] is not None


def _reason(match: re.Match[str]) -> str:
    return match["reason"].strip(" \t\r\n-:#")


def _is_for_file(match: re.Match[str]) -> bool:
    return match["verb"] == "ignore-file"


# In a template


def _in_template(template: TemplateText) -> Iterator[Comment]:
    if "agentflow:" not in template.text:
        return
    for match in re.finditer(_JINJA, template.text):
        if _is_addressed(match):
            yield Comment(
                template.span(*match.span()),
                _entries(match, template.span),
                tuple(_covered_text(template, match)),
                _reason(match),
                _cut_of_text(template, match),
            )


def _cut_of_text(template: TemplateText, match: re.Match[str]) -> Span | None:
    """The comment alone, so that what is rendered stays the same."""
    span = template.span(*match.span())
    trims = match[0].startswith("{#-") or match[0].endswith("-#}")
    return None if trims or span.line != span.end_line else span


def _covered_text(template: TemplateText, match: re.Match[str]) -> Iterator[Span]:
    """The line; on a line of its own the paragraph below; on the first line of a file the file.

    The whole text with `ignore-file`, which is the file if it is one of its own.
    """
    text = template.text
    start, end = match.span()
    if _is_for_file(match):
        yield _whole(template.name) if template.document is None else template.span(0, len(text))
        return
    line_start = text.rfind("\n", 0, start) + 1
    line_end = _find(text, "\n", end)
    if text[line_start:start].strip() or text[end:line_end].strip():
        yield template.span(line_start, line_end)
    elif line_start == 0 and template.document is None:
        yield _whole(template.name)
    else:
        yield template.span(line_start, _find(text, "\n\n", line_end + 1))


def _find(text: str, what: str, start: int) -> int:
    found = text.find(what, start)
    return len(text) if found < 0 else found


# In YAML


class _Place(NamedTuple):
    """A key with its value, or an item of a list."""

    line: int
    depth: int
    end: tuple[int, int]
    path: Path
    document: Document


def _places(document: Document) -> Iterator[_Place]:
    pending: list[tuple[Path, Any]] = [((), document.data)]
    while pending:
        path, value = pending.pop()
        children: Iterable[tuple[str | int, Any]] = ()
        if isinstance(value, dict):
            children = value.items()
        elif isinstance(value, list):
            children = enumerate(value)
        for step, child in children:
            here = (*path, step)
            key, span = document.span(here, key=True), document.span(here)
            yield _Place(key.line, len(here), (span.end_line, span.end_column), here, document)
            pending.append((here, child))


def _texts(document: Document) -> Iterator[Span]:
    """The places of all scalars, which may hold a `#`."""
    pending: list[tuple[Path, Any]] = [((), document.data)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            pending.extend(((*path, index), child) for index, child in enumerate(value))
        elif isinstance(value, str):
            yield document.span(path)


def _in_yaml(documents: Sequence[Document], agents: Sequence[AgentNode]) -> Iterator[Comment]:
    source = SourceText(documents[0].file, documents[0].source)
    found = [match for match in re.finditer(_YAML, source.text) if _is_addressed(match)]
    if not found:
        return
    file = _File(source, documents, agents)
    for match in found:
        span = source.span(*match.span())
        if not file.is_text(span):
            covers = file.all() if _is_for_file(match) else file.covered(span)
            yield Comment(
                span,
                _entries(match, source.span),
                tuple(covers),
                _reason(match),
                _cut(source, match),
            )


def _cut(source: SourceText, match: re.Match[str]) -> Span:
    text, start, end = source.text, match.start(), match.end()
    while start and text[start - 1] in " \t":
        start -= 1
    if not start or text[start - 1] in "\r\n":
        end = found.end() if (found := re.compile(r"\r\n|\r|\n").match(text, end)) else end
    return source.span(start, end)


class _File:
    """One YAML file, prepared for questions about its lines."""

    def __init__(
        self, source: SourceText, documents: Sequence[Document], agents: Sequence[AgentNode]
    ) -> None:
        self.name = source.file
        self.lines = re.split(r"\r\n|\r|\n", source.text)
        self.documents = {document.span(()).line: document for document in reversed(documents)}
        """By the line of their first key."""
        self.first = documents[0]
        self.agents = agents
        self.texts = sorted(span for document in documents for span in _texts(document))
        self.outermost: dict[int, _Place] = {}
        for document in documents:
            for place in _places(document):
                known = self.outermost.get(place.line)
                if known is None or place.depth < known.depth:
                    self.outermost[place.line] = place

    def is_text(self, comment: Span) -> bool:
        """Whether what was found is a part of a scalar.

        Behind the `|` or `>` that begins a block of text it is a comment.
        """
        index = bisect_left(self.texts, (comment.line, comment.column), key=_start) - 1
        if index < 0:
            return False
        text = self.texts[index]
        if (comment.line, comment.column) >= (text.end_line, text.end_column):
            return False
        before = self.lines[comment.line - 1][: comment.column - 1]
        return text.line != comment.line or not re.search(_HEADER, before)

    def all(self) -> Iterator[Span]:
        yield _whole(self.name)
        yield from self._prompt_files(None, ())

    def covered(self, comment: Span) -> Iterator[Span]:
        line = comment.line
        if not self.lines[line - 1][: comment.column - 1].strip(" \t-"):
            line = self._next_line(line)
            document = self.documents.get(line)
            if document is not None:
                yield _whole(self.name) if document is self.first else document.span(())
                yield from self._prompt_files(None if document is self.first else document, ())
                return
        place = self.outermost.get(line)
        if place is not None:
            yield Span(self.name, line, 1, *max(place.end, (line, _END)))
            yield from self._prompt_files(place.document, place.path)
        elif line <= len(self.lines):
            yield Span(self.name, line, 1, line, _END)

    def _next_line(self, line: int) -> int:
        """The number of the next line that is neither empty nor a comment."""
        while line < len(self.lines) and re.fullmatch(_IGNORED_LINE, self.lines[line]):
            line += 1
        return line + 1

    def _prompt_files(self, document: Document | None, path: Path) -> Iterator[Span]:
        """The files whose text the covered values are. None: of all documents in the file."""
        for agent in self.agents:
            if document is not None and agent.document.index != document.index:
                continue
            for field, template in (("prompt", agent.prompt), ("task", agent.task)):
                if template is not None and template.document is None and path in ((), (field,)):
                    yield _whole(template.name)


def _start(span: Span) -> tuple[int, int]:
    return span.line, span.column
