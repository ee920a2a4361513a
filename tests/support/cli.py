"""Run the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["EXAMPLES", "ROOT", "agentflow", "copy_example"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def agentflow(
    *arguments: str | Path, cwd: Path, stdin: str | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """`agentflow ARGUMENTS` in `cwd`, with no credentials and no colour; output as text."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "AGENTFLOW_", "FORCE_COLOR"))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "agentflow", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "NO_COLOR": "1"},
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def copy_example(name: str, to: Path) -> Path:
    """A copy of an example without what earlier runs left in it."""
    target = to / name
    shutil.copytree(EXAMPLES / name, target, ignore=shutil.ignore_patterns(".agentflow", "__pycache__"))
    return target
