"""An editor for tests: pygls's own client, and `agentflow lsp` in a process as editors start it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

from tests.support.cli import clean_environment

__all__ = ["Client"]

T = TypeVar("T")
DEADLINE_S = 30.0
"""For one answer, on a busy machine. Nothing waits that long unless it fails."""


class Client:
    """Requests are made one after the other, and each is waited for. Lines and columns count from 0."""

    def __init__(
        self,
        *folders: Path,
        encodings: Sequence[str] = ("utf-16",),
        options: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
    ) -> None:
        """Start a server and shake hands.

        Args:
            folders: of the workspace.
            encodings: that the editor knows, the one it likes best first.
            options: `initializationOptions`.
            environ: what is added to the environment.
        """
        self._loop = asyncio.new_event_loop()
        self._client = LanguageClient("tests", "1")
        self._news = asyncio.Event()
        self._versions: dict[str, int] = {}
        self.published: dict[str, list[lsp.PublishDiagnosticsParams]] = {}
        """By URI, in the order in which they came."""
        self.logged: list[str] = []
        self.watched: list[lsp.Registration] = []
        self._listen()
        environment = clean_environment(environ)
        self._do(
            self._client.start_io(
                sys.executable, "-m", "agentflow", "lsp", "--stdio", env=environment
            )
        )
        self.answer = self._do(
            self._client.initialize_async(self._hello(folders, encodings, options))
        )
        self._client.initialized(lsp.InitializedParams())

    def _listen(self) -> None:
        @self._client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.published.setdefault(params.uri, []).append(params)
            self._news.set()

        @self._client.feature(lsp.WINDOW_LOG_MESSAGE)  # type: ignore[untyped-decorator]
        def logged(params: lsp.LogMessageParams) -> None:
            self.logged.append(params.message)
            self._news.set()

        @self._client.feature(lsp.CLIENT_REGISTER_CAPABILITY)  # type: ignore[untyped-decorator]
        def registered(params: lsp.RegistrationParams) -> None:
            self.watched += params.registrations
            self._news.set()

    def _hello(
        self, folders: Sequence[Path], encodings: Sequence[str], options: dict[str, Any] | None
    ) -> lsp.InitializeParams:
        return lsp.InitializeParams(
            capabilities=lsp.ClientCapabilities(
                general=lsp.GeneralClientCapabilities(
                    position_encodings=[lsp.PositionEncodingKind(name) for name in encodings]
                ),
                workspace=lsp.WorkspaceClientCapabilities(
                    did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(
                        dynamic_registration=True
                    )
                ),
            ),
            workspace_folders=[lsp.WorkspaceFolder(f.as_uri(), f.name) for f in folders],
            initialization_options=options,
        )

    def _do(self, work: Awaitable[T]) -> T:
        return self._loop.run_until_complete(asyncio.wait_for(work, DEADLINE_S))

    def ask(self, method: str, params: Any) -> Any:
        """The result of any request."""

        async def answer() -> Any:
            return await self._client.protocol.send_request_async(method, params)

        return self._do(answer())

    def tell(self, method: str, params: Any) -> None:
        self._client.protocol.notify(method, params)

    # Files

    def open(self, path: Path, text: str | None = None, language: str = "yaml") -> str:
        """Open a file, saved or not; its URI."""
        uri = path.as_uri()
        self._versions[uri] = self._versions.get(uri, 0) + 1
        text = path.read_bytes().decode() if text is None else text
        item = lsp.TextDocumentItem(uri, language, self._versions[uri], text)
        self.tell(lsp.TEXT_DOCUMENT_DID_OPEN, lsp.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, text: str) -> int:
        """Type; the version of the text."""
        self._versions[uri] += 1
        params = lsp.DidChangeTextDocumentParams(
            lsp.VersionedTextDocumentIdentifier(version=self._versions[uri], uri=uri),
            [lsp.TextDocumentContentChangeWholeDocument(text)],
        )
        self.tell(lsp.TEXT_DOCUMENT_DID_CHANGE, params)
        return self._versions[uri]

    def close(self, uri: str) -> None:
        identifier = lsp.TextDocumentIdentifier(uri)
        self.tell(lsp.TEXT_DOCUMENT_DID_CLOSE, lsp.DidCloseTextDocumentParams(identifier))

    def touched(self, path: Path, kind: lsp.FileChangeType = lsp.FileChangeType.Changed) -> None:
        """Something has changed on disk."""
        event = lsp.FileEvent(path.as_uri(), kind)
        self.tell(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, lsp.DidChangeWatchedFilesParams([event]))

    # What the server says

    def wait(self, holds: Callable[[], bool], what: object = "") -> None:
        """Until something holds that the server brings about by a notification."""

        async def until() -> None:
            while not holds():
                self._news.clear()
                await self._news.wait()

        try:
            self._do(until())
        except TimeoutError:
            raise AssertionError(f"still waiting for {what}; {self.logged}") from None

    def problems(self, uri: str, version: int | None = None) -> list[lsp.Diagnostic]:
        """What is said of the newest text of a file, or of a version of it; waits for it."""
        version = self._versions.get(uri) if version is None else version

        def is_there() -> bool:
            found = self.published.get(uri, [])
            return bool(found) and found[-1].version == version

        self.wait(is_there, f"findings in {uri} version {version}")
        return list(self.published[uri][-1].diagnostics)

    def until(self, uri: str, holds: Callable[[list[str]], bool]) -> list[lsp.Diagnostic]:
        """What is said of a file, once its codes are as they should be."""

        def is_there() -> bool:
            found = self.published.get(uri, [])
            return bool(found) and holds([str(p.code) for p in found[-1].diagnostics])

        self.wait(is_there, f"other findings in {uri}")
        return list(self.published[uri][-1].diagnostics)

    def at(self, uri: str, line: int, column: int) -> dict[str, Any]:
        """What most requests take."""
        return {
            "text_document": lsp.TextDocumentIdentifier(uri),
            "position": lsp.Position(line, column),
        }

    def stop(self) -> int:
        """Say good-bye as editors do; the exit code of the server."""
        self.ask(lsp.SHUTDOWN, None)
        server = self._client._server
        assert server is not None
        with suppress(ConnectionError):
            self.tell(lsp.EXIT, None)
        code = self._do(server.wait())
        self._do(self._client.stop())  # type: ignore[no-untyped-call]
        self._loop.close()
        return code
