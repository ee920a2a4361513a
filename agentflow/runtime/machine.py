"""Every decision of a running session, in one pure function.

`step(state, input)` takes in one event of the service, or one fact of the driver, and says what to
do next. It is total. An event seen before changes nothing, with one exception: a client event that
was seen queued means something when it is seen processed. So a stream may be cut, replayed and
merged with the history at any point without an effect being lost or repeated.

Three rules carry most of it:

- The turn is over at an idle `end_turn` that stands after our last message in the session's own
  order; never because of a status alone, and never because a stream ended.
- A call is answered once, whatever the number of times it is announced, and it is known from the
  event that announces it as well as from an idle's `event_ids`, which show only five.
- Once a run is being stopped, nothing is started any more; the next rest is its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from agentflow.runtime import breaker, budget, reuse
from agentflow.runtime.copying import changed
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
from agentflow.runtime.notices import (
    Note,
    RepairSent,
    Said,
    Spent,
    Thinking,
    ToolEnded,
    ToolStarted,
    Verifying,
)
from agentflow.runtime.run import LimitHit, Verdict
from agentflow.runtime.session import (
    AnswerConfirmed,
    Call,
    CheckOutputs,
    Command,
    ConnectionLost,
    Decide,
    Decided,
    Ending,
    Finish,
    History,
    Input,
    Interrupted,
    LimitReached,
    Notify,
    Outcome,
    OutputsChecked,
    Phase,
    ReadHistory,
    Remark,
    RemarkKept,
    RemarkRefused,
    RemarkSent,
    Resumed,
    Reused,
    RunTool,
    SendConfirmation,
    SendConfirmed,
    SendFailed,
    SendInterrupt,
    SendMessage,
    SendRemark,
    SendResult,
    Sent,
    SessionGone,
    Setup,
    Stage,
    Started,
    State,
    StopTimedOut,
    Tick,
    ToolFinished,
)

__all__ = ["GO_ON", "Step", "begin", "step"]

GO_ON = (
    "The limit that stopped this work was raised. Look at what is there, and go on with the task from "
    "where it was stopped."
)


class Step(NamedTuple):
    state: State
    commands: tuple[Command, ...]


def begin(setup: Setup) -> State:
    return State(setup=setup)


def step(state: State, given: Input, *, wall_s: float | None = None) -> Step:
    """Take in one input. After the end nothing changes any more.

    `wall_s`: how long the run has taken by now, as a `Tick` before would tell. None: nobody looked.
    """
    if state.phase is Phase.ENDED:
        return Step(state, ())
    work = _Work(state)
    if wall_s is not None:
        _tick(work, Tick(wall_s))
    take = _FACTS.get(type(given))
    if take is not None:
        take(work, given)
    else:
        before = work.state.usage
        work.event(given)  # type: ignore[arg-type]  # what is not a fact is an event
        work.spent = work.state.usage is not before
    work.decide()
    return Step(work.state, tuple(work.commands))


class _Work:
    """One step in the making: the state so far and the commands so far. Never outlives `step`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.commands: list[Command] = []
        self.spent = True
        """Limits may be reached: by what was counted, or by the clock, which ticks several times a second."""
        self.goes_on = False
        """What a tool came to is on its way to the model: another request follows unless it is stopped."""

    def put(self, **changes: Any) -> None:
        self.state = changed(self.state, **changes)

    def ask(self, command: Command) -> None:
        self.commands.append(command)

    def note(self, level: str, text: str) -> None:
        self.ask(Notify(Note(level=level, text=text)))

    def put_call(self, call: Call) -> None:
        self.put(calls={**self.state.calls, call.id: call})

    def close_call(self, id: str) -> None:
        rest = {key: call for key, call in self.state.calls.items() if key != id}
        self.put(calls=rest, closed=self.state.closed.add(id))

    # Events

    def event(self, event: Event) -> None:
        """Fold in one event, unless it was seen before."""
        state = self.state
        if event.id and event.id in state.seen:
            if event.id in state.queued and event.processed_at is not None:
                self.put(queued=state.queued - {event.id}, seq=state.seq + 1)
                self._processed_at_last(event)
            return
        event = reuse.since(state.base, event)
        self.put(
            seq=state.seq + 1,
            seen=state.seen.add(event.id) if event.id else state.seen,
            usage=budget.fold(state.usage, event, state.setup.limits.model),
        )
        fold = _EVENTS.get(type(event))
        if fold is not None:
            fold(self, event)
        self.goes_on = isinstance(event, AgentToolResult) and not self.state.calls

    def _processed_at_last(self, event: Event) -> None:
        if isinstance(event, UserMessage):
            sent = Sent(seq=self.state.seq, processed=True)
            self.put(messages={**self.state.messages, event.id: sent})

    def history(self, history: History) -> None:
        """Fold in what the stream did not show, and take over the order of the list."""
        for event in history.events:
            self.event(event)
        places = {event.id: place for place, event in enumerate(history.events) if event.id}
        self._take_last_status(history, places)
        self._reorder(places)
        self._resend_lost_answers(history)

    def _take_last_status(self, history: History, places: Mapping[str, int]) -> None:
        """A status that the list shows late is no news to a session that has moved on since."""
        last = next((e for e in reversed(history.events) if isinstance(e, _STATUS)), None)
        state = self.state
        ours, known = places.get(state.expected or ""), places.get(state.status_id or "")
        if last is None or ours is None or known is None:
            return
        if max(ours, known) < places.get(last.id, -1):
            usage = budget.fold(state.usage, last, state.setup.limits.model)
            self.put(seq=state.seq + 1, usage=usage)
            _EVENTS[type(last)](self, last)

    def _reorder(self, places: Mapping[str, int]) -> None:
        """Whether our message stands before the last idle is for the list to say, not for us."""
        state = self.state
        message, idle = state.expected, state.idle
        if message is None or idle is None or message not in places or idle.id not in places:
            return
        if not state.messages[message].processed:
            return
        before = state.idle_seq - 1 if places[message] < places[idle.id] else state.idle_seq + 1
        sent = Sent(seq=before, processed=True)
        self.put(messages={**state.messages, message: sent})

    def _resend_lost_answers(self, history: History) -> None:
        """An answer that was taken but not stored, as the service has done, is given again."""
        idle = self.state.idle
        if idle is None or not history.events:
            return
        for id in idle.event_ids:
            call = self.state.calls.get(id)
            if call is not None and self._was_lost(call):
                self.answer(call, again=True)

    def _was_lost(self, call: Call) -> bool:
        """The service took our answer, and says later that it still waits for one."""
        return call.stage is Stage.ANSWERED and self.state.idle_seq > call.answered_seq

    # Decisions

    def decide(self) -> None:
        """What follows from the state as it is now. Deciding twice asks for nothing twice."""
        state = self.state
        if state.phase is Phase.ENDED:
            return
        if state.gone is not None:
            self._end_gone(state.gone)
        elif state.phase is Phase.WORKING:
            self._work_on()
        elif state.phase is Phase.STOPPING and state.at_rest:
            assert state.stop is not None
            self.finish(state.stop)

    def _work_on(self) -> None:
        limit = None
        if self.spent:
            self._warn()
            limit = budget.exceeded(self.state.setup.limits, self.state.usage)
        if limit is None and self.goes_on:
            # All turns are used: what the last one did is done, and the next would be paid for in vain.
            limit = budget.no_more_work(self.state.setup.limits, self.state.usage)
        if limit is not None:
            self.stop(self.limit_ending(limit))
            return
        stuck = breaker.tripped(self.state.streaks, self.state.setup.same_error)
        if stuck is not None:
            reason, hint = breaker.ending_text(*stuck)
            self.stop(_failed("same_error", reason, hint))
            return
        lost = self.state.lost_server
        if lost is not None:
            self.stop(_without_server(lost))
            return
        if self.state.idle is not None:
            self._read_idle(self.state.idle)
        elif self.state.running and self.state.expected is not None:
            self.remark(steer=True)
        if self.state.phase is Phase.WORKING:
            self._begin_calls()
        if self.state.phase is Phase.WORKING and self.state.halt is not None:
            self._halt(self.state.halt)

    def _halt(self, ending: Ending) -> None:
        """End once the session rests and waits for a person alone; what else it asks is answered."""
        idle, calls = self.state.idle, self.state.calls
        busy = any(call.stage in _BUSY for call in calls.values())
        if busy or idle is None or idle.reason != "requires_action" or self.state.threads:
            return
        waiting = [calls.get(id) for id in idle.event_ids if id not in self.state.closed]
        if all(call is not None and call.stage is Stage.HALTED for call in waiting):
            self.finish(ending)

    def _warn(self) -> None:
        state = self.state
        for name, text in budget.warnings(state.setup.limits, state.usage):
            if name in self.state.warned:
                continue
            self.put(warned=self.state.warned | {name})
            self.note("warning", text)
            if state.setup.warns_agent:
                told = f"Budget warning: {text} Finish the most important work first."
                self.put(warning=told)

    def _read_idle(self, idle: StatusIdle) -> None:
        match idle.reason:
            case "requires_action":
                self._block(idle)
            case "end_turn":
                if self._turn_is_over():
                    self._turn_over()
            case "budget_reached":
                limits = self.state.setup.limits
                hit = budget.reached_on_service(limits, self.state.usage)
                self.finish(self.limit_ending(hit))
            case "retries_exhausted":
                self.finish(self._failure())
            case "refusal":
                self.finish(_refusal(idle))
            case _:
                reason = f"The session stopped for a reason unknown here: {idle.reason!r}."
                self.finish(_failed(idle.reason or "unknown", reason))

    def _block(self, idle: StatusIdle) -> None:
        """Calls that block the session are ours to answer, also those that did not say so."""
        state = self.state
        for id in idle.event_ids:
            if id in state.closed:
                continue
            call = state.calls.get(id)
            if call is None or self._was_lost(call):
                if id not in self.state.looked_up:
                    self.put(looked_up=self.state.looked_up | {id})
                    self.ask(ReadHistory())
            elif call.stage is Stage.SEEN:
                self.put_call(replace(call, stage=Stage.WAITING))

    def _turn_is_over(self) -> bool:
        state = self.state
        message = state.messages.get(state.expected) if state.expected else None
        return (
            message is not None
            and message.processed
            and message.seq < state.idle_seq
            and not state.threads
        )

    def _turn_over(self) -> None:
        error = self.state.error
        if error is not None and not error.type.startswith("mcp_"):
            # The session outlives a lost MCP server; after any other error the turn is dead.
            self.finish(self._failure())
            return
        if self.remark():
            return
        self.put(phase=Phase.VERIFYING)
        self.ask(Notify(Verifying()))
        self.ask(CheckOutputs())

    def _begin_calls(self) -> None:
        for call in list(self.state.calls.values()):
            if call.stage is not Stage.WAITING:
                continue
            limit = budget.no_more_work(self.state.setup.limits, self.state.usage)
            if limit is not None:
                self.stop(self.limit_ending(limit))
                return
            asks = not call.custom or (call.name in self.state.setup.asks and not call.approved)
            stage = Stage.DECIDING if asks else Stage.RUNNING
            begun = replace(call, stage=stage)
            self.put_call(begun)
            self.ask(Decide(begun) if asks else RunTool(begun))

    def _end_gone(self, how: str) -> None:
        if self.state.stop is not None:
            self.finish(self.state.stop)
        elif self.state.error is not None:
            self.finish(self._failure())
        else:
            reason = f"The session was {how} before the work was done."
            self.finish(_failed(f"session_{how}", reason))

    def _failure(self) -> Ending:
        error = self.state.error
        if error is None:
            reason = "The service gave up on the session without naming an error."
            return _failed("retries_exhausted", reason)
        text = error.message or "no message"
        return _failed(error.type, f"The session failed: {error.type} ({text}).")

    # Effects that several inputs lead to

    def answer(self, call: Call, *, again: bool = False) -> None:
        """Send what a call came to, or what was decided about it."""
        self.put_call(replace(call, stage=Stage.ANSWERING))
        if isinstance(call.answer, Outcome):
            self.ask(SendResult(call, call.answer, self.state.warning, again))
            self.put(warning=None)
        elif call.answer is not None:
            self.ask(SendConfirmation(call, call.answer, again))

    def limit_ending(self, limit: LimitHit) -> Ending:
        return _limit_ending(limit, self.state.setup.run_id)

    def result(self, call: Call | None, text: str, *, is_error: bool) -> None:
        """Count what a tool came to."""
        if call is not None:
            turn = self.state.usage.turns
            streaks = breaker.count(
                self.state.streaks, call.name, text, is_error=is_error, turn=turn
            )
            self.put(streaks=streaks)

    def send(self, command: SendMessage) -> None:
        self.put(
            phase=Phase.WORKING,
            running=True,
            idle=None,
            status_id=None,
            looked_up=frozenset(),
            expected=None,
            error=None,
        )
        self.ask(command)

    def remark(self, *, steer: bool = False) -> bool:
        """Send what was said next, one at a time. Whether something is on its way.

        Args:
            steer: only what is to join the running turn.
        """
        state = self.state
        if state.remarking is not None:
            return True
        if not state.remarks:
            return False
        waiting = [one for one in state.remarks if one.steer or not steer]
        limit = state.shared_limit or budget.no_more_work(state.setup.limits, state.usage)
        if not waiting or limit is not None:
            return False
        rest = tuple(one for one in state.remarks if one is not waiting[0])
        self.put(remarks=rest, remarking=waiting[0])
        self.ask(SendRemark(waiting[0]))
        return True

    def stop(self, ending: Ending) -> None:
        """Interrupt, and end at the next rest; at once if the session rests already."""
        if self.state.stop is not None:
            return
        self.put(phase=Phase.STOPPING, stop=ending)
        if not self.state.at_rest:
            self.ask(SendInterrupt())

    def finish(self, ending: Ending) -> None:
        self.put(phase=Phase.ENDED, ending=ending)
        self.ask(Finish(ending))


