"""Run the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.starter import Running, starter

__all__ = ["EXAMPLES", "ROOT", "agentflow", "clean_environment", "copy_example", "started"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_OF_THE_INTERPRETER = ("PYTHON", "LANG", "LC_")
"""What an environment says to an interpreter that starts."""


def agentflow(
    *arguments: str | Path,
    cwd: Path,
    stdin: str | None = None,
    timeout_s: float = 120,
    environ: Mapping[str, str] | None = None,
    from_scratch: bool = False,
) -> subprocess.CompletedProcess[str]:
    """`agentflow ARGUMENTS` in `cwd`, with no credentials and no colour; output as text.

    `environ` is added to the environment. The process is forked from one that has imported the command
    line, which takes a tenth of the time, unless it is to start `from_scratch`.
    """
    if not from_scratch and not any(name.startswith(_OF_THE_INTERPRETER) for name in environ or ()):
        return starter().run(
            [*map(str, arguments)],
            cwd=cwd,
            environ=clean_environment(environ),
            stdin=stdin or "",
            timeout_s=timeout_s,
        )
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "agentflow", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment(environ),
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def started(
    *arguments: str | Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    together: bool = False,
) -> Running:
    """`agentflow ARGUMENTS` in `cwd` while it runs, as above.

    `together`: what it says as an error goes where the rest goes.
    """
    words = [*map(str, arguments)]
    return starter().start(words, cwd=cwd, environ=clean_environment(environ), together=together)


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without credentials and without colour, and with `more`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "AGENTFLOW_", "FORCE_COLOR"))
        or name == "AGENTFLOW_CACHE_DIR"
    }
    return {**kept, "NO_COLOR": "1", **(more or {})}


def copy_example(name: str, to: Path) -> Path:
    """A copy of an example without what earlier runs left in it."""
    target = to / name
    shutil.copytree(
        EXAMPLES / name, target, ignore=shutil.ignore_patterns(".agentflow", "__pycache__")
    )
    return target
