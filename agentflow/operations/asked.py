"""What runs are asked for from Python, and the operation's words for it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from agentflow.errors import UsageError
from agentflow.operations.check import open_project
from agentflow.operations.orders import RunOptions
from agentflow.operations.resume import ResumeOptions
from agentflow.operations.run import Watch
from agentflow.runtime.approvals import Answer, Person
from agentflow.runtime.notices import Notice
from agentflow.runtime.session import Call

__all__ = [
    "Approve",
    "Listening",
    "Placing",
    "Resuming",
    "Running",
    "Starting",
    "options_of",
    "resuming_of",
    "watch_of",
]

Approve = Callable[[Call], Any]
"""Whether a call may run: an `Answer`, a boolean, or None, where nobody answers; or a coroutine of one.

What is no coroutine function runs in a thread of its own.
"""


class Placing(TypedDict, total=False):
    """Which project, and where it runs. What is left out is as on the command line."""

    project: Path | str
    """Its directory, or one below it. Left out: the working directory."""
    target: str
    """Left out: `local`."""
    variables: Mapping[str, str]
    """As `--var`."""
    settings: Sequence[str]
    """As `--set`: `agent/writer.budget.usd=3`."""
    script: Path | str | None
    """Turns that play the model of the local target."""
    as_applied: bool
    """Run what is applied, though the files differ."""
    unsafe_no_sandbox: bool
    """Let tools of the local target run unconfined."""


class Starting(TypedDict, total=False):
    """What one run is asked for."""

    inputs: Mapping[str, object]
    """By name: texts, numbers, booleans; a file by its path."""
    out: Path | str | None
    """Where outputs go. Left out: below `.agentflow/runs`."""
    overwrite: bool
    """Outputs may replace files that are in `out`."""
    detach: bool
    """Leave the session to itself once it has its task."""
    session: str | None
    """A session, or a run of it, to give the task to. Left out: one of its own."""
    go_on: bool
    """Give the task to the session of the agent's newest run, if it can take another; as `--continue`."""
    record: Path | str | None
    """Where a cassette of the run is written. Left out: nowhere."""
    record_compressed: bool
    """Keep contents of compressed files on it, in which no secret can be found."""
    flow: str | None
    """An id that all runs of one piece of work are given: they share pools `per: flow`, and are one line of
    `agentflow sessions cost --by flow`. Left out: the run is on its own."""


class Listening(TypedDict, total=False):
    """Who is told, and who is asked."""

    on_event: Callable[[Notice], None]
    person: Person | Approve | None
    """Asked where a rule says `ask: person`. Left out: nobody is there."""
    stop: asyncio.Event
    """Once set, the session is interrupted, and what is there is collected."""


class Running(Placing, Starting, Listening, total=False):
    """All of it."""


class Resuming(Listening, total=False):
    """How to go on with a run."""

    project: Path | str
    script: Path | str | None
    """Left out: the one it was started with."""
    unsafe_no_sandbox: bool


def options_of(agent: str | None, how: Running) -> RunOptions:
    """The operation's words for what was asked.

    Raises:
        UsageError: there is no project, or an input is no text, number, boolean or path.
    """
    return RunOptions(
        project=open_project(Path(how.get("project", "."))),
        target=how.get("target", "local"),
        variables=how.get("variables", {}),
        settings=tuple(how.get("settings", ())),
        agent=agent,
        inputs={name: _text(name, value) for name, value in how.get("inputs", {}).items()},
        out=_path(how.get("out")),
        overwrite=how.get("overwrite", False),
        script=_path(how.get("script")),
        as_applied=how.get("as_applied", False),
        unsafe_no_sandbox=how.get("unsafe_no_sandbox", False),
        detach=how.get("detach", False),
        session=how.get("session"),
        go_on=how.get("go_on", False),
        record=_path(how.get("record")),
        record_compressed=how.get("record_compressed", False),
        flow=how.get("flow"),
    )


def watch_of(how: Listening) -> Watch:
    """Who watches a run."""
    person = how.get("person")
    return Watch(
        observer=how.get("on_event", _nobody_listens),
        person=_Asked(person) if callable(person) else person,
        stop=how.get("stop") or asyncio.Event(),
    )


def _nobody_listens(notice: Notice) -> None:
    pass


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given)


def _text(name: str, value: object) -> str:
    """An input as the command line would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, Path)):
        return str(value)
    raise UsageError(
        f"The input {name!r} is of type {type(value).__name__}.",
        hint="Inputs are texts, numbers, booleans and paths.",
    )


def resuming_of(run: str, how: Resuming) -> ResumeOptions:
    """As `options_of`, for a run that is gone on with."""
    return ResumeOptions(
        project=open_project(Path(how.get("project", "."))),
        run=run,
        script=_path(how.get("script")),
        unsafe_no_sandbox=how.get("unsafe_no_sandbox", False),
    )


class _Asked:
    """A function as a `Person`. It approves calls; questions of the agent stay open."""

    def __init__(self, approve: Approve) -> None:
        self._approve = approve

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        try:
            async with asyncio.timeout(wait_s):
                answer = await self._answer(call)
        except TimeoutError:
            return None
        return Answer(allow=answer) if isinstance(answer, bool) else answer

    async def answer(self, question: str) -> str | None:
        return None

    async def _answer(self, call: Call) -> Answer | bool | None:
        if inspect.iscoroutinefunction(self._approve):
            given = await self._approve(call)
        else:
            given = await asyncio.to_thread(self._approve, call)
        assert given is None or isinstance(given, (Answer, bool)), f"{given!r} is no answer"
        return given
