"""Whether a JSON Schema is certainly one, by the few words that most schemas are made of.

It saves the import of jsonschema, which takes longer than the rest of a check of a small project. What it
does not know it leaves to jsonschema: it never says that a schema is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["is_plain"]

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_DEEPEST = 20


def is_plain(schema: Any, depth: int = 0) -> bool:
    """Whether it is valid by draft 2020-12 and refers to nothing. False: perhaps."""
    return (
        type(schema) is dict
        and depth < _DEEPEST
        and all(_is_word(word, value, depth + 1) for word, value in schema.items())
    )


def _is_word(word: object, value: Any, depth: int) -> bool:
    if word in ("items", "additionalProperties"):
        return type(value) is bool or is_plain(value, depth)
    if word == "properties":
        return type(value) is dict and all(
            type(key) is str and is_plain(item, depth) for key, item in value.items()
        )
    fits = _WORDS.get(word) if isinstance(word, str) else None
    return fits is not None and fits(value)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_scalar(value: Any) -> bool:
    return value is None or type(value) in (str, bool) or _is_number(value)


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is Decimal and value.is_finite())


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_type(value: Any) -> bool:
    if type(value) is list:
        return bool(value) and _are_names(value) and _TYPES.issuperset(value)
    return type(value) is str and value in _TYPES


def _are_names(value: Any) -> bool:
    return type(value) is list and all(map(_is_text, value)) and len(set(value)) == len(value)


def _are_scalars(value: Any) -> bool:
    return type(value) is list and all(map(_is_scalar, value))


_WORDS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "required": _are_names,
    "title": _is_text,
    "description": _is_text,
    "default": _is_scalar,
    "const": _is_scalar,
    "enum": _are_scalars,
    "examples": _are_scalars,
    "minimum": _is_number,
    "maximum": _is_number,
    "exclusiveMinimum": _is_number,
    "exclusiveMaximum": _is_number,
    "minLength": _is_size,
    "maxLength": _is_size,
    "minItems": _is_size,
    "maxItems": _is_size,
    "minProperties": _is_size,
    "maxProperties": _is_size,
    "uniqueItems": lambda value: type(value) is bool,
}
