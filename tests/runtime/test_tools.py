"""Custom tools: refused, run once, stopped for real, and every failure an answer for the agent."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler.manifest import ArgumentPolicy, CustomToolPolicy
from agentflow.runtime.approvals import Answer
from agentflow.runtime.pool import CallFailed, WorkerPool
from agentflow.runtime.questions import answer_question, questions
from agentflow.runtime.results import RESULT_LIMIT
from agentflow.runtime.session import Call
from agentflow.runtime.tools import NeedsPerson
from tests.runtime.bench import MODULE, Bench, call, gone, wait_until
from tests.runtime.support import custom_policy, write_module


def tool(function: str, **changes: Any) -> CustomToolPolicy:
    return custom_policy(f"shop.tools:{function}", **changes)


def test_a_result_is_text_or_json(bench: Bench) -> None:
    [outcome] = bench.run(call(currency="USD"), rate=tool("rate"))
    assert outcome.text == '{"currency": "USD", "rate": 1.1, "call": 1}'
    assert not outcome.is_error
    [outcome] = bench.run(call(id="2"), rate=tool("text"))
    assert outcome.text == "plain"
    [outcome] = bench.run(call(id="3"), rate=tool("nothing"))
    assert outcome.text == "null"
    [outcome] = bench.run(call(id="4", n=1), rate=tool("later"))
    assert outcome.text == "2"


def test_a_module_is_imported_once(bench: Bench) -> None:
    outcomes = bench.run(call(id="1"), call(id="2"), rate=tool("rate"))
    assert [o.text[-2] for o in outcomes] == ["1", "2"]


def test_the_same_call_runs_once_also_in_another_process(bench: Bench) -> None:
    first = bench.run(call(), call(), rate=tool("rate"))
    again = bench.run(call(), rate=tool("rate"))
    assert bench.effects == ["EUR"]
    assert {o.text for o in [*first, *again]} == {first[0].text}


@pytest.mark.parametrize(("idempotent", "effects"), [(False, []), (True, ["EUR"])])
def test_a_call_begun_before_a_crash(bench: Bench, idempotent: bool, effects: list[str]) -> None:
    bench.ledger.claim_call(
        run_id="run1",
        session_id="sesn_1",
        call_id="sevt_1",
        tool="rate",
        input={},
        idempotent=idempotent,
        at="2026",
    )
    [outcome] = bench.run(call(), rate=tool("rate", idempotent=idempotent))
    assert bench.effects == effects
    assert outcome.is_error is not idempotent
    if not idempotent:
        assert "not known" in outcome.text


FAILURES = [
    ("leaks", "rate failed. RuntimeError: key [SHOP_API_KEY]"),
    ("quits", "rate failed. SystemExit: 3"),
    ("dies", "rate failed. Its process ended (exit code 9)."),
    ("absent", "has no attribute 'absent'"),
]


@pytest.mark.parametrize(("function", "words"), FAILURES)
def test_a_failure_is_told_without_secrets_or_traceback(
    bench: Bench, function: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "s3cr3t-s3cr3t")
    [outcome] = bench.run(call(), rate=tool(function))
    assert outcome.is_error
    assert words in outcome.text
    assert "Traceback" not in outcome.text
    [after] = bench.run(call(id="2"), rate=tool("text"))
    assert after.text == "plain"


def test_a_tool_does_not_get_what_calls_the_service(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-canary")
    monkeypatch.setenv("AGENTFLOW_TOKEN", "token-canary")
    monkeypatch.setenv("SHOP_REGION", "emea")
    [outcome] = bench.run(call(), rate=tool("surroundings"))
    assert "canary" not in outcome.text
    assert "emea" in outcome.text


def test_a_long_result_is_cut_and_says_so(bench: Bench) -> None:
    [outcome] = bench.run(call(), rate=tool("big"))
    assert len(outcome.text) <= RESULT_LIMIT
    assert "200,000 characters" in outcome.text


@pytest.mark.parametrize("function", ["spins", "sleeps"])
def test_a_time_limit_really_stops_the_work(bench: Bench, function: str) -> None:
    began = time.monotonic()
    [outcome] = bench.run(call(), rate=tool(function, timeout_s=1.0))
    assert time.monotonic() - began < 15
    assert outcome.text == "rate failed. It took longer than 1 s and was stopped."
    if function == "sleeps":
        pids = [int(p) for p in (bench.root / "shop/pids.txt").read_text().split()]
        wait_until(lambda: all(map(gone, pids)))


def test_a_cancelled_call_leaves_no_process(tmp_path: Path) -> None:
    write_module(tmp_path, {"shop/__init__.py": "", "shop/tools.py": MODULE})
    pids = tmp_path / "shop/pids.txt"

    async def scenario() -> None:
        pool = WorkerPool(tmp_path)
        request = {"run": "shop.tools:sleeps", "input": {}}
        task = asyncio.create_task(pool.call(request, timeout_s=60.0))
        # The other side is a process: there is no event to wait for, only what it writes.
        while not (pids.exists() and len(pids.read_text().split()) == 2):  # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await pool.close()

    asyncio.run(scenario())
    wait_until(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))


def test_calls_at_the_same_time_get_workers_of_their_own(tmp_path: Path) -> None:
    write_module(tmp_path, {"shop/__init__.py": "", "shop/tools.py": MODULE})

    async def scenario() -> list[Any]:
        pool = WorkerPool(tmp_path)
        request = {"run": "shop.tools:text", "input": {}}
        slow = asyncio.create_task(
            pool.call({"run": "shop.tools:spins", "input": {}}, timeout_s=30.0)
        )
        try:
            return [await pool.call(request, timeout_s=20.0) for _ in range(2)]
        finally:
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            await pool.close()

    assert asyncio.run(scenario()) == ["plain", "plain"]


def test_a_value_that_is_not_json_is_told_as_text(tmp_path: Path) -> None:
    write_module(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/tools.py": "def loop():\n a = []\n a.append(a)\n return a\n",
        },
    )

    async def scenario() -> None:
        pool = WorkerPool(tmp_path)
        try:
            await pool.call({"run": "shop.tools:loop", "input": {}}, timeout_s=20.0)
        finally:
            await pool.close()

    with pytest.raises(CallFailed, match="cannot be written as JSON"):
        asyncio.run(scenario())


SCHEMA = {
    "type": "object",
    "properties": {"currency": {"type": "string"}, "all": {"type": "array"}},
    "required": ["currency"],
    "additionalProperties": False,
}
RULED = tool(
    "rate",
    input_schema=SCHEMA,
    arguments={
        "currency": ArgumentPolicy(allow=("E*", "U*"), deny=("*TEST*",)),
        "all": ArgumentPolicy(allow=None, deny=("bad",)),
    },
)


@pytest.mark.parametrize(
    ("input", "words"),
    [
        ({}, "'currency' is a required property"),
        ({"currency": 3}, "currency: 3 is not of type 'string'"),
        ({"currency": "EUR", "x": 1}, "Additional properties"),
        ({"currency": "YEN"}, "does not allow the value 'YEN'"),
        ({"currency": "ETESTX"}, "does not allow the value 'ETESTX'"),
        ({"currency": "EUR", "all": ["good", "bad"]}, "does not allow the value 'bad'"),
    ],
)
def test_arguments_are_checked_before_anything_runs(
    bench: Bench, input: dict[str, Any], words: str
) -> None:
    [outcome] = bench.run(call(**input), rate=RULED)
    assert outcome.is_error
    assert words in outcome.text
    assert bench.effects == []


def test_only_so_many_calls_of_a_tool(bench: Bench) -> None:
    calls = [call(id=f"{n}") for n in range(4)]
    outcomes = bench.run(*calls, rate=tool("rate", max_calls=2))
    assert [o.is_error for o in outcomes] == [False, False, True, True]
    assert "may be called 2 times" in outcomes[2].text
    assert len(bench.effects) == 2


def test_an_unknown_tool_is_an_answer_too(bench: Bench) -> None:
    [outcome] = bench.run(call("lookup"))
    assert (outcome.text, outcome.is_error) == ("There is no tool 'lookup' here.", True)


class Clerk:
    def __init__(self, said: str | None) -> None:
        self.said = said
        self.asked: list[str] = []

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        raise AssertionError("nothing is to be approved here")

    async def answer(self, question: str) -> str | None:
        self.asked.append(question)
        return self.said


@pytest.mark.parametrize(
    ("person", "text", "is_error"),
    [(Clerk("Net."), "Net.", False), (Clerk(None), "Nobody", True)],
)
def test_a_question_goes_to_a_person(
    bench: Bench, person: Clerk, text: str, is_error: bool
) -> None:
    asked = call("ask_user", question="Net or gross?")
    [outcome] = bench.run(asked, person=person, ask_user=custom_policy(None))
    assert outcome.text.startswith(text)
    assert outcome.is_error is is_error
    assert person.asked == ["Net or gross?"]


def test_a_question_stays_open_until_somebody_answers_it(bench: Bench) -> None:
    asked = call("ask_user", question="Net or gross?")
    with pytest.raises(NeedsPerson, match="nobody is there"):
        bench.run(asked, ask_user=custom_policy(None))
    [open_one] = questions(bench.ledger, "run1", only_open=True)
    assert (open_one.kind, open_one.input) == ("question", {"question": "Net or gross?"})
    given: dict[str, Any] = {"allowed": True, "who": "bo@desk", "at": "2026"}
    assert answer_question(bench.ledger, "sesn_1", asked.id, answer="Net.", **given)
    assert not answer_question(bench.ledger, "sesn_1", asked.id, answer="Gross.", **given)
    [outcome] = bench.run(asked, ask_user=custom_policy(None))
    assert (outcome.text, outcome.is_error) == ("Net.", False)
    assert questions(bench.ledger, "run1", only_open=True) == []


def test_a_process_a_tool_left_behind_does_not_hold_up_the_end(bench: Bench) -> None:
    began = time.monotonic()
    try:
        [outcome] = bench.run(call(), rate=tool("detaches"))
        assert outcome.text == "detached"
        assert time.monotonic() - began < 30
    finally:
        os.kill(int((bench.root / "shop/pids.txt").read_text()), 9)


@pytest.mark.parametrize("function", ["keys", "deep", "endless", "mute"])
def test_a_value_that_is_not_json_is_said_to_be_none(
    bench: Bench, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "canary-canary")
    first, second = bench.run(call(), call("count", "2"), rate=tool(function), count=tool("rate"))
    assert first.is_error
    assert "cannot be written as JSON" in first.text
    assert "canary" not in first.text
    # The process, and with it what its modules remember, goes on.
    assert not second.is_error


def test_a_worker_that_died_between_two_calls_is_replaced(bench: Bench) -> None:
    async def scenario() -> Any:
        pool = WorkerPool(bench.root)
        request = {"run": "shop.tools:rate", "input": {}}
        try:
            await pool.call(request, timeout_s=20.0)
            [worker] = pool._all
            worker.kill()
            await worker.wait()
            return await pool.call(request, timeout_s=20.0)
        finally:
            await pool.close()

    assert asyncio.run(scenario())["call"] == 1


def test_a_value_that_is_nested_as_deeply_as_it_can_be_written(bench: Bench) -> None:
    """The worker, whose stack is nearly empty, can write deeper ones than we can read."""
    calls = [call(id=f"{n}", n=n) for n in range(900, 1000, 5)]
    outcomes = bench.run(*calls, rate=tool("nested"))
    assert not outcomes[0].is_error
    assert outcomes[-1].is_error
    assert all("JSON" in o.text or "nested too deeply" in o.text for o in outcomes if o.is_error)


def test_no_process_can_be_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(bench.root / "gone"))
    [outcome] = bench.run(call(), rate=tool("rate"))
    assert outcome.is_error
    assert "No process could be started for it: No such file or directory." in outcome.text


def test_a_long_refusal_is_cut_too(bench: Bench) -> None:
    [outcome] = bench.run(call(currency=["x" * 500_000]), rate=RULED)
    assert outcome.is_error
    assert len(outcome.text) <= RESULT_LIMIT


def test_half_a_character_in_an_argument_is_no_crash(bench: Bench) -> None:
    """What a model sends that broke off in the middle of an escape."""
    loose = tool("rate", input_schema={"type": "object"})
    outcomes = bench.run(
        call(currency="\ud83d"), call("other", "2", currency="\ud83d"), rate=loose, other=RULED
    )
    # What the function itself makes of it is its own business: this one writes it to a file.
    assert [outcome.is_error for outcome in outcomes] == [True, True]
    assert "surrogates not allowed" in outcomes[0].text
    assert "does not allow the value" in outcomes[1].text
