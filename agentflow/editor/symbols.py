"""Names in one document or template: where they are declared, and where they are used.

A symbol is the address of a spec (`agent/writer`), a part of one (`agent/writer#vars.company`,
`vault/desk#credentials.mail`), or a file (`file:prompts/writer.md`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from agentflow.compiler.graph import TemplateText
from agentflow.compiler.references import is_file, resolve_path
from agentflow.diagnostics import Span
from agentflow.source.tree import Document, Path
from agentflow.spec.base import File, RefTo, SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.refs import parse_ref
from agentflow.spec.walk import marked, values_at

__all__ = ["Name", "Template", "address_of", "in_document", "in_template", "model_at", "scalars"]

PROJECT = "project"
"""The address of the project, whatever its name: there is one."""

_PARTS = ("vars", "inputs", "params", "secrets", "credentials", "targets")
_BODY = re.compile(
    r"(?<!\$)\$\{(?:var\.(?P<var>[A-Za-z_]\w*)|secret\.(?P<secret>[\w-]+)"
    r"|ref\.(?P<kind>[a-z]+)\.(?P<name>[a-z0-9-]+)\.\w+)"
)
_BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_USED = re.compile(
    r"""\binclude\s+(["'])(?P<include>[^"'\n]+)\1|\bfragment\s*\(\s*(["'])(?P<call>[^"'\n]+)\3"""
    r"""|\b(?P<root>vars|inputs|params)\.(?P<key>[A-Za-z_]\w*)"""
)
_WHOLE = re.compile(r"\s*fragment/(?P<name>[a-z0-9-]+)\s*")


class Name(NamedTuple):
    span: Span
    symbol: str
    declares: bool


class Template(NamedTuple):
    """A text with `{{ … }}`, and whose it is."""

    text: TemplateText
    owner: str
    """Address of the spec that uses it."""


Resolve = Callable[[str, str, str], str]
"""Of the owner's address, `vars` or `inputs`, and a key: the symbol it means."""


def address_of(document: Document) -> str | None:
    """None: it does not say what it is."""
    data = document.data
    if not isinstance(data, dict) or data.get("kind") not in KINDS:
        return None
    if data["kind"] == "Project":
        return PROJECT
    name = data.get("name")
    return f"{data['kind'].lower()}/{name}" if isinstance(name, str) and name else None


def model_at(kind: str, path: Path) -> tuple[type[SpecModel], Path]:
    """The model that knows a place in a document, and the place in that.

    What an overlay patches, or a project has as defaults, is of another kind than the document.
    """
    other = None
    if kind == "Overlay" and len(path) > 1 and path[0] == "patch":
        other = str(path[1]).partition("/")[0]
    elif kind == "Project" and len(path) > 1 and path[0] == "defaults":
        other = str(path[1])
    for name, model in KINDS.items():
        if name.lower() == other:
            return model, path[2:]
    return KINDS[kind], path


def in_document(document: Document, resolve: Resolve) -> Iterator[Name]:
    """Every name in a document, those in its templates left out."""
    address = address_of(document)
    if address is None:
        return
    data = document.data
    if "name" in data:
        yield Name(document.span(("name",)), address, declares=True)
    for model, base, part in _roots(document):
        yield from _declared(document, address, base, part)
        yield from _references(document, model, base, part)
        yield from _files(document, model, base, part)
    if data["kind"] == "Overlay" and isinstance(data.get("patch"), dict):
        for key in data["patch"]:
            yield Name(document.span(("patch", key), key=True), key, declares=False)
    for path, text in scalars(data):
        if "${" in text and not document.is_verbatim:
            for match in _BODY.finditer(text):
                span = document.text_span(path, match.start(), match.end())
                yield Name(_inside(span), _substituted(match, address, resolve), declares=False)


def _roots(document: Document) -> Iterator[tuple[type[SpecModel], Path, Any]]:
    """The parts of a document, each with its model."""
    data = document.data
    yield KINDS[data["kind"]], (), data
    for field in ("patch", "defaults"):
        inner = data.get(field)
        for key in inner if isinstance(inner, dict) else ():
            model, rest = model_at(data["kind"], (field, key))
            if not rest:
                yield model, (field, key), inner[key]


def scalars(data: Any) -> Iterator[tuple[Path, str]]:
    """Every text in plain data, with its path."""
    waiting: list[tuple[Path, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(((*path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), item) for index, item in enumerate(value))
        elif isinstance(value, str):
            yield path, value


def _declared(document: Document, address: str, base: Path, part: Any) -> Iterator[Name]:
    for field in _PARTS:
        inner = part.get(field) if isinstance(part, dict) else None
        for key in inner if isinstance(inner, dict) else ():
            path = (*base, field, key)
            symbol = part_of(address, path)
            yield Name(document.span(path, key=True), symbol, declares=True)


def part_of(address: str, path: Path) -> str:
    return f"{address}#{'.'.join(map(str, path))}"


def _references(
    document: Document, model: type[SpecModel], base: Path, part: Any
) -> Iterator[Name]:
    for field in marked(model, RefTo):
        for path, value in values_at(part, field):
            ref = parse_ref(value, field.mark.kind) if isinstance(value, str) else None
            if ref is None or ref.address is None or value == "self":
                continue
            symbol = ref.address
            if ref.kind == "vault" and ref.part is not None:
                symbol = part_of(symbol, ("credentials", ref.part))
            yield Name(document.span((*base, *path)), symbol, declares=False)


def _files(document: Document, model: type[SpecModel], base: Path, part: Any) -> Iterator[Name]:
    for field in marked(model, File):
        for path, value in values_at(part, field):
            if isinstance(value, str) and is_file(value) and field.mark.holds != "folder":
                file = resolve_path(document.file, value)
                yield Name(document.span((*base, *path)), f"file:{file}", declares=False)


def _substituted(match: re.Match[str], address: str, resolve: Resolve) -> str:
    if match["var"]:
        return resolve(address, "vars", match["var"])
    if match["secret"]:
        return part_of(PROJECT, ("secrets", match["secret"]))
    return f"{match['kind']}/{match['name']}"


def _inside(span: Span) -> Span:
    """The span with the brace that closes a substitution, where its place is exact."""
    if span.line != span.end_line:
        return span
    return Span(span.file, span.line, span.column, span.end_line, span.end_column + 1)


def in_template(template: Template, resolve: Resolve) -> Iterator[Name]:
    """Every name that a template uses."""
    text, owner = template
    whole = _WHOLE.fullmatch(text.text) if text.document is not None else None
    if whole is not None:
        yield Name(text.span(*whole.span("name")), f"fragment/{whole['name']}", declares=False)
        return
    for block in _BLOCK.finditer(text.text):
        for match in _USED.finditer(block[0]):
            group = next(name for name in ("include", "call", "key") if match[name])
            span = text.span(*(block.start() + offset for offset in match.span(group)))
            yield Name(span, _used(match, text, owner, resolve), declares=False)


def _used(match: re.Match[str], text: TemplateText, owner: str, resolve: Resolve) -> str:
    if match["include"]:
        name = match["include"]
        fragment = name.startswith("fragment/")
        return name if fragment else f"file:{resolve_path(text.name, name)}"
    if match["call"]:
        return f"fragment/{match['call']}"
    if match["root"] == "params":
        return part_of(owner, ("params", match["key"]))
    return resolve(owner, match["root"], match["key"])
