"""A session that takes one task after another: when it may, what is whose, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import OutputPolicy, SessionPolicy, canonical_json
from agentflow.errors import Blocked, LostAnswer, ServiceError, StateError, Unavailable
from agentflow.ports import SessionInfo
from agentflow.runtime.driver import resume_session, run_session
from agentflow.runtime.events import SessionUsage, TokenUsage, parse_event
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.notices import Notice, Said
from agentflow.runtime.record import read_record
from agentflow.runtime.reuse import Wanted, since, split, why_not
from agentflow.runtime.run import Reuse, RunRequest, RunResult, Verdict
from tests.runtime.desk import Desk, Raw, idle, remote_file, running
from tests.runtime.support import AT, HandClock, agent_policy, budget_policy
from tests.runtime.test_driver import KNOBS

POLICY = agent_policy()
INFO = SessionInfo(
    id="sesn_1",
    status="idle",
    agent_id="agent_1",
    agent_version=3,
    environment_id="env_1",
    usage={},
    stats={},
)
LAST = RunEntry(
    id="run0",
    agent="agent/a",
    agent_id="agent_1",
    agent_version=3,
    session_id="sesn_1",
    started_at=AT,
    ended_at=AT,
    verdict="completed",
    reason=None,
    usage=None,
    wall_s=1.0,
    seen_at=AT,
    resumes=0,
    stop_asked=None,
)
WANTED = Wanted(
    agent="agent/a",
    agent_id="agent_1",
    agent_version=3,
    environment_id="env_1",
    policy=POLICY,
    mounts=frozenset(),
)


def message(id: str, text: str = "Do it.", *, queued: bool = False) -> Raw:
    content = [{"type": "text", "text": text}]
    return {
        "type": "user.message",
        "id": id,
        "content": content,
        "processed_at": None if queued else AT,
    }


def says(text: str) -> Raw:
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


def used(input: int, cents: int) -> Raw:
    cost = {"amount": str(cents), "currency": "USD"}
    usage = {"input_tokens": input, "list_cost": cost, "active_seconds": float(cents)}
    return {"type": "session.usage", "usage": usage}


def error(retry: str) -> Raw:
    body = {"type": "model_overloaded_error", "message": "", "retry_status": {"type": retry}}
    return {"type": "session.error", "error": body}


DONE: list[Raw] = [message("m0"), running(), idle()]
RECORD = {"policy": json.loads(canonical_json(asdict(POLICY)))}

REASONS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    (None, {"history": []}),
    (None, {"last": replace(LAST, verdict="incomplete")}),
    (None, {"last": None, "record": None}),
    ("it is archived", {"info": replace(INFO, archived=True, status="terminated")}),
    ("it is terminated", {"info": replace(INFO, status="terminated")}),
    ("was archived or replaced", {"info": replace(INFO, agent_id="agent_0")}),
    (
        "it is a session of another agent, agent_0",
        {"info": replace(INFO, agent_id="agent_0"), "last": None},
    ),
    (
        "it has version 2 of agent/a, for as long as it lives, and version 3 is applied (prompt)",
        {
            "info": replace(INFO, agent_version=2),
            "wanted": replace(WANTED, differs=("prompt",)),
        },
    ),
    ("run run0 has no end", {"last": replace(LAST, verdict=None)}),
    ("waits for a person (run run0)", {"last": replace(LAST, verdict="needs_person")}),
    ("its last run failed", {"last": replace(LAST, verdict="failed")}),
    ("stopped by its budget", {"last": replace(LAST, verdict="budget")}),
    ("was interrupted", {"last": replace(LAST, verdict="interrupted")}),
    ("nobody has followed it", {"last": replace(LAST, verdict="detached")}),
    ("is not known", {"last": replace(LAST, verdict="unknown")}),
    ("it is running", {"info": replace(INFO, status="running")}),
    ("waits for an answer", {"history": [message("m0"), idle("requires_action")]}),
    ("reached its budget", {"history": [message("m0"), idle("budget_reached")]}),
    ("model refused", {"history": [message("m0"), idle("refusal")]}),
    ("ended in an error", {"history": [message("m0"), idle("retries_exhausted")]}),
    ("a reason unknown here (paused)", {"history": [message("m0"), idle("paused")]}),
    ("has not begun with", {"history": [message("m0", queued=True)]}),
    ("has not begun with", {"history": [*DONE, message("m1", queued=True)]}),
    (
        "ended in an error (model_overloaded_error)",
        {"history": [*DONE[:2], error("terminal"), idle()]},
    ),
    (None, {"history": [*DONE[:2], error("retrying"), idle()]}),
    ("another environment", {"info": replace(INFO, environment_id="env_0")}),
    (
        "files, repositories, memory or vaults",
        {"wanted": replace(WANTED, policy=replace(POLICY, session=SessionPolicy(title="Other")))},
    ),
    ("made with a budget in dollars", {"info": replace(INFO, budget={"type": "limit"})}),
    (
        "made with no budget in dollars",
        {"wanted": replace(WANTED, policy=replace(POLICY, budget=budget_policy(usd="1")))},
    ),
    (
        "mounted in it already: a.csv",
        {
            "info": replace(INFO, resources=({"mount_path": "/mnt/session/uploads/a.csv"},)),
            "wanted": replace(WANTED, mounts=frozenset({"/a.csv"})),
        },
    ),
]


@pytest.mark.parametrize(("reason", "changes"), REASONS, ids=[str(row[0]) for row in REASONS])
def test_why_a_session_cannot_take_another_task(
    reason: str | None, changes: dict[str, Any]
) -> None:
    given = {"wanted": WANTED, "info": INFO, "history": DONE, "last": LAST, "record": RECORD}
    found = why_not(**{**given, **changes})
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found


def test_totals_are_told_without_what_came_before() -> None:
    base = parse_event({**used(100, 7), "id": "u0"})
    assert isinstance(base, SessionUsage)
    now = since(base, parse_event({**used(130, 9), "id": "u1"}))
    assert isinstance(now, SessionUsage)
    assert (now.tokens, now.list_cost_cents, now.active_s) == (TokenUsage(input=30), 2, 2.0)
    older = since(base, parse_event({**used(90, 6), "id": "u2"}))
    assert isinstance(older, SessionUsage)
    assert (older.tokens.input, older.list_cost_cents) == (0, 0)


def test_a_history_without_the_place_is_none_to_go_on_in() -> None:
    with pytest.raises(StateError, match="is not in the history"):
        split([{**idle(), "id": "i"}], Reuse(session_id="s", after="other"))


class Again:
    """A session with one run behind it, whose second task has the same words."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notices: list[Notice] = []
        self.clock = HandClock()
        self.desk = Desk(self.react)
        first = remote_file("file_0", "report.md")
        self.desk.stored.append((first, b"old"))
        self.desk.emit(message("m0"), running(), says("First."), used(100, 7), idle())
        self.request = RunRequest(
            run_id="run1",
            agent="agent/a",
            agent_id="agent_1",
            agent_version=3,
            environment_id="env_1",
            policy=agent_policy(
                outputs={
                    "report": OutputPolicy(
                        path="report.md", required=True, schema=None, sections=()
                    )
                }
            ),
            inputs={},
            out_dir=root / "out",
            project_root=root,
            reuse=Reuse(session_id="sesn_1", after=self.desk.events[-1]["id"], files=("file_0",)),
        )

    def react(self, event: Mapping[str, Any]) -> Sequence[Raw]:
        if event["type"] != "user.message":
            return [idle()] if event["type"] == "user.interrupt" else []
        self.desk.stored.append((remote_file("file_1", "report.md"), b"new"))
        return [running(), says("Second."), used(130, 9), idle()]

    def run(self, observer: Any = None) -> RunResult:
        with Ledger.open(self.root / "ledger.db") as ledger:
            return asyncio.run(
                run_session(
                    self.request,
                    sessions=self.desk,
                    ledger=ledger,
                    clock=self.clock,
                    observer=observer or self.notices.append,
                    person=None,
                    knobs=KNOBS,
                    draw=lambda: 0.5,
                )
            )

    def resume(self) -> RunResult:
        with Ledger.open(self.root / "ledger.db") as ledger:
            record = ledger.record("run1")
            assert record is not None
            return asyncio.run(
                resume_session(
                    read_record("run1", record, root=self.root, secrets={}),
                    sessions=self.desk,
                    ledger=ledger,
                    clock=self.clock,
                    observer=self.notices.append,
                    person=None,
                    knobs=KNOBS,
                    draw=lambda: 0.5,
                )
            )

    def holds(self, result: RunResult) -> None:
        """Whatever went wrong: one task was sent, and what came behind it is all there is."""
        assert result.verdict is Verdict.COMPLETED
        assert result.final_message == "Second."
        assert [event["type"] for event in self.desk.sent].count("user.message") == 1
        assert result.tokens == TokenUsage(input=30)
        [report] = result.outputs
        assert report.path is not None
        assert report.path.read_bytes() == b"new"
        assert result.extra_files == ()
        assert self.desk.bodies == []


