"""Spans and metrics of runs, in the words of the GenAI conventions of OpenTelemetry.

A run is an `invoke_agent` span; below it stand a `chat` span for each request to the model and an
`execute_tool` span for each tool call, with the times of the session's own events, and below that the
approval that the call waited for. The SDK's spans of requests become children of the run's span,
because it is the current one while the run goes on. What a run and its tools say is left out unless
`content` is set, and then masked.

This module needs only OpenTelemetry's API, and is imported only where telemetry is on.
https://github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agentflow import __version__
from agentflow.ports import Clock
from agentflow.runtime.events import text_of
from agentflow.runtime.instruments import SCOPE, Instruments
from agentflow.runtime.notices import (
    Approval,
    Ended,
    Notice,
    Observer,
    Received,
    Reconnecting,
    RepairSent,
    SessionStarted,
)
from agentflow.runtime.run import RunRequest, RunResult, Verdict
from agentflow.runtime.spans import Decision, Fold, Request, Span, ToolCall, instant_ns
from agentflow.runtime.transcript import read_transcript
from agentflow.secret import mask

__all__ = ["CONTENT_LIMIT", "About", "Recorder", "Sink", "Telemetry"]

CONTENT_LIMIT = 64_000
"""Characters of a message, of arguments or of a result that a span carries."""

_TRACE_FILE = "trace"
_NS = 1_000_000_000
_FAILED = frozenset({Verdict.FAILED, Verdict.UNKNOWN})

Attributes = dict[str, str | bool | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Where telemetry goes."""

    tracers: TracerProvider
    meters: MeterProvider
    content: bool
    """Messages, arguments and results too, as far as they hold no known secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the spans of a run say of it."""

    run_id: str | None
    """None: agentflow did not begin the session."""
    agent: str
    """Its name, or its id."""
    agent_id: str
    agent_version: int | None
    model: str

    @classmethod
    def of(cls, request: RunRequest) -> Self:
        return cls(
            run_id=request.run_id,
            agent=request.agent.partition("/")[2],
            agent_id=request.agent_id,
            agent_version=request.agent_version,
            model=request.policy.model,
        )


class _Past:
    """The clock of a session that is over: it stands at its last event."""

    def __init__(self) -> None:
        self.at = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits for the past")


class Telemetry:
    """Makes the recorders of runs. One serves a whole command."""

    def __init__(self, sink: Sink, *, clock: Clock) -> None:
        self.sink = sink
        self._clock = clock
        self._tracer = sink.tracers.get_tracer(SCOPE, __version__)
        self._instruments = Instruments(sink.meters)

    def retell(
        self,
        about: About,
        events: Sequence[Mapping[str, Any]],
        *,
        session_id: str | None,
        decided: Mapping[str, str],
        verdict: str | None,
    ) -> None:
        """Make the spans of a session that is over, with the times of its events. Nothing is counted again.

        Args:
            about: what the spans say of it.
            events: all of them, in list order.
            session_id: None: it is not known.
            decided: who answered a call that asked, by call.
            verdict: of the run. None: there is none.
        """
        clock = _Past()
        times = [at for event in events if (at := _instant(event)) is not None]
        clock.at = min(times, default=clock.at)
        recorder = Recorder(
            about, self.sink, self._tracer, Instruments(NoOpMeterProvider()), clock, []
        )
        if session_id is not None:
            recorder.is_of(session_id)
        for event in events:
            clock.at = max(clock.at, _instant(event) or clock.at)
            if event.get("type") == "user.tool_confirmation":
                call, allowed = str(event.get("tool_use_id")), event.get("result") == "allow"
                recorder.decided(call, allowed, decided.get(call, "unknown"))
            recorder.received(event)
        if verdict is not None:
            recorder.span.set_attribute("agentflow.verdict", verdict)
        recorder.close()

    @contextmanager
    def run(self, request: RunRequest, watching: Observer) -> Iterator[Observer]:
        """Record a run, or the rest of one, while the context lasts: in it, its span is the current one.

        Yields:
            An observer that tells `watching` what it is told.
        """
        recorder = Recorder.begin(request, self.sink, self._tracer, self._instruments, self._clock)

        def tell(notice: Notice) -> None:
            watching(notice)
            recorder(notice)

        with trace.use_span(recorder.span, record_exception=False, set_status_on_exception=False):
            try:
                yield tell
            except BaseException as error:
                recorder.failed(error)
                raise
            finally:
                recorder.close()


