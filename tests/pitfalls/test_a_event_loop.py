"""A: knowing when a turn is over, and doing what the agent calls for exactly once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anthropic
import pytest

from agentflow.errors import EXIT_PERSON, EXIT_SERVICE
from agentflow.operations.doctor import Health, recorded
from agentflow.runtime import machine
from agentflow.runtime.driver import Knobs
from agentflow.runtime.notices import Note, Notice, ToolEnded, ToolStarted
from agentflow.runtime.run import Verdict
from agentflow.runtime.session import Phase, SendConfirmed, Started
from agentflow.runtime.transcript import read_transcript
from tests.lint.support import CODE
from tests.matrix.bench import AnsweredBefore, AnsweredBehind, Played
from tests.matrix.cases import JOINING
from tests.matrix.shapes import SHAPES, rate_call, turn
from tests.pitfalls.pit import REPORT, Pit
from tests.runtime.support import event, idle, message, play, rule, running, setup
from tests.support.projects import problems_of, project

ROOT = Path(__file__).parents[2]
SHAPE = {shape.name: shape for shape in SHAPES}
DONE = turn("Done.")


def notes(played: Played) -> list[str]:
    return [notice.text for notice in played.notices if isinstance(notice, Note)]


def edit(path: str = "/workspace/a.txt", **more: Any) -> dict[str, Any]:
    return {"id": "edit", "name": "edit", "input": {"file_path": path}, **more}


def test_01_a_custom_tool_runs_once_when_its_call_is_announced_twice(pit: Pit) -> None:
    played = pit.play(
        turn("A rate.", rate_call("EUR")),
        turn("The report.", REPORT),
        DONE,
        faults={"reannounce_pending": 3},
    )
    assert played.result.verdict is Verdict.COMPLETED
    assert "reannounce_pending" in played.fired
    assert list(played.effects.values()) == [1]
    assert len(played.of("user.custom_tool_result")) == 1


def test_02_approvals_are_given_as_results_and_a_passing_error_ends_nothing(pit: Pit) -> None:
    error = {"number": 2, "error": {"type": "model_overloaded_error", "retry": "retrying"}}
    played = pit.play(
        turn("May I?", edit(), REPORT),
        DONE,
        asking=("edit",),
        approvals=(rule("edit"),),
        faults={"requests": [error]},
    )
    assert played.result.verdict is Verdict.COMPLETED
    [confirmation] = played.of("user.tool_confirmation")
    assert confirmation["result"] == "allow"
    assert [e["error"]["retry_status"]["type"] for e in played.of("session.error")] == ["retrying"]


def test_02_a_field_that_does_not_exist_is_refused_by_the_embedded_service(pit: Pit) -> None:
    session = pit.play(turn("Hi."), changes={"outputs": {}}).result.session_id
    service = pit.stage.service
    wrong: Any = {"type": "user.tool_confirmation", "tool_use_id": "sevt_1", "result": "allow"}
    wrong |= {"allowed": True}
    with (
        anthropic.Anthropic(
            base_url=service.base_url, api_key=service.token, max_retries=0
        ) as client,
        pytest.raises(anthropic.BadRequestError, match="allowed"),
    ):
        client.beta.sessions.events.send(str(session), events=[wrong])


def test_03_an_idle_session_that_waits_for_an_approval_is_not_done(pit: Pit) -> None:
    played = pit.play(
        turn("May I?", edit(), REPORT),
        DONE,
        asking=("edit",),
        approvals=(rule("edit", None, wait_s=0.0, on_timeout="halt"),),
    )
    # The session was idle before its first message, too: neither idle is an end.
    assert played.result.verdict is Verdict.NEEDS_PERSON
    assert played.result.verdict.exit_code == EXIT_PERSON
    assert played.status == "idle"
    assert played.of("session.status_idle")[-1]["stop_reason"]["type"] == "requires_action"


def test_04_each_call_is_answered_by_what_it_is(pit: Pit) -> None:
    played = pit.play(
        turn("Two.", edit(), rate_call("EUR"), REPORT),
        DONE,
        asking=("edit",),
        approvals=(rule("edit", "deny", message="Not that file."),),
    )
    assert played.result.verdict is Verdict.COMPLETED
    [confirmation] = played.of("user.tool_confirmation")
    [result] = played.of("user.custom_tool_result")
    assert confirmation["deny_message"] == "Not that file."
    [use] = [e for e in played.of("agent.tool_use") if e["name"] == "edit"]
    [custom] = played.of("agent.custom_tool_use")
    assert confirmation["tool_use_id"] == use["id"]
    assert result["custom_tool_use_id"] == custom["id"]


def test_05_a_stream_that_ends_without_a_last_event_is_no_success(pit: Pit) -> None:
    unavailable = {"status": 503, "number": 2, "times": 999}
    played = pit.play(
        turn("A rate.", rate_call("EUR")),
        turn("The report.", REPORT),
        DONE,
        faults={
            "clean_end_after": 6,
            "answers": [{"to": "events.stream", **unavailable}],
        },
        knobs=Knobs(
            give_up_s=0.3, stop_wait_s=5.0, settle_s=0.2, settle_stopped_s=0.1, tick_s=0.05
        ),
    )
    assert played.result.verdict is Verdict.UNKNOWN
    assert played.result.verdict.exit_code == EXIT_SERVICE
    assert "lost for good" in played.result.reason
    assert f"agentflow run --resume {played.result.run_id}" in str(played.result.hint)


def test_06_a_stop_in_the_middle_of_a_turn_is_not_its_end(pit: Pit) -> None:
    played = pit.play(
        turn("A rate.", rate_call("EUR")), turn("The report.", REPORT), turn("This is the end.")
    )
    stops = [e["stop_reason"]["type"] for e in played.of("session.status_idle")]
    assert stops == ["requires_action", "end_turn"]
    assert played.result.final_message == "This is the end."
    assert played.said == ["A rate.", "The report.", "This is the end."]


def test_07_no_page_teaches_to_stop_at_the_first_idle() -> None:
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    taught = [
        page.name
        for page in pages
        for block in re.findall(r"```py.*?```", page.read_text(encoding="utf-8"), re.S)
        if "status_idle" in block and "break" in block and "stop_reason" not in block
    ]
    assert len(pages) > 10
    assert taught == []


def test_07_several_stops_are_taken_for_what_they_are(pit: Pit) -> None:
    calls = [turn(f"Rate {n}.", rate_call(name)) for n, name in enumerate(("EUR", "USD", "GBP"))]
    played = pit.play(*calls, turn("The report.", REPORT), DONE)
    assert played.result.verdict is Verdict.COMPLETED
    assert len(played.of("session.status_idle")) == 4


def test_08_what_is_not_known_is_kept_told_once_and_waited_for_by_nobody(pit: Pit) -> None:
    played = pit.play(turn("The report.", REPORT), DONE, faults={"unknown_event_after": 4})
    assert played.result.verdict is Verdict.COMPLETED
    told = [text for text in notes(played) if "session.weather_changed" in text]
    assert len(told) == 1
    transcript = pit.stage.root / f".agentflow/runs/{played.result.run_id}/transcript.jsonl"
    kept = [line.event for line in read_transcript(transcript)]
    assert any(raw["type"] == "session.weather_changed" and raw["weather"] for raw in kept)
    state, _ = play(
        machine.begin(setup()), [Started(), SendConfirmed("m1"), message(), running("r")]
    )
    state, _ = play(state, [event("session.completed", "c"), event("session.completed", "d")])
    assert state.phase is Phase.WORKING


def test_08_doctor_names_events_that_runs_met_and_nobody_knows(tmp_path: Path, pit: Pit) -> None:
    assert recorded(tmp_path).health is Health.OK
    pit.play(turn("The report.", REPORT), DONE, faults={"unknown_event_after": 4})
    found = recorded(pit.stage.root)
    assert found.health is Health.WARNING
    assert "session.weather_changed" in found.text
    assert found.hint is not None


def test_08_a_documented_type_is_no_surprise(pit: Pit) -> None:
    played = pit.again(SHAPE["threads"])
    assert played.of("agent.thread_message_sent")
    assert not [text for text in notes(played) if "unknown here" in text]


@pytest.mark.parametrize("frame", [10, 12, 13, 14])
def test_09_the_last_words_are_kept_wherever_the_stream_breaks(pit: Pit, frame: int) -> None:
    played = pit.play(
        turn("The report.", REPORT), turn("Last words."), faults={"cut_stream_after": frame}
    )
    assert played.result.verdict is Verdict.COMPLETED
    assert played.result.final_message == "Last words."
    assert played.said == ["The report.", "Last words."]


def test_10_a_late_status_and_a_late_list_are_waited_for(pit: Pit) -> None:
    played = pit.play(
        turn("The report.", REPORT),
        DONE,
        faults={"late_status": 3, "late_events": 2, "late_files": 2, "cut_stream_before": 14},
        knobs=Knobs(silence_s=0.3, settle_s=1.0, tick_s=0.05),
    )
    assert played.result.verdict is Verdict.COMPLETED
    assert {"late_events", "late_files"} <= set(played.fired)


def test_11_a_message_that_joins_a_turn_does_not_pair_with_an_idle_of_its_own(pit: Pit) -> None:
    played = pit.play(
        turn("The report.", REPORT),
        turn("Brief."),
        faults={"requests": [{"number": 2, "message": JOINING}]},
    )
    assert played.result.verdict is Verdict.COMPLETED
    assert len(played.of("user.message")) == 2
    assert len(played.of("session.status_idle")) == 1
    assert played.result.final_message == "Brief."


def test_12_a_late_second_result_wakes_the_session_for_nothing(pit: Pit) -> None:
    played = pit.play(
        turn("A rate.", rate_call("EUR")),
        turn("The report.", REPORT),
        DONE,
        faults={"second_answers": "accept"},
        make=AnsweredBehind,
    )
    assert len(played.of("user.custom_tool_result")) == 2
    assert played.result.verdict is Verdict.COMPLETED
    assert played.said == ["A rate.", "The report.", "Done."]
    assert list(played.effects.values()) == [1]


@pytest.mark.parametrize("second", ["refuse", "accept", "ignore"])
def test_13_more_calls_than_an_idle_names_and_answers_that_are_there_already(
    pit: Pit, second: str
) -> None:
    calls = [rate_call(name) for name in ("EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK")]
    played = pit.play(
        turn("Seven rates.", *calls),
        turn("The report.", REPORT),
        DONE,
        faults={"second_answers": second},
        make=AnsweredBefore,
    )
    assert played.result.verdict is Verdict.COMPLETED
    first = played.of("session.status_idle")[0]
    assert len(first["stop_reason"]["event_ids"]) <= 5
    assert list(played.effects.values()) == [1] * 7
    answered = {event["custom_tool_use_id"] for event in played.of("user.custom_tool_result")}
    assert answered == set(played.effects)


def thread(id: str, status: str) -> Any:
    type = f"session.thread_status_{status}"
    stop = {"type": "end_turn"} if status == "idle" else None
    return event(type, f"{id}-{status}", session_thread_id=id, agent_name=id, stop_reason=stop)


def test_14_a_session_is_not_done_while_a_thread_of_it_works(pit: Pit) -> None:
    state, _ = play(machine.begin(setup()), [Started(), SendConfirmed("m1"), message()])
    events = [running("r"), thread("main", "running"), thread("helper", "running"), idle("i")]
    state, _ = play(state, events)
    assert state.phase is Phase.WORKING
    state, _ = play(state, [thread("helper", "idle")])
    assert state.phase is Phase.VERIFYING
    assert pit.again(SHAPE["threads"]).result.verdict is Verdict.COMPLETED


def test_15_a_call_of_a_thread_that_the_service_does_not_know_yet_is_answered_later(
    pit: Pit,
) -> None:
    played = pit.again(SHAPE["threads"], {"mismatch_answers": 3})
    assert played.fired.count("mismatch_answers") == 3
    assert played.result.verdict is Verdict.COMPLETED
    assert set(played.effects.values()) == {1}


def test_16_a_call_of_a_sub_agent_is_confirmed_by_its_id(pit: Pit) -> None:
    played = pit.again(SHAPE["threads"])
    [asked] = [e for e in played.of("agent.tool_use") if e["evaluated_permission"] == "ask"]
    [confirmation] = played.of("user.tool_confirmation")
    assert confirmation["tool_use_id"] == asked["id"]
    # The service finds the thread by the id, and says so in what it keeps.
    assert confirmation["session_thread_id"] == asked["session_thread_id"]
    assert confirmation["result"] == "allow"


def ends(notices: Sequence[Notice]) -> dict[str, str]:
    return {notice.id: notice.text for notice in notices if isinstance(notice, ToolEnded)}


def test_17_results_belong_to_calls_by_id_and_not_by_order(pit: Pit) -> None:
    commands = [f"echo {n}" for n in range(6)]
    calls = [
        {"id": f"c{n}", "name": "bash", "input": {"command": text}}
        for n, text in enumerate(commands)
    ]
    played = pit.play(turn("Seven.", *calls, REPORT), DONE)
    begun = {n.id: n.input for n in played.notices if isinstance(n, ToolStarted)}
    texts = ends(played.notices)
    assert [texts[id] for id in begun if "command" in begun[id]] == [f"bash {c}" for c in commands]


def test_18_a_custom_tool_of_a_deployment_is_an_error_because_nobody_listens() -> None:
    found = problems_of(
        project(
            "custom: {currency_rate: {run: 'desk.tools:currency_rate'}}\n"
            "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\n",
            CODE,
        )
    )
    [problem] = [one for one in found if one.code == "AF279"]
    assert "nobody answers" in problem.message
    assert "currency_rate" in problem.message


def test_18_a_tool_that_takes_too_long_is_an_error_for_the_agent(pit: Pit) -> None:
    played = pit.play(
        turn("A rate.", rate_call("SLOW")),
        turn("The report.", REPORT, expect={"tool": "slow", "is_error": True}),
        DONE,
        rate={"timeout_s": 0.3},
    )
    assert played.result.verdict is Verdict.COMPLETED, played.result.reason
    [result] = played.of("user.custom_tool_result")
    assert result["is_error"]
