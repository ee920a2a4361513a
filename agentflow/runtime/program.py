"""[io] A custom tool, or a check, that is a program: JSON on its standard input, its output as the result.

Loaded by `worker.py` from its file, so it imports nothing of agentflow. The program is in the worker's
process group: who stops the worker stops the program and what it has started.
"""

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

__all__ = ["OUTPUT_LIMIT", "check", "run"]

OUTPUT_LIMIT = 16 << 20
"""Bytes of standard output. More is no result for an agent, and this process has to hold them."""

_TAIL = 2_000
"""Characters of error output that a failure tells."""

_LINES = 20
"""Things that are wrong which a check tells; and of each so many characters:"""
_LINE = 500

_CHUNK = 1 << 16


class _TooMuch(Exception):
    """The program wrote more than `OUTPUT_LIMIT`."""


def run(
    argv: list[str],
    input: dict[str, Any],
    *,
    root: Path,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`{"value": its standard output}` if it ended with exit code 0, else `{"error": …}`.

    Args:
        argv: what starts with `./` is relative to `root`, as is everything the program opens.
        input: given to the program on its standard input.
        root: where it runs.
        environment: what it gets. None: ours.
    """
    program = str(root / argv[0]) if argv[0].startswith("./") else argv[0]
    try:
        ended = _run([program, *argv[1:]], input, cwd=root, environment=environment)
    except _Failed as error:
        return {"error": error.about(argv[0])}
    if ended.code == 0:
        return {"value": ended.out.removesuffix("\n")}
    told = ended.err.strip() or ended.out.strip()
    tail = f" The end of what it wrote:\n{told[-_TAIL:]}" if told else ""
    return {"error": f"It ended with {_how(ended.code)}.{tail}"}


def check(
    argv: list[str], paths: dict[str, str], *, root: Path, cwd: Path, environment: dict[str, str]
) -> dict[str, Any]:
    """`{"value": [what is wrong, …]}`, or `{"error": …}` if the program could not be run.

    Exit code 0 says that nothing is wrong. With any other each line of standard output is one thing,
    or the end of the error output if there is no line.

    Args:
        argv: what starts with `./`, in any place, is relative to `root`.
        paths: of the outputs by name, given to the program on its standard input.
        cwd: where it runs.
        environment: what it gets.
    """
    words = [str(root / word) if word.startswith("./") else word for word in argv]
    try:
        ended = _run(words, paths, cwd=cwd, environment=environment)
    except _Failed as error:
        return {"error": error.about(argv[0])}
    if ended.code == 0:
        return {"value": []}
    lines = [line.strip()[:_LINE] for line in ended.out.splitlines() if line.strip()]
    if len(lines) > _LINES:
        lines = [*lines[:_LINES], f"and {len(lines) - _LINES} more"]
    if not lines or ended.code < 0:
        told = ended.err.strip()[-_LINE:]
        lines.append(f"it ended with {_how(ended.code)}{': ' + told if told else '.'}")
    return {"value": lines}


class _Failed(Exception):
    """The program could not be started, or was stopped. The text is a sentence without its subject."""

    def __init__(self, text: str, *, before: bool = False) -> None:
        super().__init__(text)
        self.before = before
        """It never ran."""

    def about(self, program: str) -> str:
        return f"{program!r} {self}" if self.before else f"It {self}"


class _Ended(NamedTuple):
    code: int
    out: str
    err: str
    """Its end."""


def _run(
    words: list[str], input: dict[str, Any], *, cwd: Path, environment: dict[str, str] | None
) -> _Ended:
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            # One thread only when this is called, so code between fork and exec is safe.
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _Failed(f"cannot be started: {reason}.", before=True) from None
    data = json.dumps(input, ensure_ascii=False).encode("utf-8", "replace")
    try:
        out, err = _converse(process, data)
    except _TooMuch:
        raise _Failed(f"wrote more than {OUTPUT_LIMIT >> 20} MiB and was stopped.") from None
    return _Ended(
        process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _converse(process: "subprocess.Popen[bytes]", data: bytes) -> tuple[bytes, bytes]:
    """Write `data`, and read both outputs until the program has ended.

    Not until its pipes are closed: something it started and left behind may hold them open.
    Error output is passed on to our own as it comes.
    """
    assert process.stdin
    assert process.stdout
    assert process.stderr
    pipes: tuple[IO[bytes], ...] = (process.stdin, process.stdout, process.stderr)
    for pipe in pipes:
        os.set_blocking(pipe.fileno(), False)
    out, err = bytearray(), bytearray()
    ended, end = os.pipe()
    waiting = threading.Thread(target=_wait, args=(process, end), daemon=True)
    waiting.start()
    left = memoryview(data)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(process.stdin, selectors.EVENT_WRITE)
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if process.stdin in ready:
                    left = _feed(process.stdin, left, selector)
                if process.stderr in ready or ended in ready:
                    _take(process.stderr, partial(_pass_on, err), selector)
                if process.stdout in ready or ended in ready:
                    _take(process.stdout, partial(_keep, out), selector)
                if ended in ready:
                    return bytes(out), bytes(err)
    except BaseException:
        process.kill()
        raise
    finally:
        waiting.join()
        os.close(ended)
        for pipe in pipes:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _wait(process: "subprocess.Popen[bytes]", end: int) -> None:
    process.wait()
    os.close(end)


def _feed(pipe: IO[bytes], left: memoryview, selector: selectors.BaseSelector) -> memoryview:
    """Write what fits. A program need not read its input."""
    try:
        left = left[os.write(pipe.fileno(), left[:_CHUNK]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        left = left[:0]
    if not left:
        selector.unregister(pipe)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
    return left


def _take(pipe: IO[bytes], take: Callable[[bytes], None], selector: selectors.BaseSelector) -> None:
    """Read all that is there."""
    while True:
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if not data:
            if pipe in selector.get_map():
                selector.unregister(pipe)
            return
        take(data)


def _keep(kept: bytearray, data: bytes) -> None:
    kept += data
    if len(kept) > OUTPUT_LIMIT:
        raise _TooMuch


def _pass_on(tail: bytearray, data: bytes) -> None:
    # A log that takes no more, on a full disk for example, is no failure of the program.
    with contextlib.suppress(OSError):
        os.write(2, data)
    tail += data
    del tail[: -4 * _TAIL]


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
