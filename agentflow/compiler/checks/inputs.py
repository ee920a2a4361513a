"""Values that deployments, tests and steps of flows give to the inputs of an agent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.checks.values import fits_type
from agentflow.compiler.graph import AgentNode, Bound
from agentflow.compiler.references import resolve_path
from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused
from agentflow.nearest import did_you_mean, one_of
from agentflow.ports import Files
from agentflow.source.tree import Path
from agentflow.spec.agent import InputSpec

__all__ = ["Given", "check_inputs"]


class Given(NamedTuple):
    """Where the values stand."""

    bound: Bound[Any]
    path: Path
    """Of the mapping with the values."""
    values: Mapping[str, Any]


def check_inputs(
    agent: AgentNode,
    given: Given,
    files: Files,
    *,
    needed: Collection[str] | None = None,
    later: Callable[[Any], bool] = lambda value: False,
) -> Iterator[Diagnostic]:
    """What is wrong with values for the inputs that an agent declares.

    Args:
        needed: inputs that must have a value, their own default included. None: all.
        later: whether a value only says where the true one will come from.
    """
    declared = agent.spec.inputs
    bound, path, values = given
    for name, value in values.items():
        spec = declared.get(name)
        if spec is None:
            message = f"Agent {agent.spec.name!r} has no input {name!r}."
            hint = did_you_mean(name, declared) or (
                f"It has {one_of(declared, joined='and')}." if declared else "It takes none."
            )
            span = bound.span(*path, name, key=True)
            related = ((agent.span("inputs" if declared else "name"), "the agent"),)
            yield codes.GIVEN_INPUT.at(span, message, hint=hint, related=related)
        elif not later(value):
            yield from _value(agent, given, name, spec, files)
    for name, spec in declared.items():
        if (
            name in values
            or spec.default is not None
            or (needed is not None and name not in needed)
        ):
            continue
        message = f"The input {name!r} of agent {agent.spec.name!r} has no value."
        related = ((agent.span("inputs", name, key=True), "declared here"),)
        hint = f"Write it below `inputs`, or give it a default in {agent.spec.name!r}."
        span = bound.span(*path, key=True)
        yield codes.GIVEN_INPUT.at(span, message, hint=hint, related=related)


def _value(
    agent: AgentNode, given: Given, name: str, spec: InputSpec, files: Files
) -> Iterator[Diagnostic]:
    value = given.values[name]
    path = (*given.path, name)
    span = given.bound.span(*path)
    related = ((agent.span("inputs", name, key=True), "declared here"),)
    if not fits_type(value, spec.type):
        what = "a mapping" if isinstance(value, Mapping) else repr(value)
        message = f"The input {name!r} is of type {spec.type}, and {what} is not."
        hint = f'Quote it: "{value}".' if isinstance(value, int) else f"Write a {spec.type}."
        if spec.type not in ("string", "file") or isinstance(value, bool):
            hint = f"Write a value of type {spec.type}."
        yield codes.GIVEN_INPUT.at(span, message, hint=hint, related=related)
    elif spec.enum and value not in spec.enum:
        message = f"{value!r} is not among the choices of the input {name!r}."
        near = did_you_mean(value, map(str, spec.enum)) if isinstance(value, str) else None
        hint = near or f"Choices are {one_of([repr(choice) for choice in spec.enum])}."
        yield codes.GIVEN_INPUT.at(span, message, hint=hint, related=related)
    elif spec.type == "file":
        try:
            files.digest(resolve_path(given.bound.file(*path), value))
        except FileRefused as refused:
            yield codes.CODES[refused.code].at(span, refused.message, hint=refused.hint)
