"""Where a value may be a secret: no message, no excerpt and no view shows what is written out there."""

from __future__ import annotations

from typing import Any

from agentflow.patterns import regex
from agentflow.source.tree import Path
from agentflow.spec.base import Secret, SpecModel
from agentflow.spec.walk import is_at, known_keys, marked

__all__ = ["HIDDEN", "holds_secrets", "may_be_secret", "secret_at"]

HIDDEN = "●●●"
"""Stands for what is not shown."""


_PASSWORD = regex(r"://[^/\s@:]*:[^/\s@]+@")


def secret_at(model: type[SpecModel], path: Path) -> Secret | None:
    """The mark of a field that takes a secret."""
    return next((f.mark for f in marked(model, Secret) if is_at(f.path, path)), None)


def holds_secrets(model: type[SpecModel], path: Path) -> bool:
    """Whether a mapping at `path` has a key that nothing but a secret belongs to."""
    return any(f.mark.required and is_at(f.path[:-1], path) for f in marked(model, Secret))


def may_be_secret(model: type[SpecModel], path: Path, value: Any) -> bool:
    """Whether a secret belongs there, or one may have got there by mistake.

    By a misspelt key beside the right one, as the text that stands for the whole mapping, or as the
    password in a URL.
    """
    if isinstance(value, str) and "@" in value and _PASSWORD.search(value):
        return True
    if secret_at(model, path) is not None:
        return True
    if holds_secrets(model, path):
        return not isinstance(value, (dict, SpecModel))
    return (
        bool(path)
        and holds_secrets(model, path[:-1])
        and path[-1] not in known_keys(model, path[:-1])
    )
