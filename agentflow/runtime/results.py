"""[io] Results of custom tools that are longer than the agent is to get: kept whole, told in part.

What the agent gets is part of the call's outcome, so it is in the ledger, and the same after a crash.
The whole lies below the run's directory, in a file that is named after the call.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from agentflow.errors import StateError
from agentflow.spec.custom import RESULT_LIMIT

__all__ = ["RESULT_LIMIT", "Results"]

_GAP = 60
"""At most so many characters stand between the beginning and the end."""

_TAIL = 4
"""The end of a text gets one part of so many: what sums a text up often stands there."""


class Results:
    """The results of one run's calls."""

    def __init__(self, directory: Path) -> None:
        """`directory` is made when the first result is kept; its last two parts name it to people."""
        self._directory = directory

    def fitted(self, call_id: str, text: str, *, limit: int | None = None) -> str:
        """`text`, if the agent may get all of it; else its beginning and end, and where the rest is.

        Args:
            call_id: names the file.
            text: may hold halves of characters, which no file, database or request takes.
            limit: characters that the agent gets, the note among them. None: `RESULT_LIMIT`.

        Raises:
            StateError: the whole cannot be kept.
        """
        text = text.encode("utf-8", "replace").decode()
        limit = RESULT_LIMIT if limit is None else limit
        if len(text) <= limit:
            return text
        data = text.encode()
        note = _note(text, data, self._keep(call_id, data))
        room = limit - len(note) - _GAP
        head, tail = text[: room - room // _TAIL], text[-(room // _TAIL) :]
        left_out = len(text) - len(head) - len(tail)
        return f"{note}\n{head}\n[… {left_out:,} characters left out …]\n{tail}"

    def _keep(self, call_id: str, data: bytes) -> str:
        """Write the whole; where it is, as people are told it."""
        name = re.sub(r"[^A-Za-z0-9_-]", "_", call_id)[:120] + ".txt"
        path = self._directory / name
        part = path.with_suffix(".part")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            raise StateError(
                f"The result of a tool cannot be kept in {str(path)!r}: {error.strerror}.",
                hint="Make room below .agentflow.",
            ) from error
        return "/".join(path.parts[-3:])


def _note(text: str, data: bytes, path: str) -> str:
    kind = " It is JSON, and what you see of it does not parse." if _is_json(text) else ""
    digest = hashlib.sha256(data).hexdigest()
    return (
        f"[cut: this result has {len(text):,} characters ({len(data):,} bytes, sha256 {digest}), "
        f"and you see its beginning and its end.{kind} Whoever runs you has the whole in {path}. "
        "If you need what is missing, ask for less at a time.]"
    )


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
