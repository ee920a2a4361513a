"""A runner killed outright at any point, and the run gone on with: the same end, no effect twice."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import AgentPolicy
from agentflow.errors import Blocked, NotFound
from agentflow.operations.clock import SystemClock
from agentflow.remote.client import make_client
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.driver import resume_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.record import read_record, write_record
from agentflow.runtime.run import RunRequest, RunResult, Verdict
from agentflow.runtime.transcript import read_transcript
from agentflow.runtime.watching import is_watched, watch
from tests.runtime.counter import (
    QUICK,
    RATE,
    RATE_SCHEMA,
    SCRIPT,
    Counter,
    counter_policy,
    open_counter,
)
from tests.runtime.crash_runner import Order, Runner
from tests.runtime.support import custom_policy, write_module

POINTS = 44
"""More than the undisturbed run has, which a test below makes sure of."""
SAMPLE = (1, 9, 15, 27)
"""Taken in every run; all of them with `-m matrix`."""

REPAIRED = """
turns:
  - say: All done.
    usage: { input: 10, output: 5 }
  - say: Right, the report.
    tools:
      - { id: eur, name: rate, input: { currency: EUR } }
    usage: { input: 10, output: 5 }
  - say: Now it is there.
    tools:
      - id: report
        name: write
        input: { file_path: /mnt/session/outputs/report.md, content: "# Rates\\n${result.eur}\\n" }
    usage: { input: 10, output: 5 }
  - say: Written.
    usage: { input: 5, output: 5 }
