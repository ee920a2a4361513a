"""[io] Functions of a project as they are once imported: asked of a process of their own, with a time limit.

For what the source alone does not tell. The process is started when the first function is asked for, gets
nothing that calls the service and no secrets, leaves no bytecode, and ends with the object.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agentflow.errors import CallableRefused

if TYPE_CHECKING:
    import subprocess

__all__ = ["ANSWER_LIMIT", "ImportedCallables"]

ANSWER_LIMIT = 1 << 20
"""Bytes of a description. A schema that is longer is no use to a model."""


class _Silent(Exception):
    """The process ended, or says what is no answer."""


class ImportedCallables:
    """`ports.Callables` of the project below `root`. Each function is asked for once."""

    def __init__(
        self, root: Path, *, limit_s: float = 10.0, asked: Callable[[], None] = lambda: None
    ) -> None:
        """Take the project's directory.

        Args:
            root: where modules are looked for.
            limit_s: how long one function may take.
            asked: is called when a function is asked for: from then on code of the project has run.
        """
        self._root = root
        self._asked = asked
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._known: dict[str, Mapping[str, Any] | CallableRefused] = {}

    def __enter__(self) -> ImportedCallables:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def describe(self, reference: str) -> Mapping[str, Any]:
        """As the port says.

        Raises:
            CallableRefused: it cannot be imported, or does not tell its parameters.
        """
        if reference not in self._known:
            self._asked()
            try:
                self._known[reference] = self._ask(reference)
            except CallableRefused as refused:
                self._known[reference] = refused
        found = self._known[reference]
        if isinstance(found, CallableRefused):
            raise found
        return found

    def close(self) -> None:
        """End the process and what it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        import signal

        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _ask(self, reference: str) -> Mapping[str, Any]:
        process = self._process = self._process or _start(self._root)
        deadline = time.monotonic() + self._limit_s
        try:
            answer = _exchange(process, {"describe": reference}, deadline)
        except TimeoutError:
            self.close()
            message = f"Importing it took longer than {self._limit_s:g} s and was stopped."
            raise CallableRefused(message) from None
        except (_Silent, OSError, ValueError, RecursionError):
            self.close()
            raise CallableRefused("Importing it ended the process that did it.") from None
        except BaseException:
            self.close()
            raise
        if "error" in answer:
            file, line = answer.get("file"), answer.get("line")
            raise CallableRefused(f"{answer['error']}", file=file, line=line)
        described: Mapping[str, Any] = answer["value"]
        return described


def _start(root: Path) -> subprocess.Popen[bytes]:
    import subprocess
    import sys

    from agentflow.runtime.surroundings import WORKER, import_environment

    return subprocess.Popen(
        [sys.executable, str(WORKER), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env={**import_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )


def _exchange(
    process: subprocess.Popen[bytes], request: Mapping[str, Any], deadline: float
) -> dict[str, Any]:
    import json

    assert process.stdin is not None
    assert process.stdout is not None
    data = json.dumps(request).encode()
    process.stdin.write(len(data).to_bytes(8, "big") + data)
    process.stdin.flush()
    length = int.from_bytes(_read(process.stdout.fileno(), 8, deadline), "big")
    if length > ANSWER_LIMIT:
        raise _Silent
    answer = json.loads(_read(process.stdout.fileno(), length, deadline))
    if not isinstance(answer, dict) or not ("error" in answer or _describes(answer.get("value"))):
        raise _Silent  # the code has found out where answers are written
    return answer


def _describes(value: object) -> bool:
    return isinstance(value, dict) and {"doc", "parameters"} <= value.keys()


def _read(pipe: int, length: int, deadline: float) -> bytes:
    """Exactly `length` bytes.

    Raises:
        TimeoutError: they are not there by then.
        _Silent: they will never be.
    """
    import select

    data = b""
    while len(data) < length:
        ready, _, _ = select.select([pipe], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        more = os.read(pipe, length - len(data))
        if not more:
            raise _Silent
        data += more
    return data
