"""[io] The requests of an editor about a place, and the commands it can run."""

from __future__ import annotations

from functools import partial
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from agentflow.editor.desk import Desk
from agentflow.editor.lsp_actions import FIX_ALL, actions
from agentflow.editor.lsp_features import (
    address_at,
    completions,
    definitions,
    formatted,
    hovered,
    outline,
    references,
    workspace_symbols,
)
from agentflow.editor.lsp_view import View, path_of
from agentflow.editor.positions import Place
from agentflow.editor.rendering import explained, rendered_prompt
from agentflow.errors import AgentflowError

__all__ = ["answer_commands", "answer_places"]


async def _look(desk: Desk, uri: str, *, fresh: bool = False) -> tuple[View, str] | None:
    """What is known of a file, and its name in the project. None: it is not ours."""
    path = path_of(uri)
    view = await desk.view(path, fresh=fresh) if path is not None else None
    file = view.file(path) if view is not None and path is not None else None
    return None if view is None or file is None else (view, file)


def _place(position: lsp.Position) -> Place:
    return Place(position.line, position.character)


def answer_places(server: LanguageServer, desk: Desk) -> None:
    """Let the server answer what is asked about places and files."""

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        found = await _look(desk, params.text_document.uri)
        return hovered(*found, _place(params.position)) if found else None

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def definition(params: lsp.DefinitionParams) -> list[lsp.Location]:
        found = await _look(desk, params.text_document.uri)
        return definitions(*found, _place(params.position)) if found else []

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def refer(params: lsp.ReferenceParams) -> list[lsp.Location]:
        found = await _look(desk, params.text_document.uri)
        declared = params.context.include_declaration
        return references(*found, _place(params.position), declared=declared) if found else []

    signs = [".", "/", "{", "[", " ", "$", '"', "'"]

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=signs))
    async def completion(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        found = await _look(desk, params.text_document.uri)
        return completions(*found, _place(params.position)) if found else None

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def document_symbol(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        found = await _look(desk, params.text_document.uri)
        return outline(*found) if found else []

    @server.feature(lsp.WORKSPACE_SYMBOL)
    async def symbol(params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        return [x for view in desk.views() for x in workspace_symbols(view, params.query)]

    kinds = [lsp.CodeActionKind.QuickFix, FIX_ALL]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    async def code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        found = await _look(desk, params.text_document.uri, fresh=True)
        only = params.context.only
        words = None if only is None else [str(getattr(kind, "value", kind)) for kind in only]
        return actions(*found, params.range, words) if found else []

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    async def formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        found = await _look(desk, params.text_document.uri)
        return await desk.apart(partial(formatted, *found)) if found else None


def answer_commands(server: LanguageServer, desk: Desk) -> None:
    """Let the server run its commands.

    Each takes one argument: the address of a spec as text, or a mapping with `address`, or with `uri`
    and `position` of a place in it. The answer is text.
    """

    @server.command("agentflow.renderPrompt")
    async def render_prompt(*arguments: Any) -> str:
        view, address = await _subject(desk, arguments)
        work = partial(rendered_prompt, view.analysis, address, target=desk.target)
        return await _told(desk, work)

    @server.command("agentflow.explain")
    async def explain(*arguments: Any) -> str:
        view, address = await _subject(desk, arguments)
        return await _told(desk, partial(explained, view.analysis, address))


async def _told(desk: Desk, work: partial[str]) -> str:
    try:
        return await desk.apart(work)
    except AgentflowError as error:
        raise _wrong(error.message) from None


def _wrong(message: str) -> JsonRpcInvalidParams:
    return JsonRpcInvalidParams(message=message)


async def _subject(desk: Desk, arguments: tuple[Any, ...]) -> tuple[View, str]:
    """The spec that a command is about.

    Raises:
        JsonRpcInvalidParams: the arguments name none.
    """
    given = _mapping(arguments[0] if arguments else None)
    address, uri = given.get("address"), given.get("uri")
    if uri is None:
        views = desk.views()
        known = [v for v in views if v.analysis.graph and address in v.analysis.graph.composed]
        if len(known) != 1:
            raise _wrong(f"No open project has {address!r}; give its `uri` too.")
        return known[0], str(address)
    found = await _look(desk, str(uri), fresh=True)
    if found is None:
        raise _wrong(f"{uri} belongs to no open project.")
    view, file = found
    if address is None:
        place = _mapping(given.get("position"))
        line, character = place.get("line", 0), place.get("character", 0)
        if not isinstance(line, (int, float)) or not isinstance(character, (int, float)):
            raise _wrong("A position has numbers: `line` and `character`.")
        address = address_at(view, file, Place(int(line), int(character)))
    if not isinstance(address, str):
        raise _wrong("There is no spec at this place.")
    return view, address


def _mapping(value: Any) -> dict[str, Any]:
    """An argument, however the client sent it."""
    if isinstance(value, str):
        return {"address": value}
    if isinstance(value, dict):
        return value
    return {name: getattr(value, name) for name in getattr(value, "_fields", ())}
