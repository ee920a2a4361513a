"""What an editor asks about a place, answered in its own words."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from agentflow.compiler.ant.recognise import ant_kind
from agentflow.compiler.formatting.page import format_page
from agentflow.compiler.formatting.text import format_text
from agentflow.compiler.load import MARKDOWN
from agentflow.diagnostics import Span
from agentflow.editor.completion import complete
from agentflow.editor.hover import code_page, hover
from agentflow.editor.lsp_view import View, position
from agentflow.editor.places import document_at
from agentflow.editor.positions import Place
from agentflow.editor.symbols import PROJECT, address_of
from agentflow.errors import FileRefused
from agentflow.operations.project import is_own_spec
from agentflow.source.tree import Document

__all__ = [
    "address_at",
    "completions",
    "definitions",
    "formatted",
    "hovered",
    "outline",
    "references",
    "workspace_symbols",
]

_MARKDOWN = lsp.MarkupKind.Markdown


def hovered(view: View, file: str, place: Place) -> lsp.Hover | None:
    text = view.text(file)
    line, column = text.position(place)
    page = code_page(text.line(place.line), column)
    if page is not None:
        markdown, start, end = page
        span = Span(file, line, start, line, end)
        return lsp.Hover(lsp.MarkupContent(_MARKDOWN, markdown), view.exact(span))
    known = view.known(file, place)
    said = hover(view.analysis, file, *known) if known else None
    if said is None:
        return None
    at = view.range(said.span) if said.span is not None and said.span.file == file else None
    return lsp.Hover(lsp.MarkupContent(_MARKDOWN, said.markdown), at)


def _symbol(view: View, file: str, place: Place) -> str | None:
    known = view.known(file, place)
    name = view.analysis.index.at(file, *known) if known else None
    return name.symbol if name else None


def definitions(view: View, file: str, place: Place) -> list[lsp.Location]:
    symbol = _symbol(view, file, place)
    if symbol is None:
        return []
    if symbol.startswith("file:"):
        return list(_file(view, symbol.removeprefix("file:")))
    return list(_locations(view, symbol, declarations=True, uses=False))


def _file(view: View, file: str) -> Iterator[lsp.Location]:
    """The beginning of a file, if there is one."""
    try:
        view.analysis.project.files.size(file)
    except FileRefused:
        return
    start = lsp.Position(line=0, character=0)
    yield lsp.Location(uri=view.uri(file), range=lsp.Range(start=start, end=start))


def references(view: View, file: str, place: Place, *, declared: bool) -> list[lsp.Location]:
    symbol = _symbol(view, file, place)
    found = view.analysis.index.files.get(file)
    if symbol is None and found is not None and not found.documents:
        symbol = f"file:{file}"  # of a prompt: who uses it
    if symbol is None:
        return []
    return list(_locations(view, symbol, declarations=declared, uses=True))


def _locations(
    view: View, symbol: str, *, declarations: bool, uses: bool
) -> Iterator[lsp.Location]:
    for name in view.analysis.index.named(symbol):
        if declarations if name.declares else uses:
            found = view.location(name.span)
            if found is not None:
                yield found


def completions(view: View, file: str, place: Place) -> lsp.CompletionList:
    text = view.text(file)
    offset = text.offset(place)
    found = complete(view.analysis, file, text.text, offset)
    line_start = text.starts[place.line] if place.line < len(text.starts) else 0
    start = text.place(place.line + 1, found.start - line_start + 1)
    replaced = lsp.Range(start=position(start), end=position(place))
    items = [
        lsp.CompletionItem(
            label=offer.text,
            kind=lsp.CompletionItemKind.Field
            if offer.behind == ": "
            else lsp.CompletionItemKind.Value,
            detail=offer.detail or None,
            documentation=offer.documentation or None,
            # In the order of the documentation, not of the alphabet.
            sort_text=f"{number:04}",
            filter_text=offer.text,
            text_edit=lsp.TextEdit(range=replaced, new_text=f"{offer.text}{offer.behind}"),
        )
        for number, offer in enumerate(found.items)
    ]
    return lsp.CompletionList(is_incomplete=False, items=items)


def outline(view: View, file: str) -> list[lsp.DocumentSymbol]:
    """The specs of a file, each with its keys."""
    found = view.analysis.index.files.get(file)
    symbols = (_spec(view, document) for document in (found.documents if found else ()))
    return [symbol for symbol in symbols if symbol is not None]


def _spec(view: View, document: Document) -> lsp.DocumentSymbol | None:
    address = address_of(document)
    whole = view.range(document.span(()))
    named = view.range(document.span(("name",)))
    if address is None or whole is None or named is None:
        return None
    keys = (_key(view, document, key) for key in document.data)
    return lsp.DocumentSymbol(
        name=str(document.data.get("name", PROJECT)),
        detail=str(document.data["kind"]),
        kind=lsp.SymbolKind.Class,
        range=_around(whole, named),
        selection_range=named,
        children=[key for key in keys if key is not None],
    )


def _key(view: View, document: Document, key: str) -> lsp.DocumentSymbol | None:
    name, value = (view.range(document.span((key,), key=is_key)) for is_key in (True, False))
    if name is None or value is None:
        return None
    return lsp.DocumentSymbol(
        name=key, kind=lsp.SymbolKind.Property, range=_around(value, name), selection_range=name
    )


def _around(one: lsp.Range, other: lsp.Range) -> lsp.Range:
    """The smallest range with both: editors refuse a selection outside of its symbol."""
    start = min(one.start, other.start, key=lambda p: (p.line, p.character))
    end = max(one.end, other.end, key=lambda p: (p.line, p.character))
    return lsp.Range(start=start, end=end)


def workspace_symbols(view: View, query: str) -> Iterator[lsp.WorkspaceSymbol]:
    for name in view.analysis.index.declared():
        if "#" in name.symbol or name.symbol.startswith("file:"):
            continue
        location = view.location(name.span)
        if location is not None and query.casefold() in name.symbol:
            kind, _, label = name.symbol.rpartition("/")
            yield lsp.WorkspaceSymbol(
                name=label, kind=lsp.SymbolKind.Class, location=location, container_name=kind
            )


def formatted(view: View, file: str) -> list[lsp.TextEdit] | None:
    """The whole text in its layout. None: it is no spec, or cannot be read.

    How its lines end stays as it is.
    """
    text = view.text(file)
    if ant_kind(file, text.text) is not None or not is_own_spec(file, text.text.encode()):
        return None
    after, problems = (format_page if file.endswith(MARKDOWN) else format_text)(file, text.text)
    if problems:
        return None
    if "\r\n" in text.text:
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    if after == text.text:
        return []
    last = len(text.starts)
    end = Span(file, 1, 1, last, len(text.line(last - 1)) + 1)
    return [lsp.TextEdit(range=view.exact(end), new_text=after)]


def address_at(view: View, file: str, place: Place) -> str | None:
    """The spec that a place belongs to; of a prompt, the first agent that uses it."""
    known = view.known(file, place)
    found = view.analysis.index.files.get(file)
    document = document_at(found.documents, known[0]) if found and known else None
    if document is None:
        for name in view.analysis.index.named(f"file:{file}"):
            user = view.analysis.index.files.get(name.span.file)
            document = document_at(user.documents, name.span.line) if user else None
            if document is not None:
                break
    return address_of(document) if document is not None else None
