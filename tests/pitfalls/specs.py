"""Small projects that fall into a pitfall before anything runs."""

from __future__ import annotations

from agentflow.diagnostics import Diagnostic
from tests.lint.support import CODE, PROJECT, lint_text
from tests.support.memory_files import MemoryFiles
from tests.support.projects import problems_of

__all__ = ["PROJECT", "agent", "compiled", "linted"]


def agent(fields: str, prompt: str = "Work.") -> str:
    """An agent whose spec goes on with `fields`."""
    return (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\n"
        f"prompt: {prompt}\n{fields}\n"
    )


def linted(text: str) -> dict[str, Diagnostic]:
    """What the linter says, by code."""
    return {problem.code: problem for problem in lint_text(text)}


def compiled(text: str) -> dict[str, Diagnostic]:
    """What the compiler says, by code."""
    files = MemoryFiles({"agentflow.yaml": PROJECT, **CODE, "agents.yaml": text})
    return {problem.code: problem for problem in problems_of(files)}
