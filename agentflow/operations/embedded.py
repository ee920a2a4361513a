"""[io] The embedded service of a project: started in this process, or shared with `agentflow serve`.

One process serves a project at a time. It holds a lock, and says in `service.json`, readable by the
user alone, where it listens; other commands find it there.

.agentflow/local/service.lock    held while a service of this project runs
.agentflow/local/service.json    address and token of one that others may use
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agentflow.errors import Blocked, UsageError
from agentflow.operations.workspace import local_root

__all__ = ["Embedded", "Endpoint", "embedded_service"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    base_url: str
    token: str
    shared: bool
    """Another process serves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """How to start it."""

    root: Path
    """The project's directory."""
    script: Path | None
    """Turns that play the model. None: sessions can be made, but not run."""
    faults: Path | None = None
    """What goes wrong on purpose. None: what the script says, if it says anything."""
    unsafe_no_sandbox: bool = False
    port: int = 0
    """0: a free one."""
    token: str | None = None
    """None: a new one."""
    open_to_others: bool = False
    """Other commands of this project may use it, as with `agentflow serve`."""


def _lock(path: Path) -> IO[str] | None:
    """The open lock file, or None if another process holds it."""
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _running(path: Path) -> Endpoint:
    """Where the process that holds the lock listens.

    Raises:
        Blocked: it is not open to others.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Endpoint(base_url=found["base_url"], token=found["token"], shared=True)
    except (OSError, ValueError, KeyError, TypeError):
        raise Blocked(
            "Another command is using the embedded service of this project.",
            hint="Wait for it, or start `agentflow serve`, which several commands can share.",
        ) from None


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def embedded_service(how: Embedded) -> Iterator[Endpoint]:
    """Serve the project while the context lasts, or use the process that serves it already.

    Raises:
        Blocked: another command serves it, for itself alone.
        SandboxUnavailable: this machine cannot confine tools.
        ProblemsFound: the script, or the file of faults, is not one.
    """
    directory = local_root(how.root)
    # What agents were told and delivered is for this user, also where `.agentflow` was there before.
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = directory / "service.json"
    lock = _lock(directory / "service.lock")
    if lock is None:
        if how.open_to_others:
            raise Blocked("The embedded service of this project runs already.")
        yield _running(address)
        return
    try:
        yield from _serve(how, directory, address)
    finally:
        lock.close()


def _serve(how: Embedded, directory: Path, address: Path) -> Iterator[Endpoint]:
    from agentflow.local.drivers.script import ScriptDriver
    from agentflow.local.fault_plan import read_faults
    from agentflow.local.faults import Faults
    from agentflow.local.server import ServiceConfig, start

    if how.script is not None and not how.script.is_file():
        raise UsageError(f"There is no script {str(how.script)!r}.")
    driver = ScriptDriver.load(how.script) if how.script else None
    plan = read_faults(how.faults) if how.faults else driver.faults if driver else None
    service = start(
        ServiceConfig(
            root=directory,
            driver=driver,
            faults=Faults(plan),
            token=how.token,
            port=how.port,
            unsafe_no_sandbox=how.unsafe_no_sandbox,
        )
    )
    try:
        endpoint = Endpoint(base_url=service.base_url, token=service.token, shared=False)
        address.unlink(missing_ok=True)
        if how.open_to_others:
            text = json.dumps({"base_url": endpoint.base_url, "token": endpoint.token})
            _write_private(address, text)
        yield endpoint
    finally:
        with suppress(OSError):
            address.unlink(missing_ok=True)
        service.stop()