def _limit_ending(limit: LimitHit, run_id: str) -> Ending:
    where = f" ({limit.source})" if limit.source else ""
    return Ending(
        verdict=Verdict.BUDGET,
        reason=f"The limit budget.{limit.name} was reached: {limit.used} of {limit.limit}{where}.",
        hint=budget.way_on(limit, run_id),
        limit=limit,
    )


def _refusal(idle: StatusIdle) -> Ending:
    details = idle.details if isinstance(idle.details, Mapping) else {}
    category = details.get("category")
    explanation = details.get("explanation")
    kind = f" (category {category})" if category else ""
    more = f": {explanation}" if explanation else "."
    error = str(category or "refusal")
    return Ending(verdict=Verdict.REFUSED, reason=f"The model refused{kind}{more}", error=error)


def _failed(error: str, reason: str, hint: str | None = None) -> Ending:
    return Ending(verdict=Verdict.FAILED, reason=reason, hint=hint, error=error)


# Facts of the driver


def _started(work: _Work, given: Started) -> None:
    if work.state.phase is not Phase.NEW:
        return
    limit = budget.no_more_work(work.state.setup.limits, work.state.usage)
    if limit is not None:
        work.finish(work.limit_ending(limit))
        return
    work.send(SendMessage(work.state.setup.task))


