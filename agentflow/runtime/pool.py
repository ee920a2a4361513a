"""[io] Worker processes: called one request at a time each, killed when a call takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from agentflow.runtime.surroundings import WORKER, tool_environment
from agentflow.runtime.worker import ANSWER_LIMIT

__all__ = ["CallFailed", "WorkerPool"]


class _NoAnswer(Exception):
    """What came is none: no worker writes so much."""


class CallFailed(Exception):
    """The code raised, took too long, or took its process down. The text is fit for the agent."""


class WorkerPool:
    """Runs `package.module:function` of a project in processes of its own.

    A worker is reused for the next call, so modules are imported once and keep their state; calls
    at the same time get workers of their own.
    """

    def __init__(self, root: Path, *, log: IO[bytes] | int | None = None) -> None:
        """Use code below `root`. What it prints goes to `log` (None: nowhere)."""
        self._root = root
        self._log = asyncio.subprocess.DEVNULL if log is None else log
        self._free: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def call(self, request: Mapping[str, Any], *, timeout_s: float) -> Any:
        """The value of one call, as JSON data.

        Raises:
            CallFailed: there is no value.
        """
        try:
            worker = await self._next()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CallFailed(f"No process could be started for it: {reason}.") from None
        try:
            async with asyncio.timeout(timeout_s):
                answer = await _exchange(worker, request)
        except TimeoutError:
            await self._kill(worker)
            raise CallFailed(f"It took longer than {timeout_s:g} s and was stopped.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self._kill(worker)
            raise CallFailed(f"Its process ended ({_how(worker.returncode)}).") from None
        except (_NoAnswer, ValueError, RecursionError):
            await self._kill(worker)
            raise CallFailed("What it returned cannot be read: it is nested too deeply.") from None
        except BaseException:
            await self._kill(worker)
            raise
        self._free.append(worker)
        if "error" in answer:
            raise CallFailed(str(answer["error"]))
        return answer.get("value")

    async def close(self) -> None:
        """Kill every worker, also those in the middle of a call."""
        for worker in list(self._all):
            await self._kill(worker)
        self._free.clear()

    async def _next(self) -> asyncio.subprocess.Process:
        while self._free:
            worker = self._free.pop()
            if worker.returncode is None:
                return worker
            # It died while nobody used it: what is called next has no part in that.
            await self._kill(worker)
        return await self._start()

    async def _start(self) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            str(WORKER),
            str(self._root),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            cwd=self._root,
            env=tool_environment(),
            # A group of its own: Ctrl-C is ours to handle, and a kill reaches its children too.
            start_new_session=True,
        )
        self._all.add(worker)
        return worker

    async def _kill(self, worker: asyncio.subprocess.Process) -> None:
        self._all.discard(worker)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        await asyncio.shield(_reap(worker))


async def _exchange(worker: asyncio.subprocess.Process, request: Mapping[str, Any]) -> Any:
    assert worker.stdin is not None
    assert worker.stdout is not None
    data = json.dumps(request).encode()
    worker.stdin.write(len(data).to_bytes(8, "big") + data)
    await worker.stdin.drain()
    length = int.from_bytes(await worker.stdout.readexactly(8), "big")
    if length > ANSWER_LIMIT:
        raise _NoAnswer
    return json.loads(await worker.stdout.readexactly(length))


async def _reap(worker: asyncio.subprocess.Process) -> None:
    """Wait for the end and close the pipes, so that nothing is left to a garbage collector."""
    if worker.stdin is not None:
        worker.stdin.close()
    if worker.stdout is not None:
        with contextlib.suppress(ConnectionError):
            await worker.stdout.read()
    await worker.wait()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
