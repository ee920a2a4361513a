"""Specs as data, the schemas that judge them, and documents that use every key there is."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from agentflow.source.tree import Document
from agentflow.source.yaml import parse
from agentflow.spec.kinds import KINDS
from agentflow.spec.schema import SCHEMAS

__all__ = [
    "FULL",
    "documents",
    "is_valid",
    "marked_secrets",
    "model_of",
    "plain",
    "refused_by",
    "schema",
]

FULL = Path(__file__).parents[1] / "cases" / "schema" / "full.yaml"


def plain(value: Any) -> Any:
    """Data as a JSON parser makes it."""
    return json.loads(json.dumps(value, default=lambda item: float(Decimal(item))))


@cache
def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMAS[name]()))


def documents(text: str) -> list[Document]:
    """What a file holds. It has to be one that can be read."""
    found, problems = parse("f.yaml", text)
    assert problems == ()
    return [document for document in found if document.data is not None]


def is_valid(data: Any) -> bool:
    """The verdict of the schema for any document."""
    return schema("agentflow.json").is_valid(plain(data))


def model_of(data: Any) -> Any:
    """The model, with each `${secret.x}` marked as the compiler marks it before it looks.

    Raises:
        ValueError: it is not one.
    """
    return KINDS[data["kind"]].model_validate(marked_secrets(data))


def refused_by(data: Any) -> str | None:
    """What the model has against a document. None: nothing."""
    try:
        model_of(data)
    except ValueError as error:
        return str(error)
    return None


def marked_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: marked_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked_secrets(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(secret\.[\w-]+)\}", "\ufdd0\\1\ufdd1", value)
    return value
