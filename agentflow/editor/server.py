"""[io] The language server: requests and notifications of an editor, and who answers them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from agentflow import __version__
from agentflow.editor.answers import answer_commands, answer_places
from agentflow.editor.buffers import Buffer
from agentflow.editor.desk import Desk
from agentflow.editor.lsp_problems import Shown
from agentflow.editor.lsp_view import path_of

__all__ = ["AgentflowServer", "serve"]

_WATCHED = "**/*.{yaml,yml,md,markdown,json,txt,j2,jinja,jinja2,py}"


class AgentflowServer(LanguageServer):
    def __init__(self, *, target: str) -> None:
        super().__init__(
            "agentflow",
            __version__,
            # Specs are small, and a whole text leaves no doubt about what the editor has.
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
        )
        self.desk = Desk(self._publish, self._log, target=target)

    def _publish(self, shown: Shown) -> None:
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(
                uri=shown.uri, version=shown.version, diagnostics=shown.problems
            )
        )

    def _log(self, message: str) -> None:
        self.window_log_message(lsp.LogMessageParams(type=lsp.MessageType.Error, message=message))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Into the log of the editor: nothing that goes wrong here needs a click to go away."""
        if not isinstance(error, JsonRpcException):  # that is the answer to a request
            self._log(f"{type(error).__name__}: {error}")


def make_server(*, target: str = "local") -> AgentflowServer:
    server = AgentflowServer(target=target)
    _follow_files(server)
    answer_places(server, server.desk)
    answer_commands(server, server.desk)
    return server


def _follow_files(server: AgentflowServer) -> None:
    desk = server.desk

    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        desk.encoding = str(
            getattr(server.workspace.position_encoding, "value", server.workspace.position_encoding)
        )
        options = params.initialization_options
        target = options.get("target") if isinstance(options, dict) else None
        if isinstance(target, str):
            desk.target = target

    @server.feature(lsp.INITIALIZED)
    async def initialized(_: lsp.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace else None
        if watched is None or not watched.dynamic_registration:
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions(
            watchers=[lsp.FileSystemWatcher(glob_pattern=_WATCHED)]
        )
        registration = lsp.Registration(
            id="files", method=lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, register_options=options
        )
        await server.client_register_capability_async(
            lsp.RegistrationParams(registrations=[registration])
        )

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        if (path := path_of(item.uri)) is not None:
            desk.opened(Buffer(path, item.uri, item.text, item.version))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        item = params.text_document
        if (path := path_of(item.uri)) is not None:
            # The workspace has put the changes in already.
            text = server.workspace.get_text_document(item.uri).source
            desk.opened(Buffer(path, item.uri, text, item.version))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        if (path := path_of(params.text_document.uri)) is not None:
            desk.closed(path)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        if (path := path_of(params.text_document.uri)) is not None:
            desk.changed(path)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def on_disk(params: lsp.DidChangeWatchedFilesParams) -> None:
        paths: Sequence[Path | None] = [path_of(change.uri) for change in params.changes]
        for path in paths:
            if path is not None:
                desk.changed(path)

    @server.feature(lsp.SHUTDOWN)
    def shut_down(_: Any) -> None:
        desk.close()


def serve(*, target: str = "local", stdin: BinaryIO | None = None) -> None:
    """Speak with the editor over standard input and output until it says exit."""
    logging.getLogger("pygls").addHandler(logging.NullHandler())
    output = sys.stdout.buffer
    # Whatever is printed by mistake must not get between two messages.
    sys.stdout = sys.stderr
    make_server(target=target).start_io(stdin, output)
