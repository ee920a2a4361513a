"""What each event of the service changes in a run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agentflow.runtime import budget, reuse
from agentflow.runtime.events import (
    AgentMessage,
    AgentThinking,
    AgentToolResult,
    AgentToolUse,
    ContextCompacted,
    CustomToolUse,
    Event,
    ModelRequestEnd,
    SessionDeleted,
    SessionError,
    StatusIdle,
    StatusRescheduled,
    StatusRunning,
    StatusTerminated,
    ThreadStatus,
    Unknown,
    UserCustomToolResult,
    UserMessage,
    UserToolConfirmation,
    is_documented,
)
from agentflow.runtime.notices import Said, Spent, Thinking, ToolEnded, ToolStarted
from agentflow.runtime.session import Call, History, Notify, Sent, Stage
from agentflow.runtime.work import Work

__all__ = ["fold", "fold_history"]


def fold(work: Work, event: Event) -> None:
    """Fold in one event, unless it was seen before."""
    state = work.state
    if event.id and event.id in state.seen:
        if event.id in state.queued and event.processed_at is not None:
            work.put(queued=state.queued - {event.id}, seq=state.seq + 1)
            _processed_at_last(work, event)
        return
    event = reuse.since(state.base, event)
    work.put(
        seq=state.seq + 1,
        seen=state.seen.add(event.id) if event.id else state.seen,
        usage=budget.fold(state.usage, event, state.setup.limits.model),
    )
    handle = _EVENTS.get(type(event))
    if handle is not None:
        handle(work, event)
    work.goes_on = isinstance(event, AgentToolResult) and not work.state.calls


def _processed_at_last(work: Work, event: Event) -> None:
    if isinstance(event, UserMessage):
        sent = Sent(seq=work.state.seq, processed=True)
        work.put(messages={**work.state.messages, event.id: sent})


def fold_history(work: Work, history: History) -> None:
    """Fold in what the stream did not show, and take over the order of the list."""
    for event in history.events:
        fold(work, event)
    places = {event.id: place for place, event in enumerate(history.events) if event.id}
    _take_last_status(work, history, places)
    _reorder(work, places)
    _resend_lost_answers(work, history)


def _take_last_status(work: Work, history: History, places: Mapping[str, int]) -> None:
    """A status that the list shows late is no news to a session that has moved on since."""
    last = next((e for e in reversed(history.events) if isinstance(e, _STATUS)), None)
    state = work.state
    ours, known = places.get(state.expected or ""), places.get(state.status_id or "")
    if last is None or ours is None or known is None:
        return
    if max(ours, known) < places.get(last.id, -1):
        usage = budget.fold(state.usage, last, state.setup.limits.model)
        work.put(seq=state.seq + 1, usage=usage)
        _EVENTS[type(last)](work, last)


def _reorder(work: Work, places: Mapping[str, int]) -> None:
    """Whether our message stands before the last idle is for the list to say, not for us."""
    state = work.state
    message, idle = state.expected, state.idle
    if message is None or idle is None or message not in places or idle.id not in places:
        return
    if not state.messages[message].processed:
        return
    before = state.idle_seq - 1 if places[message] < places[idle.id] else state.idle_seq + 1
    sent = Sent(seq=before, processed=True)
    work.put(messages={**state.messages, message: sent})


def _resend_lost_answers(work: Work, history: History) -> None:
    """An answer that was taken but not stored, as the service has done, is given again."""
    idle = work.state.idle
    if idle is None or not history.events:
        return
    for id in idle.event_ids:
        call = work.state.calls.get(id)
        if call is not None and work.was_lost(call):
            work.answer(call, again=True)


def _user_message(work: Work, event: UserMessage) -> None:
    processed = event.processed_at is not None
    if not processed:
        work.put(queued=work.state.queued | {event.id})
    sent = Sent(seq=work.state.seq, processed=processed)
    work.put(messages={**work.state.messages, event.id: sent})


def _answered(work: Work, event: UserToolConfirmation | UserCustomToolResult) -> None:
    if event.processed_at is None:
        work.put(queued=work.state.queued | {event.id})
    call = work.state.calls.get(event.tool_use_id)
    if isinstance(event, UserCustomToolResult):
        work.result(call, event.text, is_error=event.is_error)
        work.close_call(event.tool_use_id)
    elif call is not None:
        work.put_call(replace(call, stage=Stage.CONFIRMED))


def _said(work: Work, event: AgentMessage) -> None:
    work.put(final_message=event.text)
    work.ask(Notify(Said(text=event.text)))


def _tool_use(work: Work, event: AgentToolUse | CustomToolUse) -> None:
    custom = isinstance(event, CustomToolUse)
    asks = custom or (isinstance(event, AgentToolUse) and event.permission == "ask")
    call = Call(
        id=event.id,
        name=event.name,
        input=event.input,
        custom=custom,
        server=None if isinstance(event, CustomToolUse) else event.server,
        stage=Stage.WAITING if asks else Stage.SEEN,
        began_s=work.state.usage.wall_s,
    )
    if call.id not in work.state.closed:
        work.put_call(call)
    started = ToolStarted(id=call.id, name=call.name, input=call.input, custom=custom)
    work.ask(Notify(started))


def _tool_result(work: Work, event: AgentToolResult) -> None:
    call = work.state.calls.get(event.tool_use_id)
    work.result(call, event.text, is_error=event.is_error)
    work.close_call(event.tool_use_id)
    if call is None:
        return
    ended = ToolEnded(
        id=call.id,
        name=call.name,
        is_error=event.is_error,
        seconds=work.state.usage.wall_s - call.began_s,
        text=event.text,
    )
    work.ask(Notify(ended))


def _running(work: Work, event: StatusRunning) -> None:
    work.put(running=True, idle=None, status_id=event.id, looked_up=frozenset())


def _rescheduled(work: Work, event: StatusRescheduled) -> None:
    work.put(running=True, idle=None, status_id=event.id)
    work.note("info", "The service hit a transient failure and tries again by itself.")


def _idle(work: Work, event: StatusIdle) -> None:
    work.put(
        running=False,
        idle=event,
        idle_seq=work.state.seq,
        status_id=event.id,
        looked_up=frozenset(),
    )


def _terminated(work: Work, event: StatusTerminated) -> None:
    work.put(running=False, gone="terminated")


def _deleted(work: Work, event: SessionDeleted) -> None:
    work.put(running=False, gone="deleted")


def _thread(work: Work, event: ThreadStatus) -> None:
    if work.state.primary is None:
        # Every session reports its own thread too, and reports it first.
        work.put(primary=event.thread_id)
    if event.thread_id == work.state.primary:
        return
    threads = work.state.threads - {event.thread_id}
    work.put(threads=threads | {event.thread_id} if event.status == "running" else threads)


def _error(work: Work, event: SessionError) -> None:
    if event.retry == "retrying":
        work.note("info", f"{event.type}: {event.message} The service tries again.")
        return
    # An unknown retry status is not a promise to try again, so it counts as the end of trying.
    if work.state.lost_server is None:
        work.put(error=event)
    work.note("warning", f"{event.type}: {event.message} ({event.retry or 'no retry'})")


def _spent(work: Work, event: ModelRequestEnd) -> None:
    usage = work.state.usage
    spent = Spent(
        turns=usage.turns,
        tokens=usage.tokens,
        cost_usd=usage.cost_usd,
        cost_is_estimate=usage.cost_is_estimate,
    )
    work.ask(Notify(spent))


def _unknown(work: Work, event: Unknown) -> None:
    if event.type in work.state.unknown or is_documented(event.type):
        return
    work.put(unknown=work.state.unknown | {event.type})
    work.note("info", f"Event type {event.type!r} is unknown here and was only recorded.")


_STATUS = (StatusRunning, StatusIdle, StatusRescheduled)
"""Each holds until the next of them; that a session was terminated never becomes untrue."""


_EVENTS: dict[type, Callable[[Work, Any], None]] = {
    UserMessage: _user_message,
    UserToolConfirmation: _answered,
    UserCustomToolResult: _answered,
    AgentMessage: _said,
    AgentThinking: lambda work, event: work.ask(Notify(Thinking())),
    AgentToolUse: _tool_use,
    CustomToolUse: _tool_use,
    AgentToolResult: _tool_result,
    StatusRunning: _running,
    StatusRescheduled: _rescheduled,
    StatusIdle: _idle,
    StatusTerminated: _terminated,
    SessionDeleted: _deleted,
    ThreadStatus: _thread,
    SessionError: _error,
    ModelRequestEnd: _spent,
    ContextCompacted: lambda work, event: work.note("info", "The context was compacted."),
    Unknown: _unknown,
}
"""Types without an entry are counted by the budget, or mean nothing to a decision."""
