"""What the agent is told of a custom tool: its description and input schema, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow import codes
from agentflow.compiler.delivery import plain
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.references import is_file, resolve_path
from agentflow.diagnostics import Checked
from agentflow.ports import Callables, Files
from agentflow.records import NamedTuple
from agentflow.source.tree import Path

__all__ = ["ASK_USER_CARD", "ToolCard", "command_line", "tool_card"]


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


def tool_card(
    node: AgentNode, name: str, files: Files, ask: Callables | None
) -> Checked[ToolCard | None]:
    """The card of the custom tool `name`. None: `problems` says why there is none.

    `ask` is asked about a function whose source does not tell its schema.
    """
    tool = node.spec.custom[name]
    if tool.run is not None:
        return _of_function(node, name, tool.run, files, ask)
    problems = []
    span = node.span("custom", name, key=True)
    runner = "command" if tool.command is not None else "http"
    if tool.description is None:
        message = f"The tool {name!r} has no description."
        hint = f"Write its `description`: with `{runner}` there is no docstring to take it from."
        problems.append(codes.TOOL_WITHOUT_DESCRIPTION.at(span, message, hint=hint))
    if tool.input_schema is None:
        message = f"The tool {name!r} has no input schema."
        hint = f"Write its `input_schema`: with `{runner}` there are no type hints to read it from."
        problems.append(codes.TOOL_WITHOUT_SCHEMA.at(span, message, hint=hint))
    if tool.description is None or tool.input_schema is None:
        return Checked(None, tuple(problems))
    return Checked(ToolCard(tool.description, plain(tool.input_schema)), ())


def _of_function(
    node: AgentNode, name: str, reference: str, files: Files, ask: Callables | None
) -> Checked[ToolCard | None]:
    # Reads Python, which most projects have none of.
    from agentflow.compiler.callables import callable_schema, docstring_of, locate

    tool = node.spec.custom[name]
    span = node.span("custom", name, "run")
    found, problems = locate(reference, files, span)
    if found is None:
        return Checked(None, problems)
    schema: Mapping[str, Any] | None = tool.input_schema
    if schema is not None:
        doc = docstring_of(found)
        told = doc.description if doc is not None else None
    else:
        read, why = callable_schema(found, files, ask, span)
        if read is None:
            return Checked(None, why)
        told, schema = read
    description = tool.description or told
    if not description:
        message = f"The tool {name!r} has no description."
        hint = f"Write a docstring for {found.function}(), or the tool's `description`."
        if told is None:
            hint = (
                f"Write its `description`: a docstring of {found.function}() is not in the source."
            )
        at = node.span("custom", name, key=True)
        return Checked(None, (codes.TOOL_WITHOUT_DESCRIPTION.at(at, message, hint=hint),))
    return Checked(ToolCard(description, plain(schema)), ())


def command_line(node: AgentNode, place: Path, words: Sequence[str]) -> tuple[str, ...]:
    """Program and arguments of the `command` that stands at `place` of an agent.

    What starts with `./` or `../` is a file beside the spec, and starts with `./` and is relative to
    the project afterwards.
    """
    return tuple(
        f"./{resolve_path(node.file(*place, index), word)}" if is_file(word) else word
        for index, word in enumerate(words)
    )
