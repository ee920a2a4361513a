"""Runs from Python: the verdict is data, and an exception says that there was no run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import agentflow
from agentflow.errors import UsageError
from agentflow.runtime.notices import Ended, Failed, Notice, Received, RunStarted


def test_a_run_gives_its_verdict_and_outputs(desk: Path) -> None:
    told: list[Notice] = []
    result = agentflow.run("clerk", project=desk, inputs={"times": 2}, on_event=told.append)
    assert result.verdict is agentflow.Verdict.COMPLETED
    [output] = result.outputs
    assert output.path is not None
    assert output.path.read_text(encoding="utf-8") == "A lamp."
    [started] = [notice for notice in told if isinstance(notice, RunStarted)]
    assert started.run_id == result.run_id
    assert told[-1] == Ended(result=result)
    sent = next(
        n.event for n in told if isinstance(n, Received) and n.event["type"] == "user.message"
    )
    assert sent["content"][0]["text"] == "Write down a lamp, 2 times."


def test_outputs_that_are_missing_are_data(desk: Path) -> None:
    result = agentflow.run("dreamer", project=desk)
    assert result.verdict is agentflow.Verdict.INCOMPLETE
    assert [(o.name, o.path is None) for o in result.outputs] == [("other", True)]
    assert [path.name for path in result.extra_files] == ["note.md"]
    assert result.error is None


def test_a_failure_has_a_word_that_stays_the_same(desk: Path) -> None:
    (desk / "script.yaml").write_text("turns:\n  - { say: No., stop: refusal }\n", encoding="utf-8")
    result = agentflow.run("clerk", project=desk)
    assert (result.verdict, bool(result.error)) == ("refused", True)


def approves(call: agentflow.Call) -> bool:
    return call.name == "write"


async def approves_later(call: agentflow.Call) -> agentflow.Answer:
    await asyncio.sleep(0)
    return agentflow.Answer(allow=call.name == "write")


@pytest.mark.parametrize("person", [approves, approves_later])
def test_a_function_is_a_person_who_is_asked(desk: Path, person: Any) -> None:
    assert agentflow.run("asker", project=desk, person=person).verdict == "completed"


def test_without_a_person_the_run_halts_and_is_gone_on_with(desk: Path) -> None:
    halted = agentflow.run("asker", project=desk)
    assert (halted.verdict, halted.verdict.exit_code) == ("needs_person", 8)
    [waiting] = halted.waiting
    assert (waiting.tool, waiting.input["content"]) == ("write", "A lamp.")
    told: list[Notice] = []
    result = agentflow.resume(halted.run_id, project=desk, person=approves, on_event=told.append)
    assert (result.verdict, result.run_id) == ("completed", halted.run_id)
    assert [n.resumed for n in told if isinstance(n, RunStarted)] == [True]


def test_what_keeps_a_run_from_starting_is_raised_and_told(desk: Path) -> None:
    told: list[Notice] = []
    with pytest.raises(UsageError, match="no agent 'clark'") as refused:
        agentflow.run("clark", project=desk, on_event=told.append)
    assert told[-1] == Failed(error=refused.value)
    with pytest.raises(UsageError, match="'thing' is of type list"):
        agentflow.run("clerk", project=desk, inputs={"thing": ["a", "b"]})


def test_stop_interrupts_and_collects(desk: Path) -> None:
    async def scene() -> agentflow.RunResult:
        stop = asyncio.Event()

        def tell(notice: Notice) -> None:
            if isinstance(notice, Received) and notice.event["type"] == "agent.tool_use":
                stop.set()

        return await agentflow.run_async("clerk", project=desk, stop=stop, on_event=tell)

    assert asyncio.run(scene()).verdict in ("interrupted", "completed")


def test_a_loop_that_runs_is_not_blocked(desk: Path) -> None:
    async def scene() -> None:
        agentflow.run("clerk", project=desk)

    with pytest.raises(UsageError, match="event loop runs already"):
        asyncio.run(scene())


def test_all_that_is_offered_is_there_and_nothing_is_imported_for_it() -> None:
    assert set(agentflow.__all__) <= set(dir(agentflow))
    for name in agentflow.__all__:
        assert getattr(agentflow, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        agentflow.walk  # noqa: B018
    code = "import agentflow, sys; print([m for m in sys.modules if m.startswith('agentflow.')])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"
