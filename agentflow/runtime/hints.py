"""What the type hints of a function say: the schema of its arguments, and the arguments themselves.

Loaded by `worker.py` from its file, so it imports nothing of agentflow. pydantic is imported only for a
type that is not JSON already.
"""

import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, Union

__all__ = ["converted", "describe"]

_EMPTY = inspect.Parameter.empty
_PLAIN = (str, int, float, bool, type(None), list, dict, Any, object)
_PLAIN_OF = (list, dict, Sequence, Mapping, Union, types.UnionType)
_makers_of: dict[int, dict[str, Any]] = {}


def describe(function: Any) -> dict[str, Any]:
    """`{"doc": …, "parameters": […]}` of a callable, as JSON data.

    A parameter has `name`, `kind` (as `inspect` calls it), `required`, `default` where JSON has it, and
    either `schema`, which may refer to its own `$defs`, or `why` there is none.

    Raises:
        TypeError: it cannot be called.
        ValueError: it does not tell its parameters.
    """
    if not callable(function):
        raise TypeError(f"{type(function).__name__} object cannot be called")
    hints = _hints(function)
    found = [
        _parameter(parameter, hints.get(name, parameter.annotation))
        for name, parameter in inspect.signature(function).parameters.items()
    ]
    return {"doc": inspect.getdoc(_inner(function)) or "", "parameters": found}


def _parameter(parameter: inspect.Parameter, hint: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": parameter.name,
        "kind": parameter.kind.name,
        "required": parameter.default is _EMPTY,
    }
    if parameter.default is not _EMPTY:
        default = _json(parameter.default)
        if default is not None:
            found["default"] = default
    if hint is _EMPTY:
        return {**found, "why": f"The parameter {parameter.name!r} has no type."}
    if isinstance(hint, str):
        return {**found, "why": f"The type {hint!r} of {parameter.name!r} cannot be resolved."}
    try:
        schema = _adapter(hint).json_schema()
    except Exception as error:
        return {**found, "why": _why(hint, parameter.name, error)}
    notes = getattr(hint, "__metadata__", ())
    text = next((note for note in notes if isinstance(note, str)), None)
    return {**found, "schema": {**schema, "description": text} if text else schema}


def _why(hint: Any, name: str, error: Exception) -> str:
    """What pydantic, or a hook of the class, has to say is about their own machinery; one case is not."""
    shown = hint.__qualname__ if inspect.isclass(hint) else str(hint)
    if getattr(error, "code", None) == "typed-dict-version":
        needed = "typing_extensions.TypedDict for its dictionaries before Python 3.12"
        return f"The type {shown!r} of {name!r} needs {needed}."
    return f"The type {shown!r} of {name!r} has no JSON form."


def _json(value: Any) -> Any:
    """A value as JSON data. None: it has none, or is null."""
    from pydantic_core import to_jsonable_python

    try:
        data = to_jsonable_python(value)
        json.dumps(data, allow_nan=False)
    except Exception:
        return None
    return data


def _inner(function: Any) -> Any:
    """What carries docstring and hints: below `partial` and `wraps`, or the class's `__call__`."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


def _hints(function: Any) -> dict[str, Any]:
    """Resolved hints. Where one cannot be resolved, all that can be: the others stay text."""
    inner = _inner(function)
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except Exception:
        return {name: _resolved(inner, hint) for name, hint in _raw(inner).items()}


def _raw(function: Any) -> Mapping[str, Any]:
    raw: Mapping[str, Any] = getattr(function, "__annotations__", {})
    return raw


def _resolved(function: Any, hint: Any) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, getattr(function, "__globals__", {}))
    except Exception:
        return hint


def _adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def converted(function: Callable[..., Any], input: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the types that the function declares: a dataclass, an enum, a date.

    What is declared as a JSON type, or as nothing that can be built, is passed as it is.

    Raises:
        ValueError: a value does not fit its type, in one sentence.
    """
    # Looked up in a module, it lives as long as this process does.
    makers = _makers_of.get(id(function))
    if makers is None:
        makers = _makers_of[id(function)] = _makers(function)
    return {
        name: _made(makers[name], name, value) if name in makers else value
        for name, value in input.items()
    }


def _makers(function: Callable[..., Any]) -> dict[str, Any]:
    """By parameter, what makes its value. Parameters of JSON types are left out."""
    makers = {}
    for name, hint in _hints(function).items():
        if name == "return" or isinstance(hint, str) or _is_plain(hint):
            continue
        try:
            makers[name] = _adapter(hint)
        except Exception:
            continue
    return makers


def _is_plain(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is Literal or hint in _PLAIN:
        return True
    if origin is Annotated:
        return _is_plain(typing.get_args(hint)[0])
    return origin in _PLAIN_OF and all(map(_is_plain, typing.get_args(hint)))


def _made(adapter: Any, name: str, value: Any) -> Any:
    from pydantic import ValidationError

    try:
        # As JSON, in which a date is text and a set a list.
        return adapter.validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in (name, *first["loc"]))
        raise ValueError(f"{where}: {first['msg']}") from None
