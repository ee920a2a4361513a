"""An embedded service in this process: all of it but the network, and the tools where a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agentflow.local.app import Access, make_app
from agentflow.local.assembly import ServiceConfig, assemble
from agentflow.local.drivers.base import ModelDriver
from agentflow.local.fault_plan import FaultPlan
from agentflow.local.faults import Faults
from agentflow.local.ids import SequentialIds
from agentflow.local.roster import Roster
from agentflow.local.store import Store
from agentflow.testing.clock import HandClock
from agentflow.testing.tools import Crashes, Stub, tools_of
from agentflow.testing.wire import Wire, WireSessions

__all__ = ["TestService", "open_service"]

_TOKEN = "a-token-of-this-test"
_HEARTBEAT_S = 3600.0


class TestService:
    """An embedded service in this process, without a connection."""

    __test__ = False

    def __init__(self, service: Any, wire: Wire, faults: Faults) -> None:
        self.parts = service.parts
        self.faults = faults
        self.wire = wire
        self.sessions = WireSessions(wire)

    async def create(self, kind: str, payload: Mapping[str, Any]) -> str:
        """The id of a new agent or environment.

        Raises:
            ServiceError: it is refused.
        """
        answer = await self.wire.request("POST", f"/v1/{kind}s", data=payload)
        return str(answer.json()["id"])


@asynccontextmanager
async def open_service(
    directory: Path,
    model: ModelDriver,
    *,
    clock: Any = None,
    plan: FaultPlan | None = None,
    stubs: Mapping[str, Stub] | None = None,
    crashes: Crashes | None = None,
    unsafe_no_sandbox: bool = False,
) -> AsyncIterator[TestService]:
    """A service whose files are below `directory`, until the context ends."""
    faults = Faults(plan)
    store = Store(Path(":memory:"))
    roster = Roster(directory / "shells")
    toolbox = tools_of(
        stubs or {}, crashes or Crashes({}), roster, unsafe_no_sandbox=unsafe_no_sandbox
    )
    config = ServiceConfig(
        root=directory,
        driver=model,
        clock=clock or HandClock(),
        ids=SequentialIds(),
        heartbeat_s=_HEARTBEAT_S,
        toolbox=toolbox,
        answered=frozenset(stubs or {}),
    )
    service = assemble(config, store, faults, roster)
    try:
        app = make_app(service, Access(_TOKEN, {}))
        yield TestService(service, Wire(app, _TOKEN), faults)
    finally:
        service.parts.hub.close_all()
        await service.harness.close()
        roster.close()
        store.close()