"""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(tmp_path_factory.mktemp("counter"), SCRIPT) as counter:
        yield counter


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(tmp_path_factory.mktemp("repaired"), REPAIRED) as counter:
        yield counter


class Case:
    """One run in a directory of its own."""

    def __init__(self, runner: Runner, counter: Counter, root: Path, policy: AgentPolicy) -> None:
        self.runner = runner
        self.counter = counter
        self.root = root
        # A session whose creation was not written down is found by it.
        self.run_id = f"run-{uuid.uuid4()}"
        write_module(root, {"shop/__init__.py": "", "shop/tools.py": RATE})
        request = RunRequest(
            run_id=self.run_id,
            agent="agent/teller",
            agent_id=counter.agent_id,
            agent_version=1,
            environment_id=counter.environment_id,
            policy=policy,
            inputs={},
            out_dir=root / "out",
            project_root=root,
        )
        assert policy.task is not None
        self.record = json.loads(json.dumps(write_record(request, policy.task)))
        (root / "record.json").write_text(json.dumps(self.record), encoding="utf-8")

    def killed(self, point: int) -> int:
        """Run or go on until `point`; the exit code. 0: it came to the end."""
        service = self.counter.service
        return self.runner.run(
            Order(service.base_url, service.token, str(self.root), self.run_id, point)
        )

    def resume(self, **more: Any) -> RunResult:
        return asyncio.run(self._resume(more))

    async def _resume(self, more: Mapping[str, Any]) -> RunResult:
        service = self.counter.service
        client = make_client(service.base_url, service.token)
        streams = make_client(service.base_url, service.token)
        record = json.loads((self.root / "record.json").read_text(encoding="utf-8"))
        given: dict[str, Any] = {
            "clock": SystemClock(),
            "observer": lambda notice: None,
            "person": None,
            "knobs": QUICK,
            "draw": lambda: 0.0,
        }
        try:
            with Ledger.open(self.root / "ledger.db") as ledger:
                return await resume_session(
                    read_record(self.run_id, record, root=self.root, secrets={}),
                    sessions=RemoteSessions(client, streams),
                    ledger=ledger,
                    **{**given, **more},
                )
        finally:
            await streams.close()
            await client.close()

    def wholly(self, point: int) -> RunResult | None:
        """Killed at `point` and gone on with. None: there was nothing left to do."""
        code = self.killed(point)
        if code == 0:
            assert point > POINTS - 10
            return None
        assert code == -9, self.printed
        with Ledger.open(self.root / "ledger.db") as ledger:
            entry = ledger.run(self.run_id)
        if entry is None:
            # Killed before anything was begun: to start is all there is to do.
            assert point == 1
            assert self.killed(0) == 0
            return None
        if entry.verdict is not None:
            return None
        return self.resume()

    @property
    def printed(self) -> str:
        return (self.root / "printed.txt").read_text(encoding="utf-8")

    @property
    def effects(self) -> list[str]:
        path = self.root / "shop/calls.txt"
        return path.read_text().split() if path.exists() else []

    def events(self) -> list[Mapping[str, Any]]:
        with Ledger.open(self.root / "ledger.db") as ledger:
            entry = ledger.run(self.run_id)
        assert entry is not None
        assert entry.session_id is not None
        return self.counter.history(entry.session_id)


def policy_of(counter: Counter, *, idempotent: bool) -> AgentPolicy:
    counter.reset_faults()
    tool = custom_policy(input_schema=RATE_SCHEMA, idempotent=idempotent)
    return counter_policy(custom={"rate": tool})


def assert_nothing_twice(events: list[Mapping[str, Any]], messages: int = 1) -> None:
    def ids(type: str, key: str) -> list[Any]:
        return [event[key] for event in events if event["type"] == type]

    assert len(ids("user.message", "id")) == messages
    answered = ids("user.custom_tool_result", "custom_tool_use_id")
    assert sorted(answered) == sorted(ids("agent.custom_tool_use", "id"))
    confirmed = ids("user.tool_confirmation", "tool_use_id")
    assert len(confirmed) == len(set(confirmed)) == 1


def every(last: int) -> list[Any]:
    return [
        pytest.param(n, marks=() if n in SAMPLE else pytest.mark.matrix) for n in range(1, last + 1)
    ]


def test_the_matrix_reaches_beyond_the_last_point(
    runner: Runner, counter: Counter, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=False))
    assert case.killed(0) == 0, case.printed
    number, verdict = case.printed.split()
    assert verdict == "completed"
    assert POINTS - 10 <= int(number) <= POINTS


@pytest.mark.parametrize("point", every(POINTS))
def test_killed_anywhere_a_repeatable_tool_gives_the_same_end(
    runner: Runner, counter: Counter, point: int, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=True))
    result = case.wholly(point)
    assert result is None or result.verdict is Verdict.COMPLETED
    assert (tmp_path / "out/report.md").read_text() == "# Rates\n1.00 1.16\n"
    assert set(case.effects) == {"EUR", "USD"}
    # What was under way when the process died may have taken place; nothing else is repeated.
    assert len(case.effects) <= 4
    assert_nothing_twice(case.events())
    if result is not None:
        assert (result.turns, result.repairs) == (3, 0)
        assert result.tool_calls == 4


@pytest.mark.parametrize("point", every(POINTS))
def test_killed_anywhere_no_effect_takes_place_twice(
    runner: Runner, counter: Counter, point: int, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=False))
    result = case.wholly(point)
    assert result is None or result.verdict is Verdict.COMPLETED
    assert len(case.effects) == len(set(case.effects))
    assert_nothing_twice(case.events())
    report = (tmp_path / "out/report.md").read_text()
    for currency, rate in {"EUR": "1.00", "USD": "1.16"}.items():
        if rate in report:
            assert currency in case.effects
        else:
            assert "not known" in report


@pytest.mark.parametrize("point", every(42))
def test_killed_anywhere_a_repair_is_asked_for_once(
    runner: Runner, repaired: Counter, point: int, tmp_path: Path
) -> None:
    case = Case(runner, repaired, tmp_path, policy_of(repaired, idempotent=True))
    code = case.killed(point)
    if point == 1:
        assert case.killed(0) == 0
    elif code != 0:
        with Ledger.open(tmp_path / "ledger.db") as ledger:
            entry = ledger.run(case.run_id)
        assert entry is not None
        if entry.verdict is None:
            result = case.resume()
            assert (result.verdict, result.repairs) == (Verdict.COMPLETED, 1)
    assert (tmp_path / "out/report.md").read_text() == "# Rates\n1.00\n"
    texts = [event for event in case.events() if event["type"] == "user.message"]
    assert len(texts) == 2


def test_killed_again_and_again(runner: Runner, counter: Counter, tmp_path: Path) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=True))
    for point in (8, 3, 4):
        assert case.killed(point) == -9
    result = case.resume()
    assert result.verdict is Verdict.COMPLETED
    assert (tmp_path / "out/report.md").read_text() == "# Rates\n1.00 1.16\n"
    assert_nothing_twice(case.events())
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        entry = ledger.run(case.run_id)
    assert entry is not None
    assert (entry.verdict, entry.resumes) == ("completed", 3)
    lines = list(read_transcript(tmp_path / ".agentflow/runs" / case.run_id / "transcript.jsonl"))
    seen = [(line.event["id"], line.event["processed_at"]) for line in lines if not line.sent]
    assert len(seen) == len(set(seen))


def test_what_was_used_before_the_crash_counts(
    runner: Runner, counter: Counter, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=True))
    assert case.killed(20) == -9
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.alive(case.run_id, wall_s=100.0, at="2026-11-23T10:00:00+00:00")
    result = case.resume()
    assert result.turns == 3
    assert 100.0 < result.wall_s < 130.0
    assert result.tokens.total == 100 + 20 + 300 + 10 + 30 + 300 + 50 + 5 + 10 + 350


def test_a_run_that_is_followed_is_left_alone(
    runner: Runner, counter: Counter, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=True))
    directory = tmp_path / ".agentflow/runs" / case.run_id
    assert not is_watched(directory)
    with watch(directory, case.run_id):
        assert is_watched(directory)
        with pytest.raises(
            Blocked, match=f"{case.run_id} is being followed by process {os.getpid()}"
        ):
            case.resume()
    assert not is_watched(directory)


def test_a_session_that_is_gone_is_said_to_be(
    runner: Runner, counter: Counter, tmp_path: Path
) -> None:
    case = Case(runner, counter, tmp_path, policy_of(counter, idempotent=True))
    assert case.killed(6) == -9
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.set_session(case.run_id, "sesn_01gone")
    with pytest.raises(NotFound, match=f"sesn_01gone of run {case.run_id} does not exist any more"):
        case.resume()
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        entry = ledger.run(case.run_id)
    assert entry is not None
    assert entry.verdict == "failed"
