"""The session machine, decision by decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.runtime import machine
from agentflow.runtime.notices import Note, RepairSent, Said, ToolEnded
from agentflow.runtime.run import Verdict
from agentflow.runtime.session import (
    AnswerConfirmed,
    CheckOutputs,
    ConnectionLost,
    Decide,
    Decided,
    Finish,
    History,
    Input,
    Interrupted,
    Notify,
    Outcome,
    OutputsChecked,
    Phase,
    ReadHistory,
    RunTool,
    SendConfirmation,
    SendConfirmed,
    SendFailed,
    SendInterrupt,
    SendMessage,
    SendResult,
    SessionGone,
    Setup,
    Started,
    State,
    StopTimedOut,
    Tick,
    ToolFinished,
)
from tests.runtime.support import (
    blocked,
    budget_policy,
    builtin,
    custom,
    deeds,
    event,
    idle,
    message,
    play,
    request_end,
    request_start,
    result_of,
    running,
    says,
    session_error,
    setup,
)

TURN = (Started(), SendConfirmed("m1"), message(), running("r1"))


def working(given: Setup | None = None, *more: Input) -> State:
    state, _ = play(machine.begin(given or setup()), [*TURN, *more])
    return state


def ending(state: State) -> tuple[Verdict, str]:
    assert state.ending is not None, state.phase
    return state.ending.verdict, state.ending.reason


def test_the_task_is_sent_once_started() -> None:
    _, commands = play(machine.begin(setup()), [Started(), Started()])
    assert deeds(commands) == [SendMessage("Do it.")]


def test_a_verified_end_of_turn_completes() -> None:
    state, commands = play(working(), [says("a1", "Done."), idle("i1")])
    assert deeds(commands) == [CheckOutputs()]
    state, commands = play(state, [OutputsChecked(())])
    assert ending(state)[0] is Verdict.COMPLETED
    assert state.final_message == "Done."
    assert [type(c) for c in commands] == [Finish]


def test_an_idle_from_before_our_message_is_not_its_end() -> None:
    state, commands = play(machine.begin(setup()), [Started(), idle("i0"), message("m1", at=None)])
    state, more = play(state, [SendConfirmed("m1"), idle("i00")])
    assert CheckOutputs() not in commands + more
    _, more = play(state, [message("m1"), running("r1"), idle("i1")])
    assert deeds(more) == [CheckOutputs()]


def test_a_fast_turn_is_over_before_the_answer_to_our_send_arrives() -> None:
    state, commands = play(machine.begin(setup()), [Started(), message(), running("r"), idle("i")])
    assert CheckOutputs() not in commands
    _, commands = play(state, [SendConfirmed("m1")])
    assert deeds(commands) == [CheckOutputs()]


def test_the_list_decides_the_order_when_the_stream_showed_only_the_queued_copy() -> None:
    queued = message("m1", at=None)
    state, commands = play(
        machine.begin(setup()),
        [Started(), SendConfirmed("m1"), queued, running("r"), idle("i")],
    )
    assert CheckOutputs() not in commands
    _, commands = play(state, [History((message("m1"), running("r"), idle("i")))])
    assert deeds(commands) == [CheckOutputs()]


def test_a_custom_tool_runs_at_once_and_is_answered_once() -> None:
    state, commands = play(working(), [custom("c1", currency="EUR"), blocked("i1", "c1")])
    [run] = deeds(commands)
    assert isinstance(run, RunTool)
    assert run.call.input == {"currency": "EUR"}
    # Announced again while it runs, while its answer is under way, and after it.
    state, commands = play(state, [blocked("i2", "c1"), ToolFinished("c1", Outcome(text="1.1"))])
    assert [type(c) for c in deeds(commands)] == [SendResult]
    state, commands = play(state, [blocked("i3", "c1"), ToolFinished("c1", Outcome(text="2"))])
    assert deeds(commands) == []
    state, commands = play(state, [AnswerConfirmed("c1"), result_of("u1", "c1"), running("r2")])
    assert deeds(commands) == []


def test_an_answer_that_was_taken_but_not_stored_is_given_again_and_not_run_again() -> None:
    before = [custom("c1"), blocked("i1", "c1")]
    state, _ = play(
        working(), [*before, ToolFinished("c1", Outcome(text="1")), AnswerConfirmed("c1")]
    )
    state, commands = play(state, [blocked("i2", "c1")])
    assert deeds(commands) == [ReadHistory()]
    history = History((message(), running("r1"), *before, blocked("i2", "c1")))
    _, commands = play(state, [history])
    [sent] = deeds(commands)
    assert isinstance(sent, SendResult)
    assert sent.outcome.text == "1"


def test_more_calls_than_the_window_shows_are_all_run() -> None:
    ids = [f"c{n}" for n in range(9)]
    _, commands = play(working(), [*map(custom, ids), blocked("i1", *ids[:5])])
    assert [c.call.id for c in commands if isinstance(c, RunTool)] == ids


def test_a_blocking_id_never_seen_is_looked_up_once_per_idle() -> None:
    state, commands = play(working(), [blocked("i1", "c9"), Tick(1.0), Tick(2.0)])
    assert deeds(commands) == [ReadHistory()]
    _, commands = play(state, [History((message(), custom("c9"), blocked("i1", "c9")))])
    assert [c.call.id for c in commands if isinstance(c, RunTool)] == ["c9"]


def test_a_call_that_history_shows_as_answered_is_not_run() -> None:
    history = History(
        (message(), running("r1"), custom("c1"), result_of("u1", "c1"), running("r2"))
    )
    _, commands = play(working(), [history])
    assert deeds(commands) == []


def test_a_built_in_tool_that_asks_is_decided_and_confirmed() -> None:
    state, commands = play(working(), [builtin("t1", command="ls"), blocked("i1", "t1")])
    assert [type(c) for c in deeds(commands)] == [Decide]
    decided = Decided("t1", False, "No.")
    _, commands = play(state, [decided, decided])
    [sent] = deeds(commands)
    assert isinstance(sent, SendConfirmation)
    assert sent.decided == decided


@pytest.mark.parametrize("permission", ["allow", "deny", "something new", None])
def test_a_tool_that_does_not_ask_is_left_alone_until_it_blocks(permission: str | None) -> None:
    state, commands = play(working(), [builtin("t1", permission=permission)])
    assert deeds(commands) == []
    _, commands = play(state, [blocked("i1", "t1")])
    assert [type(c) for c in deeds(commands)] == [Decide]


def test_a_custom_tool_that_asks_runs_only_when_allowed() -> None:
    state, commands = play(working(setup(asks=["rate"])), [custom("c1"), custom("c2")])
    assert [type(c) for c in deeds(commands)] == [Decide, Decide]
    _, commands = play(state, [Decided("c1", True), Decided("c2", False, "Not today.")])
    run, refused = deeds(commands)
    assert isinstance(run, RunTool)
    assert isinstance(refused, SendResult)
    assert (refused.outcome.text, refused.outcome.is_error) == ("Not today.", True)


def test_a_decision_to_halt_leaves_the_session_waiting() -> None:
    state, commands = play(
        working(), [builtin("t1"), blocked("i1", "t1"), Decided("t1", False, "Who?", halt=True)]
    )
    assert ending(state) == (Verdict.NEEDS_PERSON, "Who?")
    assert SendInterrupt() not in commands
    assert state.ending is not None
    assert state.ending.leave


def test_a_run_halts_only_when_nothing_else_is_to_be_done() -> None:
    halt = Decided("t1", False, "Who?", halt=True)
    calls = [builtin("t1"), custom("c1"), blocked("i1", "t1", "c1"), halt]
    state, commands = play(working(), calls)
    assert state.phase is Phase.WORKING
    state, commands = play(state, [ToolFinished("c1", Outcome(text="1"))])
    assert isinstance(deeds(commands)[-1], SendResult)
    state, _ = play(state, [AnswerConfirmed("c1"), result_of("u1", "c1")])
    # The last thing the session said still names the call that has its result.
    assert ending(state) == (Verdict.NEEDS_PERSON, "Who?")


def test_a_run_does_not_halt_while_the_session_works() -> None:
    halt = Decided("t1", False, "Who?", halt=True)
    state, _ = play(working(), [builtin("t1"), running("s2"), halt])
    assert state.phase is Phase.WORKING
    state, _ = play(state, [blocked("i1", "t1")])
    assert ending(state) == (Verdict.NEEDS_PERSON, "Who?")


REASONS = [
    (idle("i", "budget_reached"), Verdict.BUDGET, "budget.usd"),
    (idle("i", "retries_exhausted"), Verdict.FAILED, "gave up"),
    (
        idle("i", "refusal", details={"category": "cyber", "explanation": "No."}),
        Verdict.REFUSED,
        "cyber",
    ),
    (idle("i", "coffee_break"), Verdict.FAILED, "'coffee_break'"),
    (event("session.status_terminated", "i"), Verdict.FAILED, "terminated"),
    (event("session.deleted", ""), Verdict.FAILED, "deleted"),
    (SessionGone("deleted"), Verdict.FAILED, "deleted"),
    (ConnectionLost("no route"), Verdict.UNKNOWN, "no route"),
]


@pytest.mark.parametrize(("given", "verdict", "words"), REASONS)
def test_every_way_a_session_can_end(given: Input, verdict: Verdict, words: str) -> None:
    state, commands = play(working(), [given])
    assert ending(state)[0] is verdict
    assert words in ending(state)[1]
    assert len([c for c in commands if isinstance(c, Finish)]) == 1
    assert play(state, [idle("later"), Started(), given]) == (state, [])


def test_a_passing_error_is_a_note_and_a_lasting_one_the_reason() -> None:
    state, commands = play(working(), [session_error("e1", "retrying")])
    notes = [c.notice for c in commands if isinstance(c, Notify)]
    assert [note.level for note in notes if isinstance(note, Note)] == ["info"]
    done, _ = play(state, [idle("i1"), OutputsChecked(())])
    assert ending(done)[0] is Verdict.COMPLETED
    failed, _ = play(state, [session_error("e2", "exhausted"), idle("i1", "retries_exhausted")])
    assert "model_overloaded_error" in ending(failed)[1]
    failed, _ = play(
        state, [session_error("e2", "terminal"), event("session.status_terminated", "x")]
    )
    assert "model_overloaded_error" in ending(failed)[1]
    failed, _ = play(state, [session_error("e2", "exhausted"), idle("i1")])
    assert ending(failed)[0] is Verdict.FAILED


def test_a_lost_mcp_server_does_not_end_the_work() -> None:
    error = session_error("e1", "exhausted", "mcp_connection_failed_error")
    _, commands = play(working(), [error, idle("i1")])
    assert CheckOutputs() in commands


def test_an_unknown_event_is_noted_once_per_type() -> None:
    unknown = [event("moon.phase", f"x{n}") for n in range(3)]
    state, commands = play(working(), unknown)
    assert len([c for c in commands if isinstance(c, Notify)]) == 1
    _, commands = play(state, [idle("i1")])
    assert deeds(commands) == [CheckOutputs()]


def test_a_session_with_a_running_child_thread_is_not_done() -> None:
    def thread(id: str, thread: str, status: str) -> Input:
        return event(f"session.thread_status_{status}", id, session_thread_id=thread)

    own = [thread("t1", "main", "running"), thread("t2", "child", "running")]
    state, commands = play(working(), [*own, thread("t3", "main", "idle"), idle("i1")])
    assert CheckOutputs() not in commands
    _, commands = play(state, [thread("t4", "child", "idle")])
    assert CheckOutputs() in commands


def test_missing_outputs_are_sent_back_as_often_as_allowed() -> None:
    problems = ("report.md is empty.",)
    state, commands = play(working(setup(repairs=1)), [idle("i1"), OutputsChecked(problems)])
    assert deeds(commands)[-1] == SendMessage("", problems, 1)
    assert any(isinstance(c, Notify) and isinstance(c.notice, RepairSent) for c in commands)
    # The idle of the first turn, told again, is not the end of the second.
    state, commands = play(state, [idle("i1b"), SendConfirmed("m2"), message("m2"), idle("i2")])
    assert deeds(commands) == [CheckOutputs()]
    state, _ = play(state, [OutputsChecked(problems)])
    assert ending(state)[0] is Verdict.INCOMPLETE
    assert "report.md is empty." in ending(state)[1]


def test_no_repair_is_sent_beyond_the_budget() -> None:
    given = setup(budget=budget_policy(turns=1))
    turn = [request_start("s1"), request_end("s2"), idle("i1")]
    state, commands = play(working(given), [*turn, OutputsChecked(("It is empty.",))])
    assert not [c for c in commands if isinstance(c, SendMessage)]
    assert state.ending is not None
    assert state.ending.verdict is Verdict.BUDGET
    assert state.ending.limit is not None
    assert state.ending.limit.name == "turns"


def test_an_interrupt_waits_for_the_session_to_rest() -> None:
    state, commands = play(working(), [Interrupted("Ctrl-C")])
    assert deeds(commands) == [SendInterrupt()]
    _, commands = play(state, [Interrupted("Ctrl-C"), custom("c1"), builtin("t1")])
    assert deeds(commands) == []
    state, _ = play(state, [idle("i1")])
    assert ending(state) == (Verdict.INTERRUPTED, "Ctrl-C")


def test_an_interrupt_that_is_not_heard_ends_the_run_and_says_so() -> None:
    state, _ = play(working(), [Interrupted("Ctrl-C"), StopTimedOut()])
    assert state.ending is not None
    assert state.ending.verdict is Verdict.INTERRUPTED
    assert "may still be running" in (state.ending.hint or "")
    assert not state.at_rest


@pytest.mark.parametrize("before", [[], [*TURN, idle("i1")]])
def test_an_interrupt_of_a_session_at_rest_ends_at_once(before: list[Input]) -> None:
    state, commands = play(machine.begin(setup()), [*before, Interrupted("Ctrl-C")])
    assert ending(state)[0] is Verdict.INTERRUPTED
    assert SendInterrupt() not in commands


def test_a_task_that_cannot_be_sent_fails_the_run() -> None:
    state, commands = play(machine.begin(setup()), [Started(), SendFailed("The task", "refused.")])
    assert SendInterrupt() in commands
    state, _ = play(state, [StopTimedOut()])
    assert ending(state) == (Verdict.FAILED, "The task could not be sent: refused.")


def test_a_result_that_comes_while_stopping_is_not_sent() -> None:
    state, _ = play(working(), [custom("c1"), Interrupted("Ctrl-C")])
    _, commands = play(state, [ToolFinished("c1", Outcome(text="late"))])
    assert deeds(commands) == []
    assert [type(c.notice) for c in commands if isinstance(c, Notify)] == [ToolEnded]


LIMITS = [
    ("tokens", {"tokens": 100}, [request_end("s1", input=90, output=10)]),
    ("turns", {"turns": 2}, [request_start(f"s{n}") for n in range(3)]),
    (
        "tool_calls",
        {"tool_calls": 1},
        [builtin("t1", permission="allow"), builtin("t2", permission="allow")],
    ),
    ("usd", {"usd": "0.01"}, [request_end("s1", output=501)]),
    ("active", {"active_s": 5.0}, [Tick(5.0)]),
    ("wall", {"wall_s": 5.0}, [Tick(5.0)]),
]


@pytest.mark.parametrize(("name", "budget", "inputs"), LIMITS, ids=[row[0] for row in LIMITS])
def test_each_limit_stops_a_run_and_is_named(
    name: str, budget: dict[str, object], inputs: list[Input]
) -> None:
    given = setup(budget=budget_policy(**budget))
    state, commands = play(working(given), inputs)
    assert deeds(commands)[-1] == SendInterrupt()
    state, _ = play(state, [idle("i1")])
    assert state.ending is not None
    assert state.ending.verdict is Verdict.BUDGET
    assert state.ending.limit is not None
    assert state.ending.limit.name == name
    assert f"budget.{name}" in state.ending.reason


@pytest.mark.parametrize(("name", "budget", "inputs"), LIMITS, ids=[row[0] for row in LIMITS])
def test_one_short_of_a_limit_nothing_stops(
    name: str, budget: dict[str, object], inputs: list[Input]
) -> None:
    short = [Tick(4.9)] if isinstance(inputs[-1], Tick) else inputs[:-1]
    state, commands = play(working(setup(budget=budget_policy(**budget))), short)
    assert state.phase is Phase.WORKING
    assert SendInterrupt() not in commands


def test_the_turn_limit_is_checked_before_a_tool_is_run() -> None:
    given = setup(budget=budget_policy(turns=1))
    _, commands = play(working(given), [request_start("s1"), custom("c1"), request_end("s2")])
    assert deeds(commands) == [SendInterrupt()]


def came_to(id: str, call_id: str) -> Input:
    return event("agent.tool_result", id, tool_use_id=call_id, content=[])


def test_no_turn_is_begun_beyond_the_limit_for_what_a_tool_came_to() -> None:
    """The service would send it to the model by itself; what other calls do is not cut off for it."""
    given = setup(budget=budget_policy(turns=2))
    first = [request_start("s1"), builtin("t1", permission="allow"), request_end("e1")]
    second = [request_start("s2"), *(builtin(id, permission="allow") for id in ("t2", "t3"))]
    state, commands = play(working(given), [*first, came_to("b1", "t1"), *second])
    assert deeds(commands) == []
    state, commands = play(state, [request_end("e2"), came_to("b2", "t2")])
    assert deeds(commands) == []
    state, commands = play(state, [came_to("b3", "t3")])
    assert deeds(commands) == [SendInterrupt()]
    state, _ = play(state, [idle("i1")])
    assert ending(state)[0] is Verdict.BUDGET


def test_the_last_turn_of_all_that_are_allowed_may_end_the_work() -> None:
    given = setup(budget=budget_policy(turns=2))
    turns = [
        *(request_start("s1"), builtin("t1", permission="allow"), request_end("e1")),
        *(came_to("b1", "t1"), request_start("s2"), says("a1", "Done."), request_end("e2")),
    ]
    _, commands = play(working(given), [*turns, idle("i1")])
    assert deeds(commands) == [CheckOutputs()]


def test_a_warning_is_given_once_and_travels_with_a_result() -> None:
    given = setup(budget=budget_policy(tokens=1000), warns=True)
    turn = [request_end("s1", input=800), custom("c1"), ToolFinished("c1", Outcome(text="1"))]
    state, commands = play(working(given), turn)
    [_, sent] = deeds(commands)
    assert isinstance(sent, SendResult)
    assert "budget.tokens" in (sent.warning or "")
    notes = [c for c in commands if isinstance(c, Notify) and isinstance(c.notice, Note)]
    assert len(notes) == 1
    _, commands = play(state, [custom("c2"), ToolFinished("c2", Outcome(text="2"))])
    assert [c.warning for c in commands if isinstance(c, SendResult)] == [None]


def test_a_message_is_told_once_however_often_it_comes() -> None:
    same = says("a1", "Hello")
    _, commands = play(working(), [same, same, replace(same)])
    assert [c.notice for c in commands if isinstance(c, Notify)] == [Said(text="Hello")]


@pytest.mark.parametrize("lags", [False, True])
def test_a_status_the_list_shows_late_is_old_news(lags: bool) -> None:
    """The list may show late what the stream missed: the rest that came behind it still holds."""
    listed = (message(), running("s1"), idle("i1"))
    state, commands = play(
        machine.begin(setup()),
        [
            Started(),
            SendConfirmed("m1"),
            message(at=None),
            # The stream broke, and what it missed is not in the list yet.
            idle("i1"),
            History(listed[:2] if lags else listed),
            History(listed),
        ],
    )
    assert CheckOutputs() in commands
    assert state.at_rest
    assert state.usage.running_since_s is None


def test_a_late_status_of_the_turn_before_a_repair_ends_nothing() -> None:
    before: list[Input] = [Started(), SendConfirmed("m1"), message(), idle("i1")]
    before.append(OutputsChecked(("no r.md",)))
    listed = (message(), running("s1"), idle("i1"), message("m2"))
    late: list[Input] = [SendConfirmed("m2"), message("m2"), History(listed)]
    state, commands = play(machine.begin(setup()), [*before, *late])
    assert commands.count(CheckOutputs()) == 1
    assert state.phase is Phase.WORKING
    assert not state.at_rest


def test_an_answer_that_an_old_list_lacks_is_looked_up_before_it_is_repeated() -> None:
    """A list that was on its way while we answered shows the call as one that still waits."""
    listed = (message(), running("s1"), custom("c1"), blocked("i1", "c1"))
    state, _ = play(
        machine.begin(setup()),
        [Started(), SendConfirmed("m1"), *listed[:3], ToolFinished("c1", Outcome(text="1"))],
    )
    state, commands = play(state, [AnswerConfirmed("c1"), History(listed)])
    [again] = [command for command in commands if isinstance(command, SendResult)]
    assert again.again
