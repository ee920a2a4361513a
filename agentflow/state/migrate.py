"""Bring the data of an older state file to the current format, one function per step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.errors import StateError
from agentflow.state.model import FORMAT

__all__ = ["MIGRATIONS", "migrate"]

Migration = Callable[[Mapping[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Migration] = {}
"""By the format that a function reads; it answers data of the next one. Format 1 is the first."""


def migrate(
    data: object, *, current: int = FORMAT, migrations: Mapping[int, Migration] = MIGRATIONS
) -> dict[str, Any]:
    """The same state in the current format.

    Raises:
        StateError: there is no format number, or it is one that this version does not know.
    """
    number = data.get("format") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(number, int) or isinstance(number, bool):
        raise StateError("there is no format number.")
    if number > current:
        raise NewerFormat(number)
    while number < current:
        if number not in migrations:
            raise StateError(f"format {number} was never in use.")
        data = migrations[number](data)
        number += 1
        data["format"] = number
    if number < 1:
        raise StateError(f"format {number} was never in use.")
    return data


class NewerFormat(StateError):
    """A newer agentflow wrote the file: what it means is not known here, so it is left alone."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"It has format {number}; this version of agentflow reads up to {FORMAT}.",
            hint="Use the newer agentflow that wrote it.",
        )
