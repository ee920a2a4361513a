"""[io] Carry out a plan: dependencies first, the rest side by side.

Requests that create are never sent twice blindly. When an answer is lost, what took place is looked
up by the ownership metadata. The state is written after every action, but nothing depends on that:
a process killed at any point leaves resources that the next plan recognises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from agentflow.compiler.apply import (
    Status,
    begin,
    creation,
    filled,
    is_of,
    next_steps,
    remember,
    theirs,
    took_place,
    update,
)
from agentflow.compiler.changes import Change
from agentflow.compiler.plan import Action, Plan, Verb
from agentflow.diagnostics import Severity
from agentflow.errors import (
    EXIT_OK,
    AgentflowError,
    Blocked,
    Conflict,
    LostAnswer,
    Unavailable,
)
from agentflow.operations.clock import SystemClock
from agentflow.operations.plan import AT_ONCE, surfaced
from agentflow.ports import Clock, Record, Resources
from agentflow.state.model import State
from agentflow.state.store import StateStore

__all__ = [
    "ActionResult",
    "ApplyObserver",
    "ApplyOutcome",
    "Ended",
    "Progress",
    "Started",
    "Waiting",
    "apply_plan",
]

_ATTEMPTS = 6
"""Of one request. With the delays below, and no word from the service, they span half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What came of one action that was to change something."""

    action: Action
    status: Status
    record: Record | None
    """What the service has now. None: it failed, or was skipped."""
    error: AgentflowError | None = None
    theirs: tuple[Change, ...] = ()
    """After a conflict: what somebody else changed since the plan was made."""
    skipped_for: str | None = None
    """The address whose failure made this one impossible."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    action: Action

    def __str__(self) -> str:
        doing = "creating" if self.action.verb is Verb.CREATE else "updating"
        return f"{self.action.address}: {doing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The service asked for patience, or an answer was lost."""

    action: Action
    seconds: float
    reason: str

    def __str__(self) -> str:
        return f"{self.action.address}: trying again in {self.seconds:.3g} s ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    result: ActionResult

    def __str__(self) -> str:
        result = self.result
        address = result.action.address
        if result.status is Status.SKIPPED:
            return f"{address}: skipped, because {result.skipped_for} was not applied"
        if result.record is None:
            return f"{address}: failed: {result.error.message if result.error else 'unknown'}"
        done = "created" if result.action.verb is Verb.CREATE else "updated"
        version = f", version {result.record.version}" if result.record.version else ""
        return f"{address}: {done} ({result.record.id}{version}) in {result.seconds:.2f} s"


Progress = Started | Waiting | Ended


