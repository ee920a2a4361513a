"""Events become spans: with their own times, each once, and whole also after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime.spans import Fold, Request, Span, ToolCall, instant_ns
from tests.runtime.desk import Raw

S = 1_000_000_000


def at(second: float) -> str:
    return f"2026-11-22T10:00:{second:06.3f}Z"


START_NS = instant_ns(at(0)) or 0


def event(type: str, id: str, second: float, **fields: Any) -> Raw:
    return {"type": type, "id": id, "processed_at": at(second), **fields}


def use(id: str, second: float, *, kind: str = "agent.tool_use", **fields: Any) -> Raw:
    return event(kind, id, second, name="bash", input={"command": "ls"}, **fields)


def folded(events: Sequence[Raw], fold: Fold | None = None) -> list[Span]:
    fold = fold or Fold()
    return [span for one in events for span in fold.event(one)]


USAGE = {
    "input_tokens": 4,
    "output_tokens": 20,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 30,
}
TURN = [
    event("span.model_request_start", "r1", 1),
    event("agent.message", "m1", 2, content=[{"type": "text", "text": "Hello."}]),
    event("span.model_request_end", "e1", 3, model_request_start_id="r1", model_usage=USAGE),
]
ASKED = [
    use("t1", 4, evaluated_permission="ask"),
    event("user.tool_confirmation", "c1", 6, tool_use_id="t1", result="allow"),
    event("agent.tool_result", "x1", 9, tool_use_id="t1", content=[{"type": "text", "text": "a"}]),
]


def test_a_request_has_the_time_of_its_events_and_its_tokens() -> None:
    [request] = folded(TURN)
    assert isinstance(request, Request)
    assert (request.began_ns - START_NS, request.ended_ns - START_NS) == (1 * S, 3 * S)
    assert request.tokens.total == 154
    assert request.tokens.cache_read == 100
    assert request.said == "Hello."
    assert not request.failed


def test_a_call_that_asked_has_its_decision() -> None:
    fold = Fold()
    [*before] = folded(ASKED[:1], fold)
    fold.decided("t1", allowed=True, by="person", at_ns=START_NS + 5 * S)
    [call] = before + folded(ASKED[1:], fold)
    assert isinstance(call, ToolCall)
    assert (call.began_ns - START_NS, call.ended_ns - START_NS) == (4 * S, 9 * S)
    assert call.decision is not None
    assert (call.decision.allowed, call.decision.by) == (True, "person")
    assert call.decision.at_ns - START_NS == 6 * S
    assert (call.name, call.kind, call.input, call.result) == (
        "bash",
        "extension",
        {"command": "ls"},
        "a",
    )


def test_an_answer_from_elsewhere_is_told_as_one() -> None:
    [call] = folded(ASKED)
    assert isinstance(call, ToolCall)
    assert call.decision is not None
    assert call.decision.by == "elsewhere"


@pytest.mark.parametrize(
    ("used", "result", "field", "kind", "server"),
    [
        ("agent.tool_use", "agent.tool_result", "tool_use_id", "extension", None),
        ("agent.mcp_tool_use", "agent.mcp_tool_result", "mcp_tool_use_id", "extension", "desk"),
        (
            "agent.custom_tool_use",
            "user.custom_tool_result",
            "custom_tool_use_id",
            "function",
            None,
        ),
    ],
)
def test_every_sort_of_tool(
    used: str, result: str, field: str, kind: str, server: str | None
) -> None:
    fields = {"mcp_server_name": server} if server else {}
    ended = event(result, "x", 3, **{field: "t"}, is_error=True)
    [call] = folded([use("t", 1, kind=used, **fields), ended])
    assert isinstance(call, ToolCall)
    assert (call.kind, call.server, call.failed) == (kind, server, True)


def test_parallel_calls_and_requests_are_told_apart() -> None:
    events = [
        event("span.model_request_start", "r1", 1),
        event("span.model_request_start", "r2", 2, session_thread_id="th"),
        use("t1", 3),
        use("t2", 4),
        event("agent.tool_result", "x2", 5, tool_use_id="t2"),
        event("agent.tool_result", "x1", 6, tool_use_id="t1"),
        event("span.model_request_end", "e2", 7, model_request_start_id="r2"),
        event("span.model_request_end", "e1", 8, model_request_start_id="r1"),
    ]
    spans = {span.id: (span.ended_ns - span.began_ns) // S for span in folded(events)}
    assert spans == {"t2": 1, "t1": 3, "r2": 5, "r1": 7}


def test_what_has_no_end_is_told_when_the_run_is_left() -> None:
    fold = Fold()
    assert folded([TURN[0], ASKED[0]], fold) == []
    rest = list(fold.rest(START_NS + 30 * S))
    assert [(span.id, span.unfinished) for span in rest] == [("r1", True), ("t1", True)]
    assert {span.ended_ns - START_NS for span in rest} == {30 * S}


def test_what_was_only_queued_or_makes_no_sense_is_nothing() -> None:
    odd: list[Raw] = [
        {"type": "user.custom_tool_result", "id": "q", "processed_at": None},
        {"type": "agent.tool_use", "id": "t", "processed_at": "yesterday"},
        {"type": "span.model_request_end", "id": "e", "processed_at": at(1), "model_usage": 3},
        {"processed_at": at(2)},
        event("agent.tool_result", "x", 3, tool_use_id="unknown"),
    ]
    fold = Fold()
    assert folded(odd, fold) == []
    assert list(fold.rest(0)) == []


@given(st.integers(0, 6), st.integers(0, 6))
def test_whoever_goes_on_tells_the_rest_and_nothing_twice(first: int, second: int) -> None:
    """A process dies after some events; the next one reads the transcript and goes on."""
    events = [*TURN, *ASKED]
    cut, again = sorted((first, second))
    told = folded(events[:cut])
    heir = Fold()
    folded(events[:cut], heir)
    told += folded(events[cut:again], heir)
    last = Fold()
    folded(events[:again], last)
    told += folded(events[again:], last)
    assert told == folded(events)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01Z", S),
        ("1970-01-01T00:00:00.000001Z", 1_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("soon", None),
        (None, None),
        (3, None),
    ],
)
def test_instants(text: object, ns: int | None) -> None:
    assert instant_ns(text) == ns
