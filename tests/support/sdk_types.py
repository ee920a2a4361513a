"""Hold a payload against the SDK's own parameter types, strictly.

pydantic would ignore unknown keys of a TypedDict and read `Iterable` fields lazily, so this walks the
types itself: every key is known, every required one is there, every item of every list is looked at.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

__all__ = ["mismatches"]


def mismatches(value: Any, type_: Any, path: str = "") -> list[str]:
    """What does not fit, one line each, with a JSON pointer; empty if all of it does."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in (Required, NotRequired, Annotated):
        return mismatches(value, arguments[0], path)
    if type_ is Any or type_ is object:
        return []
    if is_typeddict(type_):
        return _typed_dict(value, type_, path)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, path)
    if origin is Literal:
        return [] if value in arguments else [f"{path}: {value!r} is not one of {arguments}"]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no map"]
        return [
            m
            for key, item in value.items()
            for m in mismatches(item, arguments[1], f"{path}/{key}")
        ]
    if _is_list(origin):
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [
            m for i, item in enumerate(value) for m in mismatches(item, arguments[0], f"{path}/{i}")
        ]
    wanted = type(None) if type_ is None else type_
    # bool is an int in Python, and is not in JSON.
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    return [] if fits else [f"{path}: {value!r} is not {wanted}"]


def _is_list(origin: Any) -> bool:
    if origin is None:
        return False
    return getattr(origin, "__name__", "") == "SequenceNotStr" or (
        isinstance(origin, type) and (issubclass(origin, (Sequence, Iterable)))
    )


def _typed_dict(value: Any, type_: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no map"]
    hints = get_type_hints(type_, include_extras=True)
    open_ended = getattr(type_, "__extra_items__", None) is object
    # The SDK's annotations are strings, so the class itself does not know which keys are required.
    required = [key for key, hint in hints.items() if _is_required(hint, type_.__total__)]
    found = [f"{path}: {key!r} is missing" for key in required if key not in value]
    for key, item in value.items():
        if key in hints:
            found += mismatches(item, hints[key], f"{path}/{key}")
        elif not open_ended:
            found.append(f"{path}/{key}: unknown to {type_.__name__}")
    return found


def _is_required(hint: Any, total: bool) -> bool:
    origin = get_origin(hint)
    return origin is Required or (total and origin is not NotRequired)


def _union(value: Any, members: Sequence[Any], path: str) -> list[str]:
    tried = [mismatches(value, member, path) for member in members]
    # The member that fits best says most about what is wrong.
    return min(tried, key=len)
