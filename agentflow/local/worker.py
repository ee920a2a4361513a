"""The agent loop of one session while it runs: model request, tool calls, results, next request.

One `work` goes from `running` to the next stop: end of turn, calls that wait for the client, the budget,
a refusal, a failure or an interrupt. It keeps nothing of its own: what it does next follows from the
session's state, so that a restarted service goes on where the killed one was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, Protocol, TypeVar

from agentflow.local import crew, prices, usage
from agentflow.local.drivers.base import Call, ModelDriver, ModelFailure, Result, Turn, TurnContext
from agentflow.local.fault_plan import RequestFault
from agentflow.local.live import Live, Parts
from agentflow.local.permissions import decide
from agentflow.local.prices import Tokens
from agentflow.local.state import OpenCall, Thread

__all__ = ["INTERRUPTED", "Worker", "Workshop"]

T = TypeVar("T")

_CALLS = {
    "builtin": "agent.tool_use",
    "custom": "agent.custom_tool_use",
    "mcp": "agent.mcp_tool_use",
}
_UNREACHABLE: Mapping[str, Any] = {
    "text": "The MCP server cannot be reached from the local service, and the script does not say what "
    "it would answer.",
    "is_error": True,
}
_REFUSED = {"type": "refusal", "category": None, "explanation": None}
INTERRUPTED = "The session was interrupted before this call finished."


class Workshop(Protocol):
    """Where the tools of sessions run."""

    @property
    def answered(self) -> Collection[str]:
        """Tools that somebody answers for besides those of this service."""
        ...

    async def call(
        self, live: Live, id: str, name: str, input: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], bool]:
        """Content blocks of the result, and whether it is an error.

        `id` is that of the call, for files made on its behalf.
        """
        ...

    async def collect(self, live: Live) -> None:
        """Make what the session delivered available as its files."""
        ...


class _Interrupt(Exception):
    """The client interrupted what was awaited."""


class Worker:
    def __init__(self, live: Live, parts: Parts, driver: ModelDriver, workshop: Workshop) -> None:
        self._live = live
        self._parts = parts
        self._driver = driver
        self._workshop = workshop
        self._agent: Mapping[str, Any] = live.record()["agent"]

    async def work(self) -> None:
        """Go on until the session stops. Cancelled, it leaves the state as after a crash."""
        while True:
            try:
                if await self._round():
                    return
            except _Interrupt:
                if await self._stop_interrupted():
                    return

    async def _round(self) -> bool:
        """Answer calls, then take a turn. True: the session stopped."""
        live = self._live
        self._check_interrupt()
        for confirmation in live.queued("user.tool_confirmation"):
            live.process(confirmation)
        await self._run_calls()
        crew.settle(live)
        self._check_interrupt()
        if live.state.waiting():
            return await self._stop("requires_action")
        with live.change():
            for event in live.queued("user.message", "system.message"):
                live.process(event)
                live.state.needs_turn = True
            live.state.calls.clear()
        if not live.state.needs_turn:
            return await self._stop("end_turn")
        if live.over_budget():
            return await self._stop("budget_reached")
        return await self._take_turn()

    # Model requests

    async def _take_turn(self) -> bool:
        live = self._live
        faults = live.faults.before_request(live.state.requests + 1)
        for fault in faults:
            await self._disturb(fault)
        stop = next((fault.stop for fault in faults if fault.stop is not None), None)
        if stop is not None:
            return await self._stop(stop, details=_REFUSED if stop == "refusal" else None)
        with live.change():
            live.state.requests += 1
            span = live.emit("span.model_request_start")["id"]
            live.state.open_span = span
        try:
            turn = await self._interruptible(self._request(faults))
        except ModelFailure as failure:
            return await self._fail(failure)
        except _Interrupt:
            self._end_span(Tokens(), is_error=True)
            raise
        with live.change():
            self._take(turn)
        if turn.refusal is not None:
            return await self._stop("refusal", details=turn.refusal)
        return False

    async def _disturb(self, fault: RequestFault) -> None:
        """What of a fault happens before the request begins; the rest is for `_request`."""
        live = self._live
        if fault.reschedule:
            live.go_rescheduling()
            await asyncio.sleep(0)
            live.go_running()
        elif fault.message is not None:
            content = [{"type": "text", "text": fault.message}]
            kept = live.receive({"type": "user.message", "content": content}, queued=True)
            live.process(kept)
        elif fault.error is not None and fault.error.is_about_mcp:
            error = fault.error
            more = {"mcp_server_name": error.mcp_server_name or "server"}
            live.fail(error.type, error.message, error.retry, **more)

    async def _request(self, faults: Sequence[RequestFault]) -> Turn:
        live = self._live
        for fault in faults:
            if fault.slow_s is not None:
                await self._parts.clock.sleep(fault.slow_s)
            error = fault.error
            if error is not None and not error.is_about_mcp:
                raise ModelFailure(error.message, type=error.type, retry=error.retry)
        history = self._parts.store.history(live.id)
        lists = [history, *(self._parts.store.history(one.id) for one in live.state.threads)]
        context = TurnContext(
            session_id=live.id,
            agent=self._agent,
            history=history,
            results=_results(live.state.keys, chain.from_iterable(lists)),
            state=live.state.driver,
        )
        turn = await self._driver.next_turn(context)
        for call in turn.calls:
            if call.thread is not None:
                crew.member(self._agent, call.thread)
        return turn

    def _take(self, turn: Turn) -> None:
        """Keep a turn: its events, its usage, and the calls it opens."""
        live = self._live
        live.state.driver = dict(turn.state)
        live.state.needs_turn = False
        if turn.thinks:
            live.emit("agent.thinking")
        if turn.text is not None:
            live.emit("agent.message", content=[{"type": "text", "text": turn.text}])
        threads: dict[str, Thread] = {}
        for call in turn.calls:
            if call.thread is not None and call.thread not in threads:
                threads[call.thread] = crew.begin(live, call.thread, turn.text or "Begin.")
            opened = self._open(call, threads.get(call.thread or ""))
            live.state.calls.append(opened)
            live.state.keys[call.key] = opened.id
        self._end_span(turn.tokens, is_error=False)

    def _open(self, call: Call, thread: Thread | None) -> OpenCall:
        """Judge and announce a call; one of a sub-agent on the session only if it waits for the client."""
        live, name, input = self._live, call.name, dict(call.input)
        agent = self._agent if thread is None else crew.member(self._agent, thread.agent_name)
        decision = decide(agent, name, call.server, answered=self._workshop.answered)
        fields: dict[str, Any] = {"name": name, "input": input}
        if call.server is not None:
            fields["mcp_server_name"] = call.server
        if decision.permission is not None:
            fields["evaluated_permission"] = decision.permission
        if decision.evaluation is not None:
            fields["evaluation"] = dict(decision.evaluation)
        kind = _CALLS[decision.kind]
        waiting = decision.kind == "custom" or decision.permission == "ask"
        if thread is None:
            event = live.emit(kind, **fields)
        else:
            event = live.emit(kind, at=thread.id, **fields)
            if waiting:
                event = live.emit(kind, **fields, session_thread_id=thread.id)
        return OpenCall(
            id=event["id"],
            kind=decision.kind,
            name=name,
            input=input,
            waiting=waiting,
            refused=decision.refused,
            thread=None if thread is None else thread.id,
            answer=None if call.answer is None else asdict(call.answer),
        )

    def _end_span(self, tokens: Tokens, *, is_error: bool) -> None:
        live = self._live
        with live.change():
            state = live.state
            cost = prices.request_usd(self._agent["model"]["id"], tokens)
            state.tokens = state.tokens + tokens
            if state.token_usd is not None:
                state.token_usd = None if cost is None else state.token_usd + cost
            start, state.open_span = state.open_span, None
            live.emit(
                "span.model_request_end",
                model_request_start_id=start,
                is_error=is_error,
                model_usage=usage.request_usage(tokens),
            )

    async def _fail(self, failure: ModelFailure) -> bool:
        """`retrying` goes on by itself; `exhausted` ends the turn; `terminal` ends the session."""
        live = self._live
        with live.change():
            if failure.state is not None:
                live.state.driver = dict(failure.state)
            self._end_span(Tokens(), is_error=True)
            live.fail(failure.type, failure.message, failure.retry)
            if failure.retry == "terminal":
                live.go_terminated()
                return True
            if failure.retry == "retrying":
                live.go_rescheduling()
        if failure.retry == "retrying":
            # Another moment for clients to see the status; the request itself is local.
            await asyncio.sleep(0)
            live.go_running()
            return False
        self._flush()
        return await self._stop("retries_exhausted")

    def _flush(self) -> None:
        """Inputs that wait behind a dead turn are dropped: they show as processed."""
        live = self._live
        with live.change():
            for event in live.queued("user.message", "system.message", "user.tool_confirmation"):
                live.process(event)
            live.state.needs_turn = False

    # Tool calls

    async def _run_calls(self) -> None:
        """Run, one after the other, what may run; a confirmation may come while one of them does."""
        calls = self._live.state.calls
        while call := next((one for one in calls if not (one.done or one.waiting)), None):
            await self._run_call(call)

    async def _run_call(self, call: OpenCall) -> None:
        live = self._live
        if call.refused is not None:
            live.finish_call(call, call.refused, is_error=True)
            return
        if call.kind == "mcp":
            said = call.answer or _UNREACHABLE
            live.finish_call(call, said["text"], is_error=said["is_error"])
            return
        with live.change():
            call.started = True
        content, is_error = await self._interruptible(
            self._workshop.call(live, call.id, call.name, call.input)
        )
        live.answer_call(call, content, is_error=is_error)

    # Stops

    async def _stop(self, reason: str, *, details: Mapping[str, Any] | None = None) -> bool:
        """Idle, unless something came in the meantime. True: the session stopped."""
        live = self._live
        await self._workshop.collect(live)
        self._check_interrupt()
        if reason == "requires_action":
            if not live.state.waiting():
                return False
        elif reason in ("end_turn", "refusal", "retries_exhausted") and live.queued("user.message"):
            return False
        live.go_idle(reason, details=details)
        return True

    async def _stop_interrupted(self) -> bool:
        """Close what is open and idle; a message that came along starts another turn."""
        live = self._live
        await self._workshop.collect(live)
        live.interrupted.clear()
        with live.change():
            live.close_calls(INTERRUPTED)
            crew.settle(live)
            for event in live.queued("user.interrupt", "user.tool_confirmation"):
                live.process(event)
            live.go_idle("end_turn")
            if not live.queued("user.message"):
                return True
            live.go_running()
        return False

    def _check_interrupt(self) -> None:
        if self._live.interrupted.is_set():
            raise _Interrupt

    async def _interruptible(self, doing: Awaitable[T]) -> T:
        """Await `doing`, or cancel it when the client interrupts.

        Raises:
            _Interrupt: the client did.
        """
        task = asyncio.ensure_future(doing)
        waiter = asyncio.ensure_future(self._live.interrupted.wait())
        try:
            await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise _Interrupt
            return task.result()
        finally:
            waiter.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def _results(keys: Mapping[str, str], history: Iterable[Mapping[str, Any]]) -> dict[str, Result]:
    """The driver's names of calls -> what came back."""
    answered: dict[str, Result] = {}
    for event in history:
        id = event.get("custom_tool_use_id")
        if event["type"] in ("agent.tool_result", "agent.mcp_tool_result"):
            id = event.get("tool_use_id") or event["mcp_tool_use_id"]
        if id is not None:
            blocks = event.get("content") or []
            text = "\n".join(block.get("text", f"[{block['type']}]") for block in blocks)
            answered.setdefault(id, Result(text, bool(event.get("is_error"))))
    return {key: answered[id] for key, id in keys.items() if id in answered}
