"""A session's tools, driven from tests that are not coroutines."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentflow.local.roster import Roster
from agentflow.local.sandbox import SandboxPolicy
from agentflow.local.toolset import Toolbox, ToolOutcome, open_toolbox


class Tools:
    """The tools of one session at `root`, and the loop they run on."""

    def __init__(
        self,
        root: Path,
        *,
        hosts: Sequence[str] | None = (),
        layer: Path | None = None,
        policy: SandboxPolicy | None = None,
        unsafe: bool = False,
        roster: Roster | None = None,
    ) -> None:
        self.root = root
        self.runner = asyncio.Runner()
        self.toolbox: Toolbox = open_toolbox(
            root,
            hosts=hosts,
            layer=layer,
            policy=policy,
            unsafe_no_sandbox=unsafe,
            roster=roster,
        )

    def call(self, name: str, **arguments: Any) -> ToolOutcome:
        return self.runner.run(self.toolbox.call(name, arguments))

    def bash(self, command: str, **arguments: Any) -> ToolOutcome:
        return self.call("bash", command=command, **arguments)

    def run(self, command: str, **arguments: Any) -> str:
        """The output of a command that has to succeed."""
        outcome = self.bash(command, **arguments)
        assert not outcome.is_error, outcome.text
        return outcome.text

    def close_toolbox(self) -> None:
        self.runner.run(self.toolbox.close())

    def close(self) -> None:
        self.close_toolbox()
        self.runner.close()

    def upload(self, name: str, text: str) -> None:
        (self.root / "session" / "uploads" / name).write_text(text, encoding="utf-8")

    def output(self, name: str) -> str:
        return (self.root / "session" / "outputs" / name).read_text(encoding="utf-8")


def processes_with(word: str) -> list[int]:
    """The processes of this machine that have `word` in their command line, ourselves left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in line:
                found.append(int(folder.name))
    return found


def wait_for_process(word: str) -> None:
    """Return when a process with `word` in its command line runs; fail if none does for 20 s."""
    deadline = time.monotonic() + 20
    while not processes_with(word):
        assert time.monotonic() < deadline, f"no process with {word!r} was started"
