"""The same run, over HTTP, with everything that can go wrong on the way: one result, one effect.

Each scenario runs against the embedded service with a fault switched on; what comes out is compared
with the run without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentflow.local.drivers.base import Retry
from agentflow.runtime.notices import Note, Reconnecting, Said, ToolEnded
from agentflow.runtime.run import RunResult, Verdict
from agentflow.runtime.transcript import read_transcript
from tests.runtime.counter import Counter, open_counter
from tests.support.service import request_error, send_fault

FRAMES = 44
"""More than the stream of the undisturbed run carries, which a test below makes sure of."""
SENDS = 4
"""The task, two results, one confirmation."""


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with open_counter(tmp_path_factory.mktemp("counter")) as counter:
        yield counter


def essence(counter: Counter, result: RunResult) -> dict[str, Any]:
    """What must be the same however the connection behaved."""
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "outputs": [(o.name, o.problems, o.sha256) for o in result.outputs],
        "report": (result.out_dir / "report.md").read_text(),
        "final_message": result.final_message,
        "said": [n.text for n in counter.notices if isinstance(n, Said)],
        "ended": sorted(n.name for n in counter.notices if isinstance(n, ToolEnded)),
        "turns": result.turns,
        "tool_calls": result.tool_calls,
        "tokens": result.tokens,
        "effects": sorted(counter.effects),
        "repairs": result.repairs,
        "limit": result.limit,
    }


@pytest.fixture(scope="module")
def undisturbed(counter: Counter) -> dict[str, Any]:
    counter.reset_faults()
    result = counter.run()
    assert result.reconnects == 0
    return essence(counter, result)


def test_the_undisturbed_run(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["verdict"] is Verdict.COMPLETED
    assert undisturbed["report"] == "# Rates\n1.00 1.16\n"
    assert undisturbed["effects"] == ["EUR", "USD"]
    assert undisturbed["said"] == ["Rates first.", "Now the report.", "The report is written."]
    assert undisturbed["turns"] == 3


def survives(counter: Counter, undisturbed: dict[str, Any], **faults: Any) -> RunResult:
    """Run with these faults; the result is that of the undisturbed run, and the fault happened."""
    set_faults = counter.reset_faults(**faults)
    result = counter.run()
    assert essence(counter, result) == undisturbed
    if set_faults.fired == []:
        raise Harmless
    answered = [
        event["custom_tool_use_id"]
        for event in counter.history(result.session_id or "")
        if event["type"] == "user.custom_tool_result"
    ]
    assert len(answered) == len(set(answered)) == 2
    return result


class Harmless(Exception):
    """The fault had no occasion to happen."""


def every(last: int) -> list[Any]:
    """A sample in every run; all of them with `-m matrix`."""
    sample = (1, 8, 13, 21, 34)
    return [
        pytest.param(n, marks=() if n in sample else pytest.mark.matrix) for n in range(1, last + 1)
    ]


@pytest.mark.parametrize("after", range(FRAMES + 1))
def test_a_stream_cut_after_every_single_event(
    counter: Counter, undisturbed: dict[str, Any], after: int
) -> None:
    try:
        result = survives(counter, undisturbed, cut_stream_after=after)
    except Harmless:
        # The run was over before the stream had carried so many.
        assert after > FRAMES // 2
        return
    assert result.reconnects == 1
    assert len([n for n in counter.notices if isinstance(n, Reconnecting)]) == 1


@pytest.mark.parametrize("after", every(FRAMES))
@pytest.mark.parametrize("how", ["clean_end_after", "silent_after"])
def test_a_stream_that_ends_or_falls_silent_after_any_event(
    counter: Counter, undisturbed: dict[str, Any], how: str, after: int
) -> None:
    try:
        result = survives(counter, undisturbed, **{how: after})
    except Harmless:
        # The run was over before the stream had carried so many.
        assert after > FRAMES // 2
        return
    assert result.reconnects == (0 if how == "silent_after" else 1)


def test_the_matrix_reaches_beyond_the_last_event(
    counter: Counter, undisturbed: dict[str, Any]
) -> None:
    counter.reset_faults()
    result = counter.run()
    path = counter.directory / f".agentflow/runs/run{counter.runs}/transcript.jsonl"
    frames = [line for line in read_transcript(path) if not line.sent]
    assert 30 <= len(frames) < FRAMES
    assert result.verdict is undisturbed["verdict"]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_stream_that_is_cut_again_and_again(
    counter: Counter, undisturbed: dict[str, Any], after: int
) -> None:
    result = survives(counter, undisturbed, cut_stream_after=after, streams_hit=6)
    assert result.reconnects >= 2


@pytest.mark.parametrize("number", every(FRAMES))
def test_an_event_that_comes_twice(
    counter: Counter, undisturbed: dict[str, Any], number: int
) -> None:
    try:
        survives(counter, undisturbed, duplicate_event=number)
    except Harmless:
        assert number > FRAMES // 2


@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_pending_tool_that_is_announced_again(
    counter: Counter, undisturbed: dict[str, Any], times: int
) -> None:
    survives(counter, undisturbed, reannounce_pending=times)


@pytest.mark.parametrize("after", [1, 5, 12, 25])
def test_an_event_of_an_unknown_type(
    counter: Counter, undisturbed: dict[str, Any], after: int
) -> None:
    survives(counter, undisturbed, unknown_event_after=after)
    notes = [n.text for n in counter.notices if isinstance(n, Note)]
    assert len([text for text in notes if "unknown" in text]) == 1


@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_an_error_the_service_recovers_from(
    counter: Counter, undisturbed: dict[str, Any], request_number: int
) -> None:
    set_faults = counter.reset_faults(requests=[request_error(request_number, "retrying")])
    result = counter.run()
    assert set_faults.fired
    found = essence(counter, result)
    # The request that failed counts as a turn; everything else is as it was.
    assert found["turns"] in (3, 4)
    assert {**found, "turns": 3} == undisturbed


@pytest.mark.parametrize("retry", ["terminal", "exhausted"])
@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_an_error_the_service_does_not_recover_from(
    counter: Counter, request_number: int, retry: Retry
) -> None:
    counter.reset_faults(requests=[request_error(request_number, retry)])
    result = counter.run()
    assert (result.verdict, result.verdict.exit_code) == (Verdict.FAILED, 1)
    assert "_error" in result.reason
    assert sorted(counter.effects) == ([] if request_number == 1 else ["EUR", "USD"])
    assert counter.session_status(result.session_id or "") != "running"
    if request_number == 3 and retry == "exhausted":
        # What was written before is worth having.
        assert (result.out_dir / "report.md").exists()


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "500-after": {"status": 500, "after_effect": True},
    "429": {"status": 429, "retry_after_s": 0.1},
    "429-after": {"status": 429, "retry_after_s": 0.1, "after_effect": True},
    "503": {"status": 503},
    "broken": {"broken": True},
    "broken-after": {"broken": True, "after_effect": True},
}


@pytest.mark.parametrize("number", range(1, SENDS + 1))
@pytest.mark.parametrize("fault", FAULTS)
def test_a_send_that_fails(
    counter: Counter, undisturbed: dict[str, Any], fault: str, number: int
) -> None:
    survives(counter, undisturbed, answers=[send_fault(number, **FAULTS[fault])])


def test_every_send_fails_once_in_every_way(counter: Counter, undisturbed: dict[str, Any]) -> None:
    kinds = list(FAULTS.values())
    answers = [send_fault(n + 1, **kinds[n % len(kinds)]) for n in range(5)]
    survives(counter, undisturbed, answers=answers)


def test_a_call_the_service_does_not_know_yet(
    counter: Counter, undisturbed: dict[str, Any]
) -> None:
    survives(counter, undisturbed, mismatch_answers=2)


def test_files_and_status_that_come_late(counter: Counter, undisturbed: dict[str, Any]) -> None:
    survives(counter, undisturbed, late_files=2)


@pytest.mark.parametrize("after", [4, 9, 14, 20])
def test_everything_at_once(counter: Counter, undisturbed: dict[str, Any], after: int) -> None:
    survives(
        counter,
        undisturbed,
        cut_stream_after=after,
        streams_hit=2,
        duplicate_event=3,
        reannounce_pending=1,
        unknown_event_after=7,
        answers=[send_fault(1, **FAULTS["500-after"]), send_fault(3, **FAULTS["broken"])],
        late_files=1,
    )
