"""Events, policies and a pure play of the machine, for the tests of the runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import (
    AgentPolicy,
    ApprovalPolicy,
    BudgetPolicy,
    CustomToolPolicy,
)
from agentflow.runtime import machine
from agentflow.runtime.budget import Limits
from agentflow.runtime.events import Event, parse_event
from agentflow.runtime.session import Command, Input, Notify, Setup, State

MODEL = "claude-opus-5-5"
AT = "2026-11-22T10:00:00Z"


def event(type: str, id: str, *, at: str | None = AT, **fields: Any) -> Event:
    return parse_event({"type": type, "id": id, "processed_at": at, **fields})


def message(id: str = "m1", text: str = "Do it.", *, at: str | None = AT) -> Event:
    return event("user.message", id, at=at, content=[{"type": "text", "text": text}])


def idle(id: str, reason: str = "end_turn", **fields: Any) -> Event:
    details = fields.pop("details", None)
    stop = {"type": reason, **fields}
    return event("session.status_idle", id, stop_reason=stop, stop_details=details)


def blocked(id: str, *call_ids: str) -> Event:
    return idle(id, "requires_action", event_ids=list(call_ids))


def running(id: str) -> Event:
    return event("session.status_running", id)


def says(id: str, text: str) -> Event:
    return event("agent.message", id, content=[{"type": "text", "text": text}])


def custom(id: str, name: str = "rate", **input: Any) -> Event:
    return event("agent.custom_tool_use", id, name=name, input=input)


def builtin(id: str, name: str = "bash", permission: str | None = "ask", **input: Any) -> Event:
    return event("agent.tool_use", id, name=name, input=input, evaluated_permission=permission)


def result_of(id: str, call_id: str) -> Event:
    return event("user.custom_tool_result", id, custom_tool_use_id=call_id, is_error=False)


def request_start(id: str) -> Event:
    return event("span.model_request_start", id)


def request_end(
    id: str, *, input: int = 100, output: int = 10, read: int = 0, write: int = 0
) -> Event:
    usage = {
        "input_tokens": input,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
    }
    return event("span.model_request_end", id, model_usage=usage, is_error=False)


def session_error(id: str, retry: str, type: str = "model_overloaded_error") -> Event:
    error = {"type": type, "message": "Overloaded.", "retry_status": {"type": retry}}
    return event("session.error", id, error=error)


def budget_policy(**changes: Any) -> BudgetPolicy:
    values: dict[str, Any] = {
        "usd": None,
        "tokens": None,
        "turns": None,
        "tool_calls": None,
        "active_s": None,
        "wall_s": None,
        "warn_at": "0.8",
    }
    return BudgetPolicy(**{**values, **changes})


def custom_policy(run: str | None = "shop.tools:rate", **changes: Any) -> CustomToolPolicy:
    values: dict[str, Any] = {
        "run": run,
        "command": None,
        "http": None,
        "input_schema": {"type": "object"},
        "timeout_s": 20.0,
        "max_calls": None,
        "idempotent": False,
        "policy": "allow",
        "arguments": {},
    }
    return CustomToolPolicy(**{**values, **changes})


def rule(tool: str, answer: str | None = "allow", **changes: Any) -> ApprovalPolicy:
    values: dict[str, Any] = {
        "tool": tool,
        "match": {},
        "answer": answer,
        "message": None,
        "wait_s": None,
        "on_timeout": "deny",
    }
    return ApprovalPolicy(**{**values, **changes})


def agent_policy(**changes: Any) -> AgentPolicy:
    values: dict[str, Any] = {
        "environment": "environment/desk",
        "model": MODEL,
        "task": "Do it.",
        "inputs": {},
        "outputs": {},
        "done": (),
        "uncertainty": None,
        "repair": 1,
        "approvals": (),
        "budget": None,
        "custom": {},
        "tools": {"bash": "ask", "write": "allow"},
        "scratch": None,
    }
    return AgentPolicy(**{**values, **changes})


def setup(
    *,
    repairs: int = 1,
    budget: BudgetPolicy | None = None,
    asks: Iterable[str] = (),
    warns: bool = False,
) -> Setup:
    limits = Limits(agent="agent/analyst", model=MODEL, budget=budget, sources={})
    return Setup(
        task="Do it.", repairs=repairs, limits=limits, asks=frozenset(asks), warns_agent=warns
    )


def play(state: State, inputs: Iterable[Input]) -> tuple[State, list[Command]]:
    """The state after all inputs, and every command on the way."""
    commands: list[Command] = []
    for given in inputs:
        state, more = machine.step(state, given)
        commands += more
    return state, commands


def deeds(commands: Iterable[Command]) -> list[Command]:
    """Commands without those that only tell somebody."""
    return [command for command in commands if not isinstance(command, Notify)]


class HandClock:
    """A clock that moves when it is told to, and when somebody sleeps on it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 10, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


def write_module(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
