"""What was found in a part by a copy of this process, on its way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from agentflow.operations.kept_parts import KeptPart, part_of, plain_part

__all__ = ["Found", "LeftUndone", "NobodyToAsk", "packed", "unpacked"]


class Found(NamedTuple):
    """What came of the check of a part."""

    part: KeptPart
    states: Sequence[str]
    """Of its facts, in their order."""
    is_spoiled: bool
    """It rests on more than these."""
    ran: Sequence[str] = ()
    """Files of code that has not run in this process."""


class LeftUndone(BaseException):
    """A part that only the first process can check. No rule catches it."""


class NobodyToAsk:
    """`ports.Callables` of a copy. Code of the project runs beside the first process alone, which ends it."""

    def describe(self, reference: str) -> NoReturn:
        """Ask nobody.

        Raises:
            LeftUndone: always.
        """
        raise LeftUndone(reference)


def packed(found: Found) -> bytes:
    return json.dumps([plain_part(found.part), *found[1:]], separators=(",", ":")).encode()


def unpacked(data: bytes) -> Found:
    part, *rest = json.loads(data)
    return Found(part_of(part), *rest)