ApplyObserver = Callable[[Progress], None]
"""Told as it happens. Each progress has a one-line text form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOutcome:
    results: tuple[ActionResult, ...]
    """In the order of the plan; actions that had nothing to do are not in it."""
    state: State

    @property
    def ok(self) -> bool:
        return all(result.status is Status.DONE for result in self.results)

    def raise_failure(self) -> None:
        """Raise the first error, in the order of the plan, if there is one."""
        for result in self.results:
            if result.error is not None:
                raise result.error

    @property
    def exit_code(self) -> int:
        """That of the first error, in the order of the plan."""
        return next((r.error.exit_code for r in self.results if r.error is not None), EXIT_OK)


async def apply_plan(
    plan: Plan,
    resources: Resources,
    store: StateStore,
    observer: ApplyObserver,
    *,
    clock: Clock | None = None,
) -> ApplyOutcome:
    """Do what the plan says. A failed action skips what depends on it, and nothing else.

    `clock` is the machine's own unless a test brings one.

    Raises:
        Blocked: the plan has problems. Nothing was done.
        StateError: another process applies to this target, or the state cannot be written.
        ServiceError: the service cannot be read at the start. Nothing was done.
    """
    if plan.blocked:
        first = next(p for p in plan.problems if p.severity is Severity.ERROR)
        raise Blocked(first.message, hint=first.hint)
    with store.lock():
        work = _Apply(plan, resources, store, observer, clock or SystemClock())
        with surfaced():
            await work.run()
        return work.outcome()


class _Apply:
    """One application: the mutable part of it."""

    def __init__(
        self,
        plan: Plan,
        resources: Resources,
        store: StateStore,
        observer: ApplyObserver,
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._resources = resources
        self._store = store
        self._observer = observer
        self._clock = clock
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._state = begin(plan, store.read().state)
        self._statuses: dict[str, Status] = {}
        self._started: set[str] = set()
        self._results: dict[str, ActionResult] = {}
        self._changes = 0
        self._written = 0
        """Of the changes, how many are on the disk."""
        self._existing: Mapping[str, Sequence[Record]] = {}

    def outcome(self) -> ApplyOutcome:
        order = [a.address for a in self._plan.actions if a.address in self._results]
        return ApplyOutcome(results=tuple(self._results[a] for a in order), state=self._state)

    async def run(self) -> None:
        # Somebody may have applied between the plan and now, on this machine or another.
        kinds = sorted({a.kind for a in self._plan.actions if a.verb is Verb.CREATE})
        self._existing = {kind: await self._resources.list(kind) for kind in kinds}
        self._state = self._store.write(self._state)
        async with asyncio.TaskGroup() as group:
            self._launch(group)

    def _launch(self, group: asyncio.TaskGroup) -> None:
        """Start what can start now."""
        for step in next_steps(self._plan, self._statuses, frozenset(self._started)):
            if step.skip_because is not None:
                self._end(
                    ActionResult(
                        action=step.action,
                        status=Status.SKIPPED,
                        record=None,
                        skipped_for=step.skip_because,
                    )
                )
            else:
                self._started.add(step.action.address)
                group.create_task(self._one(step.action, group))

    async def _one(self, planned: Action, group: asyncio.TaskGroup) -> None:
        async with self._limit:
            action = filled(planned, self._state)
            begun = self._clock.monotonic()
            self._observer(Started(action=action))
            result = await self._attempted(action, begun)
        if result.record is not None:
            self._state = remember(self._state, action, result.record)
            self._changes += 1
            await self._saved(self._changes)
        self._end(result)
        self._launch(group)

    async def _saved(self, change: int) -> None:
        """Return once the state with that change is on the disk.

        Actions that end in the same moment share one write.
        """
        await asyncio.sleep(0)
        if self._written < change:
            self._written = self._changes
            self._state = self._store.write(self._state)

    def _end(self, result: ActionResult) -> None:
        self._statuses[result.action.address] = result.status
        self._results[result.action.address] = result
        self._observer(Ended(result=result))

    async def _attempted(self, action: Action, begun: float) -> ActionResult:
        record: Record | None = None
        error: AgentflowError | None = None
        changed: tuple[Change, ...] = ()
        try:
            do = self._create if action.verb is Verb.CREATE else self._update
            record = await do(action)
        except _ChangedMeanwhile as meanwhile:
            changed = meanwhile.changes
            error = Blocked(meanwhile.message, hint=meanwhile.hint)
        except AgentflowError as failure:
            error = failure
        return ActionResult(
            action=action,
            status=Status.FAILED if error else Status.DONE,
            record=record,
            error=error,
            theirs=changed,
            seconds=self._clock.monotonic() - begun,
        )

    async def _create(self, action: Action) -> Record:
        if any(is_of(self._plan, action, record) for record in self._existing[action.kind]):
            raise Blocked(
                f"{action.address} was created by somebody else after the plan was made.",
                hint="Run `agentflow plan` again.",
            )
        body = creation(self._plan, action)

        async def lookup() -> Record | None:
            records = await self._resources.list(action.kind)
            return next((r for r in records if is_of(self._plan, action, r)), None)

        return await self._patiently(
            action, lambda: self._resources.create(action.kind, body), lookup
        )

    async def _update(self, action: Action) -> Record:
        planned = action.record
        assert planned is not None
        body = update(self._plan, action)
        if planned.version is None:
            # Kinds without versions have no guard on the service, so what it has is looked at
            # right before. A change in the moment between is overwritten; nothing can prevent it.
            now = await self._resources.get(action.kind, planned.id)
            if theirs(action, now):
                raise _ChangedMeanwhile(action, now)

        async def lookup() -> Record | None:
            now = await self._resources.get(action.kind, planned.id)
            return now if took_place(body, now) else None

        async def send() -> Record:
            return await self._resources.update(
                action.kind, planned.id, body, expected_version=planned.version
            )

        try:
            return await self._patiently(action, send, lookup)
        except Conflict as conflict:
            now = await self._resources.get(action.kind, planned.id)
            if took_place(body, now):
                return now
            raise _ChangedMeanwhile(action, now) from conflict

    async def _patiently(
        self,
        action: Action,
        send: Callable[[], Awaitable[Record]],
        lookup: Callable[[], Awaitable[Record | None]],
    ) -> Record:
        """The answer of `send`, sent again only if it is certain that it did not take place.

        Raises:
            ServiceError: it was refused, or the patience is used up.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await send()
            except (Unavailable, LostAnswer) as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                await self._wait(action, error, attempt)
                if _may_have_happened(error) and (found := await lookup()) is not None:
                    return found
        raise AssertionError("the last attempt returns or raises")

    async def _wait(self, action: Action, error: Unavailable | LostAnswer, attempt: int) -> None:
        asked = error.retry_after_s if isinstance(error, Unavailable) else None
        seconds = asked if asked is not None else min(16.0, 0.5 * 2**attempt)
        self._observer(Waiting(action=action, seconds=seconds, reason=error.message))
        await self._clock.sleep(seconds)


def _may_have_happened(error: Unavailable | LostAnswer) -> bool:
    """A refusal to connect and a 429 come before any effect; nothing else is certain."""
    return isinstance(error, LostAnswer) or error.status not in (None, 429)


class _ChangedMeanwhile(Exception):
    def __init__(self, action: Action, now: Record) -> None:
        assert action.record is not None
        self.changes = theirs(action, now)
        fields = ", ".join(dict.fromkeys(change.label for change in self.changes)) or "nothing"
        versions = f" (version {action.record.version} became {now.version})" if now.version else ""
        self.message = f"{action.address} was changed on the service after the plan was made{versions}: {fields}."
        self.hint = "Nothing was overwritten. Run `agentflow plan` to see both sides."
        super().__init__(self.message)
