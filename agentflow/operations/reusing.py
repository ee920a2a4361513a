"""[io] The session that a run takes place in: one that exists already, where it may, or a new one."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import Compiled
from agentflow.errors import Blocked, NotFound, UsageError
from agentflow.operations.applied import Applied
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import Connection
from agentflow.operations.orders import Order
from agentflow.operations.origin import changes, target_of
from agentflow.operations.remembered import look_up
from agentflow.operations.workspace import run_dir, workspace
from agentflow.ports import SessionInfo
from agentflow.records import record
from agentflow.runtime.blocking import standing
from agentflow.runtime.budget import budget_cents
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.opening import mount_inputs, mounts_of
from agentflow.runtime.reuse import Wanted, why_not
from agentflow.runtime.run import Reuse
from agentflow.runtime.watching import is_watched

__all__ = ["Candidates", "hold_session", "session_for"]


SETTLE_TRIES = 10
SETTLE_S = 0.5
"""Between looks at a history that lags behind the status of its session."""


@record
class Candidates:
    """Which session is meant."""

    named: str | None = None
    """A session, or a run of it. None: none was named."""
    newest: bool = False
    """The session of the newest run of the agent, if it can take another task."""

    @property
    def any(self) -> bool:
        return self.newest or self.named is not None


@contextmanager
def hold_session(root: Path, session_id: str) -> Iterator[bool]:
    """Be the only run of this machine in a session. False: another one is in it."""
    directory = workspace(root) / "sessions"
    directory.mkdir(exist_ok=True)
    with (directory / f"{session_id}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@asynccontextmanager
async def session_for(
    candidates: Candidates,
    order: Order,
    applied: Applied,
    *,
    built: Compiled,
    connection: Connection,
    ledger: Ledger,
    root: Path,
) -> AsyncIterator[tuple[Reuse | None, str | None]]:
    """The session of earlier runs that a run goes on in, held until the context ends.

    Yields it, or None for a new one, and a sentence about why; no sentence where no session was asked for.

    Raises:
        UsageError: the one that was named is no session that anybody knows.
        Blocked: the one that was named cannot take another task.
        ServiceError: the service does not say.
    """
    if not candidates.any:
        yield None, None
        return
    looking = _Looking(order, applied, built, connection, ledger, root)
    last, session_id = looking.find(candidates)
    if session_id is None:
        yield None, f"a new one: {order.address} has none on {built.manifest.target.name} yet"
        return
    with ExitStack() as stack:
        held = stack.enter_context(hold_session(root, session_id))
        reason = None if held else "another run is in it"
        info = await looking.info(session_id)
        if reason is None:
            reason = await looking.why_not(info, last)
        if reason is None:
            after = f" after run {last.id}" if last is not None else ""
            yield await looking.take(info), f"{session_id} goes on{after}"
        elif candidates.named is not None:
            raise Blocked(
                f"Session {session_id} cannot take another task: {reason}.", hint=looking.hint(last)
            )
        else:
            yield None, f"a new one, because {session_id} cannot take another task: {reason}"


class _Looking:
    """What is known of a session and of the run that wants it."""

    def __init__(
        self,
        order: Order,
        applied: Applied,
        built: Compiled,
        connection: Connection,
        ledger: Ledger,
        root: Path,
    ) -> None:
        self._order = order
        self._applied = applied
        self._built = built
        self._connection = connection
        self._ledger = ledger
        self._root = root

    def find(self, candidates: Candidates) -> tuple[RunEntry | None, str | None]:
        """The newest run of the session that is meant, if the ledger knows one, and the session."""
        if candidates.named is None:
            for entry in self._ledger.runs():
                if entry.agent == self._order.address and entry.session_id and self._here(entry):
                    return entry, entry.session_id
            return None, None
        found = look_up(self._ledger, candidates.named)
        if found is None and candidates.named.startswith("ses"):
            return None, candidates.named
        if found is None:
            raise UsageError(
                f"There is no run or session {candidates.named!r} in the ledger of this project.",
                hint="agentflow sessions list shows them. The id of a session starts with sesn_.",
            )
        if found.session_id is None:
            raise UsageError(f"Run {found.id} came to no session.")
        newest = (e for e in self._ledger.runs() if e.session_id == found.session_id)
        return next(newest), found.session_id

    def _here(self, entry: RunEntry) -> bool:
        """Whether a run was on the target that is meant now."""
        record = self._ledger.record(entry.id)
        if record is None:
            return False
        was, now = target_of(record), self._built.manifest.target
        return (was.name, was.service) == (now.name, now.service)

    async def info(self, session_id: str) -> SessionInfo:
        try:
            return await self._connection.sessions.retrieve(session_id)
        except NotFound as error:
            raise NotFound(
                f"Session {session_id} does not exist on target {self._built.manifest.target.name}.",
                hint="Sessions belong to one target: name it with -t.",
                status=error.status,
            ) from error

    async def why_not(self, info: SessionInfo, last: RunEntry | None) -> str | None:
        if last is not None and is_watched(run_dir(self._root, last.id)):
            return f"run {last.id} is being followed"
        record = self._ledger.record(last.id) if last is not None else None
        history = await self._connection.sessions.history(info.id)
        for _ in range(SETTLE_TRIES):
            if info.status != "idle" or standing(history).state != "works":
                break
            # Status and list settle at different times; the status is first.
            await SystemClock().sleep(SETTLE_S)
            history = await self._connection.sessions.history(info.id)
        return why_not(self._wanted(record), info, history, last, record)

    def _wanted(self, record: Mapping[str, Any] | None) -> Wanted:
        return Wanted(
            agent=self._order.address,
            agent_id=self._applied.agent_id,
            agent_version=self._applied.agent_version,
            environment_id=self._applied.environment_id,
            policy=self._order.policy,
            mounts=frozenset(mounts_of(self._order.values)),
            differs=changes(self._built, record) if record is not None else (),
        )

    async def take(self, info: SessionInfo) -> Reuse:
        """Give the session what this run has and it lacks: its files, and dollars of its own."""
        sessions, budget = self._connection.sessions, self._order.policy.budget
        if budget is not None and budget.usd is not None:
            cap = _consumed_cents(info) + int(budget_cents(budget.usd))
            amount = {"amount": str(cap), "currency": "USD"}
            change = {"budget": {"type": "limit", "max_list_cost": amount}}
            await sessions.update(info.id, change)
        await mount_inputs(self._order.values, info, sessions)
        files = [file.id for file in await sessions.files(info.id)]
        history = await sessions.history(info.id)
        after = str(history[-1]["id"]) if history else None
        return Reuse(
            session_id=info.id,
            after=after,
            files=tuple(files),
            base_cents=_consumed_cents(info),
        )

    def hint(self, last: RunEntry | None) -> str:
        name = self._order.address.partition("/")[2]
        fresh = f"Give the task to a new session: agentflow run {name}"
        if last is not None and last.verdict in (None, "needs_person", "detached", "unknown"):
            return f"Go on with that run: agentflow run --resume {last.id}\n{fresh}"
        return fresh


def _consumed_cents(info: SessionInfo) -> int:
    """What the session has cost so far, rounded up: the service rounds what it reports."""
    cost = info.usage.get("list_cost") or {}
    return int(str(cost.get("amount") or "0")) + 1