class Recorder:
    """One run's spans. An `Observer`."""

    def __init__(
        self,
        about: About,
        sink: Sink,
        tracer: trace.Tracer,
        instruments: Instruments,
        clock: Clock,
        links: list[Link],
    ) -> None:
        self._clock = clock
        self._content = sink.content
        self._tracer = tracer
        self._instruments = instruments
        self._fold = Fold()
        self._began_ns = self._now_ns()
        self._result: RunResult | None = None
        self._error: str | None = None
        self._task = ""
        self._common: Attributes = {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": about.model,
            "gen_ai.agent.name": about.agent,
        }
        self._ids: Attributes = {} if about.run_id is None else {"agentflow.run.id": about.run_id}
        self.span = tracer.start_span(
            f"invoke_agent {about.agent}",
            kind=SpanKind.CLIENT,
            start_time=self._began_ns,
            links=links,
            attributes={
                "gen_ai.operation.name": "invoke_agent",
                **self._common,
                **self._ids,
                **_version(about),
                "gen_ai.agent.id": about.agent_id,
                "agentflow.run.resumed": bool(links),
            },
        )
        self._here = trace.set_span_in_context(self.span)

    @classmethod
    def begin(
        cls,
        request: RunRequest,
        sink: Sink,
        tracer: trace.Tracer,
        instruments: Instruments,
        clock: Clock,
    ) -> Self:
        """A recorder that knows what earlier processes have seen of the run, and is linked to them."""
        links, file = [], request.directory / _TRACE_FILE
        if file.exists():
            links = _links(file.read_text(encoding="ascii", errors="replace"))
        recorder = cls(About.of(request), sink, tracer, instruments, clock, links)
        transcript = request.directory / "transcript.jsonl"
        if transcript.exists():
            for line in read_transcript(transcript):
                if not line.sent:
                    # Its spans are those of the process that saw them end.
                    list(recorder._fold.event(line.event))
        recorder._leave_trace(file)
        return recorder

    def _leave_trace(self, file: Path) -> None:
        """For whoever goes on with the run in another process."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, self._here)
        if "traceparent" in carrier:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="ascii") as lines:
                lines.write(carrier["traceparent"] + "\n")

    def __call__(self, notice: Notice) -> None:
        match notice:
            case Received(event=event):
                self.received(event)
            case SessionStarted(session_id=id):
                self.is_of(id)
            case Approval(id=id, allowed=allowed, by=by):
                self.decided(id, allowed, by)
            case Reconnecting(attempt=attempt):
                self.span.add_event(
                    "agentflow.reconnecting", {"attempt": attempt}, timestamp=self._now_ns()
                )
            case RepairSent(attempt=attempt, problems=problems):
                facts: Attributes = {"attempt": attempt, "problems": len(problems)}
                self.span.add_event("agentflow.repair", facts, timestamp=self._now_ns())
            case Ended(result=result):
                self._result = result
            case _:
                pass

    def is_of(self, session_id: str) -> None:
        self._ids["gen_ai.conversation.id"] = session_id
        self._ids["anthropic.session.id"] = session_id
        self.span.set_attributes(self._ids)

    def decided(self, call_id: str, allowed: bool, by: str) -> None:
        self._fold.decided(call_id, allowed, by, self._now_ns())

    def failed(self, error: BaseException) -> None:
        """The run came to no verdict."""
        self._error = type(error).__name__

    def close(self) -> None:
        """End the run's span, and what has no end below it."""
        now = max(self._now_ns(), self._fold.last_ns, self._began_ns)
        for span in self._fold.rest(now):
            self._finished(span)
        result = self._result
        if self._task:
            self.span.set_attribute("gen_ai.input.messages", _messages("user", self._task))
        if result is not None:
            self.span.set_attributes(_totals(result))
            if self._content and result.final_message:
                said = _messages("assistant", result.final_message)
                self.span.set_attribute("gen_ai.output.messages", said)
            if result.verdict in _FAILED:
                self._error = self._error or result.verdict.value
        if self._error is not None:
            self.span.set_attribute("error.type", self._error)
            text = mask(result.reason) if result is not None and self._content else None
            self.span.set_status(Status(StatusCode.ERROR, text))
        self._count_run(now, result)
        self.span.end(now)

    def _count_run(self, now: int, result: RunResult | None) -> None:
        facts: Attributes = {**self._common}
        if result is not None:
            facts["agentflow.verdict"] = result.verdict.value
            self._instruments.turns.record(result.turns, self._common)
            self._instruments.calls.record(result.tool_calls, self._common)
            if result.cost_usd is not None:
                self._instruments.cost.record(float(result.cost_usd), self._common)
        if self._error is not None:
            facts["error.type"] = self._error
        self._instruments.run.record((now - self._began_ns) / _NS, facts)

    def received(self, event: Mapping[str, Any]) -> None:
        for span in self._fold.event(event):
            self._finished(span)
        at = instant_ns(event.get("processed_at"))
        if at is None:
            return
        type_ = str(event.get("type", ""))
        if type_ == "user.message" and self._content and not self._task:
            self._task = text_of(event.get("content"))
        elif type_ == "session.error":
            error = event.get("error")
            facts = {"error.type": str(error.get("type"))} if isinstance(error, Mapping) else {}
            self.span.add_event(type_, facts, timestamp=at)
        elif type_ == "session.status_idle":
            reason = event.get("stop_reason")
            facts = {"stop_reason": str(reason.get("type"))} if isinstance(reason, Mapping) else {}
            self.span.add_event(type_, facts, timestamp=at)

    def _finished(self, span: Span) -> None:
        if isinstance(span, Request):
            self._request(span)
        else:
            self._call(span)

    def _request(self, request: Request) -> None:
        facts: Attributes = {
            "gen_ai.operation.name": "chat",
            **self._common,
            **self._ids,
            **_thread(request.thread),
            **_tokens(request),
        }
        if self._content and request.said:
            facts["gen_ai.output.messages"] = _messages("assistant", request.said)
        error = "model_request_failed" if request.failed else None
        name = f"chat {self._common['gen_ai.request.model']}"
        self._emit(name, SpanKind.CLIENT, request, facts, error)
        if not request.unfinished:
            self._count_request(request, error)

    def _count_request(self, request: Request, error: str | None) -> None:
        facts: Attributes = {"gen_ai.operation.name": "chat", **self._common}
        read = request.tokens.total - request.tokens.output
        for kind, count in (("input", read), ("output", request.tokens.output)):
            self._instruments.tokens.record(count, {**facts, "gen_ai.token.type": kind})
        if error is not None:
            facts["error.type"] = error
        self._instruments.request.record(_seconds(request), facts)

    def _call(self, call: ToolCall) -> None:
        facts: Attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.type": call.kind,
        }
        counted: Attributes = {**facts, "gen_ai.agent.name": self._common["gen_ai.agent.name"]}
        facts |= {"gen_ai.tool.call.id": call.id, **self._ids, **_thread(call.thread)}
        if call.server is not None:
            facts["agentflow.mcp.server"] = call.server
        if self._content:
            arguments = json.dumps(call.input, ensure_ascii=False, default=str)
            facts["gen_ai.tool.call.arguments"] = _short(arguments)
            if call.result:
                facts["gen_ai.tool.call.result"] = _short(call.result)
        denied = call.decision is not None and not call.decision.allowed
        error = ("denied" if denied else "tool_error") if call.failed else None
        self._emit(
            f"execute_tool {call.name}", SpanKind.INTERNAL, call, facts, error, self._approval(call)
        )
        if not call.unfinished:
            counted |= {"error.type": error} if error is not None else {}
            self._instruments.tool.record(_seconds(call), counted)

    def _approval(self, call: ToolCall) -> Callable[[trace.Span], None] | None:
        """What makes the span of a decision, below that of the call."""
        decision = call.decision
        if decision is None:
            return None
        facts: Attributes = {
            "gen_ai.tool.name": call.name,
            "agentflow.approval.allowed": decision.allowed,
            "agentflow.approval.by": _by(decision),
        }
        waited = (decision.at_ns - call.began_ns) / _NS
        self._instruments.approval.record(waited, facts)

        def make(parent: trace.Span) -> None:
            span = self._tracer.start_span(
                f"approve {call.name}",
                context=trace.set_span_in_context(parent),
                start_time=call.began_ns,
                attributes={**facts, "gen_ai.tool.call.id": call.id, **self._ids},
            )
            span.end(decision.at_ns)

        return make

    def _emit(
        self,
        name: str,
        kind: SpanKind,
        what: Span,
        facts: Attributes,
        error: str | None,
        inside: Callable[[trace.Span], None] | None = None,
    ) -> None:
        if what.unfinished:
            facts["agentflow.unfinished"] = True
        if error is not None:
            facts["error.type"] = error
        span = self._tracer.start_span(
            name, context=self._here, kind=kind, start_time=what.began_ns, attributes=facts
        )
        if error is not None:
            span.set_status(Status(StatusCode.ERROR))
        if inside is not None:
            inside(span)
        span.end(what.ended_ns)

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1_000_000) * 1_000


