"""Whether a JSON Schema that a user wrote is one. jsonschema is imported only for one that is not plain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from agentflow.compiler.checks.plain_schemas import is_plain
from agentflow.compiler.manifest import canonical_json
from agentflow.nearest import did_you_mean, one_of
from agentflow.records import NamedTuple
from agentflow.source.tree import Path

__all__ = ["SchemaProblem", "schema_problem"]


_POINTERS = ("$ref", "$dynamicRef", "$recursiveRef")
_DATA = frozenset({"const", "default", "enum", "examples"})
"""Keys whose values are data, in which `$ref` is a key like any other."""
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_LOOK_UP = "Look the key up in the draft that `$schema` names: 2020-12 if there is none."
_WITHIN = "Write what it names into the schema, below `$defs`."


class SchemaProblem(NamedTuple):
    path: Path
    """Of the value that is wrong, in the schema."""
    message: str
    """A sentence, which may go on from a colon."""
    hint: str


_MANY = 1024
_seen: dict[str, SchemaProblem | None] = {}
"""By how a schema is written: many specs have the same."""


def schema_problem(schema: Mapping[str, Any]) -> SchemaProblem | None:
    """What is wrong with a schema, by the draft it names; None: it is valid."""
    written = repr(schema)
    if written not in _seen:
        if len(_seen) >= _MANY:
            _seen.clear()
        _seen[written] = _schema_problem(schema)
    return _seen[written]


def _schema_problem(schema: Mapping[str, Any]) -> SchemaProblem | None:
    if is_plain(schema):
        return None
    for path, word, reference in _references(schema, ()):
        if not reference.startswith("#"):
            message = f"the {word} {reference!r} leads out of the schema, and nothing is fetched."
            return SchemaProblem((*path, word), message, _WITHIN)
    if (problem := _by_metaschema(canonical_json(schema))) is not None:
        return problem
    return _dangling(schema)


@lru_cache(maxsize=128)
def _by_metaschema(text: str) -> SchemaProblem | None:
    import json

    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    schema = json.loads(text)
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        return _refused(tuple(error.absolute_path), error.instance, error.message.rstrip("."))
    except RecursionError:
        return SchemaProblem((), "it is nested too deeply.", "Take levels out.")
    except Exception as error:
        return SchemaProblem((), f"it cannot be read ({type(error).__name__}).", _LOOK_UP)
    return None


def _refused(path: Path, value: Any, message: str) -> SchemaProblem:
    """What a metaschema has against a value of a schema."""
    hint = _LOOK_UP
    if path and path[-1] == "type" and isinstance(value, str):
        # The metaschema speaks of the two forms of `type`, and of neither clearly.
        message = f"{value!r} is no type"
        hint = did_you_mean(value, _TYPES) or f"Types are {one_of(_TYPES, joined='and')}."
    where = f"at {'.'.join(map(str, path))}: " if path else ""
    return SchemaProblem(path, f"{where}{message}.", hint)


def _references(value: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    """Every reference in a schema: the path of the map it is in, its key and its text."""
    if isinstance(value, Mapping):
        for word in _POINTERS:
            if isinstance(reference := value.get(word), str):
                yield path, word, reference
    for key, item in _children(value):
        yield from _references(item, (*path, key))


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _dangling(schema: Mapping[str, Any]) -> SchemaProblem | None:
    """A pointer to a part that the schema does not have. With `$id` they count from elsewhere."""
    if _has_own_base(schema, ()):
        return None
    for path, word, reference in _references(schema, ()):
        if _DATA.intersection(path):
            continue
        if word == "$ref" and reference.startswith("#/") and not _leads(schema, reference):
            message = f"the $ref {reference!r} names no part of the schema."
            defined = [
                f"#/{key}/{name}"
                for key in ("$defs", "definitions")
                for name in _keys(schema.get(key))
            ]
            return SchemaProblem(
                (*path, word), message, did_you_mean(reference, defined) or _WITHIN
            )
    return None


def _keys(value: Any) -> Iterable[str]:
    return value if isinstance(value, Mapping) else ()


def _has_own_base(value: Any, path: Path) -> bool:
    below = isinstance(value, Mapping) and bool(path) and isinstance(value.get("$id"), str)
    return below or any(_has_own_base(item, (*path, key)) for key, item in _children(value))


def _leads(schema: Any, pointer: str) -> bool:
    """Whether a JSON pointer of a reference, such as `#/$defs/row`, leads somewhere."""
    from urllib.parse import unquote

    for part in unquote(pointer).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        elif isinstance(schema, Mapping) and key in schema:
            schema = schema[key]
        else:
            return False
    return True
