"""Single values of an agent: the model, inputs, the budget, metadata and `raw`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.delivery import default_file
from agentflow.compiler.graph import AgentNode, Bound
from agentflow.compiler.models import MODELS
from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused
from agentflow.nearest import one_of
from agentflow.source.tree import Path
from agentflow.spec.budget import BudgetSpec

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = [
    "check_budget",
    "check_inputs_declared",
    "check_metadata",
    "check_values",
    "fits_type",
    "reserved_keys",
]

_LIMITS = ("usd", "tokens", "turns", "tool_calls", "active", "wall")


def check_values(node: AgentNode, files: Files) -> Iterator[Diagnostic]:
    yield from _model(node)
    yield from check_inputs_declared(node, files)
    yield from check_budget(node)
    yield from check_metadata(node)
    yield from reserved_keys(node, ("session", "metadata"), node.spec.session.metadata)


def check_inputs_declared(node: Bound[Any], files: Files) -> Iterator[Diagnostic]:
    """Choices and defaults of inputs; for specs of a kind that has `inputs`."""
    for name in node.spec.inputs:
        yield from _input(node, name)
        yield from _default_file(node, name, files)


def check_metadata(spec: Bound[Any]) -> Iterator[Diagnostic]:
    """Ownership is written by apply: a spec that sets it would take a resource away from itself.

    For specs of a kind that has `metadata` and `raw`.
    """
    raw = spec.spec.raw.get("metadata")
    yield from reserved_keys(spec, ("metadata",), spec.spec.metadata)
    if isinstance(raw, Mapping):
        yield from reserved_keys(spec, ("raw", "metadata"), raw)


def reserved_keys(spec: Bound[Any], path: Path, keys: Iterable[str]) -> Iterator[Diagnostic]:
    """Those of the metadata at `path` that are not for specs to set."""
    for key in keys:
        if key.startswith("agentflow."):
            message = f"The metadata key {key!r} belongs to agentflow."
            span = spec.span(*path, key, key=True)
            yield codes.RESERVED_METADATA.at(span, message, hint="Choose another prefix.")


def _model(node: AgentNode) -> Iterator[Diagnostic]:
    model = node.spec.model
    facts = MODELS.get(model.id)
    if model.speed == "fast" and facts is not None and not facts.fast:
        able = [name for name, each in MODELS.items() if each.fast]
        message = f"The model {model.id!r} has no fast mode."
        hint = f"Models that have it: {one_of(able, joined='and')}."
        yield codes.MODEL_SPEED.at(node.span("model", "speed"), message, hint=hint)


def fits_type(value: Any, type_: str) -> bool:
    """Whether a value is of the type a variable or input declares."""
    if type_ in {"string", "file"}:
        return isinstance(value, str)
    if type_ == "boolean":
        return isinstance(value, bool)
    kinds = int if type_ == "integer" else (int, Decimal, float)
    return isinstance(value, kinds) and not isinstance(value, bool)


def _input(node: Bound[Any], name: str) -> Iterator[Diagnostic]:
    spec = node.spec.inputs[name]
    for index, choice in enumerate(spec.enum or ()):
        if not fits_type(choice, spec.type):
            message = f"The choice {choice!r} of the input {name!r} is not of type {spec.type}."
            span = node.span("inputs", name, "enum", index)
            yield codes.INPUT_VALUE.at(span, message, hint=_quote(choice, spec.type))
    if spec.enum is not None and spec.type == "file":
        message = f"The input {name!r} is a file, so it has no choices."
        span = node.span("inputs", name, "enum", key=True)
        yield codes.INPUT_VALUE.at(span, message, hint="Remove `enum`.")
    if spec.default is None:
        return
    span = node.span("inputs", name, "default")
    if not fits_type(spec.default, spec.type):
        message = f"The default {spec.default!r} of the input {name!r} is not of type {spec.type}."
        yield codes.INPUT_VALUE.at(span, message, hint=_quote(spec.default, spec.type))
    elif spec.enum and spec.default not in spec.enum:
        message = f"The default {spec.default!r} of the input {name!r} is not among its choices."
        choices = one_of([repr(choice) for choice in spec.enum])
        yield codes.INPUT_VALUE.at(span, message, hint=f"Choices are {choices}.")


def _default_file(node: Bound[Any], name: str, files: Files) -> Iterator[Diagnostic]:
    """A default file has to be there. How large it is and what it holds is for the run."""
    path = default_file(node, name)
    if path is None:
        return
    try:
        files.read(path)
    except FileRefused as refused:
        if refused.code in {
            codes.FILE_MISSING.id,
            codes.NOT_A_FILE.id,
            codes.OUTSIDE_PROJECT.id,
        }:
            span = node.span("inputs", name, "default")
            yield codes.CODES[refused.code].at(span, refused.message, hint=refused.hint)


def _quote(value: Any, type_: str) -> str:
    if type_ in {"string", "file"}:
        return f'Quote it: "{value}".'
    return f"Write a value of type {type_}."


def check_budget(node: Bound[Any]) -> Iterator[Diagnostic]:
    """For specs of a kind that has a `budget` with several limits."""
    budget = node.spec.budget
    if budget is None:
        return
    pools = getattr(budget, "pools", None)
    if not pools and not any(getattr(budget, limit) is not None for limit in _LIMITS):
        message = "The budget has no limit."
        hint = f"Write one of {one_of(_LIMITS)}."
        yield codes.BUDGET.at(node.span("budget", key=True), message, hint=hint)
    yield from _time(node, budget)


def _time(node: Bound[Any], budget: BudgetSpec) -> Iterator[Diagnostic]:
    if budget.active is not None and budget.wall is not None and budget.active > budget.wall:
        message = "The active time can never be used up: it is longer than the wall time."
        span = node.span("budget", "active")
        yield codes.BUDGET.at(span, message, hint="Lower `active`, or raise `wall`.")
