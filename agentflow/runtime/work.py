"""One step of a run in the making: what follows from its state, and the commands that say so. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agentflow.runtime import breaker, budget
from agentflow.runtime.copying import changed
from agentflow.runtime.endings import failed, limit_ending, refusal, without_server
from agentflow.runtime.events import StatusIdle
from agentflow.runtime.notices import Note, Verifying
from agentflow.runtime.run import LimitHit
from agentflow.runtime.session import (
    Call,
    CheckOutputs,
    Command,
    Decide,
    Ending,
    Finish,
    Notify,
    Outcome,
    Phase,
    ReadHistory,
    RunTool,
    SendConfirmation,
    SendInterrupt,
    SendMessage,
    SendRemark,
    SendResult,
    Stage,
    State,
)

__all__ = ["Work"]


class Work:
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

    def was_lost(self, call: Call) -> bool:
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
            self.stop(failed("same_error", reason, hint))
            return
        lost = self.state.lost_server
        if lost is not None:
            self.stop(without_server(lost))
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
        for name, text in budget.warnings(state.setup.limits, state.usage, but=state.warned):
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
                self.finish(refusal(idle))
            case _:
                reason = f"The session stopped for a reason unknown here: {idle.reason!r}."
                self.finish(failed(idle.reason or "unknown", reason))

    def _block(self, idle: StatusIdle) -> None:
        """Calls that block the session are ours to answer, also those that did not say so."""
        state = self.state
        for id in idle.event_ids:
            if id in state.closed:
                continue
            call = state.calls.get(id)
            if call is None or self.was_lost(call):
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
            self.finish(failed(f"session_{how}", reason))

    def _failure(self) -> Ending:
        error = self.state.error
        if error is None:
            reason = "The service gave up on the session without naming an error."
            return failed("retries_exhausted", reason)
        text = error.message or "no message"
        return failed(error.type, f"The session failed: {error.type} ({text}).")

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
        return limit_ending(limit, self.state.setup.run_id)

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


_BUSY = (Stage.WAITING, Stage.DECIDING, Stage.RUNNING, Stage.ANSWERING)
"""A call that we have something to do for."""
