"""[io] From a target to a service that answers: the embedded one is started, others are called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.compiler.manifest import Target
from agentflow.errors import AgentflowError
from agentflow.operations.embedded import Embedded, embedded_service
from agentflow.operations.telemetry import open_telemetry
from agentflow.ports import Resources, Sessions
from agentflow.runtime.logs import RunLog
from agentflow.runtime.notices import Notice, Observer
from agentflow.runtime.run import RunRequest
from agentflow.secret import mask, masked

if TYPE_CHECKING:
    from agentflow.runtime.telemetry import Telemetry

__all__ = ["Connection", "connect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    resources: Resources
    sessions: Sessions
    base_url: str
    local: bool
    plays: bool
    """Something plays the model. False: sessions can be made, but end at once."""
    telemetry: Telemetry | None = None
    """Records runs. None: nobody is told of them."""

    @contextmanager
    def recorded(self, request: RunRequest, observer: Observer) -> Iterator[Observer]:
        """Log and record a run while the context lasts.

        Yields:
            The observer to give to it, which tells `observer`.
        """
        log = RunLog(request.run_id)
        log.started(request.agent, request.agent_version)

        def tell(notice: Notice) -> None:
            observer(notice)
            log(notice)

        spans = nullcontext(tell) if self.telemetry is None else self.telemetry.run(request, tell)
        try:
            with spans as recording:
                yield recording
        except Exception as error:
            log.failed(error)
            if isinstance(error, AgentflowError):
                # It may quote what the service said, and is told to whoever called.
                error.message, error.hint = mask(error.message), masked(error.hint)
                error.args = masked(error.args)
            raise


@asynccontextmanager
async def connect(
    target: Target,
    root: Path,
    *,
    script: Path | None = None,
    unsafe_no_sandbox: bool = False,
) -> AsyncIterator[Connection]:
    """A connection to the target's service, closed at the end.

    Args:
        target: of the manifest.
        root: the project's directory.
        script: plays the model of the embedded service, instead of the target's own.
        unsafe_no_sandbox: let tools of the embedded service run unconfined.

    Raises:
        UsageError: no credentials.
        Blocked, SandboxUnavailable: as `embedded_service`.
    """
    from agentflow.remote.client import StreamClients, make_client
    from agentflow.remote.resources import RemoteResources
    from agentflow.remote.sessions import RemoteSessions

    base_url: str | None
    key: str | None
    async with AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(open_telemetry(target))
        if target.service == "local":
            own = root / target.script if target.script else None
            how = Embedded(root=root, script=script or own, unsafe_no_sandbox=unsafe_no_sandbox)
            endpoint = stack.enter_context(embedded_service(how))
            plays = endpoint.shared or how.script is not None
            base_url, key = endpoint.base_url, endpoint.token
        else:
            base_url = None if target.service == "anthropic" else target.service
            key = None
            plays = True
        # Streams stay open for as long as a session runs; with a pool of their own they never keep
        # a control request waiting for a connection.
        tracers = telemetry.sink.tracers if telemetry is not None else None
        make = partial(make_client, base_url, key, workspace_id=target.workspace, tracers=tracers)
        control = make()
        streams = StreamClients(make)
        try:
            yield Connection(
                resources=RemoteResources(control),
                sessions=RemoteSessions(control, streams),
                base_url=str(control.base_url),
                local=target.service == "local",
                plays=plays,
                telemetry=telemetry,
            )
        finally:
            await control.close()
            await streams.close()
