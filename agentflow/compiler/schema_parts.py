"""Parts of the JSON Schemas of tools: unions, choices, and defaults, said in one way wherever they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentflow.patterns import regex

if TYPE_CHECKING:
    import ast

__all__ = ["NULL", "PROPERTY", "any_of", "choice", "constant", "settled"]

NULL = {"type": "null"}

PROPERTY = regex(r"[A-Za-z0-9_.-]{1,64}")
"""What the service takes as a property name: the API reference of custom tools."""


def settled(options: list[dict[str, Any]], default: Any, has_default: bool) -> dict[str, Any]:
    """The schema of a parameter from the members of its type. A `default` of None is not said."""
    if default is None and has_default and len(options) > 1:
        # `x: int | None = None`: leaving it out says the same as null.
        options = [option for option in options if option != NULL]
    schema = any_of(options)
    return schema if default is None else {**schema, "default": default}


def any_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    unique = [option for i, option in enumerate(options) if option not in options[:i]]
    if len(unique) == 1:
        return unique[0]
    if all(set(option) == {"type"} for option in unique):
        return {"type": [option["type"] for option in unique]}
    return {"anyOf": unique}


def choice(values: list[Any]) -> dict[str, Any]:
    names = {type(value) for value in values}
    types = {str: "string", bool: "boolean", int: "integer"}
    kind = types.get(names.pop()) if len(names) == 1 else None
    return {"type": kind, "enum": values} if kind else {"enum": values}


def constant(default: ast.expr | None) -> Any:
    """The value of a default that JSON can hold; None for every other."""
    import ast

    if default is None:
        return None
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (str, int, float, bool, list, dict)) else None
