"""A process that has imported the command line, and forks one for each command that it is told.

What it forks is a process of its own like any other: with its own directory, environment, streams, exit
and clearing up. It only is spared the second that importing the official client takes. Who tests how
the command line starts, and what it imports, wants one from scratch.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Running", "Starter", "starter"]

ROOT = Path(__file__).parents[2]
_LARGEST = 1 << 17
"""Bytes of an order: words and an environment."""
_IMPORTED = (
    *("anthropic.types.beta", "jsonschema", "rich.live"),
    *(
        f"agentflow.cli.{name}_command"
        for name in ("lint", "plan", "apply", "run", "sessions", "test")
    ),
    *(f"agentflow.{name}" for name in ("local.server", "remote.sessions", "operations.run")),
)
"""What most commands import that takes long."""


class Starter:
    """The end of it in the process of the tests."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End it. What it has forked is left alone."""
        self._orders.close()
        self._process.wait()

    def run(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        stdin: str,
        timeout_s: float,
    ) -> subprocess.CompletedProcess[str]:
        """`agentflow WORDS`, as `subprocess.run` would run it with its output captured.

        `stdin`: at most as much as waits in a pipe, 64 KiB.

        Raises:
            subprocess.TimeoutExpired: it took longer than `timeout_s`, and was killed.
        """
        running = self.start(words, cwd=cwd, environ=environ, stdin=stdin)
        try:
            out, err = running.communicate(timeout_s)
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
            raise
        return subprocess.CompletedProcess(list(words), running.wait(), out, err)

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        stdin: str = "",
        together: bool = False,
    ) -> Running:
        """`agentflow WORDS`, as `subprocess.Popen` would start it with pipes.

        `together`: what it says as an error goes where the rest goes.
        """
        order = json.dumps({"words": list(words), "cwd": str(cwd), "environ": dict(environ)})
        news, theirs = socket.socketpair()
        (their_in, our_in), (our_out, their_out) = os.pipe(), os.pipe()
        our_err, their_err = (None, os.dup(their_out)) if together else os.pipe()
        given = [theirs.fileno(), their_in, their_out, their_err]
        with theirs:
            socket.send_fds(self._orders, [order.encode()], given)
        os.write(our_in, stdin.encode())
        for fd in (our_in, *given[1:]):
            os.close(fd)
        return Running(list(words), news, our_out, our_err)


class Running:
    """A command that was started: what tests need of `subprocess.Popen`."""

    def __init__(self, words: list[str], news: socket.socket, out: int, err: int | None) -> None:
        self.args = words
        self.returncode: int | None = None
        self.stdout = open(out, encoding="utf-8")  # noqa: SIM115 - until `communicate`
        self.stderr = err if err is None else open(err, encoding="utf-8")  # noqa: SIM115, PTH123
        self._news = news
        self.pid = _number(news)

    def poll(self) -> int | None:
        """The exit code. None: it still runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._news], [], [], timeout)[0]:
            with self._news:
                self.returncode = _number(self._news)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that has not been read yet, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        streams = [stream for stream in (self.stdout, self.stderr) if stream is not None]
        read = {stream.fileno(): b"" for stream in streams if not stream.closed}
        open_ = set(read)
        while open_:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select(open_, [], [], left)
            if not ready:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            for fd in ready:
                piece = os.read(fd, 1 << 16)
                read[fd] += piece
                if not piece:
                    open_.remove(fd)
        for stream in streams:
            stream.close()
        self.wait(timeout)
        out, err, *_ = [*(data.decode().replace("\r\n", "\n") for data in read.values()), "", ""]
        return out, err


def _number(news: socket.socket) -> int:
    told = news.recv(4)
    assert len(told) == 4, "the process that forks commands has ended"
    return int.from_bytes(told, "big", signed=True)


def _tell(news: socket.socket, number: int) -> None:
    news.sendall(number.to_bytes(4, "big", signed=True))


@cache
def starter() -> Starter:
    """The one of this process, which ends with it."""
    made = Starter()
    atexit.register(made.close)
    return made


# In the process itself


def _serve(orders: socket.socket) -> None:
    """Fork a command for each order, and tell its process id and then its exit code.

    Returns in each command. The process itself ends when nobody can give orders any more.
    """
    with orders, selectors.DefaultSelector() as waiting:
        waiting.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is not None:
                    waiting.unregister(key.fd)
                    _tell_end(key.fd, *key.data)
                    continue
                order, fds, _, _ = socket.recv_fds(orders, _LARGEST, 4)
                if not order:
                    os._exit(0)
                news = socket.socket(fileno=fds[0])
                pid = os.fork()
                if not pid:
                    news.close()
                    for other in waiting.get_map().values():
                        if other.data is not None:
                            os.close(other.fd)
                            other.data[1].close()
                    return _become(json.loads(order), fds[1:])
                _tell(news, pid)
                for fd in fds[1:]:
                    os.close(fd)
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, news))


def _tell_end(pidfd: int, pid: int, news: socket.socket) -> None:
    os.close(pidfd)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with news, suppress(BrokenPipeError):
        _tell(news, code)


def _become(order: Any, streams: Sequence[int]) -> None:
    """Take over what `order` says of the process, and the streams."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin = open(0, encoding=sys.stdin.encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["cwd"])
    sys.path[0] = order["cwd"]
    sys.argv[1:] = order["words"]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has started us is interrupted as well
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that memory which is shared stays so
    _serve(socket.socket(fileno=int(sys.argv.pop())))
    runpy.run_module("agentflow", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