def _version(about: About) -> Attributes:
    version = about.agent_version
    return {} if version is None else {"gen_ai.agent.version": str(version)}


def _instant(event: Mapping[str, Any]) -> datetime | None:
    nanoseconds = instant_ns(event.get("processed_at"))
    return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds / _NS, UTC)


def _by(decision: Decision) -> str:
    """Which rule it was is for the ledger: a metric has few values."""
    return "rule" if decision.by.startswith("rule") else decision.by


def _links(text: str) -> list[Link]:
    """To the spans of the processes that have followed the run before."""
    found = []
    for line in text.splitlines():
        context = TraceContextTextMapPropagator().extract({"traceparent": line.strip()})
        span = trace.get_current_span(context).get_span_context()
        if span.is_valid:
            found.append(Link(span))
    return found


def _messages(role: str, text: str) -> str:
    parts = [{"type": "text", "content": _short(text)}]
    return json.dumps([{"role": role, "parts": parts}], ensure_ascii=False)


def _short(text: str) -> str:
    text = mask(text)
    return text if len(text) <= CONTENT_LIMIT else f"{text[:CONTENT_LIMIT]}…"


def _thread(thread: str | None) -> Attributes:
    return {} if thread is None else {"anthropic.session.thread.id": thread}


def _seconds(span: Span) -> float:
    return (span.ended_ns - span.began_ns) / _NS


def _tokens(request: Request) -> Attributes:
    """The input is all of it: what came from the cache and what went into it are part of the count."""
    tokens = request.tokens
    return {
        "gen_ai.usage.input_tokens": tokens.total - tokens.output,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
        "gen_ai.usage.cache_write.input_tokens": tokens.cache_write,
    }


def _totals(result: RunResult) -> Attributes:
    tokens = result.tokens
    facts: Attributes = {
        "agentflow.verdict": result.verdict.value,
        "agentflow.turns": result.turns,
        "agentflow.tool_calls": result.tool_calls,
        "agentflow.repairs": result.repairs,
        "agentflow.reconnects": result.reconnects,
        "gen_ai.usage.input_tokens": tokens.total - tokens.output,
        "gen_ai.usage.output_tokens": tokens.output,
        "gen_ai.usage.cache_read.input_tokens": tokens.cache_read,
        "gen_ai.usage.cache_write.input_tokens": tokens.cache_write,
    }
    if result.cost_usd is not None:
        facts["agentflow.cost_usd"] = float(result.cost_usd)
        facts["agentflow.cost_is_estimate"] = result.cost_is_estimate
    return facts
