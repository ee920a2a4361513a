"""[io] The baseline of a project: leave out what it knows, and write it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused, ProblemsFound, UsageError
from agentflow.lint.baseline import (
    BaselineError,
    can_be_known,
    outdated,
    read_baseline,
    unknown,
    write_baseline,
)
from agentflow.lint.own import UNUSABLE_BASELINE
from agentflow.lint.selection import Choice, is_fatal, select
from agentflow.operations.replacing import put_file
from agentflow.ports import Files

if TYPE_CHECKING:
    from agentflow.operations.check import Project, Report

__all__ = ["save_known", "without_known"]

DEFAULT = ".agentflow-baseline.json"


def without_known(
    problems: Sequence[Diagnostic],
    choice: Choice,
    files: Files,
    project: Bound[Any],
    *,
    whole: bool,
) -> tuple[Diagnostic, ...]:
    """The findings that the project's baseline does not know, and what is wrong with it.

    Args:
        problems: what the project chooses to hear of.
        choice: names the baseline.
        files: where it is read from.
        project: the project's spec.
        whole: the project was checked as it stands, so that what is missing is gone.
    """
    if choice.baseline is None:
        return tuple(problems)
    try:
        baseline = read_baseline(choice.baseline, files.read(choice.baseline))
    except (FileRefused, BaselineError) as error:
        return (*problems, *select([_unusable(project, error)], choice))
    left = unknown(problems, baseline)
    if not whole or _is_incomplete(problems):
        return left
    return (*left, *select(outdated(problems, baseline), choice))


def _is_incomplete(problems: Sequence[Diagnostic]) -> bool:
    """Whether some rule has not seen some spec: those with errors are left out."""
    return any(is_fatal(problem) for problem in problems)


def _unusable(project: Bound[Any], error: FileRefused | BaselineError) -> Diagnostic:
    hint = "Write it with: agentflow lint --write-baseline"
    if isinstance(error, BaselineError):
        hint = f"Delete it, or bring back what was committed. {hint}"
    message = error.message if isinstance(error, FileRefused) else str(error)
    return UNUSABLE_BASELINE.at(project.span("lint", "baseline"), message, hint=hint)


def save_known(report: Report, project: Project) -> tuple[Path, int]:
    """Write what was found to the project's baseline: its path, and how many findings it holds.

    Raises:
        UsageError: the project names no baseline, or a plugin of it did not run.
        ProblemsFound: there are errors that a baseline cannot hold; nothing is written.
        FileRefused: the file would be outside of the project.
        OSError: it cannot be written.
    """
    if report.plugins is not None and not report.plugins.complete:
        raise UsageError(
            "Not all plugins of the project have run, so not all findings are known, and nothing was "
            "written.",
            hint="What is wrong with them is said by: agentflow lint --select AF097",
        )
    if _is_incomplete(report.problems):
        fatal = tuple(problem for problem in report.problems if is_fatal(problem))
        raise ProblemsFound(
            fatal,
            "The project has errors, so not all findings are known, and nothing was written.",
            sources=report.sources,
            root=project.root,
        )
    file = report.choice.baseline
    if file is None:
        raise UsageError(
            "The project names no baseline.",
            hint=f"Add to its agentflow.yaml: lint: {{ baseline: {DEFAULT} }}",
        )
    path = _place(project, file)
    put_file(path, write_baseline(report.problems).encode())
    return path, sum(can_be_known(problem) for problem in report.problems)


def _place(project: Project, file: str) -> Path:
    """Where the baseline is written: inside of the project, links followed.

    Raises:
        FileRefused: it would be elsewhere.
    """
    real = Path(os.path.realpath(project.root / file))
    if not real.is_relative_to(os.path.realpath(project.root)):
        raise FileRefused(UNUSABLE_BASELINE.id, file, f"{file!r} leads out of the project.")
    real.parent.mkdir(parents=True, exist_ok=True)
    return real
