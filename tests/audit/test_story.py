"""Laws of the fold: it takes anything, counts once what comes twice, and its sums are the events'."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.audit.finding import Facts, find
from agentflow.audit.story import _TAKERS, tell
from agentflow.audit.timeline import timeline
from tests.audit.sessions import BAD, GOOD
from tests.audit.tape import Tape

_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "event_ids", "amount", "input_tokens", "id"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
_KEYS = (
    "id", "content", "stop_reason", "model_usage", "usage", "error", "input", "name", "tool_use_id",
    "custom_tool_use_id", "model_request_start_id", "result", "session_thread_id", "stop_details",
)  # fmt: skip
_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*_TAKERS, "brand.new"])},
    optional={**dict.fromkeys(_KEYS, _ANYTHING), "processed_at": _ANYTHING},
)
_SESSIONS = st.sampled_from([case.tape for case in (*BAD, *GOOD)])


@settings(deadline=None)
@given(st.lists(_EVENTS, max_size=12))
def test_no_event_is_too_strange(events: list[dict[str, Any]]) -> None:
    story = tell(events)
    find(story, Facts(model="claude-opus-5-5"))
    timeline(story)


@settings(deadline=None)
@given(_SESSIONS, st.data())
def test_an_event_that_comes_twice_counts_once(tape: Tape, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(tape.events), max_size=5))
    assert tell([*tape.events, *again]) == tell(tape.events)


def test_a_message_counts_when_it_is_processed() -> None:
    queued = {"id": "sevt_1", "type": "user.message", "content": "Go.", "processed_at": None}
    read = {**queued, "processed_at": "2026-11-20T09:00:00Z"}
    assert [message.text for message in tell([queued, read]).messages] == ["Go."]
    assert tell([queued]).messages == []


@settings(deadline=None)
@given(_SESSIONS)
def test_tokens_are_the_sum_of_the_spans(tape: Tape) -> None:
    story = tell(tape.events)
    usages = [e["model_usage"] for e in tape.events if e["type"] == "span.model_request_end"]
    assert story.tokens.input == sum(usage["input_tokens"] for usage in usages)
    assert story.tokens.output == sum(usage["output_tokens"] for usage in usages)
    assert story.tokens.cache_read == sum(usage["cache_read_input_tokens"] for usage in usages)
    assert story.tokens.cache_write == sum(usage["cache_creation_input_tokens"] for usage in usages)


@settings(deadline=None)
@given(_SESSIONS)
def test_the_timeline_is_in_the_order_of_time_and_has_every_call(tape: Tape) -> None:
    story = tell(tape.events)
    rows = timeline(story)
    assert [row.began_s for row in rows] == sorted(row.began_s for row in rows)
    assert [row.id for row in rows if row.kind == "tool"] == [call.id for call in story.calls]


def test_time_that_a_session_runs_is_told_from_time_it_waits() -> None:
    tape = Tape().begin().start().uses("bash", "ask", permission="ask", command="ls").end()
    tape.asks("ask").wait(100).confirms("allow").running().wait(20).result().delivers()
    story = tell(tape.events)
    [wait] = story.waits
    assert wait.ended_s is not None
    assert 100 < wait.ended_s - wait.began_s < 101
    assert 20 < story.active_s < 23
    assert story.wall_s > 120
