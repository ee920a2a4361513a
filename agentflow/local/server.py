"""[io] The service on 127.0.0.1, in a thread of this process with an event loop of its own."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from pathlib import Path

import uvicorn

from agentflow.errors import SandboxUnavailable, UsageError
from agentflow.local import leftovers
from agentflow.local.app import Access, make_app
from agentflow.local.assembly import ServiceConfig, assemble, identity
from agentflow.local.call import Service
from agentflow.local.faults import Faults
from agentflow.local.roster import Roster
from agentflow.local.sandbox import support
from agentflow.local.store import Store

__all__ = ["RunningService", "ServiceConfig", "start"]

_HOST = "127.0.0.1"
_START_S = 30.0
_STOP_S = 30.0
_IDLE_S = 75
"""Clients let go of idle connections earlier, so that none sends on one that is just being closed."""


class _Server(uvicorn.Server):
    """Says when it listens, and stops at once instead of at the next tick of a tenth of a second."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self.stopping = asyncio.Event()

    async def main_loop(self) -> None:
        await self.stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


class RunningService:
    """A service that accepts connections until `stop`."""

    def __init__(self, config: ServiceConfig) -> None:
        self.token = config.token or secrets.token_urlsafe(32)
        self.faults = config.faults or Faults()
        self._config = config
        self._socket = _bind(config.port)
        self.base_url = f"http://{_HOST}:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: _Server | None = None
        self._service: Service | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="agentflow-service", daemon=True)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """On which everything of the service happens; there is one while it runs."""
        assert self._loop is not None, "it was started"
        return self._loop

    def faults_of(self, session_id: str) -> Faults:
        """What goes wrong in a session, and has: its own faults, or those of the service."""
        service = self._service
        return service.parts.faults.of(session_id) if service else self.faults

    def start(self) -> None:
        """Return when connections are accepted.

        Raises:
            AgentflowError: it cannot start; the reason is in the message.
        """
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise UsageError("The local service did not start in time.")
        if self._failure is not None:
            self._thread.join(_STOP_S)
            raise self._failure

    def stop(self) -> None:
        """End every stream, task and program, and return when the thread has ended."""
        loop, service, server = self._loop, self._service, self._server
        if self._thread.is_alive() and loop and service and server:
            closing = asyncio.run_coroutine_threadsafe(_close(service), loop)
            closing.result(_STOP_S)
            loop.call_soon_threadsafe(server.stopping.set)
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._socket.close()
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        shells = self._config.root / "shells"
        leftovers.clear(shells)
        roster = Roster(shells)
        store = _open_store(self._config.root)
        try:
            self._service = service = assemble(self._config, store, self.faults, roster)
            access = Access(self.token, identity(store))
            settings = uvicorn.Config(
                make_app(service, access),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=5,
                timeout_keep_alive=_IDLE_S,
                server_header=False,
                date_header=False,
            )
            _silence()
            self._server = _Server(settings, self._ready)
            service.harness.resume_all()
            await self._server.serve(sockets=[self._socket])
        finally:
            roster.close()
            store.close()


async def _close(service: Service) -> None:
    service.parts.hub.close_all()
    await service.harness.close()


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The local service cannot listen on port {port}: {error.strerror}.",
            hint="Choose another port, or 0 for a free one.",
        ) from None
    return listener


def _open_store(root: Path) -> Store:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return Store(root / "service.db")
    except ValueError as error:
        raise UsageError(str(error)) from None


def _silence() -> None:
    """Uvicorn reports a connection that was cut on purpose; our own errors travel in answers."""
    logger = logging.getLogger("uvicorn.error")
    logger.disabled = True


def start(config: ServiceConfig) -> RunningService:
    """Start a service and return when it accepts connections.

    Raises:
        SandboxUnavailable: tools would run, and this machine cannot confine them.
        UsageError: the port is taken, or the records are of another version.
    """
    runs_tools = config.driver is not None and config.toolbox is None
    if runs_tools and not config.unsafe_no_sandbox:
        found = support()
        if not found.available:
            found.require()
            raise SandboxUnavailable("This machine cannot confine tools.")
    service = RunningService(config)
    service.start()
    return service
