"""The parts of the service put together, whoever serves them: a thread of this process, or a test."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from agentflow.local.blobs import Blobs
from agentflow.local.call import Service
from agentflow.local.clock import SystemClock
from agentflow.local.drivers.base import ModelDriver, NoDriver
from agentflow.local.faults import FaultBook, Faults
from agentflow.local.harness import Harness
from agentflow.local.hub import Hub
from agentflow.local.ids import Ids, RandomIds
from agentflow.local.live import Parts
from agentflow.local.roster import Roster
from agentflow.local.sandbox import SandboxPolicy
from agentflow.local.store import Store
from agentflow.local.toolset import open_toolbox
from agentflow.local.workshop import OpenToolbox, SessionTools, Workshop
from agentflow.ports import Clock

__all__ = ["ServiceConfig", "assemble", "identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    root: Path
    """Records, files and session directories; made if it is absent. One service at a time."""
    driver: ModelDriver | None = None
    """What plays the model. None: sessions can be made, and say why they do not run."""
    token: str | None = None
    """What clients must send as key. None: a new one."""
    port: int = 0
    """0: a free one."""
    sandbox: SandboxPolicy | None = None
    """Limits of tools. None: the usual ones."""
    unsafe_no_sandbox: bool = False
    """Tools run with the rights of this process."""
    faults: Faults | None = None
    """For sessions without faults of their own. None: nothing goes wrong on purpose."""
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=RandomIds)
    heartbeat_s: float = 15.0
    toolbox: OpenToolbox | None = None
    """Makes the tools of a session. None: real ones, in the sandbox."""
    answered: Collection[str] = ()
    """Tools that `toolbox` makes and this service does not have, such as `web_fetch`."""


def assemble(config: ServiceConfig, store: Store, faults: Faults, roster: Roster) -> Service:
    """A service that keeps its records in `store`, with nothing started yet."""
    book = FaultBook(faults, lambda id: store.get("session", id))
    parts = Parts(store=store, hub=Hub(), clock=config.clock, ids=config.ids, faults=book)
    blobs = Blobs(config.root / "files")
    tools = config.toolbox or _real_tools(config, roster)
    workshop = Workshop(config.root, parts, blobs, tools, config.answered)
    harness = Harness(parts, config.driver or NoDriver(), workshop)
    return Service(
        parts=parts,
        blobs=blobs,
        workshop=workshop,
        harness=harness,
        heartbeat_s=config.heartbeat_s,
    )


def _real_tools(config: ServiceConfig, roster: Roster) -> OpenToolbox:
    def open_(root: Path, hosts: tuple[str, ...] | None, layer: Path | None) -> SessionTools:
        return open_toolbox(
            root,
            hosts=hosts,
            layer=layer,
            unsafe_no_sandbox=config.unsafe_no_sandbox,
            policy=config.sandbox,
            roster=roster,
        )

    return open_


def identity(store: Store) -> dict[str, str]:
    """Who answers: the same for as long as the records are kept."""
    return {
        "anthropic-organization-id": store.fact("organization", str(uuid.uuid4())),
        "anthropic-workspace-id": store.fact("workspace", f"wrkspc_local{secrets.token_hex(8)}"),
    }
