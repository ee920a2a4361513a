"""What the models say about a place in a spec: its types, its keys and the marks of its fields.

So that files, references and secrets are looked after in one place, whatever kind they stand in.
"""

import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from agentflow.records import NamedTuple
from agentflow.spec.base import File, RefTo, Secret, SpecModel

__all__ = [
    "ANY",
    "Marked",
    "fields",
    "is_at",
    "known_keys",
    "marked",
    "marked_in",
    "step_into",
    "types_at",
    "values_at",
    "word_key",
]

Mark = File | RefTo | Secret

Path = tuple[str | int, ...]
"""As of `source.tree`: mapping keys and sequence indices."""

ANY = "*"
"""In the path of a mark: any key of a map, or any index of a list."""


class Marked(NamedTuple):
    path: tuple[str, ...]
    mark: Any
    by_word: bool
    """The short form of its mapping is this field: `files: { a: ./a.csv }`."""
    by_list: frozenset[int] = frozenset()
    """The steps of the path that are left out where a bare list stands for their mapping:
    `subagents: [a]`."""


def fields(annotation: Any) -> Mapping[str, Any]:
    """Key as it is written -> its type, for a model; nothing for other types."""
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        return _fields(annotation)
    return {}


@cache
def _fields(model: type[SpecModel]) -> Mapping[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def known_keys(model: type[SpecModel], path: Path) -> list[str]:
    """The keys a mapping at `path` of a spec can have, in the order of the documentation."""
    return [name for item in types_at(model, path) for name in fields(item)]


def types_at(model: type[SpecModel], path: Path) -> list[Any]:
    """The types a value at `path` can have; empty where the model knows no such place."""
    candidates: list[Any] = [model]
    for step in path:
        candidates = [inner for item in candidates for inner in step_into(item, step)]
    return candidates


def word_key(model: type[SpecModel], path: Path) -> str | None:
    """The key that a single word at `path` stands for; None: there is no short form."""
    for item in types_at(model, path):
        if isinstance(item, type) and issubclass(item, SpecModel) and item.word_key:
            return item.word_key
    return None


def step_into(annotation: Any, step: str | int) -> list[Any]:
    """The types of what stands at a key, or an index, of a value of this type."""
    origin = get_origin(annotation)
    if origin is dict:
        return _flat(get_args(annotation)[1])
    if origin is list:
        return _flat(get_args(annotation)[0])
    inner = fields(annotation).get(str(step))
    return [] if inner is None else _flat(inner)


def _flat(annotation: Any) -> list[Any]:
    """The alternatives of a union, without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _flat(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [item for part in get_args(annotation) for item in _flat(part)]
    return [annotation]


@cache
def marked(model: type[SpecModel], kind: type[Mark]) -> tuple[Marked, ...]:
    """Where fields with a mark of this kind stand, and the marks: `("mcp", "*", "auth")`."""
    return tuple(marked_in(model, kind, fields(model)))


def marked_in(
    model: type[SpecModel], kind: type[Mark], data: Mapping[str, Any]
) -> Iterator[Marked]:
    """Of these fields, those below keys that the data of a spec has: most models are not looked at."""
    for key in fields(model):
        if key in data:
            for field in _marks_below(model, key):
                if isinstance(field.mark, kind):
                    yield field


@cache
def _marks_below(model: type[SpecModel], key: str) -> tuple[Marked, ...]:
    return tuple(dict.fromkeys(_marks_of_field(model, key, _Place((), (), by_word=False))))


class _Place(NamedTuple):
    path: tuple[str, ...]
    above: tuple[Any, ...]
    """The models around it, so that one that holds itself ends."""
    by_word: bool
    by_list: frozenset[int] = frozenset()


def _marks(annotation: Any, place: _Place) -> Iterator[Marked]:
    origin = get_origin(annotation)
    if origin is Annotated:
        for mark in annotation.__metadata__:
            if isinstance(mark, (File, RefTo, Secret)):
                yield Marked(place.path, mark, place.by_word, place.by_list)
        yield from _marks(annotation.__origin__, place)
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _marks(part, place)
    elif origin in (dict, list):
        inner = place._replace(path=(*place.path, ANY), by_word=False)
        yield from _marks(get_args(annotation)[-1], inner)
    elif origin is not Literal and annotation not in place.above:
        for key in fields(annotation):
            yield from _marks_of_field(annotation, key, place)


def _marks_of_field(model: type[SpecModel], key: str, place: _Place) -> Iterator[Marked]:
    step = {len(place.path)} if key == model.list_key else set()
    inner = _Place(
        (*place.path, key), (*place.above, model), key == model.word_key, place.by_list | step
    )
    yield from _marks(fields(model)[key], inner)


def is_at(pattern: tuple[str, ...], path: Path) -> bool:
    """Whether a path is one of those that the path of a mark means."""
    return len(pattern) == len(path) and all(
        want in (ANY, step) for want, step in zip(pattern, path, strict=True)
    )


def values_at(data: Any, field: Marked) -> Iterator[tuple[Path, Any]]:
    """Every value of a marked field, with its path. Data of another shape has none."""
    # Most specs have hardly any of the fields that are marked in their model.
    if type(data) is dict and field.path[0] not in data and field.path[0] != ANY:
        return iter(())
    return _values(data, field, 0, ())


def _values(data: Any, field: Marked, done: int, path: Path) -> Iterator[tuple[Path, Any]]:
    """What is left of the field's path after its first `done` steps."""
    if done == len(field.path):
        yield path, data
        return
    step = field.path[done]
    if step != ANY:
        is_last = done == len(field.path) - 1
        if isinstance(data, dict) and step in data:
            yield from _values(data[step], field, done + 1, (*path, step))
        elif isinstance(data, str) and field.by_word and is_last:
            yield path, data
        elif isinstance(data, list) and done in field.by_list:
            yield from _values(data, field, done + 1, path)
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from _values(item, field, done + 1, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _values(item, field, done + 1, (*path, index))
