"""[io] The baseline of a project: leave out what it knows, and write it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused, ProblemsFound, UsageError
from agentflow.lint.baseline import (
    Baseline,
    BaselineError,
    can_be_known,
    outdated,
    read_baseline,
    unknown,
    write_baseline,
)
from agentflow.lint.own import UNUSABLE_BASELINE
from agentflow.lint.selection import is_fatal, select
from agentflow.operations.check import Project, Report

__all__ = ["save_known", "without_known"]

DEFAULT = ".agentflow-baseline.json"


def without_known(report: Report, project: Project, *, whole: bool) -> Report:
    """The report without what the project's baseline knows.

    Args:
        report: of what the project chooses to hear of.
        project: whose files hold the baseline.
        whole: the project was checked as it stands, so that what is missing is gone.
    """
    file = report.choice.baseline
    if file is None:
        return report
    try:
        text = project.files.read(file)
        baseline = read_baseline(file, text)
    except (FileRefused, BaselineError) as error:
        return _with(report, report.problems, [_unusable(report, error)])
    left = unknown(report.problems, baseline)
    gone = outdated(report.problems, baseline) if whole and _is_complete(report) else ()
    return _with(report, left, list(gone), baseline=baseline, text=text)


def _is_complete(report: Report) -> bool:
    """Whether every rule has seen every spec: one with errors is left out."""
    return not any(is_fatal(problem) for problem in report.problems)


def _with(
    report: Report,
    left: tuple[Diagnostic, ...],
    more: list[Diagnostic],
    *,
    baseline: Baseline | None = None,
    text: str = "",
) -> Report:
    sources = {**report.sources, **({baseline.file: text} if baseline else {})}
    problems = sorted([*left, *select(more, report.choice)], key=lambda problem: problem.sort_key)
    return replace(report, problems=tuple(problems), sources=sources)


def _unusable(report: Report, error: FileRefused | BaselineError) -> Diagnostic:
    graph = report.build.graph
    missing = isinstance(error, FileRefused)
    hint = "Write it with: agentflow lint --write-baseline"
    return UNUSABLE_BASELINE.at(
        graph.project.span("lint", "baseline") if graph else None,
        error.message if isinstance(error, FileRefused) else str(error),
        hint=hint if missing else f"Delete it, or bring back what was committed. {hint}",
    )


def save_known(report: Report, project: Project) -> tuple[Path, int]:
    """Write what was found to the project's baseline: its path, and how many findings it holds.

    Raises:
        UsageError: the project names no baseline.
        ProblemsFound: there are errors that a baseline cannot hold; nothing is written.
        FileRefused: the file would be outside of the project.
        OSError: it cannot be written.
    """
    if not _is_complete(report):
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
    _replace(path, write_baseline(report.problems).encode())
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


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever reads meanwhile sees the old content or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
