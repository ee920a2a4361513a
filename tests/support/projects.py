"""Small projects for tests of the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from tests.support.memory_files import MemoryFiles

__all__ = ["PROJECT", "directory", "problems_of", "project"]

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: p\n"


def project(agent: str, files: Mapping[str, str] | None = None) -> MemoryFiles:
    """A project with one agent `a`, whose spec goes on with `agent`, and other files by path."""
    spec = "---\nkind: Agent\nname: a\n"
    own = agent.split("---", 1)[0]
    spec += "" if "model:" in own else "model: claude-opus-5-5\n"
    spec += "" if "prompt:" in own else "prompt: Work.\n"
    return MemoryFiles({"agentflow.yaml": PROJECT + spec + agent, **(files or {})})


def problems_of(files: MemoryFiles, **options: Any) -> tuple[Diagnostic, ...]:
    return build(files, **options).problems


def directory(root: Path) -> MemoryFiles:
    """The text files below a directory as a project in memory."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return MemoryFiles(found)
