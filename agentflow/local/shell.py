"""[io] One bash that stays open: working directory, variables and jobs survive between commands.

Each command is given to `eval` as one quoted word, so an unclosed quote or here-document is an error
of that command and not the end of the conversation. Its input is `/dev/null`, and both its outputs
come back in the order they were written. A line with a random mark and the exit code says that the
command has ended; the mark travels on a copy of the output that commands do not inherit.

Everything here blocks: the toolset runs it in threads.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import select
import shlex
import threading
import time
from dataclasses import dataclass

from agentflow.local.paths import HOME
from agentflow.local.sandbox import Sandbox, Spawned

__all__ = ["OUTPUT_LIMIT", "CommandResult", "Shell"]

OUTPUT_LIMIT = 100 * 1024
"""Bytes of output that a command may return; of more, the end is kept."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_READ = 64 * 1024
_CHANNEL = 9
"""The descriptor of the shell's own copy of its output."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    output: str
    exit_code: int | None
    """None: the shell did not live to tell."""
    ended: str | None = None
    """Why the shell is gone after this command: a clause such as "the shell exited with code 3"."""


class Shell:
    """A confined bash. Not safe for two commands at once; `kill` may be called from any thread."""

    def __init__(self, sandbox: Sandbox, *, file_bytes: int) -> None:
        self._process: Spawned = sandbox.spawn(["/bin/bash", "--noprofile", "--norc"])
        self._tail = bytearray()
        self._killed = threading.Event()
        self._send(
            f"exec {_CHANNEL}>&1 2>&1; cd {shlex.quote(HOME)} 2>/dev/null; "
            f"ulimit -f {file_bytes // 1024}\n"
            if sandbox.confined
            else f"exec {_CHANNEL}>&1 2>&1; ulimit -f {file_bytes // 1024}\n"
        )

    def run(self, command: str, timeout_s: float) -> CommandResult:
        """Run one command to its end, its time limit, or the end of the shell.

        After a result with `ended` set this shell is of no more use.
        """
        mark = secrets.token_hex(16)
        deadline = time.monotonic() + timeout_s
        c = _CHANNEL
        script = (
            f"eval {shlex.quote(command)} </dev/null >&{c} 2>&{c} {c}>&-\n"
            f"printf '\\n%s:%d\\n' '{mark[:8]}''{mark[8:]}' $? >&{c}\n"
        )
        try:
            self._send(script, deadline)
            found = self._read_until(mark.encode(), deadline)
        except TimeoutError:
            self.kill()
            self._drain()
            return CommandResult(self._text(None), None, f"it was stopped after {timeout_s:g} s")
        if not found:
            code = self._process.wait()
            return CommandResult(self._text(None), None, self._epitaph(code))
        return CommandResult(self._text(mark.encode()), self._exit_code(mark.encode()))

    def kill(self) -> None:
        """End the shell and everything it started."""
        self._killed.set()
        self._process.kill()

    def close(self) -> None:
        """End everything and wait until it is gone."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def _epitaph(self, code: int) -> str:
        if self._killed.is_set():
            return "it was interrupted"
        if code < 0:
            return "the shell was killed"
        return f"the shell exited with code {code}"

    def _send(self, script: str, deadline: float | None = None) -> None:
        """Write to the shell, which may be slow to read a command larger than a pipe.

        Raises:
            TimeoutError: the deadline has passed.
        """
        data = memoryview(script.encode("utf-8", "surrogateescape"))
        fd = self._process.stdin.fileno()
        os.set_blocking(fd, False)
        while data:
            _, ready, _ = select.select([], [fd], [], _remaining(deadline))
            if not ready:
                raise TimeoutError
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return  # the shell is gone; reading will say so

    def _read_until(self, mark: bytes, deadline: float) -> bool:
        """Collect output up to the line with the mark. False: the output ended before.

        Raises:
            TimeoutError: the deadline has passed.
        """
        self._tail.clear()
        self._dropped = False
        while not re.search(mark + rb":\d+\n", self._tail[-_READ - 64 :]):
            if not self._read(_remaining(deadline)):
                return False
        return True

    def _read(self, timeout_s: float | None) -> bool:
        fd = self._process.stdout.fileno()
        ready, _, _ = select.select([fd], [], [], timeout_s)
        if not ready:
            raise TimeoutError
        chunk = os.read(fd, _READ)
        self._tail += chunk
        if len(self._tail) > 2 * OUTPUT_LIMIT:
            del self._tail[: len(self._tail) - OUTPUT_LIMIT - 128]
            self._dropped = True
        return bool(chunk)

    def _drain(self) -> None:
        """What the killed shell had written and nobody has read yet."""
        with contextlib.suppress(TimeoutError):
            while self._read(1.0):
                pass

    def _exit_code(self, mark: bytes) -> int:
        match = re.search(mark + rb":(\d+)\n", self._tail)
        assert match is not None
        return int(match[1])

    def _text(self, mark: bytes | None) -> str:
        data = bytes(self._tail)
        if mark is not None:
            data = data[: data.rindex(b"\n" + mark)]
        cut = self._dropped or len(data) > OUTPUT_LIMIT
        text = data[-OUTPUT_LIMIT:].decode("utf-8", "replace")
        text = _ANSI.sub("", text).replace("\x00", "�").rstrip("\n")
        return f"[output truncated: only the end is shown]\n{text}" if cut else text


def _remaining(deadline: float | None) -> float | None:
    """Seconds left, at least 0; None for no limit."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())
