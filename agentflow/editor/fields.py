"""What the models say about a place in a spec: its documentation, the values it takes, the keys it has."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from inspect import cleandoc
from typing import Any, Literal, NamedTuple, get_args, get_origin

from agentflow.editor.symbols import model_at
from agentflow.source.tree import Path
from agentflow.spec.agent import ModelSpec
from agentflow.spec.base import RefTo, SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import Marked, is_at, marked, types_at

__all__ = ["Field", "choices", "field_at", "keys_at", "reference_kind", "takes_model"]


class Field(NamedTuple):
    name: str
    description: str
    default: str | None
    """As it is written. None: it has none, or none that says anything."""
    required: bool


def plain(path: Path) -> Path:
    """A path without the signs that tell how layers merge: `tools+` is `tools`."""
    return tuple(
        step.rstrip("+-") if isinstance(step, str) and not step.startswith("-") else step
        for step in path
    )


def _types(kind: str, path: Path) -> list[Any]:
    if kind not in KINDS:
        return []
    model, rest = model_at(kind, plain(path))
    return types_at(model, rest)


def _models(kind: str, path: Path) -> Iterator[type[SpecModel]]:
    for item in _types(kind, path):
        if isinstance(item, type) and issubclass(item, SpecModel):
            yield item


def _fields(model: type[SpecModel]) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        default = None if info.is_required() else _written(info.default)
        yield Field(info.alias or name, info.description or "", default, info.is_required())


def _written(default: object) -> str | None:
    if isinstance(default, bool):
        return str(default).lower()
    return str(default) if isinstance(default, (str, int, Decimal)) else None


def keys_at(kind: str, path: Path) -> list[Field]:
    """The keys that a mapping at a path can have, in the order of the documentation."""
    found: dict[str, Field] = {}
    for model in _models(kind, path):
        for field in _fields(model):
            found.setdefault(field.name, field)
    return list(found.values())


def field_at(kind: str, path: Path) -> Field | None:
    """The documentation of a key; of the nearest around it where the name is the user's own.

    None: nobody knows what belongs there.
    """
    path = plain(path)
    for length in range(len(path), 0, -1):
        step = path[length - 1]
        if not isinstance(step, str):
            continue
        for field in keys_at(kind, path[: length - 1]):
            if field.name == step:
                return field
        own = [cleandoc(model.__doc__) for model in _models(kind, path[:length]) if model.__doc__]
        if own and length == len(path) and "`" not in step:
            return Field(step, own[0], None, required=False)
    return None


def choices(kind: str, path: Path) -> list[str]:
    """The words that may stand at a path; empty if there are too many to name."""
    found: dict[str, None] = {}
    for item in _types(kind, path):
        found.update(dict.fromkeys(_words(item)))
    return list(found)


def _words(item: Any) -> Iterator[str]:
    if get_origin(item) is Literal:
        yield from (str(word) for word in get_args(item))
    elif item is bool:
        yield from ("true", "false")
    elif isinstance(item, type) and issubclass(item, SpecModel) and item.word_key:
        for inner in types_at(item, (item.word_key,)):
            if inner is not item:
                yield from _words(inner)


def reference_kind(kind: str, path: Path) -> str | None:
    """The kind, as in addresses, of the specs that a value at a path names. None: it names none."""
    if kind not in KINDS:
        return None
    model, rest = model_at(kind, plain(path))
    for field in marked(model, RefTo):
        if any(is_at(pattern, rest) for pattern in _patterns(field)):
            return str(field.mark.kind)
    return None


def _patterns(field: Marked) -> Iterator[tuple[str, ...]]:
    """The path of a mark, and those of its short forms."""
    yield field.path
    if field.by_word:
        yield field.path[:-1]
    for index in field.by_list:
        yield (*field.path[:index], *field.path[index + 1 :])


def takes_model(kind: str, path: Path) -> bool:
    """Whether the id of a model belongs there."""
    if ModelSpec in _types(kind, path):
        return True
    return bool(path) and path[-1] == "id" and ModelSpec in _types(kind, path[:-1])
