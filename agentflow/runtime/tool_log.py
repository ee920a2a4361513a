"""[io] What tools print, in a file, without known secrets.

Workers write to a pipe, not to the file: a tool that prints its environment, or a library that logs a
request, says more than may be kept.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

from agentflow.secret import mask

__all__ = ["ToolLog"]

_LONGEST = 1 << 16
"""Bytes of a line that are waited for. A longer one is written in parts."""

_LAST_WORDS_S = 2.0
"""What a process that was left behind, and holds the pipe open, is waited for."""


class ToolLog:
    """Appends to a file. `descriptor` is for the standard error of other processes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        read, self.descriptor = os.pipe()
        self._thread = threading.Thread(target=self._copy, args=(read,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is there. Whoever still holds the pipe is not waited for long."""
        os.close(self.descriptor)
        self._thread.join(_LAST_WORDS_S)

    def _copy(self, read: int) -> None:
        left = b""
        with self._file as file, open(read, "rb", buffering=0) as pipe:  # a descriptor
            while data := pipe.read(_LONGEST):
                *lines, left = (left + data).split(b"\n")
                if len(left) > _LONGEST:
                    lines, left = [*lines, left], b""
                    file.write(_clean(b"\n".join(lines)))
                elif lines:
                    file.write(_clean(b"\n".join(lines)) + b"\n")
            file.write(_clean(left))


def _clean(data: bytes) -> bytes:
    """What is no text stays as it is."""
    text = data.decode("utf-8", "surrogateescape")
    return mask(text).encode("utf-8", "surrogateescape")
