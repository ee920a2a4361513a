"""[io] Lint a project: as a whole, or part by part where it is large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentflow.errors import FileRefused
from agentflow.lint.engine import known_codes, project_choice
from agentflow.lint.selection import Choice
from agentflow.lint.settings import settled
from agentflow.operations.check import Baseline, Findings, Project, check, chosen_of, sources_of
from agentflow.operations.traced import TracedFiles

__all__ = ["lint"]

_MANY = 192
"""Files: below, the whole is checked before anything is gained by taking it apart."""


def lint(
    project: Project,
    *,
    target: str,
    variables: Mapping[str, str],
    settings: Sequence[str],
    choice: Choice | None,
    baseline: Baseline,
    plugins: bool,
    keep: bool,
    jobs: int | None = None,
) -> Findings:
    """What is told of a project. The answer is that of `check`, also where it is found otherwise.

    Args:
        keep: use what is kept of the parts of a large project, and keep what is found.
        jobs: in how many processes a large project is checked. None: in as many as can run at once.
        **: the others as for `check`.

    Raises:
        UsageError, FileRefused: as `check`.
    """
    return _in_parts(
        project,
        target=target,
        variables=variables,
        settings=settings,
        choice=choice,
        baseline=baseline,
        keep=keep,
        jobs=jobs,
    ) or check(
        project,
        target=target,
        variables=variables,
        settings=settings,
        choice=choice,
        baseline=baseline,
        plugins=plugins,
        manifest=False,
    )


def _in_parts(
    project: Project,
    *,
    target: str,
    variables: Mapping[str, str],
    settings: Sequence[str],
    choice: Choice | None,
    baseline: Baseline,
    keep: bool,
    jobs: int | None,
) -> Findings | None:
    """None: the project has to be checked as a whole."""
    files, trace = project.files, project.trace
    if project.only is not None or project.changed is not None or trace is None:
        return None
    if not isinstance(files, TracedFiles):
        return None
    try:
        names = sorted(files.candidates())
    except FileRefused:
        return None  # said by the check as a whole
    if len(names) < _MANY:
        return None
    from agentflow.operations.in_parts import Options, find_in_parts
    from agentflow.operations.spread import jobs_here

    jobs = jobs or jobs_here()
    options = Options(target, variables, settings)
    whole = find_in_parts(files, trace, options, names, keep=keep, jobs=jobs)
    if whole is None:
        return None
    choice = settled(choice or Choice(), known_codes(None), every_code=True)
    choice = choice.over(project_choice(whole.graph))
    told = chosen_of(whole.found, choice, files, whole.graph, baseline, complete=True)
    return Findings(
        problems=told,
        sources=sources_of(told, files, settings),
        files=whole.files,
        specs=whole.specs,
    )
