"""A session that takes one task after another: when it may, and what of it is whose.

A session keeps what the agent has read and thought, and its files. So a second task in it is cheaper
and knows more; but what came before it is in the same history, the same totals and the same list of
files. All of that is told apart by one place in the history: what stands behind it is of the new run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from agentflow.compiler.manifest import AgentPolicy, canonical_json
from agentflow.errors import Blocked, StateError
from agentflow.ports import SessionInfo
from agentflow.runtime.events import (
    AgentToolUse,
    CustomToolUse,
    Event,
    SessionError,
    SessionUsage,
    StatusIdle,
    ThreadStatus,
    TokenUsage,
    UserMessage,
    parse_event,
)
from agentflow.runtime.ledger import RunEntry
from agentflow.runtime.run import Reuse, Verdict
from agentflow.runtime.seen import GrowingSet

__all__ = ["Parts", "Wanted", "known", "refuse_company", "since", "split", "why_not"]

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run wants of its session."""

    agent: str
    """Address."""
    agent_id: str
    agent_version: int
    environment_id: str
    policy: AgentPolicy
    mounts: frozenset[str]
    """Where the files of its task are mounted, as `/orders.csv`."""
    differs: tuple[str, ...] = ()
    """What the files say otherwise than the last run of the session was started with. Empty: nothing,
    or that is not known."""


_ENDED = {
    Verdict.REFUSED: "the model refused its last task",
    Verdict.BUDGET: "its last run was stopped by its budget; raise that to go on",
    Verdict.NEEDS_PERSON: "its last run waits for a person",
    Verdict.DETACHED: "its last run was left to itself, and nobody has followed it to its end",
    Verdict.INTERRUPTED: "its last run was interrupted, and what it was at is half done",
    Verdict.FAILED: "its last run failed",
    Verdict.UNKNOWN: "how its last run ended is not known",
}


def why_not(
    wanted: Wanted,
    info: SessionInfo,
    history: Sequence[Raw],
    last: RunEntry | None,
    record: Mapping[str, Any] | None,
) -> str | None:
    """Why a session cannot take another task, as a sentence without an end. None: it can.

    Args:
        info: the session, as the service has it now.
        history: its events, in list order.
        last: its newest run. None: the ledger knows none, so the history alone says how it ended.
        record: what that run was started with. None: that was not kept.
    """
    return (
        _gone(info)
        or _other_agent(wanted, info, last)
        or (_unfinished(last) if last is not None else None)
        or _at_work(info, history)
        or _other_surroundings(wanted, info, record)
    )


def _gone(info: SessionInfo) -> str | None:
    if info.archived:
        return "it is archived: its history can be read, and nothing be sent to it"
    if info.status == "terminated":
        return "it is terminated, which nothing undoes"
    return None


def _other_agent(wanted: Wanted, info: SessionInfo, last: RunEntry | None) -> str | None:
    if info.agent_id != wanted.agent_id:
        if last is not None and last.agent == wanted.agent:
            return (
                f"its agent, {info.agent_id}, was archived or replaced, and {wanted.agent} is "
                f"{wanted.agent_id} now"
            )
        return f"it is a session of another agent, {info.agent_id}"
    if info.agent_version != wanted.agent_version:
        different = f" ({', '.join(wanted.differs)})" if wanted.differs else ""
        return (
            f"it has version {info.agent_version} of {wanted.agent}, for as long as it lives, and "
            f"version {wanted.agent_version} is applied{different}"
        )
    return None


def _unfinished(last: RunEntry) -> str | None:
    if last.verdict in (Verdict.COMPLETED, Verdict.INCOMPLETE):
        return None
    if last.verdict is None:
        return f"run {last.id} has no end: go on with that, or end it"
    return f"{_ENDED.get(Verdict(last.verdict), last.verdict)} (run {last.id})"