def test_only_what_comes_behind_the_task_is_of_the_run(tmp_path: Path) -> None:
    again = Again(tmp_path)
    again.holds(again.run())
    said = [notice.text for notice in again.notices if isinstance(notice, Said)]
    assert said == ["Second."]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", [LostAnswer("Broke."), Unavailable("Busy.", status=503)], ids=str)
def test_an_earlier_task_with_the_same_words_is_no_proof(
    tmp_path: Path, when: str, fault: ServiceError
) -> None:
    again = Again(tmp_path)
    again.desk.send_faults = [(when, fault)]
    again.holds(again.run())


def test_a_stream_that_breaks_shows_no_earlier_event_again(tmp_path: Path) -> None:
    again = Again(tmp_path)

    def cut(notice: Notice) -> None:
        again.notices.append(notice)
        if isinstance(notice, Said):
            again.desk.cut()

    again.holds(again.run(cut))
    assert [n.text for n in again.notices if isinstance(n, Said)] == ["Second."]


def test_a_late_copy_of_an_earlier_event_means_nothing(tmp_path: Path) -> None:
    again = Again(tmp_path)
    earlier = [dict(event) for event in again.desk.events]

    def replay(notice: Notice) -> None:
        again.notices.append(notice)
        if isinstance(notice, Said):
            for listener in again.desk._listeners:
                for event in earlier:
                    listener.put_nowait(event)

    again.holds(again.run(replay))


@pytest.mark.parametrize("point", ["before the session", "before the task", "behind the task"])
def test_a_crash_in_the_second_run_goes_on_in_the_same_session(tmp_path: Path, point: str) -> None:
    again = Again(tmp_path)

    class Crash(BaseException):
        """The process is gone: nothing of it is heard any more."""

    async def gone(*_: object) -> Any:
        raise Crash

    method = {"before the session": "retrieve", "before the task": "history"}.get(point, "files")
    whole = getattr(again.desk, method)
    setattr(again.desk, method, gone)
    with pytest.raises(Crash):
        again.run()
    setattr(again.desk, method, whole)
    again.holds(again.resume())


def test_somebody_else_in_the_session_is_not_joined(tmp_path: Path) -> None:
    again = Again(tmp_path)
    again.desk.emit(message("m9", "Mine."))
    with pytest.raises(Blocked, match="Somebody else has just sent something"):
        again.run()
    assert again.desk.sent == []
