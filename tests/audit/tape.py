"""Sessions written by hand: the events of a service, with ids and times that count up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from agentflow.compiler.manifest import AgentPolicy, BudgetPolicy, OutputPolicy, UncertaintyPolicy

__all__ = ["Tape", "policy"]

_BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Tape:
    """Each method appends what a service would, and returns the tape; `event(name)` is the id of a mark."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.marks: dict[str, str] = {}
        self.now = _BEGAN
        self._request = ""

    def add(self, type_: str, mark: str | None = None, /, **fields: Any) -> Self:
        id = f"sevt_{len(self.events):05d}"
        self.now += timedelta(milliseconds=100)
        at = self.now.isoformat().replace("+00:00", "Z")
        self.events.append({"id": id, "type": type_, **fields, "processed_at": at})
        if mark is not None:
            self.marks[mark] = id
        return self

    def wait(self, seconds: float) -> Self:
        self.now += timedelta(seconds=seconds)
        return self

    def task(self, text: str = "Write the report.", mark: str | None = None) -> Self:
        """As the service lists it: a session at rest runs before the message is read."""
        return self.add("user.message", mark, content=[{"type": "text", "text": text}])

    def running(self) -> Self:
        self.add("session.status_running")
        return self.add(
            "session.thread_status_running", session_thread_id="sthr_1", agent_name="writer"
        )

    def start(self, mark: str | None = None) -> Self:
        self.add("span.model_request_start", mark)
        self._request = self.events[-1]["id"]
        return self

    def end(
        self,
        mark: str | None = None,
        *,
        input: int = 4,
        output: int = 200,
        read: int = 3_000,
        write: int = 300,
        is_error: bool = False,
    ) -> Self:
        return self.add(
            "span.model_request_end",
            mark,
            model_request_start_id=self._request,
            is_error=is_error,
            model_usage={
                "input_tokens": input,
                "output_tokens": output,
                "cache_creation_input_tokens": write,
                "cache_read_input_tokens": read,
            },
        )

    def says(self, text: str, mark: str | None = None) -> Self:
        return self.add("agent.message", mark, content=[{"type": "text", "text": text}])

    def thinks(self) -> Self:
        return self.add("agent.thinking")

    def uses(
        self, name: str, mark: str | None = None, /, permission: str = "allow", **input: Any
    ) -> Self:
        """A call of a built-in tool; with a dot in its name, of an MCP server."""
        server, dot, tool = name.partition(".")
        if dot:
            return self.add(
                "agent.mcp_tool_use",
                mark,
                mcp_server_name=server,
                name=tool,
                input=input,
                evaluated_permission=permission,
            )
        return self.add(
            "agent.tool_use", mark, name=name, input=input, evaluated_permission=permission
        )

    def calls(self, name: str, mark: str | None = None, /, **input: Any) -> Self:
        """A call of a custom tool."""
        return self.add("agent.custom_tool_use", mark, name=name, input=input)

    def result(
        self,
        text: str = "ok",
        mark: str | None = None,
        *,
        of: str | None = None,
        is_error: bool = False,
    ) -> Self:
        """Of the call marked `of`, or of the last one."""
        call = self._call(of)
        type_, key = {
            "agent.tool_use": ("agent.tool_result", "tool_use_id"),
            "agent.mcp_tool_use": ("agent.mcp_tool_result", "mcp_tool_use_id"),
            "agent.custom_tool_use": ("user.custom_tool_result", "custom_tool_use_id"),
        }[call["type"]]
        content = [{"type": "text", "text": text}]
        return self.add(type_, mark, **{key: call["id"]}, content=content, is_error=is_error)

    def confirms(self, answer: str, mark: str | None = None, *, of: str | None = None) -> Self:
        return self.add(
            "user.tool_confirmation", mark, tool_use_id=self._call(of)["id"], result=answer
        )

    def _call(self, of: str | None) -> dict[str, Any]:
        event: dict[str, Any]
        for event in reversed(self.events):
            if event["type"].endswith("tool_use") and of in (None, *self._names(event["id"])):
                return event
        raise AssertionError(f"no call {of}")

    def _names(self, id: str) -> list[str]:
        return [mark for mark, marked in self.marks.items() if marked == id]

    def asks(self, *marks: str, mark: str | None = None) -> Self:
        """The session waits for answers to the calls with these marks, or to the last call."""
        ids = [self.marks[one] for one in marks] or [self._call(None)["id"]]
        return self.add(
            "session.status_idle", mark, stop_reason={"type": "requires_action", "event_ids": ids}
        )

    def stops(self, reason: str = "end_turn", mark: str | None = None, **details: Any) -> Self:
        self.add(
            "session.thread_status_idle",
            session_thread_id="sthr_1",
            agent_name="writer",
            stop_reason={"type": reason},
        )
        return self.add(
            "session.status_idle",
            mark,
            stop_reason={"type": reason},
            stop_details=details or None,
        )

    def error(
        self, type_: str, mark: str | None = None, /, retry: str = "retrying", **more: Any
    ) -> Self:
        return self.add(
            "session.error",
            mark,
            error={
                "type": type_,
                "message": f"{type_} happened",
                "retry_status": {"type": retry},
                **more,
            },
        )

    def reports(self, cents: int | None = None, **usage: Any) -> Self:
        cost = {} if cents is None else {"list_cost": {"amount": str(cents), "currency": "USD"}}
        return self.add("session.usage", usage={**usage, **cost})

    def begin(self, text: str = "Write the report.") -> Self:
        return self.running().task(text)

    def turn(self, *, read: int = 3_000, write: int = 300) -> Self:
        """A whole model request that only says something."""
        return self.start().says("Next.").end(read=read, write=write)

    def delivers(
        self, path: str = "/mnt/session/outputs/report.md", content: str = "# Findings\n"
    ) -> Self:
        """The last turns of a session that ends well."""
        self.start().uses("write", file_path=path, content=content).end().result("wrote it")
        return self.start().says("Done: report.md is written.").end().stops()

    def ids(self, *marks: str) -> tuple[str, ...]:
        return tuple(self.marks[mark] for mark in marks)


def policy(**changes: Any) -> AgentPolicy:
    """What a plain writer declares: one output, every tool it may have, and a budget."""
    fields: dict[str, Any] = {
        "environment": "environment/desk",
        "model": "claude-opus-5-5",
        "task": "Write the report.",
        "inputs": {},
        "outputs": {
            "report": OutputPolicy(
                path="report.md", required=True, schema=None, sections=("Findings",)
            )
        },
        "done": (),
        "uncertainty": UncertaintyPolicy(mode="assume", record=None),
        "repair": 0,
        "approvals": (),
        "budget": _budget(),
        "custom": {"rate": None, "ask_user": None},
        "tools": dict.fromkeys(
            ("bash", "read", "write", "edit", "glob", "grep", "web_fetch", "web_search", "desk.*"),
            "allow",
        ),
        "scratch": "/tmp",
    }
    return AgentPolicy(**{**fields, **changes})


def _budget() -> BudgetPolicy:
    return BudgetPolicy(
        usd="5",
        tokens=1_000_000,
        turns=60,
        tool_calls=200,
        active_s=7_200.0,
        wall_s=36_000.0,
        warn_at="0.8",
    )
