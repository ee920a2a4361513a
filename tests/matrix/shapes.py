"""The sessions that the matrix plays: what the model does, what the agent may, and who answers what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, ApprovalPolicy, OutputPolicy
from tests.runtime.support import MODEL, agent_policy, rule

__all__ = ["RATE_SCHEMA", "SHAPES", "Shape", "rate_call", "turn", "write_call"]

RATE_SCHEMA = {
    "type": "object",
    "properties": {"currency": {"type": "string"}},
    "required": ["currency"],
}
_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "SEK", "NOK")
_USAGE = {"input": 10, "output": 20, "cache_read": 30, "cache_write": 40}


def write_call(name: str, content: str = "# Rates\n") -> dict[str, Any]:
    path = f"/mnt/session/outputs/{name}"
    return {"id": name.split(".")[0], "name": "write", "input": _file(path, content)}


def _file(path: str, content: str) -> dict[str, Any]:
    return {"file_path": path, "content": content}


def rate_call(currency: str, **more: Any) -> dict[str, Any]:
    return {"id": currency.lower(), "name": "rate", "input": {"currency": currency}, **more}


def turn(say: str, *tools: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"say": say, "tools": list(tools), "usage": _USAGE, **more}


def _server_call(name: str, what: str) -> dict[str, Any]:
    return {"id": name, "name": name, "server": "warehouse", "input": {"what": what}}


def _with_result(turn: Mapping[str, Any], result: str) -> dict[str, Any]:
    """A turn whose calls all get this answer of their server."""
    return {**turn, "tools": [{**call, "result": result} for call in turn["tools"]]}


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
    servers: Mapping[str, str] = field(default_factory=dict)
    """MCP servers: name to the policy of all of their tools."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the agent's policy."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Of the task."""
    rate: Mapping[str, Any] = field(default_factory=dict)
    """Of the policy of the custom tool."""

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
        servers = [{"type": "url", "name": one, "url": _url(one)} for one in self.servers]
        toolsets = [_server_tools(one, policy) for one, policy in self.servers.items()]
        return {
            "name": name or self.name,
            "model": {"id": self.changes.get("model", MODEL)},
            "tools": [toolset, rate, *toolsets],
            "mcp_servers": servers,
        }

    def policy(self, **changes: Any) -> AgentPolicy:
        output = OutputPolicy(path="report.md", required=True, schema=None, sections=("Rates",))
        values: dict[str, Any] = {
            "task": f"Play {self.name}.",
            "outputs": {"report": output},
            "approvals": self.approvals,
            "repair": self.repair,
            "tools": dict.fromkeys(("write", "edit", "bash", "read"), "allow"),
        }
        return agent_policy(**{**values, **self.changes, **changes})


def _url(server: str) -> str:
    return f"https://{server}.example.com/mcp"


def _server_tools(server: str, policy: str) -> dict[str, Any]:
    return {
        "type": "mcp_toolset",
        "mcp_server_name": server,
        "default_config": {"enabled": True, "permission_policy": {"type": policy}},
    }


SHAPES: tuple[Shape, ...] = (
    Shape(
        "plain",
        (
            {"think": True, **turn("I write it down.", write_call("report.md"))},
            turn("It is written down."),
        ),
    ),
    Shape(
        "parallel",
        (
            turn(
                "All at once.",
                *(write_call(f"part{n}.md") for n in range(4)),
                {"id": "look", "name": "read", "input": {"file_path": "/workspace/a.txt"}},
                {"id": "fail", "name": "bash", "input": {"command": "fail no such thing"}},
                write_call("report.md"),
            ),
            turn("All is done.", expect={"tool": "fail", "is_error": True}),
        ),
    ),
    Shape(
        "custom",
        (
            turn("Seven rates.", *(rate_call(currency) for currency in _CURRENCIES)),
            turn(
                "And one more.",
                rate_call("DKK"),
                write_call("report.md", "# Rates\n${result.eur} ${result.nok}\n"),
            ),
            turn("The last is ${result.dkk}."),
        ),
    ),
    Shape(
        "approvals",
        (
            turn(
                "May I?",
                {"id": "one", "name": "edit", "input": {"file_path": "/workspace/a.txt"}},
                {"id": "two", "name": "edit", "input": {"file_path": "/workspace/b.txt"}},
                {"id": "rm", "name": "bash", "input": {"command": "rm -r /workspace"}},
                rate_call("EUR"),
            ),
            turn(
                "Then the report.",
                write_call("report.md"),
                expect=[{"tool": "rm", "is_error": True}, {"tool": "one", "is_error": False}],
            ),
            turn("Written."),
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
            turn(
                "Two of you.",
                rate_call("EUR", thread="clerk"),
                rate_call("USD", thread="clerk"),
                {"id": "look", "name": "read", "input": {}, "thread": "clerk"},
                {
                    "id": "one",
                    "name": "edit",
                    "input": {"file_path": "/workspace/a.txt"},
                    "thread": "scribe",
                },
            ),
            turn(
                "And myself.",
                rate_call("GBP"),
                rate_call("CHF", thread="clerk"),
                write_call("report.md", "# Rates\n${result.usd} ${result.one}\n"),
                expect=[{"tool": "look", "is_error": False}, {"tool": "one", "is_error": False}],
            ),
            turn("All of us are done."),
        ),
        asking=("edit",),
        approvals=(rule("edit"),),
        members=("clerk", "scribe"),
    ),
    Shape(
        "servers",
        (
            _with_result(
                turn("I search.", _server_call("search", "lamps"), _server_call("open", "box")),
                '{"lamps": 3}',
            ),
            turn(
                "Then the report.",
                write_call("report.md", "# Rates\n${result.search.lamps}\n"),
                _server_call("drop", "box"),
                _server_call("gone", "box"),
                expect=[{"tool": "open", "is_error": False}, {"tool": "search", "contains": "3"}],
            ),
            turn("Done.", expect=[{"tool": "drop", "is_error": True}]),
        ),
        approvals=(
            rule("warehouse.drop", "deny", message="Nothing is dropped."),
            rule("warehouse.*"),
        ),
        servers={"warehouse": "always_ask"},
    ),
    Shape(
        "repair",
        (
            turn("I have a rate.", rate_call("EUR")),
            turn("I am done."),
            turn("Now the report.", write_call("report.md", "nothing yet")),
            turn("Is it good?"),
            turn("Again.", write_call("report.md"), rate_call("USD")),
            turn("This is it."),
        ),
        repair=2,
    ),
)
