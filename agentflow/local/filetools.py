"""[io] The SDK's read, write, edit and glob, in a thread that can open nothing but the session.

The thread gives up its rights with Landlock before its first call and lives as long as the session.
Landlock binds threads, so the rest of the process keeps its rights. Calls run one after another.
"""

from __future__ import annotations

import asyncio
import queue
import sysconfig
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from agentflow.errors import SandboxUnavailable
from agentflow.local.paths import PathRefused, Places

__all__ = ["FILE_TOOLS", "FileTools", "ToolFailed"]

FILE_TOOLS = ("read", "write", "edit", "glob")

_PATH_KEY = {"read": "file_path", "write": "file_path", "edit": "file_path", "glob": "path"}


class ToolFailed(Exception):
    """What the agent is told instead of a result."""


class FileTools:
    """One session's file tools. `call` may be used from any thread; nothing starts before it is."""

    def __init__(self, places: Places, *, confined: bool) -> None:
        self._places = places
        self._confined = confined
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def call(self, name: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Queue one call. The future holds what the SDK's tool returns, or a ToolFailed."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="agentflow-file-tools", daemon=True
                )
                self._thread.start()
        future: Future[Any] = Future()
        self._jobs.put((future, name, arguments))
        return future

    def close(self) -> None:
        """Let the thread end after the calls that are queued."""
        with self._starting:
            if self._thread is not None:
                self._jobs.put(None)
                self._thread.join()
                self._thread = None

    def _work(self) -> None:
        try:
            tools = self._build()
            if self._confined:
                _confine_this_thread(self._places)
        except Exception as error:  # whatever it is, every caller has to hear of it
            self._refuse(error)
            return
        with asyncio.Runner() as runner:
            while (job := self._jobs.get()) is not None:
                future, name, arguments = job
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(runner.run(self._run(tools, name, arguments)))
                except BaseException as error:
                    future.set_exception(error)

    def _refuse(self, error: Exception) -> None:
        while (job := self._jobs.get()) is not None:
            if job[0].set_running_or_notify_cancel():
                job[0].set_exception(error)

    def _build(self) -> dict[str, Any]:
        # anyio loads its backend when it is first used, which is too late in a confined thread.
        import anyio._backends._asyncio  # noqa: F401
        from anthropic.lib.tools import agent_toolset as sdk

        places = self._places
        context = sdk.AgentToolContext(
            workdir=places.workspace.host,
            allowed_roots=[place.host for place in places.all],
            read_only_roots=[place.host for place in places.all if not place.writable],
            env={},
        )
        made = (
            sdk.beta_read_tool(context),
            sdk.beta_write_tool(context),
            sdk.beta_edit_tool(context),
            sdk.beta_glob_tool(context),
        )
        return {tool.name: tool for tool in made}

    async def _run(self, tools: Mapping[str, Any], name: str, arguments: Mapping[str, Any]) -> Any:
        from anthropic.lib.tools import ToolError

        try:
            return await tools[name].call(self._translated(name, arguments))
        except PathRefused as error:
            raise ToolFailed(f"{name}: {error}") from error
        except ToolError as error:
            raise ToolFailed(self._places.hide(str(error))) from error
        except ValueError as error:
            raise ToolFailed(f"{name}: {_invalid(error)}") from error
        except OSError as error:
            raise ToolFailed(
                f"{name}: {(error.strerror or 'input or output error').lower()}"
            ) from error

    def _translated(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments with the path as it is on this machine."""
        key = _PATH_KEY[name]
        path = arguments.get(key)
        if not isinstance(path, str):
            return dict(arguments)  # missing or wrong: the tool's own check says so
        return {**arguments, key: str(self._places.resolve(path))}


_Job = tuple["Future[Any]", str, Mapping[str, Any]]


def _invalid(error: ValueError) -> str:
    """What is wrong with the arguments, from pydantic's words."""
    import pydantic

    cause = error.__cause__
    if not isinstance(cause, pydantic.ValidationError):
        return str(error)
    problems = (
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in cause.errors(include_url=False, include_context=False)
    )
    return "invalid arguments: " + "; ".join(problems)


def _confine_this_thread(places: Places) -> None:
    """Give up every file but the session's, and Python's own modules for late imports.

    Raises:
        SandboxUnavailable: the kernel refused.
    """
    import sandlock

    modules = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    policy = sandlock.Sandbox(
        fs_readable=[*sorted(modules), *(str(place.host) for place in places.all)],
        fs_writable=[str(place.host) for place in places.all if place.writable],
    )
    try:
        sandlock.confine(policy)
    except sandlock.SandlockError as error:
        raise SandboxUnavailable(f"The file tools could not be confined: {error}.") from error
