"""What the agent is told of a custom tool: its description and input schema, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.callables import callable_schema, docstring_of, locate
from agentflow.compiler.delivery import plain
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Checked
from agentflow.ports import Files

__all__ = ["ASK_USER_CARD", "ToolCard", "tool_card"]


class ToolCard(NamedTuple):
    description: str
    input_schema: Mapping[str, Any]


ASK_USER_CARD = ToolCard(
    "Ask a person one question about the task, and wait for the answer. Use it when something is "
    "unclear and the answer would change the result; decide small things yourself. The answer is "
    "plain text. If it says that nobody answered, go on with what you gave as `default`.",
    {
        "type": "object",
        "properties": {
            "question": {
                "type": "string",
                "description": "One precise question that can be understood without the files.",
            },
            "options": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The answers you see, if there are only a few.",
            },
            "default": {
                "type": "string",
                "description": "What you will do if nobody answers.",
            },
        },
        "required": ["question", "default"],
        "additionalProperties": False,
    },
)


def tool_card(node: AgentNode, name: str, files: Files) -> Checked[ToolCard | None]:
    """The card of the custom tool `name`. None: `problems` says why there is none."""
    tool = node.spec.custom[name]
    found, problems = locate(tool.run, files, node.span("custom", name, "run"))
    if found is None:
        return Checked(None, problems)
    schema: Mapping[str, Any] | None = tool.input_schema
    if schema is None:
        read, why = callable_schema(found)
        if read is None:
            return Checked(None, why)
        schema = read.input_schema
    description = tool.description or docstring_of(found).description
    if not description:
        message = f"The tool {name!r} has no description."
        hint = f"Write a docstring for {found.function}(), or the tool's `description`."
        span = node.span("custom", name, key=True)
        return Checked(None, (codes.TOOL_WITHOUT_DESCRIPTION.at(span, message, hint=hint),))
    return Checked(ToolCard(description, plain(schema)), ())
