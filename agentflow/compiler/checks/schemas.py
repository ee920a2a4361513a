"""Whether a JSON Schema that a user wrote is one. jsonschema is imported only if there is any."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from agentflow.compiler.manifest import canonical_json
from agentflow.source.tree import Path

__all__ = ["SchemaProblem", "schema_problem"]


class SchemaProblem(NamedTuple):
    path: Path
    """Of the value that is wrong, in the schema."""
    message: str
    """A sentence."""


def schema_problem(schema: Mapping[str, Any]) -> SchemaProblem | None:
    """What is wrong with a schema, by the draft it names; None: it is valid."""
    if (remote := _remote(schema, ())) is not None:
        return remote
    return _by_metaschema(canonical_json(schema))


@lru_cache(maxsize=128)
def _by_metaschema(text: str) -> SchemaProblem | None:
    import json

    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    schema = json.loads(text)
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        path = tuple(error.absolute_path)
        where = f"at {'.'.join(map(str, path))}: " if path else ""
        return SchemaProblem(path, f"{where}{error.message.rstrip('.')}.")
    except RecursionError:
        return SchemaProblem((), "it is nested too deeply.")
    except Exception as error:
        return SchemaProblem((), f"it cannot be read ({type(error).__name__}).")
    return None


def _remote(value: Any, path: Path) -> SchemaProblem | None:
    """A reference that leads out of the schema: nothing is fetched, so it could not be followed."""
    if isinstance(value, Mapping):
        for word in ("$ref", "$dynamicRef", "$recursiveRef"):
            reference = value.get(word)
            if isinstance(reference, str) and not reference.startswith("#"):
                message = (
                    f"the {word} {reference!r} leads out of the schema, and nothing is fetched."
                )
                return SchemaProblem((*path, word), message)
        children: list[tuple[str | int, Any]] = list(value.items())
    else:
        children = list(enumerate(value)) if isinstance(value, list) else []
    return next((p for key, item in children if (p := _remote(item, (*path, key)))), None)
