"""Specs from data that plainly fits, without pydantic.

A reader gives the value that a type makes of data, or raises `Unsure`: then pydantic decides. It may
be unsure of anything, but what it does read is exactly what pydantic would have made of it.
"""

import re
import types
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from agentflow.spec.declare import (
    AfterValidator,
    BeforeValidator,
    FieldInfo,
    SpecModel,
    StringConstraints,
    Word,
    expand_word,
)

__all__ = ["Unsure", "reader"]

Reader = Callable[[Any], Any]


class Unsure(Exception):
    """The data does not plainly fit."""


@cache
def reader(model: type[SpecModel]) -> Reader:
    """Builds specs of a model from mappings."""
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    # Made when the first spec has the key: most keys of a kind are not used in a project.
    read_by_key: dict[str, tuple[str, Reader]] = {}
    defaults = {name: field.default for name, field in model.model_fields.items()}
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    fresh = [(name, field) for name, field in model.model_fields.items() if field.is_fresh]
    made = model.model_made

    def read(data: Any) -> Any:
        if type(data) is not dict:
            if type(data) is model:
                return data
            raise Unsure
        values = defaults.copy()  # in the order of the fields, whatever that of the data is
        given = set()
        for key, value in data.items():
            if key not in read_by_key:
                if key not in names:
                    raise Unsure
                name = names[key]
                read_by_key[key] = name, _field(model, name, model.model_fields[name])
            name, read_value = read_by_key[key]
            values[name] = read_value(value)
            given.add(name)
        if not required <= given:
            raise Unsure
        for name, field in fresh:
            if name not in given:
                values[name] = field.fresh_default()
        try:
            return made(values, given)
        except ValueError:
            raise Unsure from None

    return read


def _field(model: type[SpecModel], name: str, field: FieldInfo) -> Reader:
    read = _limited(_reader(field.annotation), field.limits)
    for check in model.field_checks.get(name, ()):
        read = _checked(read, getattr(model, check))
    return read


def _reader(annotation: Any) -> Reader:
    """The reader of a type as it is written in a model."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _annotated(annotation.__origin__, annotation.__metadata__)
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation))
    if origin is Literal:
        return _word(frozenset(get_args(annotation)))
    if origin is list:
        return _list(_reader(*get_args(annotation)))
    if origin is dict:
        key, value = get_args(annotation)
        return _dict(_reader(key), _reader(value))
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        return _model(annotation)
    return _SCALARS[annotation]


def _exactly(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is kind:
            return value
        raise Unsure

    return read


def _amount(value: Any) -> Any:
    if type(value) is Decimal and value.is_finite():
        return value
    raise Unsure


_SCALARS: Mapping[Any, Reader] = {
    Any: lambda value: value,
    str: _exactly(str),
    int: _exactly(int),
    bool: _exactly(bool),
    float: _exactly(float),
    Decimal: _amount,
}


def _annotated(inner: Any, marks: tuple[Any, ...]) -> Reader:
    """Of the marks in `Annotated`, those further right have the first word, or the last."""
    read = _reader(inner)
    for mark in marks:
        if isinstance(mark, StringConstraints):
            read = _text(read, mark)
        elif isinstance(mark, FieldInfo):
            read = _limited(read, mark.limits)
        elif isinstance(mark, BeforeValidator):
            read = _prepared(read, mark.func)
        elif isinstance(mark, AfterValidator):
            read = _checked(read, mark.func)
        elif isinstance(mark, Word):
            read = _spelt(read, inner)
    return read


def _model(model: type[SpecModel]) -> Reader:
    # Its reader is made when there is something to read: most models of a kind are not used.
    return lambda value: reader(model)(value)


def _word(words: frozenset[Any]) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is str and value in words:
            return value
        raise Unsure

    return read


def _list(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is list:
            return [read_item(item) for item in value]
        raise Unsure

    return read


def _dict(read_key: Reader, read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is dict:
            return {read_key(key): read_item(item) for key, item in value.items()}
        raise Unsure

    return read


def _text(read_inner: Reader, limits: StringConstraints) -> Reader:
    least = limits.min_length or 0
    most = limits.max_length
    pattern = None

    def read(value: Any) -> Any:
        nonlocal pattern
        value = read_inner(value)
        if len(value) < least or (most is not None and len(value) > most):
            raise Unsure
        if limits.pattern is not None and not (limits.surely and limits.surely(value)):
            # Compiled at the first use. Beyond ASCII, and at line ends, two libraries may differ.
            pattern = pattern or re.compile(limits.pattern)
            if not value.isascii() or "\n" in value or not pattern.search(value):
                raise Unsure
        return value

    return read


def _limited(read_inner: Reader, limits: Mapping[str, int]) -> Reader:
    """`ge` and `le` of numbers; `min_length` and `max_length` of anything that has a length."""
    if not limits:
        return read_inner
    assert not limits.keys() & {"gt", "lt"}
    low, high = limits.get("ge"), limits.get("le")
    least, most = limits.get("min_length"), limits.get("max_length")

    def read(value: Any) -> Any:
        value = read_inner(value)
        if (
            (low is not None and value < low)
            or (high is not None and value > high)
            or (least is not None and len(value) < least)
            or (most is not None and len(value) > most)
        ):
            raise Unsure
        return value

    return read


def _prepared(read_inner: Reader, prepare: Reader) -> Reader:
    def read(value: Any) -> Any:
        try:
            prepared = prepare(value)
        except ValueError:
            raise Unsure from None
        return read_inner(prepared)

    return read


def _checked(read_inner: Reader, check: Reader) -> Reader:
    def read(value: Any) -> Any:
        value = read_inner(value)
        try:
            return check(value)
        except ValueError:
            raise Unsure from None

    return read


def _spelt(read_inner: Reader, model: type[SpecModel]) -> Reader:
    return lambda value: read_inner(expand_word(model, value))


def _union(members: tuple[Any, ...]) -> Reader:
    """The first that fits: no value fits several, but for words, which are the same in all."""
    if members[-1] is type(None) and len(members) == 2:
        read_value = _reader(members[0])
        return lambda value: None if value is None else read_value(value)
    readers = [_exactly(m) if m is type(None) else _reader(m) for m in members]

    def read(value: Any) -> Any:
        for read_as in readers:
            try:
                return read_as(value)
            except Unsure:
                continue
        raise Unsure

    return read
