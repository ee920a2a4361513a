"""The layer `replay`: a recorded session through the runtime of today, without a service.

The events are those of the tape, and so are the answers of custom tools and of people: nothing has an effect
a second time. What is of today is everything that is decided on our side. If that comes out otherwise,
it says whether the specs have changed since, and in which fields, or agentflow behaves otherwise. What the tape
does not have is not decided, and is told: see `unseen.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow.compiler.template import has_delimiters
from agentflow.operations.orders import check_runnable
from agentflow.runtime.approvals import Answer
from agentflow.runtime.cassette import Tape, digests, read_tape
from agentflow.runtime.driver import run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.pool import CallFailed
from agentflow.runtime.run import RunRequest, RunResult
from agentflow.runtime.session import Call
from agentflow.testing.bench import Case, scratch_directory
from agentflow.testing.clock import HandClock
from agentflow.testing.expectations import misses
from agentflow.testing.loop import check_misses, told
from agentflow.testing.offline import offline
from agentflow.testing.player import CassetteSessions
from agentflow.testing.prompts import prompt_misses
from agentflow.testing.report import Report
from agentflow.testing.results import Miss
from agentflow.testing.seen import Seen, shown
from agentflow.testing.stage import KNOBS, RUN_ID
from agentflow.testing.unseen import (
    Unseen,
    Voice,
    decidable,
    first_message,
    note_of,
    unseen_outputs,
    without,
)
from agentflow.testing.workers import TestPool

__all__ = ["TapeAnswers", "changed_fields", "replayed", "run_replay"]


_PATIENCE = 0.9
"""Of the time that a test has: then there is some left to say what the tape waits for."""


async def run_replay(case: Case) -> Report:
    """Play a cassette, and hold the run against what is expected.

    Raises:
        FileRefused: there is no cassette, or it is damaged.
        UsageError: the agent cannot be run.
    """
    path = case.file(("cassette",))
    tape = read_tape(path, name=str(path.relative_to(case.bench.root)))
    sessions = CassetteSessions(tape)
    unseen = unseen_outputs(tape, case.policy)
    expect, undecided = decidable(case.spec.expect, unseen)
    changed = changed_fields(case, tape)
    with scratch_directory() as directory:
        try:
            async with asyncio.timeout(case.spec.timeout * _PATIENCE):
                result, approvals = await replayed(case, tape, sessions, directory, unseen)
        except TimeoutError:
            return Report(misses=_stuck(tape, sessions, changed), note=note_of(tape, unseen)[2:])
        history = await sessions.history(result.session_id or "")
        seen = Seen(
            result=result,
            history=history,
            approvals=approvals,
            agent=case.agent,
            policy=without(case.policy, unseen),
            sources=case.bench.compiled.sources,
        )
        found = [
            *_tape_misses(sessions),
            *misses(expect, seen, case.file),
            *prompt_misses(case),
            *(await check_misses(case, seen, case.bench.programs) if not unseen else ()),
        ]
    if found:
        found.insert(0, _reason(tape, changed))
    found += undecided
    note = told(seen) + note_of(tape, unseen)
    if changed:
        note += f"; changed since it was recorded: {', '.join(changed)}"
    return Report(misses=found, note=note)


async def replayed(
    case: Case,
    tape: Tape,
    sessions: CassetteSessions,
    directory: Path,
    unseen: Mapping[str, Unseen],
) -> tuple[RunResult, Sequence[tuple[str, str, bool, str]]]:
    """The run, and the answers to tools that asked."""
    own = without(case.policy, unseen)
    task, inputs = _task(case, tape)
    policy = replace(own, task=task, environment=own.environment or "id:env_none")
    check_runnable(case.agent, policy)
    answers = TapeAnswers(tape)
    pool = TestPool(case.bench.root, case.bench.programs, answer=answers.tool)
    created: Mapping[str, Any] = next((one.answer for one in tape.of("create") if one.answer), {})
    request = RunRequest(
        run_id=RUN_ID,
        agent=case.agent,
        agent_id=str(created.get("agent_id", "")),
        agent_version=int(created.get("agent_version", 1)),
        environment_id=str(created.get("environment_id", "")),
        policy=offline(policy, None),
        inputs=inputs,
        out_dir=directory / "outputs",
        project_root=case.bench.root,
        sources=case.bench.compiled.sources,
        title=str(created.get("title") or "") or None,
        uploads={},
        records=directory / "records",
    )
    stop = asyncio.Event()
    try:
        with Ledger.open(Path(":memory:")) as ledger:
            if unseen or tape.head.get("imported") is not None:
                sessions.prompter = Voice(ledger, RUN_ID, stop)
            result = await run_session(
                request,
                sessions=sessions,
                ledger=ledger,
                clock=HandClock(),
                observer=lambda notice: None,
                person=answers if answers.has_people else None,
                stop=stop,
                knobs=KNOBS,
                draw=lambda: 0.5,
                pool=pool,
            )
            return result, ledger.approvals(RUN_ID)
    finally:
        await pool.close()


_TASK = "task of the tape"


def _task(case: Case, tape: Tape) -> tuple[str | None, dict[str, Any]]:
    """The task as the agent has it, and its inputs; of a session made elsewhere what was said there."""
    if tape.head.get("imported") is None or case.spec.task or case.spec.inputs:
        return case.spec.task or case.policy.task, _inputs(case, tape)
    text = first_message(tape)
    if has_delimiters(text):
        return f"{{{{ inputs['{_TASK}'] }}}}", {_TASK: text}
    return text, {}


def _inputs(case: Case, tape: Tape) -> dict[str, Any]:
    """Those of the test, and of what it does not say those it was recorded with."""
    recorded: Mapping[str, Any] = tape.head.get("inputs", {})
    own = case.inputs() if case.spec.inputs or not recorded else {}
    found: dict[str, Any] = {}
    for name, rule in case.policy.inputs.items():
        if name in case.spec.inputs or name not in recorded:
            found[name] = own[name] if name in own else case.inputs()[name]
        elif rule.type == "file":
            found[name] = case.bench.root / str(recorded[name])
        else:
            found[name] = recorded[name]
    return found


class TapeAnswers:
    """What custom tools and people said then."""

    def __init__(self, tape: Tape) -> None:
        self._calls: dict[str, tuple[str, str]] = {}
        """Name and arguments by call."""
        self._results: dict[str, list[tuple[str, bool]]] = {}
        """Text, and whether it was an error, by name and arguments; in order."""
        self._confirmed: dict[str, Answer] = {}
        for event in _seen(tape):
            if event.get("type") == "agent.custom_tool_use":
                self._calls[event["id"]] = (event["name"], _key(event["name"], event["input"]))
        answered: set[str] = set()
        for event in _sent(tape):
            id = str(event.get("custom_tool_use_id") or event.get("tool_use_id") or "")
            if event.get("type") == "user.custom_tool_result" and id in self._calls:
                if id not in answered:
                    _, key = self._calls[id]
                    outcome = (_content(event), bool(event.get("is_error")))
                    self._results.setdefault(key, []).append(outcome)
                    answered.add(id)
            elif event.get("type") == "user.tool_confirmation":
                message = event.get("deny_message")
                self._confirmed[id] = Answer(event.get("result") == "allow", message)
        self.has_people = bool(tape.head.get("person", True))

    def tool(self, name: str, input: Mapping[str, Any]) -> Any:
        """What a tool answered to these arguments, for `TestPool`."""
        waiting = self._results.get(_key(name, input))
        if not waiting:
            raise CallFailed(f"The cassette has no call of {name} with these arguments.")
        text, is_error = waiting.pop(0)
        if is_error:
            raise CallFailed(text.removeprefix(f"{name} failed. "))
        return text

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        return self._confirmed.get(call.id)

    async def answer(self, question: str) -> str | None:
        for key, waiting in self._results.items():
            if waiting and json.loads(key)[1].get("question") == question:
                return waiting.pop(0)[0]
        return None


def _key(name: str, input: Mapping[str, Any]) -> str:
    return json.dumps([name, dict(input)], sort_keys=True, default=str)


def _content(event: Mapping[str, Any]) -> str:
    return "\n".join(str(block.get("text", "")) for block in event.get("content") or ())


def _seen(tape: Tape) -> list[Mapping[str, Any]]:
    found = [line.answer for line in tape.of("event")]
    for line in tape.of("history"):
        found += line.answer or []
    return found


def _sent(tape: Tape) -> list[Mapping[str, Any]]:
    return [event for line in tape.of("send") for event in line.given or ()]


def changed_fields(case: Case, tape: Tape) -> list[str]:
    """Fields of the agent that are others than when it was recorded: `payload.system`, `policy.repair`."""
    recorded = tape.head.get("specs")
    resource = case.bench.compiled.manifest.resource(case.agent)
    if not isinstance(recorded, dict) or resource is None:
        return []
    now = digests(resource.payload, case.policy)
    return [
        f"{part}.{key}"
        for part, fields in now.items()
        for key in sorted({*fields, *recorded.get(part, {})})
        if fields.get(key) != recorded.get(part, {}).get(key)
    ]


def _reason(tape: Tape, changed: Sequence[str]) -> Miss:
    if tape.head.get("specs") is None:
        message = "What the session was made with is not known: it was recorded elsewhere, or not by a run."
        return Miss(("cassette",), message, "the behaviour of then", "another one")
    if changed:
        message = "The specs have changed since it was recorded: record it again if that was meant."
        return Miss(("cassette",), message, "the specs of the recording", ", ".join(changed))
    message = (
        "The specs are those of the recording: agentflow, or code of the project, does otherwise."
    )
    return Miss(("cassette",), message, "the same behaviour", "another one")


def _stuck(tape: Tape, sessions: CassetteSessions, changed: Sequence[str]) -> list[Miss]:
    """Why nothing happens any more."""
    unsent = sessions.unsent
    if unsent is None:
        message = "The tape ends, and the session has not come to rest."
        return [Miss(("cassette",), message, "an end", "nothing more")]
    message = f"The tape waits for what is not sent now (line {unsent.number} of it)."
    waits = Miss(("cassette",), message, shown(json.dumps(unsent.given)), "nothing")
    return [_reason(tape, changed), waits]


def _tape_misses(sessions: CassetteSessions) -> list[Miss]:
    found = [
        Miss(("cassette",), f"Not on the tape: {m.what}.", shown(m.on_tape), shown(m.asked))
        for m in sessions.misses
    ]
    unsent = sessions.unsent
    if unsent is not None and not found:
        message = f"What was sent then was not sent now (line {unsent.number} of the tape)."
        found.append(Miss(("cassette",), message, shown(json.dumps(unsent.given)), "nothing"))
    return found
