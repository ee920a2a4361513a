"""The kit for tests in Python, as those who use it do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import anthropic
import pytest

import agentflow
import agentflow.testing as public
from agentflow.errors import ProblemsFound, UsageError
from agentflow.local.drivers.base import Turn, TurnContext
from agentflow.local.prices import Tokens
from agentflow.runtime.transcript import read_transcript
from agentflow.testing import (
    CallFailed,
    FaultPlan,
    HandClock,
    Kit,
    ScriptedModel,
    ScriptedPerson,
    call,
    run_jumping,
    turn,
)
from tests.support.cli import EXAMPLES
from tests.testing.desk import make_desk

REPORT = "# Findings\n\nx\n\n# Appendix\n\nx\n"


def model() -> ScriptedModel:
    return ScriptedModel(
        turn("I look.", call("rate", currency="EUR")),
        turn(
            None,
            call("bash", command="python3 x.py"),
            call("write", id="a", file_path="/mnt/session/outputs/report.md", content=REPORT),
            call(
                "write",
                id="b",
                file_path="/mnt/session/outputs/totals.json",
                content='{"total": 1}',
            ),
            expect={"tool": "rate", "contains": "1.1"},
        ),
        turn("Done."),
    )


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with Kit(tmp_path / "kit") as kit:
        yield kit


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return make_desk(tmp_path / "desk")


def test_a_run_is_played_and_looked_at(kit: Kit, desk: Path) -> None:
    played = model()
    run = kit.run(
        desk,
        model=played,
        inputs={"region": "apac"},
        stubs={"rate": lambda input: {"value": 1.1, "of": input["currency"]}, "bash": "ok"},
        faults=[{"fault": "drop", "after": 5}],
    )
    run.expect(
        outputs="valid",
        tools={"order": ["rate", "write"], "never": ["read"]},
        limits={"usd": 0.5},
    ).expect(messages=["Done."], approvals=[{"tool": "bash", "answer": "allow", "by": "rule 1"}])
    assert run.verdict == "completed"
    assert run.output("report") == REPORT
    assert [one.name for one in run.calls] == ["rate", "bash", "write", "write"]
    assert run.messages == ["I look.", "Done."]
    assert list(run.faults) == ["cut_stream_after"]
    assert run.result.reconnects == 1
    assert run.events[0]["type"] == "session.status_running"
    assert run.notices
    assert "apac" in str(played.contexts[0].history)
    assert len(played.contexts) == 3
    with pytest.raises(AssertionError, match="not delivered"):
        run.output("chart")


def test_a_failure_says_what_which_and_why(kit: Kit, desk: Path) -> None:
    run = kit.run(desk, model=model(), stubs={"rate": {"value": 1.1}, "bash": "ok"})
    with pytest.raises(AssertionError) as caught:
        run.expect(tools={"never": ["bash"]}, outputs={"report": "./other-report.md"})
    text = str(caught.value)
    assert "expect.tools.never.0: bash was called." in text
    assert "decided by: event" in text
    assert "expect.outputs.report.equals: The output 'report' is another one." in text
    with pytest.raises(ValueError, match="prompt"):
        run.expect(prompt={"sections": "once"})
    with pytest.raises(ValueError, match="tool"):
        run.expect(tool="bash")


def test_a_model_in_python_decides_as_it_goes(kit: Kit) -> None:
    def answer(context: TurnContext) -> Turn:
        return Turn(state={}, tokens=Tokens(output=3), text=f"Seen: {len(context.history)} events.")

    run = kit.run(EXAMPLES / "hello", model=ScriptedModel.answering(answer))
    run.expect(verdict="incomplete", repairs=1)
    assert run.messages[0].startswith("Seen: ")


def test_a_tool_that_fails_and_a_person_who_refuses(kit: Kit, desk: Path) -> None:
    def broken(input: object) -> None:
        raise CallFailed("The line is dead.")

    person = ScriptedPerson(deny=["*"])
    run = kit.run(
        desk,
        model=ScriptedModel(turn("x", call("rate", currency="EUR")), turn("Done."), turn("Done.")),
        stubs={"rate": broken},
        person=person,
    )
    run.expect(
        verdict="incomplete",
        tools={"must": [{"tool": "rate", "failed": True, "result": "The line is dead."}]},
    )
    assert person.asked == []


def test_a_plan_of_the_service_goes_beneath(kit: Kit) -> None:
    plan = FaultPlan(unknown_event_after=3)
    run = kit.run(EXAMPLES / "hello", model=Path("script.yaml"), plan=plan)
    assert list(run.faults) == ["unknown_event_after"]
    run.expect(outputs="valid")


def test_what_cannot_be_played_is_told(kit: Kit, desk: Path) -> None:
    with pytest.raises(UsageError, match="no agent"):
        kit.run(desk, "nobody", model=model())
    with pytest.raises(UsageError, match="An input is"):
        kit.run(desk, model=model(), inputs={"region": object()})
    with pytest.raises(ProblemsFound):
        kit.run(desk, model="orders.csv")
    with pytest.raises(ValueError, match="fault"):
        kit.run(desk, model=model(), faults=[{"fault": "thunder"}])


def test_a_service_for_clients_of_ones_own(kit: Kit) -> None:
    with (
        kit.serve(ScriptedModel(turn("Hello."))) as served,
        anthropic.Anthropic(base_url=served.base_url, api_key=served.token) as client,
    ):
        agent = client.beta.agents.create(name="a", model="claude-haiku-5-5")
        assert client.beta.agents.retrieve(agent.id).name == "a"


def test_a_run_in_memory_is_the_run_over_http(kit: Kit, tmp_path: Path) -> None:
    root = tmp_path / "hello"
    shutil.copytree(EXAMPLES / "hello", root, ignore=shutil.ignore_patterns(".agentflow"))
    real = agentflow.run(project=root)
    played = kit.run(root, model="script.yaml")

    def figures(result: agentflow.RunResult) -> tuple[object, ...]:
        outputs = [(output.name, output.sha256) for output in result.outputs]
        return (
            result.verdict,
            result.reason,
            result.turns,
            result.tool_calls,
            result.tokens,
            outputs,
            result.final_message,
        )

    assert figures(played.result) == figures(real)
    # Time costs too, and there is none of it in memory.
    assert Decimal(0) < (played.result.cost_usd or Decimal(0)) <= (real.cost_usd or Decimal(0))
    transcript = root / ".agentflow" / "runs" / real.run_id / "transcript.jsonl"
    seen = [line.event for line in read_transcript(transcript) if not line.sent]
    of_service = {event["type"] for event in seen}
    assert {event["type"] for event in played.events} == of_service


def test_a_clock_is_turned_by_hand_and_jumps() -> None:
    async def wait() -> tuple[float, float, str]:
        clock = HandClock()
        began = clock.monotonic()
        await clock.sleep(3600)
        slept = clock.monotonic() - began
        clock.advance(60)
        return slept, clock.monotonic() - began, clock.now().isoformat()

    slept, in_all, now = run_jumping(wait())
    assert (round(slept), round(in_all)) == (3600, 3660)
    assert now.startswith("2026-01-05T10:01:00")


def test_what_is_public_is_there_and_nothing_else_is() -> None:
    assert public.__all__ == sorted(public.__all__, key=str) or sorted(public.__all__)
    for name in public.__all__:
        assert getattr(public, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = public.Nothing
