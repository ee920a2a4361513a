"""[io] Files that steer the local service: one YAML document of a model's shape, every problem at its place."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from agentflow import codes
from agentflow.diagnostics import Diagnostic, Span, has_errors
from agentflow.errors import FileRefused, ProblemsFound
from agentflow.source.tree import Document
from agentflow.source.yaml import parse

__all__ = ["Shape", "parse_as", "read_as"]

_MAX_BYTES = 10_000_000

M = TypeVar("M", bound=BaseModel)


class Shape(NamedTuple):
    """What a file is called in messages, and the models whose fields a wrong key may be meant for."""

    name: str
    models: tuple[type[BaseModel], ...]


def read_as(model: type[M], shape: Shape, path: Path) -> M:
    """What is in a file.

    Raises:
        ProblemsFound: it has another shape.
        FileRefused: it cannot be read.
    """
    what = f"The {shape.name} {str(path)!r}"
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileRefused(codes.FILE_TOO_LARGE.id, str(path), f"{what} is too large.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{what} cannot be read: {error}."
        raise FileRefused(codes.FILE_MISSING.id, str(path), message) from None
    return parse_as(model, shape, str(path), text)


def parse_as(model: type[M], shape: Shape, file: str, text: str) -> M:
    """What is in a text.

    Raises:
        ProblemsFound: it has another shape.
    """
    failed = f"The {shape.name} has errors."
    documents, problems = parse(file, text)
    if has_errors(problems):
        raise ProblemsFound(problems, failed)
    if len(documents) != 1:
        message = f"A {shape.name} is one YAML document; this file has {len(documents)}."
        problem = codes.BAD_MODEL_SCRIPT.at(Span.start_of(file), message)
        raise ProblemsFound([problem], failed)
    try:
        return model.model_validate(documents[0].data)
    except ValidationError as error:
        raise ProblemsFound(tuple(_problems(documents[0], error, shape)), failed) from None


def _problems(document: Document, error: ValidationError, shape: Shape) -> Iterator[Diagnostic]:
    places: set[tuple[int | str, ...]] = set()
    for item in error.errors(include_url=False):
        path = _in_document(document.data, item["loc"])
        if path in places:  # the branches of a union each complain about one value
            continue
        places.add(path)
        unknown = item["type"] == "extra_forbidden"
        message = _message(item["type"], item["msg"], path, shape.name)
        hint = _nearest(str(path[-1]), shape) if unknown and path else None
        span = document.span(path, key=unknown)
        yield codes.BAD_MODEL_SCRIPT.at(span, message, hint=hint)


def _in_document(data: Any, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The part of pydantic's location that is a path in the data: union branches are not."""
    path: list[int | str] = []
    for part in location:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                continue
            data = data[part]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _message(type: str, text: str, path: tuple[int | str, ...], name: str) -> str:
    if type == "extra_forbidden":
        return f"A {name} has no field {str(path[-1])!r} here."
    where = ".".join(str(part) for part in path)
    said = text.removeprefix("Value error, ")
    return f"{where or f'The {name.split()[-1]}'}: {said[:1].lower()}{said[1:]}."


def _nearest(key: str, shape: Shape) -> str | None:
    known = {name for model in shape.models for name in model.model_fields}
    near = get_close_matches(key, sorted(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else None
