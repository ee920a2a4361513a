"""[io] Files of several projects: which projects they belong to, and what was found, told as one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Edit, Fix, Span
from agentflow.operations.check import Findings, Project, names_of, select_files
from agentflow.operations.project import ProjectFiles, find_project
from agentflow.operations.traced import Trace
from agentflow.records import replace

if TYPE_CHECKING:
    from agentflow.lint.plugins import Plugins

__all__ = [
    "by_project",
    "common_root",
    "prefix_of",
    "rebased",
    "select_changed",
    "select_projects",
    "together",
]


def by_project(paths: Sequence[Path]) -> dict[Path | None, list[Path]]:
    """The paths by the root of the project they belong to, in order. None: they belong to none.

    Files that are gone belong to the project that they would be in.
    """
    roots: dict[Path, Path | None] = {}
    found: dict[Path | None, list[Path]] = {}
    for path in paths:
        start = _start(path)
        if start not in roots:
            roots[start] = find_project(start)
        found.setdefault(roots[start], []).append(path)
    return found


def _start(path: Path) -> Path:
    return path.absolute() if path.is_dir() else path.absolute().parent


def select_projects(
    directory: Path, paths: Sequence[Path], *, trace: Trace | None = None
) -> tuple[Project, ...]:
    """As `select_files`, for paths of any number of projects. Of several no trace is kept.

    Raises:
        UsageError, FileRefused: as `select_files`.
    """
    groups = by_project(paths)
    if len(groups) < 2:
        project = select_files(directory, paths, trace=trace)
        if trace is not None and project.trace is not None:
            for path in paths:  # a project that begins below would take it over
                trace.searched(_start(path), project.root)
        return (project,)
    return tuple(select_files(directory, group) for group in groups.values())


def select_changed(directory: Path, paths: Sequence[Path]) -> tuple[Project, ...]:
    """The projects in which something has changed; see `Project.changed`.

    Files that belong to no project are passed over. Without paths, the project of `directory` is
    looked at, if there is one: something is gone, and nobody says what.
    """
    if not paths:
        root = find_project(directory)
        return () if root is None else (_changed(root, ()),)
    return tuple(
        _changed(root, group) for root, group in by_project(paths).items() if root is not None
    )


def _changed(root: Path, paths: Sequence[Path]) -> Project:
    files = ProjectFiles(root)
    names = frozenset(name for path in paths for name in names_of(files, path))
    return Project(root=root, files=files, changed=names)


def together(checked: Sequence[tuple[Project, Findings]]) -> tuple[Path, Findings]:
    """What was found in all of them, and the directory that names of files are relative to.

    Of none it is nothing, and the working directory.
    """
    if len(checked) == 1:
        return checked[0][0].root, checked[0][1]
    root = common_root([project.root for project, _ in checked])
    problems: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for project, report in checked:
        prefix = prefix_of(root, project.root)
        problems += [rebased(problem, prefix) for problem in report.problems]
        sources.update((_below(prefix, file), text) for file, text in report.sources.items())
    return root, Findings(
        problems=tuple(sorted(problems, key=lambda problem: problem.sort_key)),
        sources=sources,
        files=sum(report.files for _, report in checked),
        specs=sum(report.specs for _, report in checked),
        plugins=_plugins([report.plugins for _, report in checked if report.plugins]),
    )


def _plugins(found: Sequence[Plugins]) -> Plugins | None:
    """The plugins of all projects, each once."""
    if not found:
        return None
    loaded = {(plugin.name, plugin.version): plugin for each in found for plugin in each.loaded}
    return found[0]._replace(loaded=tuple(loaded.values()))


def common_root(roots: Sequence[Path]) -> Path:
    """The directory that all are in, or the only one there is. The working directory if there is none."""
    return Path(os.path.commonpath(roots)) if roots else Path.cwd()


def prefix_of(root: Path, project: Path) -> str:
    """What names of a project begin with when they are relative to `root`. Empty: nothing."""
    name = os.path.relpath(project, root).replace(os.sep, "/")
    return "" if name == "." else name + "/"


def rebased(problem: Diagnostic, prefix: str) -> Diagnostic:
    """The same problem with names of files that begin with `prefix`.

    Also what it concerns is another thing then: two projects may have an agent of the same name.
    """
    if not prefix:
        return problem
    return replace(
        problem,
        span=None if problem.span is None else _moved(problem.span, prefix),
        related=tuple((_moved(span, prefix), caption) for span, caption in problem.related),
        fix=None if problem.fix is None else _moved_fix(problem.fix, prefix),
        hides=tuple(_moved(span, prefix) for span in problem.hides),
        anchor=f"{prefix} {problem.anchor}",
    )


def _below(prefix: str, file: str) -> str:
    return file if file == SETTINGS_FILE else prefix + file


def _moved(span: Span, prefix: str) -> Span:
    return replace(span, file=_below(prefix, span.file))


def _moved_fix(fix: Fix, prefix: str) -> Fix:
    edits = tuple(Edit(_moved(edit.span, prefix), edit.text) for edit in fix.edits)
    return replace(fix, edits=edits)
