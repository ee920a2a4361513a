"""Stage 1: files to documents, each with its kind and address.

Decides what a document is. What it says is left to `resolve`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from agentflow import codes
from agentflow.compiler.ant.recognise import MARKDOWN, ant_kind
from agentflow.diagnostics import Checked, Diagnostic, Edit, Fix, Span
from agentflow.errors import FileRefused
from agentflow.nearest import did_you_mean, nearest, one_of
from agentflow.patterns import regex
from agentflow.records import NamedTuple, record
from agentflow.source.tree import Document
from agentflow.source.yaml import parse
from agentflow.spec.base import API_VERSION
from agentflow.spec.kinds import KINDS

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["MARKDOWN", "PROJECT_FILE", "Loaded", "RawSpec", "load"]

PROJECT_FILE = "agentflow.yaml"
"""The file whose directory is the root of a project."""


_HARMLESS = (codes.DUPLICATE_KEY, codes.TAG, codes.KEY_NOT_TEXT, codes.MERGE_KEY, codes.BAD_ALIAS)
_HARMLESS_IDS = frozenset(
    code.id for code in (*_HARMLESS, codes.BAD_NUMBER, codes.YAML_VERSION, codes.EMPTY_FILE)
)
"""Problems of a file that was read to its end all the same."""


class RawSpec(NamedTuple):
    """A document whose kind is known. The rest of it has not been looked at."""

    kind: str
    name: str | None
    """None: it has no usable name, which the check of its shape reports."""
    document: Document

    @property
    def address(self) -> str:
        return f"{self.kind.lower()}/{self.name or '?'}"


@record
class Loaded:
    specs: tuple[RawSpec, ...]
    """Ordered by file and place. Addresses are unique: the first of two is kept."""
    project: RawSpec | None
    documents: tuple[Document, ...]
    """All documents that could be read, also those that are no spec."""
    complete: bool
    """False: some spec could not be read, so what seems to be missing may be that one."""
    refused: frozenset[Span] = frozenset()
    """What the reader refused: nothing more is said about values there."""
    selected: frozenset[str] | None = None
    """The files to report on. None: all of them."""

    def reports(self, document: Document) -> bool:
        """Whether problems of this document are asked for."""
        return self.selected is None or document.file in self.selected


def load(files: Files, *, only: Sequence[str] | None = None) -> Checked[Loaded]:
    """Read every spec of a project.

    Args:
        files: the project.
        only: report on these files alone. The others are read for what they declare, because
            references lead there, but not judged. None: report on all.
    """
    selected = None if only is None else frozenset(only)
    problems: list[Diagnostic] = []
    documents: list[Document] = []
    specs: list[RawSpec] = []
    refused: set[Span] = set()
    found: Sequence[Diagnostic]
    paths, found = _specs(files)
    problems.extend(found)
    complete = not found
    foreign: list[tuple[str, Document]] = []
    for file in sorted({*paths, *(only or ())}):
        theirs, read, found = _read(files, file)
        complete = complete and all(problem.code in _HARMLESS_IDS for problem in found)
        problems.extend(found)
        refused.update(problem.span for problem in found if problem.span)
        documents.extend(read)
        if theirs is not None:
            foreign.extend((theirs, document) for document in read)
            continue
        first = _first(read)
        if first is not None and _is_other_version(first):
            # The same words may mean something else there: one problem, and nothing is guessed.
            problems.append(_unknown_version(first, first.data["apiVersion"]))
            complete = False
            continue
        for document in _with_content(read):
            kind, found = _kind(document, first=document is first)
            problems.extend(found)
            if kind is None:
                complete = False
            else:
                name = document.data.get("name")
                usable = name if isinstance(name, str) and name else None
                specs.append(RawSpec(kind, usable, document))
                complete = complete and usable is not None
    if foreign:
        translated, found = _translated(foreign, specs, files, complete=complete)
        problems.extend(found)
        specs.extend(translated)
        complete = complete and not found
    kept, found = _unique(specs)
    problems.extend(found)
    project = next((spec for spec in kept if spec.kind == "Project"), None)
    if project is None and complete and Span.start_of(PROJECT_FILE) not in refused:
        problems.append(_no_project())
    loaded = Loaded(
        specs=tuple(kept),
        project=project,
        documents=tuple(documents),
        complete=complete,
        refused=frozenset(refused),
        selected=selected,
    )
    return Checked(loaded, tuple(_about(problems, selected)))


def _about(
    problems: Iterable[Diagnostic], selected: Collection[str] | None
) -> Iterator[Diagnostic]:
    """The problems of the selected files, and those that belong to no file."""
    for problem in problems:
        if selected is None or problem.span is None or problem.span.file in selected:
            yield problem


def _specs(files: Files) -> tuple[Sequence[str], list[Diagnostic]]:
    try:
        return files.specs(), []
    except FileRefused as error:
        code = codes.CODES[error.code]
        return (), [code.at(Span.start_of(error.path), error.message, hint=error.hint)]


class _File(NamedTuple):
    theirs: str | None
    """The kind of a file of the official CLI, as that calls it. None: it is one of specs."""
    documents: tuple[Document, ...]
    problems: tuple[Diagnostic, ...]


def _read(files: Files, file: str) -> _File:
    try:
        text = files.read(file)
    except FileRefused as error:
        code = codes.CODES[error.code]
        problem = code.at(Span.start_of(file), error.message, hint=error.hint)
        return _File(None, (), (problem,))
    theirs = ant_kind(file, text)
    if theirs is not None:
        return _read_theirs(file, text, theirs)
    documents, problems = _read_ours(file, text)
    if not problems and _first(documents) is None:
        message = f"{file} holds no spec."
        hint = f"Write one, starting with `apiVersion: {API_VERSION}`, or delete the file."
        problems = (codes.EMPTY_FILE.at(Span.start_of(file), message, hint=hint),)
    return _File(None, documents, problems)


def _read_ours(file: str, text: str) -> Checked[tuple[Document, ...]]:
    if not file.endswith(MARKDOWN):
        return parse(file, text)
    from agentflow.source.markdown import parse_markdown

    return parse_markdown(file, text)


def _read_theirs(file: str, text: str, kind: str) -> _File:
    """A file of the official CLI: always one document."""
    from agentflow.compiler.ant.translate import BODY_KEYS
    from agentflow.source.json_text import parse_json
    from agentflow.source.markdown import parse_markdown

    if file.endswith(MARKDOWN):
        documents, problems = parse_markdown(file, text, body_key=BODY_KEYS[kind])
    else:
        documents, problems = (parse_json if file.endswith(".json") else parse)(file, text)
    documents = tuple(_with_content(documents))
    if len(documents) > 1:
        message = f"{file} has several documents, and a file of `ant apply` is one resource."
        hint = "Give each a file of its own."
        problems += (codes.NOT_A_MAPPING.at(documents[1].span(()), message, hint=hint),)
    one = tuple(document for document in documents[:1] if isinstance(document.data, dict))
    return _File(kind, one, problems)


def _translated(
    foreign: Sequence[tuple[str, Document]],
    specs: Sequence[RawSpec],
    files: Files,
    *,
    complete: bool,
) -> Checked[tuple[RawSpec, ...]]:
    """Files of the official CLI in the words of specs; see `ant.translate`."""
    from agentflow.compiler.ant.links import Declared
    from agentflow.compiler.ant.translate import AntFile, translate

    others = [
        (spec.document.file, Declared(spec.kind.lower(), spec.name, _folder(spec)))
        for spec in specs
        if spec.name is not None
    ]
    found = [AntFile(kind, document) for kind, document in foreign]
    made, problems = translate(found, others, files, complete=complete)
    return Checked(tuple(RawSpec(kind, name, document) for kind, name, document in made), problems)


def _folder(spec: RawSpec) -> str | None:
    """Of a skill, relative to the project."""
    folder = spec.document.data.get("folder") if spec.kind == "Skill" else None
    if not isinstance(folder, str):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(spec.document.file), folder))


def _with_content(documents: Iterable[Document]) -> Iterator[Document]:
    """Without the empty ones: a `---` at the end of a file does no harm."""
    return (document for document in documents if document.data is not None)


def _first(documents: Iterable[Document]) -> Document | None:
    return next(_with_content(documents), None)


def _kind(document: Document, *, first: bool) -> tuple[str | None, list[Diagnostic]]:
    data = document.data
    if not isinstance(data, dict):
        span = document.span(())
        message = "A spec is a mapping of keys to values, and this document is not."
        hint = "Start it with `kind: Agent` and `name: …`."
        return None, [codes.NOT_A_MAPPING.at(span, message, hint=hint)]
    problems = list(_api_version(document, first=first))
    kind = data.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return kind, problems
    span = document.span(("kind",)) if "kind" in data else _head(document)
    choices = f"The kinds are {one_of(KINDS, joined='and', limit=30)}."
    if kind is None:
        message = "The document does not say what it declares."
        misspelt = None if "kind" in data else nearest("kind", data)
        hint, fix = f"Add `kind: …`. {choices}", None
        if misspelt:
            hint = f"Write `kind` for {misspelt!r}."
            place = document.span((misspelt,), key=True)
            fix = Fix("Write 'kind'", (Edit(place, "kind"),), safe=False)
        problems.append(codes.KIND_MISSING.at(span, message, hint=hint, fix=fix))
        return None, problems
    message = f"There is no kind {kind!r}." if isinstance(kind, str) else "A kind is a word."
    hint = did_you_mean(str(kind), KINDS) or choices
    problems.append(codes.KIND_UNKNOWN.at(span, message, hint=hint))
    return None, problems


def _api_version(document: Document, *, first: bool) -> Iterator[Diagnostic]:
    data = document.data
    if "apiVersion" in data:
        if data["apiVersion"] != API_VERSION:
            yield _unknown_version(document, data["apiVersion"])
    elif first and nearest("apiVersion", data) is None:  # a misspelt key is reported as that
        span = _head(document)
        message = "The first document of a file says which version of the language it is in."
        line = f"apiVersion: {API_VERSION}"
        at = Span(span.file, span.line, span.column, span.line, span.column)
        fix = Fix(f"Add `{line}`", (Edit(at, f"{line}\n"),), safe=True)
        # A document in braces has no line to insert before.
        block = not document.source.lstrip().startswith("{") and span.column == 1
        yield codes.API_VERSION_MISSING.at(
            span, message, hint=f"Add the line `{line}`.", fix=fix if block else None
        )


_VERSION = regex(r"agentflow/v(\d{1,9})")


def _unknown_version(document: Document, value: object) -> Diagnostic:
    span = document.span(("apiVersion",))
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        message = f"{value!r} is not a version of the language."
        hint = f"Write `apiVersion: {API_VERSION}`."
        fix = Fix(f"Write {API_VERSION}", (Edit(span, API_VERSION),), safe=False)
        return codes.API_VERSION_UNKNOWN.at(span, message, hint=hint, fix=fix)
    # No fix: a document of another version means something else by the same words.
    age = "a newer" if int(match[1]) > _NUMBER else "an older"
    message = f"This file is in {value!r}, {age} language than this agentflow reads: {API_VERSION}."
    hint = "Install the agentflow that reads it, or write the file in the language of this one."
    return codes.API_VERSION_UNKNOWN.at(span, message, hint=hint)


_NUMBER = int(API_VERSION.rpartition("v")[2])


def _is_other_version(document: Document) -> bool:
    """Whether it says that it is in an older or a newer language."""
    value = document.data.get("apiVersion") if isinstance(document.data, dict) else None
    return isinstance(value, str) and value != API_VERSION and bool(_VERSION.fullmatch(value))


def _head(document: Document) -> Span:
    """The first key: where what a document lacks is reported."""
    for key in document.data:
        return document.span((key,), key=True)
    return document.span(())


def _unique(specs: Iterable[RawSpec]) -> tuple[list[RawSpec], list[Diagnostic]]:
    """The first spec of each address, and of all Projects; the others are reported."""
    kept: dict[str, RawSpec] = {}
    unnamed: list[RawSpec] = []
    problems: list[Diagnostic] = []
    for spec in specs:
        key = "project" if spec.kind == "Project" else spec.address
        if spec.name is None and spec.kind != "Project":
            unnamed.append(spec)
        elif key not in kept:
            kept[key] = spec
        else:
            problems.append(_second(spec, kept[key]))
    ordered = [*kept.values(), *unnamed]
    return sorted(ordered, key=lambda spec: (spec.document.file, spec.document.index)), problems


def _second(spec: RawSpec, first: RawSpec) -> Diagnostic:
    place = first.document.span(("name",))
    related = ((place, "first declared here"),)
    span = spec.document.span(("name",))
    if spec.kind == "Project":
        message = f"The project is declared a second time, first at {place}."
        hint = "Keep one document of kind Project."
        return codes.SECOND_PROJECT.at(span, message, hint=hint, related=related)
    message = f"{spec.kind} {spec.name!r} is declared a second time, first at {place}."
    hint = "Rename one of the two."
    return codes.DUPLICATE_ADDRESS.at(span, message, hint=hint, related=related)


def _no_project() -> Diagnostic:
    message = "No document declares the project."
    hint = f"Add `kind: Project` with a `name` to {PROJECT_FILE}, or run `agentflow init`."
    return codes.PROJECT_MISSING.at(Span.start_of(PROJECT_FILE), message, hint=hint)