def _limit_reached(work: _Work, given: LimitReached) -> None:
    if work.state.phase in (Phase.NEW, Phase.VERIFYING):
        # What was delivered is looked at all the same; no repair is asked for after that.
        work.put(shared_limit=given.limit)
    elif work.state.phase is Phase.WORKING:
        work.stop(work.limit_ending(given.limit))


def _reused(work: _Work, given: Reused) -> None:
    """What earlier runs did is known, and neither counted nor acted on."""
    if work.state.phase is Phase.NEW:
        work.put(**reuse.known(given.events))


def _resumed(work: _Work, given: Resumed) -> None:
    """Fold in what took place, telling nobody again, and go on from there."""
    if work.state.phase is not Phase.NEW:
        return
    for event, at_s in zip(given.events, given.at_s, strict=True):
        work.put(usage=budget.tick(work.state.usage, at_s))
        work.event(event)
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


def _go_on(work: _Work) -> None:
    """A session that the service stopped goes on by itself; one that we interrupted has to be told."""
    if work.state.idle is not None and work.state.idle.reason == "budget_reached":
        work.put(running=True, idle=None, status_id=None, error=None)
    elif work.state.at_rest:
        work.put(continued=work.state.continued + 1)
        work.send(SendMessage(GO_ON, attempt=work.state.repairs))


