"""[io] The tools of one session: bash, read, write, edit, glob, grep.

bash and grep run in the sandbox. read, write, edit and glob are the SDK's own and run in this process,
since importing the SDK inside the sandbox takes seconds; paths are translated on the way in and
texts on the way out (`paths.py`).

Those four look at a path first and open it afterwards, and a background process of the shell may swap
a directory for a link in between. So they run in a thread that has given up, by Landlock and for good,
every file but the session's (`filetools.py`): a swapped link then opens nothing, whatever was looked
at. grep is not among them because a regular expression from a model can run for ever while it holds
the interpreter lock, and because the SDK's picks another engine where `rg` is installed.

A failure of a tool is an outcome, never an exception: the agent reads it. Only a sandbox that cannot
be started raises (SandboxUnavailable).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.local import egress
from agentflow.local.filetools import FILE_TOOLS, FileTools, ToolFailed
from agentflow.local.paths import PathRefused, Places
from agentflow.local.roster import Roster
from agentflow.local.sandbox import Confined, Sandbox, SandboxPolicy, Spawned, Unconfined
from agentflow.local.search import grep_command
from agentflow.local.shell import CommandResult, Shell
from agentflow.local.threads import in_thread

__all__ = ["TOOLS", "ToolOutcome", "Toolbox", "open_toolbox"]

TOOLS = ("bash", *FILE_TOOLS, "grep")

_DEFAULT_TIMEOUT_MS = 120_000
_MAX_TIMEOUT_MS = 600_000
_SEARCH_TIMEOUT_S = 30.0
_SEARCH_BYTES = 256 * 1024
"""More than grep ever writes."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What the agent reads."""

    text: str
    is_error: bool = False
    blocks: tuple[Mapping[str, Any], ...] = ()
    """Content blocks (an image or a document) in the API's form; then `text` only names them."""


def open_toolbox(
    session_root: Path,
    *,
    hosts: Sequence[str] | None,
    layer: Path | None = None,
    unsafe_no_sandbox: bool = False,
    policy: SandboxPolicy | None = None,
    roster: Roster | None = None,
) -> Toolbox:
    """Make the session's directories and the tools that work in them. No program is started yet.

    Args:
        session_root: the session's own directory, created if missing.
        hosts: what tools may connect to. None: everything but this machine.
        layer: a directory with the environment's pip packages.
        unsafe_no_sandbox: run with the rights of this process.
        policy: other limits than the usual ones; its hosts are ignored.
        roster: where programs are written down, so that none outlives this process. None: nowhere.

    Raises:
        SandboxUnavailable: this machine cannot confine tools.
    """
    places = Places(session_root)
    places.create()
    limits = (policy or SandboxPolicy()).with_hosts(None if hosts is None else tuple(hosts))
    sandbox: Sandbox = (
        Unconfined(places, layer, roster)
        if unsafe_no_sandbox
        else Confined(places, limits, layer, roster)
    )
    return Toolbox(sandbox, limits)


