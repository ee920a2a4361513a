"""Laws of the session machine, for sessions nobody thought of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime import machine
from agentflow.runtime.events import Event, UserCustomToolResult
from agentflow.runtime.seen import GrowingSet
from agentflow.runtime.session import (
    AnswerConfirmed,
    CheckOutputs,
    Command,
    Decided,
    History,
    Outcome,
    OutputsChecked,
    Phase,
    RunTool,
    SendConfirmed,
    SendResult,
    Started,
    State,
    ToolFinished,
)
from tests.runtime.support import (
    blocked,
    builtin,
    custom,
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

CALLS = [f"c{n}" for n in range(4)]


def session_events() -> st.SearchStrategy[list[Event]]:
    """Events of one session in any order, each with an id of its own; a message may show queued first."""
    one = st.one_of(
        st.builds(lambda id: running(f"r-{id}"), st.integers(0, 99)),
        st.builds(lambda id: says(f"a-{id}", "Hi"), st.integers(0, 99)),
        st.builds(lambda id: idle(f"i-{id}"), st.integers(0, 99)),
        st.builds(lambda id, c: blocked(f"b-{id}", c), st.integers(0, 99), st.sampled_from(CALLS)),
        st.builds(custom, st.sampled_from(CALLS)),
        st.builds(lambda id: builtin(f"t-{id}"), st.integers(0, 99)),
        st.builds(lambda c: result_of(f"u-{c}", c), st.sampled_from(CALLS)),
        st.builds(lambda id: request_start(f"s-{id}"), st.integers(0, 99)),
        st.builds(lambda id: request_end(f"e-{id}"), st.integers(0, 99)),
        st.builds(lambda id: event("moon.phase", f"x-{id}"), st.integers(0, 99)),
        st.builds(lambda id: session_error(f"q-{id}", "retrying"), st.integers(0, 99)),
    )
    return st.lists(one, max_size=25).flatmap(
        lambda events: st.integers(0, len(events)).map(
            lambda at: [message(at=None), *events[:at], message(), *events[at:]]
        )
    )


def ready() -> State:
    state, _ = play(machine.begin(setup()), [Started(), SendConfirmed("m1")])
    return state


def run(events: list[Event]) -> tuple[State, list[Command]]:
    return play(ready(), events)


@given(session_events(), st.integers(0, 30))
def test_a_reconnect_that_replays_events_changes_nothing(events: list[Event], cut: int) -> None:
    assert run([*events[:cut], *events]) == run(events)


@given(session_events())
def test_every_event_twice_is_every_event_once(events: list[Event]) -> None:
    twice = [copy for one in events for copy in (one, one)]
    assert run(twice) == run(events)


@given(session_events(), st.integers(0, 30))
def test_history_after_a_drop_asks_for_the_same_work(events: list[Event], cut: int) -> None:
    """What the stream did not show is folded in from the list: the same calls, each once."""
    before, first = run(events[:cut])
    listed = History(tuple(e for e in events if e.processed_at is not None))
    after, second = play(before, [listed])
    began = [c.call.id for c in [*first, *second] if isinstance(c, RunTool)]
    assert len(began) == len(set(began))
    answered = {e.tool_use_id for e in events if isinstance(e, UserCustomToolResult)}
    asked = {e.id for e in events if e.id in CALLS}
    if after.phase is Phase.WORKING:
        assert asked - answered <= set(began)


@given(session_events(), st.integers(0, 30))
def test_any_part_and_then_the_whole_history_is_the_whole_history(
    events: list[Event], cut: int
) -> None:
    """However far a stream came: what is known after reading the list is what the list says."""
    listed = History(tuple(e for e in events if e.processed_at is not None))
    read, _ = play(ready(), [listed])
    before, _ = run(events[:cut])
    after, _ = play(before, [listed])
    assert known(after) == known(read)


def known(state: State) -> dict[str, object]:
    """What a run knows of its session, apart from the order in which it came to know it."""
    usage = state.usage
    return {
        "calls": {call.id: (call.name, call.custom) for call in state.calls.values()},
        "closed": set(state.closed),
        "messages": {id: sent.processed for id, sent in state.messages.items()},
        "said": state.final_message,
        "spent": (usage.turns, usage.tool_calls, usage.tokens),
        "unknown": state.unknown,
        "gone": state.gone,
        "threads": state.threads,
    }


THREADS = ("lead", "clerk", "scribe")


def thread_events(name: str, calls: int) -> list[Event]:
    """What one thread shows after it began: calls that are ours, their results, and its rest."""
    ids = [f"{name}-{n}" for n in range(calls)]
    asked = [event("agent.custom_tool_use", id, name="rate", input={}) for id in ids]
    answered = [result_of(f"u-{id}", id) for id in ids]
    return [*asked, *answered, thread_status(name, "idle")]


def thread_status(name: str, status: str) -> Event:
    return event(
        f"session.thread_status_{status}",
        f"{name}-{status}",
        session_thread_id=name,
        agent_name=name,
        stop_reason={"type": "end_turn"},
    )


@given(st.lists(st.integers(0, 3), min_size=3, max_size=3), st.data())
def test_any_interleaving_of_threads_gives_the_same_verdict(
    calls: list[int], data: st.DataObject
) -> None:
    """The session's own idle may stand anywhere among what its other threads still show.

    It comes behind what the first of them shows, which is the session's own: the session rests when
    that does.
    """
    parts = [thread_events(name, n) for name, n in zip(THREADS, calls, strict=True)]
    parts.append([idle("i")])
    order = data.draw(st.permutations([n for n, part in enumerate(parts[:-1]) for _ in part]))
    rests = max(place for place, n in enumerate(order) if n == 0) + 1
    order.insert(data.draw(st.integers(rests, len(order))), len(parts) - 1)
    queues = [iter(part) for part in parts]
    began = [thread_status(name, "running") for name in THREADS]
    state, commands = run([message(), running("r"), *began, *(next(queues[n]) for n in order)])
    assert commands.count(CheckOutputs()) == 1
    ran = sorted(c.call.id for c in commands if isinstance(c, RunTool))
    assert ran == sorted(
        f"{name}-{n}" for name, m in zip(THREADS, calls, strict=True) for n in range(m)
    )
    state, _ = play(state, [OutputsChecked(())])
    assert state.ending is not None
    assert state.ending.verdict.value == "completed"


@given(st.permutations(CALLS), st.data())
def test_every_order_of_completions_gives_the_same_end(
    order: list[str], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(order)))
    start = [message(), running("r1"), *map(custom, CALLS), blocked("b1", *CALLS)]
    state, commands = run(start)
    for id in order[:cut]:
        state, more = play(state, [ToolFinished(id, Outcome(text=id)), AnswerConfirmed(id)])
        commands += more
    state, more = play(state, [blocked("b2", *order[cut:])] if order[cut:] else [])
    commands += more
    for id in order[cut:]:
        state, more = play(state, [ToolFinished(id, Outcome(text=id)), AnswerConfirmed(id)])
        commands += more
    state, more = play(
        state,
        [*(result_of(f"u-{c}", c) for c in CALLS), running("r2"), idle("i"), OutputsChecked(())],
    )
    commands += more
    assert sorted(c.call.id for c in commands if isinstance(c, RunTool)) == CALLS
    assert sorted(c.call.id for c in commands if isinstance(c, SendResult)) == CALLS
    assert commands.count(CheckOutputs()) == 1
    assert state.ending is not None
    assert state.ending.verdict.value == "completed"


FACTS = st.one_of(
    st.builds(ToolFinished, st.sampled_from(CALLS), st.just(Outcome(text="x"))),
    st.builds(Decided, st.sampled_from(["t-1", *CALLS]), st.booleans()),
    st.builds(AnswerConfirmed, st.sampled_from(CALLS)),
    st.just(OutputsChecked(())),
    st.just(Started()),
)


@given(session_events(), st.lists(FACTS, max_size=6), st.randoms())
def test_the_machine_is_total_and_runs_no_call_twice(
    events: list[Event], facts: list[ToolFinished], random: object
) -> None:
    inputs = [*events, *facts]
    random.shuffle(inputs)  # type: ignore[attr-defined]
    state, commands = play(ready(), inputs)
    began = [c.call.id for c in commands if isinstance(c, RunTool)]
    assert len(began) == len(set(began))
    assert machine.step(state, Started()).commands == ()


@given(st.lists(st.text(max_size=3)))
def test_a_growing_set_is_a_set(items: list[str]) -> None:
    grown = GrowingSet()
    for item in items:
        before = grown
        grown = grown.add(item)
        assert item in grown
        assert (item in before) == (len(before) == len(grown))
    assert set(grown) == set(items)
    assert len(grown) == len(set(items))
    assert grown == GrowingSet.of(reversed(items))