def _expect_answer(work: _Work, message: str) -> None:
    """An idle that stands before our last message says nothing about what became of it."""
    sent = work.state.messages.get(message)
    if sent is None or sent.seq > work.state.idle_seq:
        work.put(running=True, idle=None, status_id=None, error=None)


def _send_confirmed(work: _Work, given: SendConfirmed) -> None:
    if work.state.expected is None:
        work.put(expected=given.event_id)
    if work.state.setup.detach is not None and work.state.phase is Phase.WORKING:
        work.finish(work.state.setup.detach)


def _remark(work: _Work, given: Remark) -> None:
    work.put(remarks=(*work.state.remarks, given))
    when = "" if given.steer else " It is told when this turn is over."
    work.note("info", f"{given.who} says: {given.text}{when}")


def _remark_sent(work: _Work, given: RemarkSent) -> None:
    work.put(remarking=None, expected=given.event_id)
    _expect_answer(work, given.event_id)


def _remark_kept(work: _Work, given: RemarkKept) -> None:
    remark = work.state.remarking
    if remark is not None:
        work.put(remarking=None, remarks=(replace(remark, steer=False), *work.state.remarks))


def _remark_refused(work: _Work, given: RemarkRefused) -> None:
    work.put(remarking=None)
    work.note("warning", f"What was said could not be sent: {given.reason}")


