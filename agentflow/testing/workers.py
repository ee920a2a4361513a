"""Where the code of a project runs in a test: in processes, as in a run, watched from a loop of their own.

Time of a test jumps; that of a program does not. So programs are started and waited for by a loop in a thread, where
time passes, and a test's own loop waits for that thread. What is agentflow's own and needs no process
(the forms of outputs) runs in this one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from agentflow.runtime.forms import form_problems
from agentflow.runtime.pool import CallFailed, WorkerPool
from agentflow.testing.clock import working

__all__ = ["STUB", "Programs", "TestPool"]

STUB = "agentflow-stub:"
"""How the `run` of a tool begins that is answered without being run; its name follows."""

_FORMS = f"{form_problems.__module__}:{form_problems.__name__}"
_END_S = 10.0


class Programs:
    """A loop in a thread, on which processes are started. It starts when it is first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="agentflow-programs", daemon=True
                )
                self._thread.start()
            return self._loop

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`, which runs there; cancelled with us."""
        with working():
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(work, self._running())
            )

    def close(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_END_S)
            self._loop.close()
            self._loop = self._thread = None


class TestPool(WorkerPool):
    """The workers of one test."""

    __test__ = False

    def __init__(
        self,
        root: Path,
        programs: Programs,
        *,
        answer: Callable[[str, Mapping[str, Any]], Any] | None = None,
        crashes: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> None:
        """Run code below `root`.

        Args:
            programs: where.
            answer: makes the value of a tool that is not run, of its name and arguments. It may
                raise `CallFailed`.
            crashes: whether this request takes its process down.
        """
        super().__init__(root)
        self._programs = programs
        self._answer = answer
        self._crashes = crashes
        self._used = False

    async def call(self, request: Mapping[str, Any], *, timeout_s: float) -> Any:
        run = str(request.get("run", ""))
        if self._crashes is not None and self._crashes(request):
            raise CallFailed("Its process ended (SIGKILL).")
        if run.startswith(STUB):
            assert self._answer is not None, "a policy with stubs comes with their answers"
            return self._answer(run.removeprefix(STUB), request["input"])
        if run == _FORMS:
            return await self._form(request["input"], timeout_s)
        self._used = True
        return await self._programs.run(super().call(request, timeout_s=timeout_s))

    async def _form(self, wanted: Mapping[str, Any], timeout_s: float) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.to_thread(form_problems, **wanted)
        except TimeoutError:
            raise CallFailed(f"It took longer than {timeout_s:g} s and was stopped.") from None
        except Exception as error:
            raise CallFailed(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        if self._used:
            await self._programs.run(super().close())
