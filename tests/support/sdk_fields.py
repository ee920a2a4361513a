"""Every field of the bodies that the SDK can send, with its path and type, from the SDK's own types.

A path names keys, with `[]` after a list: `tools[].configs[].name`. Where a map has several forms that
are told apart by `type`, a path below it names the form, `tools[custom].name`, if it is in `FORMS`;
otherwise forms that have a field share its path.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, Union
from typing import get_args as arguments_of
from typing import get_origin as origin_of

from anthropic._types import FileTypes
from typing_extensions import get_type_hints, is_typeddict

from tests.support.sdk_types import BODIES, HEADERS, is_list

__all__ = ["FORMS", "Field", "fields_in", "fields_of", "without_forms"]

FORMS = frozenset(
    {
        "agent",
        "auth",
        "initial_events[]",
        "multiagent",
        "resources[]",
        "tools[]",
    }
)
"""Where the forms of a map are documented one by one, as they are written by different words."""


class Field(NamedTuple):
    path: str
    type: str
    """In words."""


def fields_of(kind: str) -> dict[str, Field]:
    """By path, in the SDK's order, of the body that creates a resource of this kind."""
    return fields_in(BODIES[kind])


def fields_in(body: Any) -> dict[str, Field]:
    """By path, of the SDK's type of a request."""
    found: dict[str, list[Any]] = {}
    for path, type_ in _walk(body, "", ()):
        if path not in HEADERS:
            found.setdefault(path, []).append(type_)
    return {path: Field(path, " or ".join(_words(*seen))) for path, seen in found.items()}


def without_forms(path: str) -> str:
    """`tools[custom].name` as `tools[].name`, and `multiagent[coordinator].agents` without."""
    for form in FORMS:
        name = form.removesuffix("[]")
        if path.startswith(f"{name}["):
            return form + path[path.index("]") + 1 :]
    return path


def _plain(type_: Any) -> Any:
    while origin_of(type_) in (Required, NotRequired, Annotated):
        type_ = arguments_of(type_)[0]
    return type_


def _members(type_: Any) -> list[Any]:
    """The alternatives of a union, without null, by their names.

    Unions and literals that differ only in order are one object to Python: the first that was made.
    """
    type_ = _plain(type_)
    if type_ == FileTypes or origin_of(type_) not in (Union, types.UnionType):
        return [type_]
    found = [m for part in arguments_of(type_) for m in _members(part) if m is not type(None)]
    return sorted(found, key=lambda member: getattr(member, "__name__", str(member)))


def _walk(type_: Any, path: str, above: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """(path, type) of every key below; a type inside itself is not followed again."""
    members = _members(type_)
    forms = [member for member in members if is_typeddict(member)]
    for member in members:
        if is_list(origin_of(member)):
            yield from _walk(arguments_of(member)[0], f"{path}[]", above)
        elif is_typeddict(member) and member not in above:
            place = path
            if path in FORMS and len(forms) > 1:
                place = f"{path.removesuffix('[]')}[{_form(member)}]"
            yield from _keys(member, place, above)


def _keys(type_: Any, path: str, above: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for key, hint in get_type_hints(type_, include_extras=True).items():
        place = f"{path}.{key}" if path else key
        yield place, hint
        yield from _walk(hint, place, (*above, type_))


def _form(type_: Any) -> str:
    (value,) = arguments_of(_plain(get_type_hints(type_, include_extras=True)["type"]))
    return str(value)


_SCALARS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    object: "any value",
    datetime: "time",
}


def _words(*given: Any) -> list[str]:
    """Each alternative in words, once. What any text may be needs no list of some."""
    members = [member for type_ in given for member in _members(type_)]
    words = [word for member in members for word in _word(member)]
    if "text" in words:
        words = [word for word in words if not word.startswith("`")]
    return sorted(set(words), key=lambda word: (word.startswith(("map", "list")), word))


def _word(member: Any) -> list[str]:
    origin, inner = origin_of(member), arguments_of(member)
    if member == FileTypes:
        return ["file"]
    if origin is Literal:
        return [f"`{value}`" for value in inner]
    if is_typeddict(member):
        return ["map"]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [f"map of {' or '.join(_words(inner[1]))}"]
    if is_list(origin):
        return [f"list of {' or '.join(_words(inner[0]))}"]
    return [_SCALARS[member]]
