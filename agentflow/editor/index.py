"""Every name of a project, by file and by what it means: for going to declarations and finding uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from agentflow.compiler.fragments import file_text
from agentflow.compiler.graph import Graph, TemplateText
from agentflow.compiler.load import load
from agentflow.compiler.references import is_file, resolve_path
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.editor.symbols import (
    PROJECT,
    Name,
    Template,
    address_of,
    in_document,
    in_template,
    part_of,
    scalars,
)
from agentflow.errors import FileRefused
from agentflow.ports import Files
from agentflow.source.tree import Document, mapping_at

__all__ = ["FileIndex", "Index", "index_of"]

_TEMPLATES = ("prompt", "task", "text", "sections")
"""Keys whose texts are templates."""


@dataclass(frozen=True, slots=True)
class FileIndex:
    text: str
    """What the places are in."""
    documents: tuple[Document, ...]
    """None of a prompt."""
    names: tuple[Name, ...]


@dataclass(frozen=True)
class Index:
    files: Mapping[str, FileIndex]

    def at(self, file: str, line: int, column: int) -> Name | None:
        """The name at a character, counted from 1, or right before it; the shortest of several."""
        found = self.files.get(file)
        names = [name for name in found.names if _covers(name.span, line, column)] if found else []
        return min(names, key=lambda name: _length(name.span), default=None)

    @cached_property
    def _by_symbol(self) -> Mapping[str, list[Name]]:
        found: dict[str, list[Name]] = {}
        for file in sorted(self.files):
            for name in self.files[file].names:
                found.setdefault(name.symbol, []).append(name)
        return found

    def named(self, symbol: str) -> Sequence[Name]:
        """Every place of a symbol, by file and line."""
        return self._by_symbol.get(symbol, ())

    def declared(self, prefix: str = "") -> Iterator[Name]:
        """The declarations of symbols that begin so."""
        for symbol, names in self._by_symbol.items():
            if symbol.startswith(prefix):
                yield from (name for name in names if name.declares)


def _covers(span: Span, line: int, column: int) -> bool:
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    return start <= (line, column) <= end


def _length(span: Span) -> tuple[int, int]:
    return span.end_line - span.line, span.end_column - span.column


def index_of(
    files: Files,
    graph: Graph | None,
    problems: Iterable[Diagnostic],
    before: Index | None,
) -> Index:
    """Find the names of a project.

    Args:
        files: of the project.
        graph: made of them. None: it could not be made, and the files are read for what they say.
        problems: what is wrong with them.
        before: what is kept of files that cannot be read any more. None: nothing.
    """
    documents = graph.documents if graph is not None else load(files).value.documents
    work = _Work(files, graph, documents)
    made = work.files()
    broken = {
        problem.span.file
        for problem in problems
        if problem.code.startswith("AF0") and problem.severity is Severity.ERROR and problem.span
    }
    for file, old in before.files.items() if before else ():
        new = made.get(file)
        if file in broken and len(old.documents) > (len(new.documents) if new else 0):
            made[file] = old
    return Index(made)


class _Work:
    def __init__(self, files: Files, graph: Graph | None, documents: Sequence[Document]) -> None:
        self._files = files
        self._composed = graph.composed if graph is not None else {}
        self._documents: dict[str, list[Document]] = {}
        for document in documents:
            self._documents.setdefault(document.file, []).append(document)
        self._names: dict[str, dict[Name, None]] = {}
        self._read: dict[str, TemplateText] = {}
        self._seen: set[tuple[str, str]] = set()

    def files(self) -> dict[str, FileIndex]:
        for documents in self._documents.values():
            for document in documents:
                self._document(document)
        found = {
            file: FileIndex(documents[0].source, tuple(documents), self._of(file))
            for file, documents in self._documents.items()
        }
        for file, text in self._read.items():
            if file not in found:
                found[file] = FileIndex(text.text, (), self._of(file))
        return found

    def _of(self, file: str) -> tuple[Name, ...]:
        return tuple(sorted(self._names.get(file, ()), key=lambda name: (name.span, name.symbol)))

    def _add(self, names: Iterable[Name]) -> None:
        for name in names:
            self._names.setdefault(name.span.file, {})[name] = None

    def _document(self, document: Document) -> None:
        owner = address_of(document)
        if owner is None:
            return
        self._add(in_document(document, self._resolve))
        for path, text in scalars(document.data):
            if not any(step in _TEMPLATES for step in path) or document.is_verbatim:
                continue
            if is_file(text):
                self._file(resolve_path(document.file, text), owner)
            elif "{" in text or "fragment/" in text:
                template = TemplateText(name=document.file, text=text, document=document, path=path)
                self._template(Template(template, owner))

    def _template(self, template: Template) -> None:
        for name in list(in_template(template, self._resolve)):
            self._add([name])
            if name.symbol.startswith("file:"):
                self._file(name.symbol.removeprefix("file:"), template.owner)

    def _file(self, file: str, owner: str) -> None:
        """A file that is a template. Several specs may use it, each with its own variables."""
        if (file, owner) in self._seen:
            return
        self._seen.add((file, owner))
        if file not in self._read:
            try:
                self._read[file] = file_text(file, self._files)
            except FileRefused:
                return
            self._add([Name(Span.start_of(file), f"file:{file}", declares=True)])
        self._template(Template(self._read[file], owner))

    def _resolve(self, owner: str, field: str, key: str) -> str:
        """What declares a variable or an input: the spec, what it is put together from, or the project."""
        composed = self._composed.get(owner)
        if composed is not None and key in mapping_at(composed, (field,)):
            document, path = composed.origin((field, key))
            return part_of(address_of(document) or owner, path)
        own = owner if field == "inputs" else PROJECT
        return part_of(own, (field, key))