def _answer_confirmed(work: _Work, given: AnswerConfirmed) -> None:
    call = work.state.calls.get(given.call_id)
    if call is not None and call.stage is Stage.ANSWERING:
        work.put_call(replace(call, stage=Stage.ANSWERED, answered_seq=work.state.seq))


def _send_failed(work: _Work, given: SendFailed) -> None:
    reason = f"{given.what} could not be sent: {given.reason}"
    ending = _failed("not_sent", reason)
    if given.is_message and work.state.phase is Phase.WORKING:
        # No event would follow an interrupt: what the session does is asked for on the way out.
        work.finish(ending)
    else:
        work.stop(ending)


def _tool_finished(work: _Work, given: ToolFinished) -> None:
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


def _decided(work: _Work, given: Decided) -> None:
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


def _tick(work: _Work, given: Tick) -> None:
    work.put(usage=budget.tick(work.state.usage, given.wall_s))


def _outputs_checked(work: _Work, given: OutputsChecked) -> None:
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
        work.finish(_incomplete(given.problems, state, limit))
        return
    attempt = state.repairs + 1
    work.put(repairs=attempt)
    work.send(SendMessage("", given.problems, attempt))
    sent = RepairSent(attempt=attempt, of=state.setup.repairs, problems=given.problems)
    work.ask(Notify(sent))


def _incomplete(problems: tuple[str, ...], state: State, limit: LimitHit | None) -> Ending:
    first, *others = problems
    found = f"{first} (and {len(others)} more)" if others else first
    if limit is not None and state.repairs < state.setup.repairs:
        ending = _limit_ending(limit, state.setup.run_id)
        reason = f"{found} {ending.reason}"
        return replace(ending, reason=reason)
    tried = {0: "", 1: " One repair was tried."}.get(
        state.repairs, f" {state.repairs} repairs were tried."
    )
    return Ending(verdict=Verdict.INCOMPLETE, reason=f"{found}{tried}")


def _interrupted(work: _Work, given: Interrupted) -> None:
    ending = Ending(verdict=Verdict.INTERRUPTED, reason=given.reason)
    if work.state.phase in (Phase.NEW, Phase.VERIFYING):
        work.finish(ending)
    else:
        work.stop(ending)


def _stop_timed_out(work: _Work, given: StopTimedOut) -> None:
    stop = work.state.stop
    if stop is not None:
        hint = "The session may still be running: the interrupt was sent but not confirmed."
        work.finish(replace(stop, hint=hint))


def _connection_lost(work: _Work, given: ConnectionLost) -> None:
    if work.state.stop is not None:
        work.finish(work.state.stop)
        return
    reason = f"The connection to the session was lost for good: {given.reason}"
    work.finish(Ending(verdict=Verdict.UNKNOWN, reason=reason, error="connection_lost"))


def _session_gone(work: _Work, given: SessionGone) -> None:
    work.put(gone=given.how, running=False)


# Events


