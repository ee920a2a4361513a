"""[io] Write a first project: one agent that lints, applies and runs as it stands."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from agentflow.errors import UsageError

__all__ = ["init"]

_FILES = ("agentflow.yaml", "prompts/summarizer.md", "script.yaml", "notes.txt")


def project_name(directory: Path) -> str:
    """The directory's name as a name that specs accept; `project` where nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.absolute().name.lower()).strip("-")
    return name[:63].strip("-") or "project"


def init(directory: Path) -> tuple[Path, ...]:
    """Write the files; those that were written, in order.

    Raises:
        UsageError: one of them exists already. Nothing is written then.
    """
    template = files("agentflow.operations") / "template"
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{str(directory)!r} is not a directory.")
    taken = [name for name in _FILES if (directory / name).exists()]
    if taken:
        raise UsageError(
            f"There is already {', '.join(taken)} in {str(directory)!r}.",
            hint="Choose another directory: agentflow init DIR",
        )
    written = []
    for name in _FILES:
        text = (template / name).read_text(encoding="utf-8")
        if name == "agentflow.yaml":
            text = text.format(name=project_name(directory))
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return tuple(written)
