"""What was declared, and not kept to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.audit.checks.words import short
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Message, Story
from agentflow.diagnostics import Severity

__all__: list[str] = []

_ASKS = re.compile(
    r"(?:would you like|do you want|should i|shall i|let me know|please (?:confirm|advise|clarify|provide)|"
    r"which (?:one )?(?:would|do|should) (?:you|i)|can you (?:confirm|clarify|provide))",
    re.IGNORECASE,
)


@audit("AU701", "asked-instead-of-deciding", Severity.WARNING)
def asked_instead_of_deciding(story: Story, facts: Facts) -> Iterator[Hit]:
    """The agent ended with a question, though nobody reads it.

    With `uncertainty: assume` it was to decide and write down what it assumed; with `ask` it has a tool
    to ask with. A question in its last message reaches nobody.
    """
    last = _last_words(story)
    mode = facts.policy.uncertainty.mode if facts.policy and facts.policy.uncertainty else None
    if last is None or mode is None or mode == "stop":
        return
    end = last.text.strip()[-400:]
    if end.endswith("?") or (_ASKS.search(end) and "?" in end):
        question = re.split(r"(?<=[.!?])\s+", end)[-1]
        yield Hit(
            f'The agent ended with a question, against `uncertainty: {mode}`: "{short(question)}"',
            (last.id,),
            "Use `uncertainty: ask` if a person is to answer, or say in the prompt what to assume.",
            facts.source("uncertainty", "prompt"),
            last.turn,
        )


def _last_words(story: Story) -> Message | None:
    if not story.stops or story.stops[-1].reason != "end_turn":
        return None
    said = [message for message in story.messages if message.who == "agent"]
    return said[-1] if said else None


@audit("AU702", "assumptions-not-recorded", Severity.INFO)
def assumptions_not_recorded(story: Story, facts: Facts) -> Iterator[Hit]:
    """The agent said that it assumed something, and did not write it where it was to."""
    policy = facts.policy
    record = policy.uncertainty.record if policy and policy.uncertainty else None
    if record is None:
        return
    assumed = [
        message
        for message in story.messages
        if message.who == "agent" and re.search(r"\bI (?:have )?assum(?:e|ed|ing)\b", message.text)
    ]
    written = any(
        record in str(call.input) and re.search(r"assum", str(call.input), re.IGNORECASE)
        for call in story.calls
    )
    if assumed and not written:
        yield Hit(
            f"The agent assumed something and did not write it to {record}.",
            tuple(message.id for message in assumed),
            f"Name {record} in the task as the place for assumptions.",
            facts.source("uncertainty.record", "uncertainty"),
            assumed[0].turn,
        )


@audit("AU801", "stale-agent-version", Severity.WARNING)
def stale_agent_version(story: Story, facts: Facts) -> Iterator[Hit]:
    """The session runs an older version of the agent than the one that is applied.

    A session keeps the version it began with, whatever is applied later.
    """
    ours, newest = facts.agent_version, facts.latest_version
    if ours is not None and newest is not None and ours < newest:
        first = story.turns[0].start_id if story.turns else story.last_id
        yield Hit(
            f"The session runs version {ours} of the agent; version {newest} is applied.",
            (first,),
            "Start a new session for what the newer version changes.",
            facts.source(""),
        )