def _user_message(work: _Work, event: UserMessage) -> None:
    processed = event.processed_at is not None
    if not processed:
        work.put(queued=work.state.queued | {event.id})
    sent = Sent(seq=work.state.seq, processed=processed)
    work.put(messages={**work.state.messages, event.id: sent})


def _answered(work: _Work, event: UserToolConfirmation | UserCustomToolResult) -> None:
    if event.processed_at is None:
        work.put(queued=work.state.queued | {event.id})
    call = work.state.calls.get(event.tool_use_id)
    if isinstance(event, UserCustomToolResult):
        work.result(call, event.text, is_error=event.is_error)
        work.close_call(event.tool_use_id)
    elif call is not None:
        work.put_call(replace(call, stage=Stage.CONFIRMED))


def _said(work: _Work, event: AgentMessage) -> None:
    work.put(final_message=event.text)
    work.ask(Notify(Said(text=event.text)))


def _tool_use(work: _Work, event: AgentToolUse | CustomToolUse) -> None:
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


def _tool_result(work: _Work, event: AgentToolResult) -> None:
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


def _running(work: _Work, event: StatusRunning) -> None:
    work.put(running=True, idle=None, status_id=event.id, looked_up=frozenset())


def _rescheduled(work: _Work, event: StatusRescheduled) -> None:
    work.put(running=True, idle=None, status_id=event.id)
    work.note("info", "The service hit a transient failure and tries again by itself.")


def _idle(work: _Work, event: StatusIdle) -> None:
    work.put(
        running=False,
        idle=event,
        idle_seq=work.state.seq,
        status_id=event.id,
        looked_up=frozenset(),
    )


def _terminated(work: _Work, event: StatusTerminated) -> None:
    work.put(running=False, gone="terminated")


def _deleted(work: _Work, event: SessionDeleted) -> None:
    work.put(running=False, gone="deleted")


def _thread(work: _Work, event: ThreadStatus) -> None:
    if work.state.primary is None:
        # Every session reports its own thread too, and reports it first.
        work.put(primary=event.thread_id)
    if event.thread_id == work.state.primary:
        return
    threads = work.state.threads - {event.thread_id}
    work.put(threads=threads | {event.thread_id} if event.status == "running" else threads)


def _error(work: _Work, event: SessionError) -> None:
    if event.retry == "retrying":
        work.note("info", f"{event.type}: {event.message} The service tries again.")
        return
    # An unknown retry status is not a promise to try again, so it counts as the end of trying.
    if work.state.lost_server is None:
        work.put(error=event)
    work.note("warning", f"{event.type}: {event.message} ({event.retry or 'no retry'})")


def _without_server(event: SessionError) -> Ending:
    """A session goes on without the tools of a server; a run that needs them need not pay for that."""
    refused = event.type == "mcp_authentication_failed_error"
    what = "refuses its credential" if refused else "cannot be reached"
    hint = (
        "Check the credential in its vault, and that its URL is the server's to the letter."
        if refused
        else "Check its URL, and that the environment's network lets it through."
    )
    reason = f"The MCP server {event.server!r} {what}: {event.message}"
    return _failed(event.type, reason, hint)


def _spent(work: _Work, event: ModelRequestEnd) -> None:
    usage = work.state.usage
    spent = Spent(
        turns=usage.turns,
        tokens=usage.tokens,
        cost_usd=usage.cost_usd,
        cost_is_estimate=usage.cost_is_estimate,
    )
    work.ask(Notify(spent))


def _unknown(work: _Work, event: Unknown) -> None:
    if event.type in work.state.unknown or is_documented(event.type):
        return
    work.put(unknown=work.state.unknown | {event.type})
    work.note("info", f"Event type {event.type!r} is unknown here and was only recorded.")


_BUSY = (Stage.WAITING, Stage.DECIDING, Stage.RUNNING, Stage.ANSWERING)
"""A call that we have something to do for."""

_STATUS = (StatusRunning, StatusIdle, StatusRescheduled)
"""Each holds until the next of them; that a session was terminated never becomes untrue."""

_FACTS: dict[type, Callable[[_Work, Any], None]] = {
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
    History: _Work.history,
}

_EVENTS: dict[type, Callable[[_Work, Any], None]] = {
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
