"""The models as pydantic has them, made from ours when something is asked that only pydantic knows.

A twin has the same name, fields and limits. What it validates is a spec of the model itself: each twin
ends in the making of one, which runs the model's own checks.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache, partial, reduce
from operator import or_
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema, no_info_before_validator_function

from agentflow.spec import declare
from agentflow.spec.declare import MISSING, FieldInfo, SpecModel, expand_word

__all__ = ["annotation", "twin", "validate"]

M = TypeVar("M", bound=SpecModel)

_CONFIG = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


@cache
def twin(model: type[SpecModel]) -> type[BaseModel]:
    """The model as pydantic has it."""
    fields: dict[str, Any] = {
        name: (_checked(model, name, annotation(field.annotation)), _field(field))
        for name, field in model.model_fields.items()
    }
    return pydantic.create_model(
        model.__name__,
        __config__=_CONFIG,
        __doc__=model.__doc__,
        __module__=model.__module__,
        **fields,
    )


def validate(model: type[M], data: Any) -> M:
    """A spec from data.

    Raises:
        pydantic.ValidationError: it is none.
    """
    spec: M = _adapter(model).validate_python(data, by_alias=True, by_name=False)
    return spec


@cache
def _adapter(model: type[SpecModel]) -> TypeAdapter[Any]:
    return TypeAdapter(annotation(model))


def annotation(kind: Any) -> Any:
    """A type of our models as pydantic reads it."""
    origin = get_origin(kind)
    if origin is Annotated:
        marks = [_mark(mark, kind.__origin__) for mark in kind.__metadata__]
        return Annotated[annotation(kind.__origin__), *marks]
    if origin in (Union, types.UnionType):
        return reduce(or_, map(annotation, get_args(kind)))
    if origin in (list, dict):
        return types.GenericAlias(origin, tuple(map(annotation, get_args(kind))))
    if isinstance(kind, type) and issubclass(kind, SpecModel):
        return Annotated[twin(kind), pydantic.AfterValidator(partial(_spec, kind))]
    return kind


def _spec(model: type[M], made: BaseModel | M) -> M:
    """The spec that a twin stands for."""
    if isinstance(made, model):
        return made
    values = {name: getattr(made, name) for name in model.model_fields}
    return model.model_made(values, set(made.model_fields_set))


def _checked(model: type[SpecModel], name: str, kind: Any) -> Any:
    checks = [
        pydantic.AfterValidator(getattr(model, check)) for check in model.field_checks.get(name, ())
    ]
    return Annotated[kind, *checks] if checks else kind


def _field(field: FieldInfo) -> Any:
    notes = dict(field.notes)
    if field.default_factory is not None:
        return pydantic.Field(default_factory=field.default_factory, **notes)
    return (
        pydantic.Field(**notes)
        if field.default is MISSING
        else pydantic.Field(field.default, **notes)
    )


def _mark(mark: Any, inner: Any) -> Any:
    """A mark in `Annotated` in pydantic's words; others mean nothing to pydantic."""
    match mark:
        case FieldInfo():
            return _field(mark)
        case declare.StringConstraints():
            return pydantic.StringConstraints(
                pattern=mark.pattern, min_length=mark.min_length, max_length=mark.max_length
            )
        case declare.BeforeValidator():
            return pydantic.BeforeValidator(mark.func)
        case declare.AfterValidator():
            return pydantic.AfterValidator(mark.func)
        case declare.WithJsonSchema():
            return pydantic.WithJsonSchema(dict(mark.schema))
        case declare.Word():
            return _ShortForm(inner.word_key, {}, partial(expand_word, inner))
        case declare.ShortForm():
            return _ShortForm(mark.key, mark.schema)
        case _:
            return mark


class _ShortForm:
    """What may be written for a mapping, in the JSON Schema; and what makes the mapping of it."""

    def __init__(
        self,
        key: str | None,
        schema: Mapping[str, Any],
        expand: Callable[[Any], Any] | None = None,
    ) -> None:
        self._key = key
        self._schema = schema
        self._expand = expand

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler(source)
        return no_info_before_validator_function(self._expand, inner) if self._expand else inner

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler(core)
        properties = handler.resolve_ref_schema(mapping)["properties"]
        value = {} if self._key is None else properties[self._key]
        short = {k: v for k, v in value.items() if k not in _NOTES} | {**self._schema}
        return {"anyOf": [short, mapping]}


_NOTES = frozenset({"title", "description", "default", "examples"})
