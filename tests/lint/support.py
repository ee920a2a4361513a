"""Projects in memory, and what the linter says about them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agentflow.compiler.graph import Graph
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic, Level, has_errors
from agentflow.lint.engine import project_choice, scan
from agentflow.lint.own import RULE_FAILED, UNEXPLAINED_SUPPRESSION
from agentflow.lint.rule import Context
from agentflow.lint.selection import Choice, Layer, select
from tests.support.memory_files import MemoryFiles

__all__ = ["CODE", "PROJECT", "codes_in", "graph_of", "lint_files", "lint_text"]

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: desk\n"

CODE = {
    "desk/tools.py": 'def currency_rate(code: str) -> str:\n    """Rate against the euro."""\n'
    '    return code\n\n\ndef pay(amount: int) -> str:\n    """Pay."""\n    return str(amount)\n'
}
"""What custom tools of the examples run."""


def graph_of(files: Mapping[str, str], *, target: str = "local") -> Graph:
    """The project in `files`; the project document is added if it is missing.

    Raises:
        AssertionError: it has errors.
    """
    built = build(MemoryFiles({"agentflow.yaml": PROJECT, **CODE, **files}), target=target)
    assert not has_errors(built.problems), "\n".join(
        f"{problem.span}: {problem.code} {problem.message}" for problem in built.problems
    )
    assert built.value.graph is not None
    return built.value.graph


def lint_files(files: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What every rule says, at whatever level it reports, as far as the project wants to hear it.

    Comments in tests need no reasons.

    Raises:
        AssertionError: the project has errors, or a rule failed.
    """
    graph = graph_of(files)
    choice = Choice(
        layers=(Layer(ignore=(UNEXPLAINED_SUPPRESSION.id,)),), level=Level.AUDITOR
    ).over(project_choice(graph))
    found = select(scan(Context(graph, None)), choice)
    assert RULE_FAILED.id not in codes_in(found), found
    return found


def lint_text(text: str) -> tuple[Diagnostic, ...]:
    """Findings on a project whose specs are `text`, in the file `agents.yaml`.

    With a Project among them it is the whole project.
    """
    name = "agentflow.yaml" if re.search("^kind: Project$", text, re.M) else "agents.yaml"
    return lint_files({name: text})


def codes_in(problems: tuple[Diagnostic, ...]) -> set[str]:
    return {problem.code for problem in problems}
