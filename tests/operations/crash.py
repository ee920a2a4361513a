"""An apply in a process of its own that kills itself, as hard as `kill -9`, at a chosen point."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import Manifest
from agentflow.state import store as store_module
from tests.operations.service import Bench

__all__ = ["apply_and_die"]

# The server is started once, single-threaded, and has the imports done when it forks.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["anthropic", "tests.operations.crash"])


def apply_and_die(bench: Bench, wanted: Manifest, point: int) -> bool:
    """Apply, and die at the point of that number. False: it came through alive.

    A point is after an answer to a request with an effect, before a state file is replaced, and
    after that: the moments between which the service and the file differ.
    """
    process = _CONTEXT.Process(
        target=_doomed, args=(bench.base_url, bench.token, bench.directory, wanted, point)
    )
    process.start()
    process.join(timeout=60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _doomed(base_url: str, token: str, directory: Path, wanted: Manifest, point: int) -> None:
    bench = Bench(base_url=base_url, token=token, directory=directory)
    passed = 0

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    whole = store_module._write_whole

    def write(path: Path, content: bytes) -> None:
        reached()
        whole(path, content)
        reached()

    store_module._write_whole = write

    class Deadly(type(bench.wire)):  # type: ignore[misc]
        async def __call__(self, request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
            response = await call_next(request)
            if request.method.upper() == "POST":
                reached()
            return response

    bench.wire = Deadly()
    bench.apply_all(wanted)
