"""Waiting: for approvals, answers, custom tools, and for nothing at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agentflow.audit.checks.words import plural, short, tool_key
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Story, ToolUse
from agentflow.diagnostics import Severity

__all__: list[str] = []

LONG_S = 60.0
IDLE_S = 600.0
ASKED_OFTEN = 5


@audit("AU401", "unanswered", Severity.ERROR)
def unanswered(story: Story, facts: Facts) -> Iterator[Hit]:
    """The session waits for an answer that nobody gave.

    A wait has no end of its own: the session stays as it is until somebody answers or interrupts it.
    """
    if facts.followed or story.terminated or not story.waits:
        return
    wait = story.waits[-1]
    if wait.ended_s is not None:
        return
    for call in story.calls:
        if call.id in wait.event_ids and call.answers == 0 and call.result_id is None:
            custom = call.kind == "custom"
            yield Hit(
                f"{call.name} was never answered: the session has waited for {story.last_s - wait.began_s:,.0f}"
                " s when its events end."
                if story.last_s > wait.began_s
                else f"{call.name} was never answered: the session waits for it.",
                (call.id, wait.id),
                "A custom tool needs a runner: agentflow run --resume RUN"
                if custom
                else "Add a rule to `approvals`, or answer: agentflow sessions approve RUN",
                facts.source(f"custom.{call.name}" if custom else "approvals", tool_key(call.name)),
                call.turn,
            )


@audit("AU402", "approval-bottleneck", Severity.WARNING)
def approval_bottleneck(story: Story, facts: Facts) -> Iterator[Hit]:
    """Most of the time went by waiting for approvals."""
    asked = [call for call in story.calls if _asked(call) and call.answer_s is not None]
    waited = sum((call.answer_s or 0.0) - call.at_s for call in asked)
    if waited >= LONG_S and waited >= story.wall_s / 2:
        tool, times = Counter(call.name for call in asked).most_common(1)[0]
        slowest = max(asked, key=lambda call: (call.answer_s or 0.0) - call.at_s)
        yield Hit(
            f"{waited / 60:,.1f} of {story.wall_s / 60:,.1f} minutes went by waiting for "
            f"{plural(len(asked), 'approval')}, {times} of them for {tool}.",
            tuple(id for call in (slowest, *asked) for id in (call.id, call.answer_id or call.id)),
            f"Let a rule with `match` answer for what is harmless about {tool}.",
            facts.source("approvals", tool_key(tool)),
            slowest.turn,
        )


def _asked(call: ToolUse) -> bool:
    return call.permission == "ask"


@audit("AU403", "asked-again-and-again", Severity.INFO)
def asked_again_and_again(story: Story, facts: Facts) -> Iterator[Hit]:
    """A person allowed the same tool many times, and denied it never."""
    allowed = Counter(
        call.name
        for call in story.calls
        if _asked(call)
        and call.answer == "allow"
        and facts.persons.get(call.id) in ("person", "webhook")
    )
    denied = {call.name for call in story.calls if call.answer == "deny"}
    for tool, times in allowed.items():
        if times >= ASKED_OFTEN and tool not in denied:
            calls = [call for call in story.calls if call.name == tool and call.answer_id]
            yield Hit(
                f"A person allowed {tool} {times} times and never denied it.",
                tuple(call.answer_id or call.id for call in calls),
                f"Write a rule for it: {{ tool: {tool}, match: …, answer: allow }}.",
                facts.source("approvals", tool_key(tool)),
                calls[0].turn,
            )


@audit("AU404", "nobody-decided", Severity.WARNING)
def nobody_decided(story: Story, facts: Facts) -> Iterator[Hit]:
    """A call was denied because no rule matched, or nobody answered in time."""
    for call in story.calls:
        by = facts.persons.get(call.id)
        if call.answer == "deny" and by in ("default", "timeout"):
            why = "no rule matched it" if by == "default" else "nobody answered in time"
            yield Hit(
                f"{call.name} was denied because {why}: {short(str(dict(call.input)))}",
                (call.id, call.answer_id or call.id),
                "Add a rule to `approvals` that says what is meant."
                if by == "default"
                else "Give the person more time with `wait`, or let a rule decide.",
                facts.source("approvals", tool_key(call.name)),
                call.turn,
            )


@audit("AU405", "idle", Severity.INFO)
def idle(story: Story, facts: Facts) -> Iterator[Hit]:
    """The session lay idle between two messages for long.

    It costs nothing meanwhile, but its cache is cold and its sandbox may have to start again.
    """
    for stop in story.stops:
        after = [m for m in story.messages if m.who == "user" and m.seq > stop.seq]
        if after and after[0].at_s - stop.at_s >= IDLE_S:
            yield Hit(
                f"It lay idle for {(after[0].at_s - stop.at_s) / 60:,.0f} minutes between two messages.",
                (stop.id, after[0].id),
                "Start a new session for a new task: it reads less.",
                None,
                stop.turn,
            )


@audit("AU406", "slow-answers", Severity.WARNING)
def slow_answers(story: Story, facts: Facts) -> Iterator[Hit]:
    """Most of the time went by waiting for custom tools."""
    custom = [call for call in story.calls if call.kind == "custom" and call.seconds is not None]
    waited = sum(call.seconds or 0.0 for call in custom)
    if waited >= LONG_S and waited >= story.wall_s / 2:
        slowest = max(custom, key=lambda call: call.seconds or 0.0)
        yield Hit(
            f"{waited / 60:,.1f} of {story.wall_s / 60:,.1f} minutes went by waiting for "
            f"{plural(len(custom), 'custom tool call')}; the slowest, {slowest.name}, took "
            f"{slowest.seconds or 0.0:,.0f} s.",
            slowest.evidence,
            "Make the tool faster, or have it answer at once and be asked again.",
            facts.source(f"custom.{slowest.name}.timeout", f"custom.{slowest.name}"),
            slowest.turn,
        )


@audit("AU407", "answered-twice", Severity.WARNING)
def answered_twice(story: Story, facts: Facts) -> Iterator[Hit]:
    """A call was answered more than once.

    The service may take it, wake the session and run an empty turn; a custom tool may have taken
    effect twice.
    """
    for call in story.calls:
        if call.answers > 1:
            yield Hit(
                f"{call.name} was answered {call.answers} times.",
                (call.id, *(id for id in (call.answer_id, call.result_id) if id)),
                "See that one process follows a session; agentflow itself answers once.",
                facts.source(
                    f"custom.{call.name}" if call.kind == "custom" else tool_key(call.name)
                ),
                call.turn,
            )


@audit("AU408", "message-joined-a-turn", Severity.WARNING)
def message_joined_a_turn(story: Story, facts: Facts) -> Iterator[Hit]:
    """A message was sent while the session worked.

    It joins the running turn: the model answers both at once, or only one of them.
    """
    joined = [
        message for message in story.messages if message.who == "user" and message.while_running
    ]
    for message in joined:
        if message.turn == 0:
            continue
        yield Hit(
            f'A message joined turn {message.turn} while it ran: "{short(message.text)}"',
            (message.id,),
            "Wait for the turn to end, unless it is meant to steer it.",
            None,
            message.turn,
        )
