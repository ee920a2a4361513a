"""The command line in this process: what is tested here starts processes of its own."""

from __future__ import annotations

import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from agentflow.cli.main import main

__all__ = ["Done", "agentflow"]


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def agentflow(*arguments: str | Path, cwd: Path) -> Done:
    """`agentflow ARGUMENTS` in `cwd`; output as text."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())
