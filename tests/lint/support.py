"""Projects in memory, and what the linter says about them."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.compiler.graph import Graph
from agentflow.compiler.load import load
from agentflow.compiler.resolve import resolve
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from tests.support.memory_files import MemoryFiles

__all__ = ["PROJECT", "codes_in", "graph_of", "lint_files", "lint_text"]

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: desk\n"


def graph_of(files: Mapping[str, str], *, target: str = "local") -> Graph:
    """The project in `files`; the project document is added if it is missing.

    Raises:
        AssertionError: it has errors.
    """
    everything = MemoryFiles({"agentflow.yaml": PROJECT, **files})
    loaded = load(everything)
    resolved = resolve(loaded.value, everything, target=target, environ={}, variables={})
    problems = [*loaded.problems, *resolved.problems]
    assert not problems, "\n".join(f"{p.span}: {p.code} {p.message}" for p in problems)
    assert resolved.value is not None
    return resolved.value


def lint_files(files: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    return lint(Context(graph_of(files), None))


def lint_text(text: str) -> tuple[Diagnostic, ...]:
    """Findings on a project whose specs are `text`, in the file `agents.yaml`."""
    return lint_files({"agents.yaml": text})


def codes_in(problems: tuple[Diagnostic, ...]) -> set[str]:
    return {problem.code for problem in problems}
