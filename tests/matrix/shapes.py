"""The sessions that the matrix plays: what the model does, what the agent may, and who answers what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, ApprovalPolicy, OutputPolicy
from tests.runtime.support import MODEL, agent_policy, rule

__all__ = ["RATE_SCHEMA", "SHAPES", "Shape"]

RATE_SCHEMA = {
    "type": "object",
    "properties": {"currency": {"type": "string"}},
    "required": ["currency"],
}
_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK")
_USAGE = {"input": 10, "output": 20, "cache_read": 30, "cache_write": 40}


def _write(name: str, content: str = "# Rates\n") -> dict[str, Any]:
    path = f"/mnt/session/outputs/{name}"
    return {"id": name.split(".")[0], "name": "write", "input": _file(path, content)}


def _file(path: str, content: str) -> dict[str, Any]:
    return {"file_path": path, "content": content}


def _rate(currency: str, **more: Any) -> dict[str, Any]:
    return {"id": currency.lower(), "name": "rate", "input": {"currency": currency}, **more}


def _turn(say: str, *tools: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"say": say, "tools": list(tools), "usage": _USAGE, **more}


@dataclass(frozen=True)
class Shape:
    name: str
    turns: tuple[Mapping[str, Any], ...]
    asking: tuple[str, ...] = ()
    """Built-in tools that ask."""
    custom_asks: bool = False
    approvals: tuple[ApprovalPolicy, ...] = ()
    repair: int = 0
    members: tuple[str, ...] = field(default=())
    """Agents of its team."""

    def payload(self, name: str | None = None) -> dict[str, Any]:
        """Of the agent, or of a member of its team."""

        def tool(tool: str) -> dict[str, Any]:
            policy = "always_ask" if tool in self.asking else "always_allow"
            return {"name": tool, "enabled": True, "permission_policy": {"type": policy}}

        toolset = {
            "type": "agent_toolset_20260401",
            "default_config": {"enabled": False},
            "configs": [tool(name) for name in ("write", "edit", "bash", "read")],
        }
        rate = {
            "type": "custom",
            "name": "rate",
            "description": "The rate of a currency.",
            "input_schema": RATE_SCHEMA,
        }
        return {"name": name or self.name, "model": {"id": MODEL}, "tools": [toolset, rate]}

    def policy(self, **changes: Any) -> AgentPolicy:
        output = OutputPolicy(path="report.md", required=True, schema=None, sections=("Rates",))
        values: dict[str, Any] = {
            "task": f"Play {self.name}.",
            "outputs": {"report": output},
            "approvals": self.approvals,
            "repair": self.repair,
            "tools": dict.fromkeys(("write", "edit", "bash", "read"), "allow"),
        }
        return agent_policy(**{**values, **changes})


SHAPES: tuple[Shape, ...] = (
    Shape(
        "plain",
        (
            {"think": True, **_turn("I write it down.", _write("report.md"))},
            _turn("It is written down."),
        ),
    ),
    Shape(
        "parallel",
        (
            _turn(
                "All at once.",
                *(_write(f"part{n}.md") for n in range(4)),
                {"id": "look", "name": "read", "input": {"file_path": "/workspace/a.txt"}},
                {"id": "fail", "name": "bash", "input": {"command": "fail no such thing"}},
                _write("report.md"),
            ),
            _turn("All is done.", expect={"tool": "fail", "is_error": True}),
        ),
    ),
    Shape(
        "custom",
        (
            _turn("Seven rates.", *(_rate(currency) for currency in _CURRENCIES)),
            _turn(
                "And one more.",
                _rate("DKK"),
                _write("report.md", "# Rates\n${result.eur} ${result.nok}\n"),
            ),
            _turn("The last is ${result.dkk}."),
        ),
    ),
    Shape(
        "approvals",
        (
            _turn(
                "May I?",
                {"id": "one", "name": "edit", "input": {"file_path": "/workspace/a.txt"}},
                {"id": "two", "name": "edit", "input": {"file_path": "/workspace/b.txt"}},
                {"id": "rm", "name": "bash", "input": {"command": "rm -r /workspace"}},
                _rate("EUR"),
            ),
            _turn(
                "Then the report.",
                _write("report.md"),
                expect=[{"tool": "rm", "is_error": True}, {"tool": "one", "is_error": False}],
            ),
            _turn("Written."),
        ),
        asking=("edit", "bash"),
        custom_asks=True,
        approvals=(
            rule("edit", match={"file_path": "/workspace/*"}),
            rule("bash", "deny", message="Nothing is removed."),
            rule("rate"),
        ),
    ),
    Shape(
        "threads",
        (
            _turn(
                "Two of you.",
                _rate("EUR", thread="clerk"),
                _rate("USD", thread="clerk"),
                {"id": "look", "name": "read", "input": {}, "thread": "clerk"},
                {
                    "id": "one",
                    "name": "edit",
                    "input": {"file_path": "/workspace/a.txt"},
                    "thread": "scribe",
                },
            ),
            _turn(
                "And myself.",
                _rate("GBP"),
                _rate("CHF", thread="clerk"),
                _write("report.md", "# Rates\n${result.usd} ${result.one}\n"),
                expect=[{"tool": "look", "is_error": False}, {"tool": "one", "is_error": False}],
            ),
            _turn("All of us are done."),
        ),
        asking=("edit",),
        approvals=(rule("edit"),),
        members=("clerk", "scribe"),
    ),
    Shape(
        "repair",
        (
            _turn("I have a rate.", _rate("EUR")),
            _turn("I am done."),
            _turn("Now the report.", _write("report.md", "nothing yet")),
            _turn("Is it good?"),
            _turn("Again.", _write("report.md"), _rate("USD")),
            _turn("This is it."),
        ),
        repair=2,
    ),
)