class Toolbox:
    """One session's tools. Calls may overlap: commands of the shell wait for each other."""

    def __init__(self, sandbox: Sandbox, policy: SandboxPolicy) -> None:
        self.places = sandbox.places
        self._sandbox = sandbox
        self._policy = policy
        self._files = FileTools(sandbox.places, confined=sandbox.confined)
        self._shell: Shell | None = None
        self._shell_free = asyncio.Lock()
        self._running: set[Spawned] = set()
        self._closed = False
        self.limits = egress.limits(policy.hosts) if sandbox.confined else ()
        """What of the environment's network cannot be honoured, a sentence each."""

    async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
        """Run one tool. Cancelling ends what it started."""
        try:
            self._refuse_if_closed(name)
            if name == "bash":
                return await self._bash(input)
            if name == "grep":
                return await self._grep(input)
            if name in FILE_TOOLS:
                return await self._file_tool(name, input)
        except ToolFailed as error:
            return ToolOutcome(str(error), True)
        return ToolOutcome(f"There is no tool named {name!r}: use {', '.join(TOOLS)}.", True)

    async def close(self) -> None:
        """End every process of the session. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        for process in tuple(self._running):
            process.kill()
        if self._shell is not None:
            self._shell.kill()
        async with self._shell_free:
            await self._end_shell()
        await asyncio.to_thread(self._files.close)

    def _refuse_if_closed(self, name: str) -> None:
        if self._closed:
            raise ToolFailed(f"{name}: the session has ended.")

    # bash

    async def _bash(self, input: Mapping[str, Any]) -> ToolOutcome:
        command, timeout_s = _bash_arguments(input)
        async with self._shell_free:
            if command is None:
                await self._end_shell()
            shell = self._shell = self._shell or await self._start_shell()
            self._refuse_if_closed("bash")  # it may have been closed while we waited
            if command is None:
                return ToolOutcome("bash session restarted")
            try:
                result = await in_thread(shell.run, command, timeout_s, on_cancel=shell.kill)
            except asyncio.CancelledError:
                await self._end_shell()
                raise
            if result.ended is not None:
                await self._end_shell()
            return _told(result)

    async def _start_shell(self) -> Shell:
        def start() -> Shell:
            return Shell(self._sandbox, file_bytes=self._policy.file_bytes)

        return await in_thread(start, discard=Shell.close)

    async def _end_shell(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            await asyncio.to_thread(shell.close)

    # grep

    async def _grep(self, input: Mapping[str, Any]) -> ToolOutcome:
        pattern, path = input.get("pattern"), input.get("path")
        if not isinstance(pattern, str):
            raise ToolFailed("grep: invalid arguments: pattern: a text is required")
        if path is not None and not isinstance(path, str):
            raise ToolFailed("grep: invalid arguments: path: must be a text")
        places = self._sandbox.places
        shown = path or places.workspace.seen_as
        try:
            found = places.resolve(shown)
        except PathRefused as error:
            raise ToolFailed(f"grep: {error}") from error
        target = str(found)
        if self._sandbox.confined:
            target = places.seen(found) or shown
        command = grep_command(self._sandbox, pattern, target, shown=shown)
        process = await in_thread(self._sandbox.spawn, command, discard=_end)
        self._running.add(process)
        try:
            if self._closed:
                process.kill()
            output, code = await in_thread(_collect, process, on_cancel=process.kill)
        finally:
            self._running.discard(process)
        if code is None:
            raise ToolFailed(f"grep: timed out after {_SEARCH_TIMEOUT_S:g} s")
        text = output.decode("utf-8", "replace").removesuffix("\n")
        return ToolOutcome(text if self._sandbox.confined else places.hide(text), code != 0)

    # read, write, edit, glob

    async def _file_tool(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
        result = await asyncio.wrap_future(self._files.call(name, input))
        if isinstance(result, str):
            # What a file holds is not ours to change; the other tools' words hold paths.
            return ToolOutcome(result if name == "read" else self._sandbox.places.hide(result))
        blocks = tuple(result)
        return ToolOutcome("\n".join(_describe(block) for block in blocks), blocks=blocks)


def _bash_arguments(input: Mapping[str, Any]) -> tuple[str | None, float]:
    """The command and its time limit in seconds. A command of None means: restart the shell.

    Raises:
        ToolFailed: the arguments are not what the tool takes.
    """
    unknown = sorted(set(input) - {"command", "restart", "timeout_ms"})
    if unknown:
        raise ToolFailed(f"bash: invalid arguments: {', '.join(unknown)}: not an argument of bash")
    timeout_ms = input.get("timeout_ms")
    if timeout_ms is None:
        timeout_ms = _DEFAULT_TIMEOUT_MS
    if isinstance(timeout_ms, bool) or not isinstance(timeout_ms, int) or timeout_ms <= 0:
        raise ToolFailed("bash: invalid arguments: timeout_ms: a positive whole number is required")
    timeout_s = min(timeout_ms, _MAX_TIMEOUT_MS) / 1000
    if input.get("restart"):
        return None, timeout_s
    command = input.get("command")
    if not isinstance(command, str) or not command:
        raise ToolFailed("bash: command is required")
    if "\0" in command:
        raise ToolFailed("bash: a command cannot hold a NUL character")
    return command, timeout_s


def _told(result: CommandResult) -> ToolOutcome:
    """What the agent reads about a command: its output, and what went wrong on a line of its own."""
    if result.ended is not None:
        note = f"[bash: {result.ended}; the next command starts a fresh shell in /workspace]"
    elif result.exit_code:
        note = f"[exit code {result.exit_code}]"
    else:
        return ToolOutcome(result.output)
    return ToolOutcome(f"{result.output}\n{note}" if result.output else note, True)


def _end(process: Spawned) -> None:
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def _collect(process: Spawned) -> tuple[bytes, int | None]:
    """All that a program writes, and its exit code; None if it took too long. Blocks."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(_SEARCH_TIMEOUT_S, stop)
    timer.daemon = True
    timer.start()
    try:
        process.stdin.close()
        output = process.stdout.read(_SEARCH_BYTES)
        while chunk := process.stdout.read(_SEARCH_BYTES):
            output += chunk
        code = process.wait()
    finally:
        timer.cancel()
        process.stdout.close()
    return output, None if late.is_set() else code


def _describe(block: Mapping[str, Any]) -> str:
    source = block["source"]
    size = len(source["data"]) * 3 // 4
    return f"[{block['type']}: {source['media_type']}, {size} bytes]"
