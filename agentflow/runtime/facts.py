"""What the driver tells a run, beside the events of the service. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentflow.runtime import budget, reuse
from agentflow.runtime.endings import failed, incomplete
from agentflow.runtime.folding import fold, fold_history
from agentflow.runtime.notices import RepairSent, ToolEnded
from agentflow.runtime.run import Verdict
from agentflow.runtime.session import (
    AnswerConfirmed,
    CheckOutputs,
    ConnectionLost,
    Decided,
    Ending,
    History,
    Interrupted,
    LimitReached,
    Notify,
    Outcome,
    OutputsChecked,
    Phase,
    Remark,
    RemarkKept,
    RemarkRefused,
    RemarkSent,
    Resumed,
    Reused,
    SendConfirmed,
    SendFailed,
    SendMessage,
    SessionGone,
    Stage,
    Started,
    StopTimedOut,
    Tick,
    ToolFinished,
)
from agentflow.runtime.work import Work

__all__ = ["FACTS", "GO_ON"]

GO_ON = (
    "The limit that stopped this work was raised. Look at what is there, and go on with the task from "
    "where it was stopped."
)


def _started(work: Work, given: Started) -> None:
    if work.state.phase is not Phase.NEW:
        return
    limit = budget.no_more_work(work.state.setup.limits, work.state.usage)
    if limit is not None:
        work.finish(work.limit_ending(limit))
        return
    work.send(SendMessage(work.state.setup.task))


def _limit_reached(work: Work, given: LimitReached) -> None:
    if work.state.phase in (Phase.NEW, Phase.VERIFYING):
        # What was delivered is looked at all the same; no repair is asked for after that.
        work.put(shared_limit=given.limit)
    elif work.state.phase is Phase.WORKING:
        work.stop(work.limit_ending(given.limit))


def _reused(work: Work, given: Reused) -> None:
    """What earlier runs did is known, and neither counted nor acted on."""
    if work.state.phase is Phase.NEW:
        work.put(**reuse.known(given.events))


def _resumed(work: Work, given: Resumed) -> None:
    """Fold in what took place, telling nobody again, and go on from there."""
    if work.state.phase is not Phase.NEW:
        return
    for event, at_s in zip(given.events, given.at_s, strict=True):
        work.put(usage=budget.tick(work.state.usage, at_s))
        fold(work, event)
    work.commands.clear()
    usage = budget.rebase(budget.tick(work.state.usage, given.now_s), given.wall_s)
    calls = {id: replace(c, began_s=given.wall_s) for id, c in work.state.calls.items()}
    work.put(usage=usage, calls=calls, repairs=given.repairs, continued=given.continued)
    if given.warned:
        due = budget.warnings(work.state.setup.limits, usage)
        work.put(warned=frozenset(name for name, _ in due))
    if given.message is None:
        _started(work, Started())
    elif given.verify:
        work.put(phase=Phase.VERIFYING, expected=given.message)
        work.ask(CheckOutputs())
    else:
        work.put(phase=Phase.WORKING, expected=given.message)
        if given.go_on:
            _go_on(work)
        else:
            _expect_answer(work, given.message)


def _go_on(work: Work) -> None:
    """A session that the service stopped goes on by itself; one that we interrupted has to be told."""
    if work.state.idle is not None and work.state.idle.reason == "budget_reached":
        work.put(running=True, idle=None, status_id=None, error=None)
    elif work.state.at_rest:
        work.put(continued=work.state.continued + 1)
        work.send(SendMessage(GO_ON, attempt=work.state.repairs))


def _expect_answer(work: Work, message: str) -> None:
    """An idle that stands before our last message says nothing about what became of it."""
    sent = work.state.messages.get(message)
    if sent is None or sent.seq > work.state.idle_seq:
        work.put(running=True, idle=None, status_id=None, error=None)


def _send_confirmed(work: Work, given: SendConfirmed) -> None:
    if work.state.expected is None:
        work.put(expected=given.event_id)
    if work.state.setup.detach is not None and work.state.phase is Phase.WORKING:
        work.finish(work.state.setup.detach)


def _remark(work: Work, given: Remark) -> None:
    work.put(remarks=(*work.state.remarks, given))
    when = "" if given.steer else " It is told when this turn is over."
    work.note("info", f"{given.who} says: {given.text}{when}")


def _remark_sent(work: Work, given: RemarkSent) -> None:
    work.put(remarking=None, expected=given.event_id)
    _expect_answer(work, given.event_id)


def _remark_kept(work: Work, given: RemarkKept) -> None:
    remark = work.state.remarking
    if remark is not None:
        work.put(remarking=None, remarks=(replace(remark, steer=False), *work.state.remarks))


def _remark_refused(work: Work, given: RemarkRefused) -> None:
    work.put(remarking=None)
    work.note("warning", f"What was said could not be sent: {given.reason}")


def _answer_confirmed(work: Work, given: AnswerConfirmed) -> None:
    call = work.state.calls.get(given.call_id)
    if call is not None and call.stage is Stage.ANSWERING:
        work.put_call(replace(call, stage=Stage.ANSWERED, answered_seq=work.state.seq))


def _send_failed(work: Work, given: SendFailed) -> None:
    reason = f"{given.what} could not be sent: {given.reason}"
    ending = failed("not_sent", reason)
    if given.is_message and work.state.phase is Phase.WORKING:
        # No event would follow an interrupt: what the session does is asked for on the way out.
        work.finish(ending)
    else:
        work.stop(ending)


def _tool_finished(work: Work, given: ToolFinished) -> None:
    call = work.state.calls.get(given.call_id)
    if call is None or call.stage is not Stage.RUNNING:
        return
    outcome = given.outcome
    ended = ToolEnded(
        id=call.id,
        name=call.name,
        is_error=outcome.is_error,
        seconds=outcome.seconds,
        text=outcome.text,
    )
    work.ask(Notify(ended))
    finished = replace(call, answer=outcome)
    if work.state.phase is Phase.WORKING:
        work.answer(finished)
    else:
        work.put_call(finished)


def _decided(work: Work, given: Decided) -> None:
    call = work.state.calls.get(given.call_id)
    # A question of the agent is a tool that runs, and ends in the same way if nobody is there.
    awaited = (Stage.DECIDING, Stage.RUNNING) if given.halt else (Stage.DECIDING,)
    if call is None or call.stage not in awaited:
        return
    if given.halt:
        reason = given.message or f"Tool {call.name!r} waits for a person to decide."
        ending = Ending(verdict=Verdict.NEEDS_PERSON, reason=reason, hint=given.hint, leave=True)
        work.put_call(replace(call, stage=Stage.HALTED))
        work.put(halt=work.state.halt or ending)
    elif work.state.phase is not Phase.WORKING:
        return
    elif not call.custom:
        work.answer(replace(call, answer=given))
    elif given.allow:
        work.put_call(replace(call, stage=Stage.WAITING, approved=True))
    else:
        refused = Outcome(text=given.message or "This call was denied.", is_error=True)
        work.answer(replace(call, answer=refused))


def _tick(work: Work, given: Tick) -> None:
    work.put(usage=budget.tick(work.state.usage, given.wall_s))


def _outputs_checked(work: Work, given: OutputsChecked) -> None:
    state = work.state
    if state.phase is not Phase.VERIFYING:
        return
    if work.remark():
        # What is missing may be what was just asked for: it is looked at again behind it.
        work.put(phase=Phase.WORKING)
        return
    if not given.problems:
        reason = "The agent finished, and every declared output was verified."
        work.finish(Ending(verdict=Verdict.COMPLETED, reason=reason))
        return
    limit = state.shared_limit or budget.no_more_work(state.setup.limits, state.usage)
    if state.repairs >= state.setup.repairs or limit is not None:
        work.finish(incomplete(given.problems, state, limit))
        return
    attempt = state.repairs + 1
    work.put(repairs=attempt)
    work.send(SendMessage("", given.problems, attempt))
    sent = RepairSent(attempt=attempt, of=state.setup.repairs, problems=given.problems)
    work.ask(Notify(sent))


def _interrupted(work: Work, given: Interrupted) -> None:
    ending = Ending(verdict=Verdict.INTERRUPTED, reason=given.reason)
    if work.state.phase in (Phase.NEW, Phase.VERIFYING):
        work.finish(ending)
    else:
        work.stop(ending)


def _stop_timed_out(work: Work, given: StopTimedOut) -> None:
    stop = work.state.stop
    if stop is not None:
        hint = "The session may still be running: the interrupt was sent but not confirmed."
        work.finish(replace(stop, hint=hint))


def _connection_lost(work: Work, given: ConnectionLost) -> None:
    if work.state.stop is not None:
        work.finish(work.state.stop)
        return
    reason = f"The connection to the session was lost for good: {given.reason}"
    work.finish(Ending(verdict=Verdict.UNKNOWN, reason=reason, error="connection_lost"))


def _session_gone(work: Work, given: SessionGone) -> None:
    work.put(gone=given.how, running=False)


FACTS: dict[type, Callable[[Work, Any], None]] = {
    Started: _started,
    Resumed: _resumed,
    Reused: _reused,
    LimitReached: _limit_reached,
    SendConfirmed: _send_confirmed,
    AnswerConfirmed: _answer_confirmed,
    Remark: _remark,
    RemarkSent: _remark_sent,
    RemarkKept: _remark_kept,
    RemarkRefused: _remark_refused,
    SendFailed: _send_failed,
    ToolFinished: _tool_finished,
    Decided: _decided,
    Tick: _tick,
    OutputsChecked: _outputs_checked,
    Interrupted: _interrupted,
    StopTimedOut: _stop_timed_out,
    ConnectionLost: _connection_lost,
    SessionGone: _session_gone,
    History: fold_history,
}