def _at_work(info: SessionInfo, history: Sequence[Raw]) -> str | None:
    """A status alone does not say whether a session is done, waits, or has not begun."""
    if info.status != "idle":
        return f"it is {info.status}"
    events = [parse_event(raw) for raw in history]
    idle = next((e for e in reversed(events) if isinstance(e, StatusIdle)), None)
    asked = next((e for e in reversed(events) if isinstance(e, UserMessage)), None)
    if idle is None:
        return None if asked is None else "it has a message that it has not begun with"
    if idle.reason != "end_turn":
        return {
            "requires_action": "it waits for an answer",
            "budget_reached": "it has reached its budget",
            "refusal": "the model refused its last task",
            "retries_exhausted": "it ended in an error",
        }.get(idle.reason, f"it stopped for a reason unknown here ({idle.reason})")
    if asked is not None and events.index(asked) > events.index(idle):
        return "it has a message that it has not begun with"
    begun = 0 if asked is None else events.index(asked)
    failed = [e for e in events[begun:] if isinstance(e, SessionError) and e.retry != "retrying"]
    return f"it ended in an error ({failed[-1].type})" if failed else None


def _other_surroundings(
    wanted: Wanted, info: SessionInfo, record: Mapping[str, Any] | None
) -> str | None:
    """What a session is given once and for all."""
    if info.environment_id != wanted.environment_id:
        return "it runs in another environment"
    own = json.loads(canonical_json(asdict(wanted.policy.session)))
    if record is not None and record["policy"]["session"] != own:
        return "the files, repositories, memory or vaults of the agent have changed since"
    budget = wanted.policy.budget
    has = info.budget is not None
    if has != (budget is not None and budget.usd is not None):
        now = "none" if has else "one"
        was = "a" if has else "no"
        return f"it was made with {was} budget in dollars, and the agent has {now} now"
    taken = {str(one.get("mount_path", "")).removeprefix(_UPLOADS) for one in info.resources}
    if both := sorted(wanted.mounts & taken):
        return f"a file of the task is mounted in it already: {both[0].removeprefix('/')}"
    return None


_UPLOADS = "/mnt/session/uploads"


class Parts(NamedTuple):
    before: list[Raw]
    """Of earlier runs."""
    since: list[Raw]


def split(history: Sequence[Raw], reuse: Reuse) -> Parts:
    """The history of a session at the place where the new run begins.

    Raises:
        StateError: that place is not in it.
    """
    if reuse.after is None:
        return Parts([], list(history))
    for place, event in enumerate(history, start=1):
        if event.get("id") == reuse.after:
            return Parts(list(history[:place]), list(history[place:]))
    raise StateError(
        f"Event {reuse.after}, behind which the run begins, is not in the history of session "
        f"{reuse.session_id}."
    )


def refuse_company(since: Sequence[Raw], reuse: Reuse) -> None:
    """Nothing of ours was sent yet: whatever was, is somebody else's.

    Raises:
        Blocked: somebody sent something to the session after it was chosen.
    """
    if any(str(event.get("type", "")).startswith("user.") for event in since):
        raise Blocked(
            f"Somebody else has just sent something to session {reuse.session_id}.",
            hint="Start again: with --continue a session that is at work is left alone.",
        )


def known(events: Sequence[Event]) -> dict[str, Any]:
    """What of a machine's state is settled by the events of earlier runs, by the names of its fields."""
    calls = (e.id for e in events if isinstance(e, (AgentToolUse, CustomToolUse)))
    threads = (e.thread_id for e in events if isinstance(e, ThreadStatus))
    used = [e for e in events if isinstance(e, SessionUsage)]
    return {
        "seen": GrowingSet.of(e.id for e in events if e.id),
        "closed": GrowingSet.of(calls),
        "primary": next(threads, None),
        "base": used[-1] if used else None,
    }


def since(base: SessionUsage | None, event: Event) -> Event:
    """A total of the session without what earlier runs had used; any other event as it is."""
    if base is None or not isinstance(event, SessionUsage):
        return event
    cents, before = event.list_cost_cents, base.list_cost_cents or 0
    return replace(
        event,
        tokens=_minus(event.tokens, base.tokens),
        list_cost_cents=None if cents is None else max(0, cents - before),
        searches=max(0, event.searches - base.searches),
        active_s=None
        if event.active_s is None
        else max(0.0, event.active_s - (base.active_s or 0)),
    )


def _minus(total: TokenUsage, before: TokenUsage) -> TokenUsage:
    return TokenUsage(
        input=max(0, total.input - before.input),
        output=max(0, total.output - before.output),
        cache_read=max(0, total.cache_read - before.cache_read),
        cache_write=max(0, total.cache_write - before.cache_write),
    )
