"""[io] The event loop of one run: stream to machine, machine to commands. It owns clock, stream and tasks.

Everything that happens is put into one queue and taken in by the machine one at a time, so nothing
here decides anything but how to do what was decided, and what to do when the connection fails:

- The stream is opened before the task is sent. When it drops, or stays silent for long, it is opened
  again, and the history is read and folded in before the new stream's events.
- On every way out, also by an exception or a cancellation, a session that may still be working is
  interrupted, and its end awaited for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from agentflow.compiler.manifest import SAME_ERROR
from agentflow.errors import LostAnswer, NotFound, ServiceError, Unavailable
from agentflow.ports import SessionInfo
from agentflow.runtime import backoff, budget, machine
from agentflow.runtime.around import Around, limits_of
from agentflow.runtime.asking import approve_hint
from agentflow.runtime.catching_up import catch_up
from agentflow.runtime.hands import hands
from agentflow.runtime.inbox import Inbox
from agentflow.runtime.mounted import missing_mounts
from agentflow.runtime.notices import (
    Note,
    Notice,
    Received,
    SessionStarted,
    Spent,
    Thinking,
    Verifying,
)
from agentflow.runtime.outputs import Collector, Report, nothing_delivered, repair_message
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.pools import Purse
from agentflow.runtime.pulse import Member
from agentflow.runtime.reading import Reader
from agentflow.runtime.remarks import Remarks
from agentflow.runtime.run import STILL_OPEN, RunRequest, RunResult, Verdict, Waiting
from agentflow.runtime.sending import Sender
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
    Input,
    Interrupted,
    LimitReached,
    Notify,
    OutputsChecked,
    ReadHistory,
    Remark,
    RunTool,
    SendConfirmation,
    SendConfirmed,
    SendFailed,
    SendInterrupt,
    SendMessage,
    SendRemark,
    SendResult,
    SessionGone,
    Setup,
    Stage,
    State,
    StopTimedOut,
    Tick,
    ToolFinished,
)
from agentflow.runtime.stopping import stop_session
from agentflow.runtime.tools import NeedsPerson
from agentflow.runtime.transcript import Transcript
from agentflow.runtime.ways_on import way_on
from agentflow.secret import masked

__all__ = ["Loop"]

ALIVE_EVERY_S = 2.0
"""How often a run says in the ledger that it is followed."""

TICKS_APART_S = 0.01
"""Events that come together are taken in as of one time."""


def _setup(request: RunRequest, task: str, purse: Purse) -> Setup:
    policy = request.policy
    return Setup(
        task=task,
        repairs=policy.repair,
        limits=replace(limits_of(request), shared=purse.cap_hit()),
        run_id=request.run_id,
        same_error=SAME_ERROR if policy.budget is None else policy.budget.same_error,
        detach=_detached(request.run_id) if request.detach else None,
        asks=frozenset(name for name, tool in policy.custom.items() if tool.policy == "ask"),
        required_servers=frozenset(policy.required_servers),
        warns_agent=budget.can_warn_agent(policy.model),
    )


def _detached(run_id: str) -> Ending:
    return Ending(
        verdict=Verdict.DETACHED,
        reason="The session has its task, and works on while nobody follows it.",
        hint=f"Follow it: agentflow sessions attach {run_id}\n"
        "Until then nobody runs its custom tools, answers it, or keeps its limits but `usd`.",
        leave=True,
    )


_NO_SECRETS = (Received, Spent, Thinking, Verifying)
"""Notices without a text; and events, which are masked where they are written down."""


class Loop:
    """One run from the session's creation to its result."""

    def __init__(
        self,
        request: RunRequest,
        info: SessionInfo,
        task: str,
        around: Around,
        transcript: Transcript,
        pool: WorkerPool,
    ) -> None:
        self.request = request
        self.session_id = info.id
        self.sessions = around.sessions
        self.clock = around.clock
        self.observer = around.observer
        self.stop = around.stop
        self.pulse = around.pulse
        self.knobs = around.knobs
        self.draw = around.draw
        self.ledger = around.ledger
        self.purse = around.purse
        self.earlier = around.earlier
        self.began = around.began - (around.earlier.wall_s if around.earlier else 0.0)
        self.told_alive = self.began
        self.ticked_s = -TICKS_APART_S
        self.state: State = machine.begin(_setup(request, task, around.purse))
        self.inbox = Inbox(self._take)
        self.ending: Ending | None = None
        self.stopping_since: float | None = None
        self.report: Report | None = None
        self.warnings: list[str] = []
        self.messaging = asyncio.Lock()
        self.looking = asyncio.Lock()
        self.history_wanted = False
        self.tools: set[asyncio.Task[None]] = set()
        self.others: set[asyncio.Task[None]] = set()
        self.reader = Reader(
            around.sessions,
            info.id,
            put=self.inbox.put_nowait,
            tell=self.tell,
            transcript=transcript,
            clock=around.clock,
            draw=around.draw,
            silence_s=around.knobs.silence_s,
            give_up_s=around.knobs.give_up_s,
            first=self._catch_up if around.earlier or request.reuse else None,
        )
        self.sender = Sender(
            around.sessions,
            info.id,
            transcript=transcript,
            clock=around.clock,
            draw=around.draw,
            tries=around.knobs.tries,
        )
        self.remarks = Remarks(
            request.run_id,
            ledger=around.ledger,
            sender=self.sender,
            clock=around.clock,
            put=self.inbox.put_nowait,
        )
        self.host, self.approver = hands(request, info.id, around, pool, self.tell)
        self.collector = Collector(
            request.policy,
            sessions=around.sessions,
            session_id=info.id,
            out_dir=request.out_dir,
            pool=pool,
            clock=around.clock,
            earlier=frozenset(request.reuse.files if request.reuse else ()),
            transcript=request.directory / "transcript.jsonl",
        )
        self.tell(
            SessionStarted(session_id=info.id, agent=request.agent, version=request.agent_version)
        )
        if around.earlier is None and request.reuse is None:
            for text in missing_mounts(request, info):
                self.tell(Note(level="warning", text=text))

    def tell(self, notice: Notice) -> None:
        if isinstance(notice, Note) and notice.level == "warning":
            self.warnings.append(notice.text)
        self.observer(notice if isinstance(notice, _NO_SECRETS) else masked(notice))

    def wall_s(self) -> float:
        return self.clock.monotonic() - self.began

    # The loop

    async def to_the_end(self) -> RunResult:
        try:
            ending = await self._drive()
        except BaseException as error:
            await self._leave()
            if isinstance(error, BaseExceptionGroup):
                # One cause is enough for whoever reads it; the others follow from it.
                raise error.exceptions[0] from None
            raise
        await self._leave()
        if ending.verdict not in STILL_OPEN:
            for text in self.remarks.unsent():
                self.tell(Note(level="warning", text=f"The run ended before this was sent: {text}"))
        if ending.verdict is Verdict.DETACHED:
            self.report = Report(outputs=(), failed_checks=(), extra_files=())
        elif self.report is None:
            self.report = await self._salvage()
        return self._result(ending, self.report)

    async def _drive(self) -> Ending:
        async with asyncio.TaskGroup() as group:
            self.group = group
            self._spawn(self.reader.run(), self.others)
            if self.stop is not None:
                self._spawn(self._watch_stop(self.stop), self.others)
            with self._watched_clock():
                await self.inbox.ended()
            for task in self.tools | self.others:
                task.cancel()
        assert self.ending is not None
        return self.ending

    def _take(self, given: Input) -> None:
        now = self.wall_s()
        due = now - self.ticked_s >= TICKS_APART_S
        self.ticked_s = now if due else self.ticked_s
        self.state, commands = machine.step(self.state, given, wall_s=now if due else None)
        hit = self.purse.settle(self.state.usage)
        if hit is not None:
            self.state, more = machine.step(self.state, LimitReached(hit))
            commands += more
        for command in commands:
            self._do(command)

    def _do(self, command: Command) -> None:
        match command:
            case Notify(notice):
                self.tell(notice)
            case Finish(ending):
                self.ending = ending
                self.inbox.close()
            case RunTool(call):
                self._spawn(self._run_tool(call), self.tools)
            case Decide(call):
                self._spawn(self._decide(call), self.tools)
            case SendInterrupt():
                # What runs on our side would be wasted work, or worse, an effect nobody waits for.
                for task in self.tools:
                    task.cancel()
                self.stopping_since = self.clock.monotonic()
                self._spawn(self._interrupt(), self.others)
            case SendMessage():
                # What was found before a repair says nothing about what the repair delivers.
                self.report = None
                self._spawn(self._send_message(command), self.others)
            case SendRemark(remark):
                self._spawn(self._send_remark(remark), self.others)
            case SendResult() | SendConfirmation():
                self._spawn(self._send_answer(command), self.others)
            case ReadHistory():
                # Answers and what the stream says of them cross each other all the time: one look is
                # enough for all that is asked until it begins.
                if not self.history_wanted:
                    self.history_wanted = True
                    self._spawn(self._read_history(), self.others)
            case CheckOutputs():
                self._spawn(self._check_outputs(), self.others)

    def _spawn(self, work: Coroutine[Any, Any, None], into: set[asyncio.Task[None]]) -> None:
        task = self.group.create_task(work)
        into.add(task)
        task.add_done_callback(into.discard)

    # What comes in

    def _watched_clock(self) -> AbstractContextManager[None]:
        """Somebody looks at the clock meanwhile: a task of our own, or one for many runs."""
        if self.pulse is None:
            self._spawn(self._watch_clock(), self.others)
            return nullcontext()
        member = Member(
            run_id=self.request.run_id,
            beat=self._beat,
            wall_s=self.wall_s,
            stopped=self._stopped_elsewhere,
        )
        return self.pulse.member(member)

    async def _watch_clock(self) -> None:
        while True:
            await self.clock.sleep(self.knobs.tick_s)
            self._beat()
            self._say_alive()

    def _beat(self) -> None:
        self.inbox.put_nowait(Tick(self.wall_s()))
        self.reader.reopen_if_silent()
        self.remarks.look()
        since = self.stopping_since
        if since is not None and self.clock.monotonic() - since >= self.knobs.stop_wait_s:
            # However far the interrupt came: it may still wait behind a send that hangs.
            self.stopping_since = None
            self.inbox.put_nowait(StopTimedOut())

    def _say_alive(self) -> None:
        """Write down how far we are, and hear whether somebody elsewhere wants the run to end."""
        now = self.clock.monotonic()
        if now - self.told_alive < ALIVE_EVERY_S:
            return
        self.told_alive = now
        at = self.clock.now().isoformat()
        who = self.ledger.alive(self.request.run_id, wall_s=self.wall_s(), at=at)
        if who is not None:
            self._stopped_elsewhere(who)

    def _stopped_elsewhere(self, who: str) -> None:
        self.inbox.put_nowait(Interrupted(f"The run was interrupted by {who}."))

    async def _catch_up(self) -> None:
        """Go on in a session that has a history. Raises as `catch_up`."""
        told = await catch_up(
            self.request,
            self.earlier,
            reader=self.reader,
            ledger=self.ledger,
            sender=self.sender,
            clock=self.clock,
            tell=self.tell,
        )
        # What was said meanwhile is known before the end of the last turn is.
        self.remarks.look()
        for given in told:
            self.inbox.put_nowait(given)

    async def _watch_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.inbox.put_nowait(Interrupted("The run was interrupted."))

    async def _read_history(self) -> None:
        async with self.looking:
            self.history_wanted = False
            await self._look_into_history()

    async def _look_into_history(self) -> None:
        for attempt in range(self.knobs.tries):
            try:
                await self.reader.read_history()
            except ServiceError:
                # The stream's own reconnect reads it too, and reports what stays unreachable.
                await self.clock.sleep(backoff.delay_s(attempt, self.draw()))
            else:
                return

    # What is done

    async def _run_tool(self, call: Call) -> None:
        try:
            self.inbox.put_nowait(ToolFinished(call.id, await self.host.run(call)))
        except NeedsPerson as error:
            hint = approve_hint(self.request.run_id)
            halt = Decided(call.id, False, str(error), halt=True, hint=hint)
            self.inbox.put_nowait(halt)

    async def _decide(self, call: Call) -> None:
        self.inbox.put_nowait(await self.approver.decide(call))

    async def _send_remark(self, remark: Remark) -> None:
        async with self.messaging:
            await self.remarks.deliver(remark)

    async def _send_message(self, message: SendMessage) -> None:
        text = message.text
        if message.problems:
            of = self.request.policy.repair
            text = repair_message(message.problems, message.attempt, of)
        try:
            async with self.messaging:
                number = message.attempt + self.state.continued
                run_id, at = self.request.run_id, self.clock.now().isoformat()
                self.ledger.claim_message(run_id, number, text, at=at, repair=message.attempt)
                id = await self.sender.message(text)
                self.ledger.confirm_message(self.request.run_id, number, id)
            self.inbox.put_nowait(SendConfirmed(id))
        except ServiceError as error:
            what = "The repair request" if message.problems else "The task"
            self.inbox.put_nowait(SendFailed(what, error.message, is_message=True))

    async def _send_answer(self, answer: SendResult | SendConfirmation) -> None:
        call = answer.call
        try:
            if isinstance(answer, SendResult):
                await self.sender.result(call, answer.outcome, answer.warning, again=answer.again)
            else:
                await self.sender.confirmation(call, answer.decided, again=answer.again)
        except ServiceError as error:
            self.inbox.put_nowait(SendFailed(f"The answer to {call.name}", error.message))
        else:
            self.inbox.put_nowait(AnswerConfirmed(call.id))

    async def _interrupt(self) -> None:
        try:
            # An interrupt that overtakes a message on its way would stop nothing.
            async with self.messaging:
                await self.sender.interrupt()
        except ServiceError:
            await self._look_if_gone()

    async def _look_if_gone(self) -> None:
        try:
            info = await self.sessions.retrieve(self.session_id)
        except NotFound:
            self.inbox.put_nowait(SessionGone("deleted"))
        except ServiceError:
            return
        else:
            if info.status == "terminated":
                self.inbox.put_nowait(SessionGone("terminated"))

    async def _check_outputs(self) -> None:
        try:
            self.report = await self._collect(self.knobs.settle_s)
        except ServiceError as error:
            lost = ConnectionLost(f"the outputs cannot be fetched: {error.message}")
            self.inbox.put_nowait(lost)
        else:
            self.remarks.look_last()
            self.inbox.put_nowait(OutputsChecked(self.report.problems))
            if self.ending is None:
                self.remarks.hear_again()

    async def _collect(self, settle_s: float) -> Report:
        """Collect the outputs, again after a failure that may pass.

        Raises:
            ServiceError: they cannot be fetched.
            UsageError: they cannot be written.
        """
        for attempt in range(self.knobs.tries - 1):
            try:
                return await self.collector.collect(settle_s=settle_s)
            except (Unavailable, LostAnswer):
                await self.clock.sleep(backoff.delay_s(attempt, self.draw()))
        return await self.collector.collect(settle_s=settle_s)

    # The end

    async def _leave(self) -> None:
        """Make sure that nothing goes on without us: the last chance, so nothing here raises."""
        if self.state.at_rest or (self.ending is not None and self.ending.leave):
            return
        doubt: str | None
        try:
            doubt = await stop_session(
                self.sessions,
                self.session_id,
                self.clock,
                wait_s=self.knobs.stop_wait_s,
                tick_s=self.knobs.tick_s,
            )
        except ServiceError as error:
            doubt = error.message
        if doubt is not None:
            text = f"Session {self.session_id} may still be running: {doubt}"
            self.tell(Note(level="warning", text=text))

    async def _salvage(self) -> Report:
        """What there is of the outputs of a run that did not come to the point of checking them."""
        try:
            return await self._collect(self.knobs.settle_stopped_s)
        except ServiceError as error:
            text = f"The session's files could not be fetched: {error.message}"
            self.tell(Note(level="warning", text=text))
            return nothing_delivered(self.request.policy)

    def _result(self, ending: Ending, report: Report) -> RunResult:
        usage, error = self.state.usage, self.state.error
        hint = way_on(ending.verdict, self.request.run_id, error.type if error else None)
        result = RunResult(
            run_id=self.request.run_id,
            session_id=self.session_id,
            agent=self.request.agent,
            verdict=ending.verdict,
            reason=ending.reason,
            hint=ending.hint or hint,
            outputs=report.outputs,
            failed_checks=report.failed_checks,
            out_dir=self.request.out_dir,
            extra_files=report.extra_files,
            final_message=self.state.final_message,
            turns=usage.turns,
            tool_calls=usage.tool_calls,
            repairs=self.state.repairs,
            reconnects=self.reader.reconnects,
            tokens=usage.tokens,
            cost_usd=usage.cost_usd,
            cost_is_estimate=usage.cost_is_estimate,
            active_s=usage.active_s,
            wall_s=self.wall_s(),
            limit=ending.limit,
            error=ending.error,
            waiting=tuple(
                Waiting(id=call.id, tool=call.name, input=call.input)
                for call in self.state.calls.values()
                if call.stage is Stage.HALTED
            ),
            warnings=tuple(self.warnings),
        )
        return masked(result)
