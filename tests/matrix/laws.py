"""What must hold however a run was disturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from agentflow.runtime.events import text_of
from tests.matrix.bench import CaseSessions, Played, Seen
from tests.matrix.cases import JOINING, Case

__all__ = ["broken_laws", "nothing_twice"]


def broken_laws(case: Case, base: Played, got: Played) -> list[str]:
    """One sentence for each law that does not hold; `base` is the run without faults."""
    others = case.client is not CaseSessions
    found = list(nothing_twice(got, others=others))
    if case.verdict is None:
        found += _the_same(case, base, got)
    elif got.result.verdict is not case.verdict:
        found.append(f"the verdict is {got.result.verdict} ({got.result.reason})")
    return found


def nothing_twice(got: Seen, *, others: bool = False) -> Iterator[str]:
    """Nothing twice, and nothing left running; `others` answer the custom tool calls too."""
    for type, key in (
        *([] if others else [("user.custom_tool_result", "custom_tool_use_id")]),
        ("agent.mcp_tool_result", "mcp_tool_use_id"),
        ("user.tool_confirmation", "tool_use_id"),
        ("agent.tool_result", "tool_use_id"),
    ):
        for id, count in Counter(event[key] for event in got.of(type)).items():
            if count > 1:
                yield f"{id} has {count} times {type}"
    for id, count in got.effects.items():
        if count > 1:
            yield f"{id} took effect {count} times"
    for text, count in Counter(_messages(got)).items():
        if count > 1:
            yield f"a message was sent {count} times: {text[:60]!r}"
    if got.status not in ("idle", "terminated"):
        yield f"the session is {got.status}"


def _messages(played: Seen) -> list[str]:
    return [text_of(event["content"]) for event in played.of("user.message")]


def _the_same(case: Case, base: Played, got: Played) -> Iterator[str]:
    expected, found = _essence(base), _essence(got)
    if case.client is not CaseSessions:
        # How many answers are kept is the service's choice; that each call has one is checked above.
        expected["answered"] = found["answered"]
    if case.joined:
        found["messages"].remove(JOINING)
    found["turns"] -= case.failed_requests
    for name, value in expected.items():
        if found[name] != value:
            yield f"{name}: {found[name]!r} instead of {value!r}"


def _confirmed(played: Seen) -> list[tuple[str, str]]:
    """What was decided about which call; in which order it arrives is nobody's promise."""
    uses = [*played.of("agent.tool_use"), *played.of("agent.mcp_tool_use")]
    inputs = {event["id"]: str(event["input"]) for event in uses}
    decided = played.of("user.tool_confirmation")
    return sorted((inputs[event["tool_use_id"]], event["result"]) for event in decided)


def _essence(played: Played) -> dict[str, Any]:
    result = played.result
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        "outputs": [(one.name, one.problems, one.sha256) for one in result.outputs],
        "extra_files": sorted(path.name for path in result.extra_files),
        "final_message": result.final_message,
        "said": played.said,
        "messages": _messages(played),
        "effects": sorted(played.effects.values()),
        "answered": len(played.of("user.custom_tool_result")),
        "confirmed": _confirmed(played),
        "results": len(played.of("agent.tool_result")) + len(played.of("agent.mcp_tool_result")),
        "tokens": result.tokens,
        "turns": result.turns,
        "tool_calls": result.tool_calls,
        "repairs": result.repairs,
        "limit": result.limit,
        "status": played.status,
    }
