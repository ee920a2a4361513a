"""Identifiers as the service makes them: a prefix that names the kind, and an opaque rest."""

from __future__ import annotations

import random
import string
from typing import Protocol

__all__ = ["Ids", "RandomIds", "SequentialIds"]

_ALPHABET = string.digits + string.ascii_letters
_LENGTH = 22


class Ids(Protocol):
    def new(self, prefix: str) -> str:
        """A fresh id, for instance `sesn_…` for the prefix `sesn`."""
        ...


class RandomIds:
    """128 bits and more from the system's source, so that ids of two services never meet."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def new(self, prefix: str) -> str:
        return f"{prefix}_01{''.join(self._random.choices(_ALPHABET, k=_LENGTH))}"


class SequentialIds:
    """Numbered from 1 per prefix, for tests that compare whole answers."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def new(self, prefix: str) -> str:
        number = self._next.get(prefix, 0) + 1
        self._next[prefix] = number
        return f"{prefix}_01{number:0{_LENGTH}d}"
