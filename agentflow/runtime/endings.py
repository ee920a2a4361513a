"""How a run ends, and why, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentflow.runtime import budget
from agentflow.runtime.events import SessionError, StatusIdle
from agentflow.runtime.run import LimitHit, Verdict
from agentflow.runtime.session import Ending, State

__all__ = ["failed", "incomplete", "limit_ending", "refusal", "without_server"]


def limit_ending(limit: LimitHit, run_id: str) -> Ending:
    where = f" ({limit.source})" if limit.source else ""
    return Ending(
        verdict=Verdict.BUDGET,
        reason=f"The limit budget.{limit.name} was reached: {limit.used} of {limit.limit}{where}.",
        hint=budget.way_on(limit, run_id),
        limit=limit,
    )


def refusal(idle: StatusIdle) -> Ending:
    details = idle.details if isinstance(idle.details, Mapping) else {}
    category = details.get("category")
    explanation = details.get("explanation")
    kind = f" (category {category})" if category else ""
    more = f": {explanation}" if explanation else "."
    error = str(category or "refusal")
    return Ending(verdict=Verdict.REFUSED, reason=f"The model refused{kind}{more}", error=error)


def failed(error: str, reason: str, hint: str | None = None) -> Ending:
    return Ending(verdict=Verdict.FAILED, reason=reason, hint=hint, error=error)


def without_server(event: SessionError) -> Ending:
    """A session goes on without the tools of a server; a run that needs them need not pay for that."""
    refused = event.type == "mcp_authentication_failed_error"
    what = "refuses its credential" if refused else "cannot be reached"
    hint = (
        "Check the credential in its vault, and that its URL is the server's to the letter."
        if refused
        else "Check its URL, and that the environment's network lets it through."
    )
    reason = f"The MCP server {event.server!r} {what}: {event.message}"
    return failed(event.type, reason, hint)


def incomplete(problems: tuple[str, ...], state: State, limit: LimitHit | None) -> Ending:
    first, *others = problems
    found = f"{first} (and {len(others)} more)" if others else first
    if limit is not None and state.repairs < state.setup.repairs:
        ending = limit_ending(limit, state.setup.run_id)
        reason = f"{found} {ending.reason}"
        return replace(ending, reason=reason)
    tried = {0: "", 1: " One repair was tried."}.get(
        state.repairs, f" {state.repairs} repairs were tried."
    )
    return Ending(verdict=Verdict.INCOMPLETE, reason=f"{found}{tried}")
