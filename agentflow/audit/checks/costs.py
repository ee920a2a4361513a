"""Tokens, the cache and money."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from statistics import median

from agentflow.audit.checks.words import plural
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.money import cents_reported, story_cost_usd, turn_cost_usd
from agentflow.audit.story import Story, ToolUse, Turn
from agentflow.diagnostics import Severity

__all__: list[str] = []

SPIKE_TOKENS = 8_000
"""A prompt that grows by less from one turn to the next is no spike."""
CACHED_TOKENS = 4_096
"""A prompt below this may be too short for the cache of its model."""
CACHE_LIFE_S = 300.0
THOUGHT_TOKENS = 4_000
"""Output of a turn that shows nothing for it."""


@audit("AU301", "token-spike", Severity.WARNING)
def token_spike(story: Story, facts: Facts) -> Iterator[Hit]:
    """The prompt grew by much from one turn to the next.

    What came in between is read again by every turn after it.
    """
    grown = [(b.prompt_tokens - a.prompt_tokens) for a, b in _pairs(story) if b.tokens.total]
    usual = median(grown) if grown else 0
    for before, turn in _pairs(story):
        more = turn.prompt_tokens - before.prompt_tokens
        if more < max(SPIKE_TOKENS, 4 * usual):
            continue
        cause = _largest(story, before, turn)
        what = "what came in before it"
        evidence: tuple[str, ...] = (turn.start_id,)
        if cause is not None:
            what = f"the result of {cause.name} with {len(cause.result):,} characters"
            evidence = (*cause.evidence[::-1], turn.start_id)
        later = sum(one.number > turn.number for one in story.turns)
        yield Hit(
            f"Turn {turn.number} read {more:,} tokens more than the one before it, because of {what}; "
            f"{plural(later, 'turn')} after it read them again.",
            evidence,
            "Have the tool return less, or write it to a file and read parts of it.",
            facts.source(*_keys(cause)),
            turn.number,
        )


def _pairs(story: Story) -> Iterator[tuple[Turn, Turn]]:
    counted = [turn for turn in story.turns if turn.prompt_tokens]
    return pairwise(counted)


def _largest(story: Story, before: Turn, turn: Turn) -> ToolUse | None:
    between = [call for call in story.calls if before.number <= call.turn < turn.number]
    return max(between, key=lambda call: len(call.result), default=None)


def _keys(call: ToolUse | None) -> tuple[str, ...]:
    if call is None:
        return ("prompt",)
    return (f"custom.{call.name}" if call.kind == "custom" else f"tools.{call.name}",)


@audit("AU302", "cold-cache", Severity.WARNING)
def cold_cache(story: Story, facts: Facts) -> Iterator[Hit]:
    """A turn read nothing from the cache, though there was much to read.

    An entry lives for five minutes after it was last read. It is lost when the session waits longer,
    when the context was compacted, and when tools or system prompt change.
    """
    for before, turn in _pairs(story):
        if turn.tokens.cache_read or before.prompt_tokens < CACHED_TOKENS:
            continue
        why, evidence, hint = _why_cold(story, before, turn)
        yield Hit(
            f"Turn {turn.number} read nothing of {turn.prompt_tokens:,} tokens from the cache: {why}",
            (turn.end_id or turn.start_id, *evidence),
            hint,
            facts.source("approvals" if "waited" in why else "prompt"),
            turn.number,
            _written_again(facts.model, turn),
        )


def _why_cold(story: Story, before: Turn, turn: Turn) -> tuple[str, tuple[str, ...], str]:
    compacted = [id for id, at in story.compactions if before.number <= at < turn.number]
    if compacted:
        return "the context was compacted.", tuple(compacted), "Have the tools return less."
    updated = [id for id, at in story.updates if before.number <= at < turn.number]
    if updated:
        return (
            "the session was changed.",
            tuple(updated),
            "Change tools and servers before the first turn.",
        )
    gap = turn.began_s - (before.ended_s or before.began_s)
    if gap > CACHE_LIFE_S:
        waits = [w for w in story.waits if before.began_s <= w.began_s <= turn.began_s]
        if waits:
            return (
                f"it waited {gap / 60:,.0f} minutes for an answer before it.",
                tuple(wait.id for wait in waits),
                "Answer sooner, or by a rule: a prompt stays cached for five minutes.",
            )
        return (
            f"{gap / 60:,.0f} minutes had passed since the one before it.",
            (before.end_id or before.start_id,),
            "Go on within five minutes, which a prompt stays cached.",
        )
    return (
        "its beginning is not that of the turn before.",
        (before.end_id or before.start_id,),
        "Keep dates and run data out of the system prompt.",
    )


def _written_again(model: str | None, turn: Turn) -> Decimal | None:
    return None if model is None else turn_cost_usd(model, turn)


@audit("AU303", "cache-rarely-read", Severity.WARNING)
def cache_rarely_read(story: Story, facts: Facts) -> Iterator[Hit]:
    """Over the whole session little was read from the cache.

    In a session of several turns nearly the whole prompt is that of the turn before.
    """
    turns = [turn for turn in story.turns if turn.prompt_tokens >= CACHED_TOKENS]
    if len(turns) < 5:
        return
    prompt = sum(turn.prompt_tokens for turn in turns[1:])
    read = sum(turn.tokens.cache_read for turn in turns[1:])
    if read < 0.3 * prompt:
        yield Hit(
            f"Of {prompt:,} tokens read after the first turn, {read / prompt:.0%} came from the cache.",
            tuple(turn.end_id or turn.start_id for turn in turns[1:] if not turn.tokens.cache_read)
            or (turns[1].end_id or turns[1].start_id,),
            "Keep what changes between turns out of the system prompt and the tools.",
            facts.source("prompt"),
            turns[1].number,
        )


@audit("AU304", "compacted", Severity.INFO)
def compacted(story: Story, facts: Facts) -> Iterator[Hit]:
    """The context was compacted.

    Old turns were replaced by a summary: details are gone, and the cache starts anew.
    """
    for id, at in story.compactions:
        size = story.turns[at - 1].prompt_tokens if at else 0
        yield Hit(
            f"The context was compacted after turn {at}, at {size:,} tokens.",
            (id,),
            "Split the task, or have tools return less, so that one context holds it.",
            facts.source("task", "prompt"),
            at,
        )


@audit("AU305", "budget-nearly-reached", Severity.WARNING)
def budget_nearly_reached(story: Story, facts: Facts) -> Iterator[Hit]:
    """A limit was used up to nine tenths or more.

    The next run of this kind may not get to its end. A session that was stopped by its budget has
    this finding too.
    """
    budget = facts.policy.budget if facts.policy else None
    if budget is None:
        return
    cost = story_cost_usd(story, facts.model)
    measures: dict[str, tuple[Decimal, Decimal]] = {}

    def measure(name: str, limit: object, used: object) -> None:
        if limit is not None and used is not None:
            measures[name] = (Decimal(str(limit)), Decimal(str(used)))

    measure("usd", budget.usd, cost)
    measure("tokens", budget.tokens, story.tokens.total)
    measure("turns", budget.turns, len(story.turns))
    measure("tool_calls", budget.tool_calls, len(story.calls))
    measure("active", budget.active_s, story.active_s)
    measure("wall", budget.wall_s, story.wall_s)
    stopped = next((stop for stop in story.stops if stop.reason == "budget_reached"), None)
    for name, (limit, used) in measures.items():
        reached = stopped is not None and name == "usd"
        if limit and (used >= limit * 9 / 10 or reached):
            last = story.turns[-1] if story.turns else None
            yield Hit(
                f"budget.{name} was used to {used / limit:.0%}: {_number(used)} of {_number(limit)}.",
                (
                    stopped.id
                    if stopped
                    else (last.end_id or last.start_id)
                    if last
                    else story.last_id,
                ),
                "Raise it, or find above what it was spent on.",
                facts.source(f"budget.{name}", "budget"),
                last.number if last else None,
            )


def _number(value: Decimal) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


@audit("AU306", "thinking-without-acting", Severity.WARNING)
def thinking_without_acting(story: Story, facts: Facts) -> Iterator[Hit]:
    """Turns wrote much and showed nothing: no message and no tool call.

    Their output is thinking, which is billed as output. Several in a row, or one of that size, mean
    that the task leaves open what to do.
    """
    idle = [
        turn
        for turn in story.turns
        if not turn.said and not turn.calls and not turn.is_error and turn.tokens.output > 0
    ]
    large = [turn for turn in idle if turn.tokens.output >= THOUGHT_TOKENS]
    runs = _in_a_row(idle, 3)
    turns = sorted({turn.number: turn for turn in [*large, *runs]}.values(), key=lambda t: t.number)
    if turns:
        spent = sum(turn.tokens.output for turn in turns)
        yield Hit(
            f"{plural(len(turns), 'turn')} wrote {spent:,} tokens without a message or a tool call.",
            tuple(turn.end_id or turn.start_id for turn in turns),
            "Say in the prompt what the first step is, or lower `model.effort`.",
            facts.source("model.effort", "model", "prompt"),
            turns[0].number,
        )


def _in_a_row(turns: list[Turn], least: int) -> list[Turn]:
    found: list[Turn] = []
    streak: list[Turn] = []
    for turn in turns:
        streak = [*streak, turn] if streak and streak[-1].number + 1 == turn.number else [turn]
        if len(streak) >= least:
            found += streak
    return found


@audit("AU307", "model-without-price", Severity.INFO)
def model_without_price(story: Story, facts: Facts) -> Iterator[Hit]:
    """The model has no known list price, and the service named no cost.

    What the session cost is not known; a limit in dollars cannot have held.
    """
    if facts.model is None or not story.tokens.total or cents_reported(story) is not None:
        return
    if story_cost_usd(story, facts.model) is None:
        yield Hit(
            f"What the session cost is not known: {facts.model} has no list price here.",
            (story.turns[-1].end_id or story.turns[-1].start_id,),
            "Limit tokens and turns, which need no price.",
            facts.source("model.id", "model"),
        )


@audit("AU308", "failed-requests", Severity.WARNING)
def failed_requests(story: Story, facts: Facts) -> Iterator[Hit]:
    """Model requests failed.

    The service repeats them by itself; what they had read may be billed.
    """
    failed = [turn for turn in story.turns if turn.is_error]
    if failed:
        yield Hit(
            f"{plural(len(failed), 'model request')} failed, of {len(story.turns)}.",
            tuple(turn.end_id or turn.start_id for turn in failed),
            "Nothing to change, unless it goes on: then look at the service's status.",
            None,
            failed[0].number,
        )
