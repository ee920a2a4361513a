"""Custom tools and checks: code that has to exist, and schemas that the service has to accept."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

from agentflow import codes
from agentflow.compiler.checks.schemas import schema_problem
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.schema_parts import PROPERTY
from agentflow.compiler.sections import ASK_USER
from agentflow.compiler.toolcard import ToolCard, tool_card
from agentflow.diagnostics import Diagnostic
from agentflow.nearest import did_you_mean, one_of
from agentflow.ports import Callables, Files
from agentflow.source.tree import Path
from agentflow.spec.agent import Check
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = ["check_code"]

TOOL_LIMIT = 128
"""Entries of `tools`: https://platform.claude.com/docs/en/managed-agents/tools"""


def check_code(
    node: AgentNode, files: Files, ask: Callables | None
) -> Generator[Diagnostic, None, Mapping[str, ToolCard]]:
    """Check custom tools and `done` checks. Returns the cards of the tools that have one."""
    cards: dict[str, ToolCard] = {}
    if len(node.spec.custom) > TOOL_LIMIT - 1:
        message = f"Agent {node.spec.name!r} has {len(node.spec.custom)} custom tools."
        hint = f"The service takes {TOOL_LIMIT} entries, one of them for the built-in tools."
        yield codes.TOOL_NAME.at(node.span("custom", key=True), message, hint=hint)
    for name in node.spec.custom:
        yield from _name(node, name)
        if (schema := node.spec.custom[name].input_schema) is not None:
            yield from _input_schema(node, name, schema)
            yield from _call(node, name, schema, files)
        card, problems = tool_card(node, name, files, ask)
        yield from problems
        if card is not None:
            cards[name] = card
            yield from _argument_rules(node, name, card)
    for index, item in enumerate(node.spec.done):
        if isinstance(item, Check) and item.check.run is not None:
            yield from _check(node, index, item.check.run, files)
    return cards


def _name(node: AgentNode, name: str) -> Iterator[Diagnostic]:
    span = node.span("custom", name, key=True)
    if name in BUILT_IN_TOOLS:
        message = f"The custom tool {name!r} has the name of a built-in tool."
        hint = "Give it another name, or set the built-in tool's policy below `tools`."
        yield codes.TOOL_NAME.at(span, message, hint=hint)
    uncertainty = node.spec.uncertainty
    if name == ASK_USER and uncertainty is not None and uncertainty.mode == "ask":
        message = f"The custom tool {name!r} has the name of the one that `uncertainty: ask` adds."
        yield codes.TOOL_NAME.at(span, message, hint="Give it another name.")


def _input_schema(node: AgentNode, name: str, schema: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What the service refuses: https://platform.claude.com/docs/en/managed-agents/tools ."""
    base: Path = ("custom", name, "input_schema")
    if schema.get("type") != "object":
        message = f"The input schema of {name!r} is not of type object."
        hint = "Arguments are passed by name: write `type: object` with `properties`."
        yield codes.TOOL_SCHEMA.at(node.span(*base, "type"), message, hint=hint)
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            message = (
                f"The input schema of {name!r} has {word!r} at the top, which the service refuses."
            )
            hint = "Use it inside a property."
            yield codes.TOOL_SCHEMA.at(node.span(*base, word, key=True), message, hint=hint)
    references = list(_references(schema, ()))
    for path in references:
        message = f"The input schema of {name!r} has a $ref, which the service refuses."
        hint = "Write what it refers to in its place."
        yield codes.TOOL_SCHEMA.at(node.span(*base, *path, key=True), message, hint=hint)
    properties = schema.get("properties")
    for key in properties if isinstance(properties, Mapping) else ():
        if not PROPERTY.fullmatch(key):
            message = f"The service refuses {key!r} as the name of an argument of {name!r}."
            hint = "Use letters, digits, `_`, `.` and `-`, at most 64 of them."
            span = node.span(*base, "properties", key, key=True)
            yield codes.TOOL_SCHEMA.at(span, message, hint=hint)
    # Where a reference leads is no second mistake.
    if not references and (problem := schema_problem(schema)) is not None:
        message = f"The input schema of {name!r} is not valid JSON Schema: {problem.message}"
        yield codes.TOOL_SCHEMA.at(node.span(*base, *problem.path), message, hint=problem.hint)


def _call(
    node: AgentNode, name: str, schema: Mapping[str, Any], files: Files
) -> Iterator[Diagnostic]:
    """Whether the function takes the arguments that the schema promises."""
    from agentflow.compiler.callables import locate, parameters

    span = node.span("custom", name, "run")
    reference = node.spec.custom[name].run
    found = None if reference is None else locate(reference, files, span).value
    properties = schema.get("properties", {})
    if found is None or not isinstance(properties, Mapping):
        return
    takes = parameters(found)
    if takes is None:
        return
    extra = [key for key in properties if key not in takes.named]
    if extra and not takes.any_keyword:
        message = f"{found.function}() takes no argument {extra[0]!r}, which its schema offers."
        at = node.span("custom", name, "input_schema", "properties", extra[0], key=True)
        hint = did_you_mean(extra[0], takes.named) or "Remove the property, or add the parameter."
        yield codes.CALLABLE_MISMATCH.at(at, message, hint=hint)
    promised = schema.get("required", [])
    for needed in takes.required:
        if not isinstance(promised, list) or needed not in promised:
            message = f"{found.function}() needs {needed!r}, which its schema does not require."
            hint = "Add it to `required`, or give the parameter a default."
            yield codes.CALLABLE_MISMATCH.at(span, message, hint=hint)


def _check(node: AgentNode, index: int, reference: str, files: Files) -> Iterator[Diagnostic]:
    from agentflow.compiler.callables import locate, parameters

    span = node.span("done", index, "check", "run")
    found, problems = locate(reference, files, span)
    yield from problems
    takes = None if found is None else parameters(found)
    if found is not None and takes is not None:
        least, most = takes.positional
        if not least <= 1 <= most:
            message = f"The check {found.function}() cannot be called with one argument."
            hint = f"Write `def {found.function}(outputs): ...`: the outputs by name, as paths."
            yield codes.CALLABLE_MISMATCH.at(span, message, hint=hint)


def _references(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            # A property may be called "$ref": then its schema is a map.
            if key == "$ref" and isinstance(item, str):
                yield (*path, key)
            yield from _references(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))


def _argument_rules(node: AgentNode, name: str, card: ToolCard) -> Iterator[Diagnostic]:
    properties = card.input_schema.get("properties")
    known = list(properties) if isinstance(properties, Mapping) else []
    for argument, rule in node.spec.custom[name].arguments.items():
        span = node.span("custom", name, "arguments", argument, key=True)
        if argument not in known:
            message = f"The tool {name!r} has no argument {argument!r}."
            hint = (
                did_you_mean(argument, known) or f"It has {one_of(known, joined='and') or 'none'}."
            )
            yield codes.UNKNOWN_ARGUMENT.at(span, message, hint=hint)
        elif not rule.allow and not rule.deny:
            message = f"The rule for the argument {argument!r} allows and denies nothing."
            hint = 'Write `allow: ["…"]`, `deny: ["…"]`, or remove it.'
            yield codes.EMPTY_RULE.at(span, message, hint=hint)
