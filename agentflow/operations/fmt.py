"""[io] Bring the spec files of a project, or single ones, into the layout of the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agentflow import codes
from agentflow.compiler.ant.recognise import ant_kind
from agentflow.compiler.formatting.page import format_page
from agentflow.compiler.formatting.text import format_text
from agentflow.compiler.load import MARKDOWN, PROJECT_FILE
from agentflow.diagnostics import Diagnostic, Span
from agentflow.errors import FileRefused, UsageError
from agentflow.operations.check import Project, select_files
from agentflow.operations.project import LooseFiles, ProjectFiles, is_own_spec
from agentflow.operations.replacing import replace_file
from agentflow.operations.several import (
    by_project,
    common_root,
    prefix_of,
    rebased,
    select_changed,
)

__all__ = ["Formatted", "Outcome", "fmt"]

_SUFFIXES = (".yaml", ".yml", *MARKDOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A file that was read."""

    path: str
    """Relative to the root."""
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    root: Path
    files: tuple[Formatted, ...]
    """In the order of their names; those with problems are not among them."""
    problems: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    """Text of each file a problem is in."""

    @property
    def changed(self) -> tuple[Formatted, ...]:
        return tuple(file for file in self.files if file.changed)


def fmt(directory: Path, paths: Sequence[Path], *, write: bool, changed: bool = False) -> Outcome:
    """Format the specs of the project of `directory`, or those named by `paths`.

    A file with problems is left alone and reported, and the others are formatted all the same.

    Args:
        directory: where to look for the project if no paths are given.
        paths: files, or directories below which every spec is taken.
        write: replace the files that change, each in one step.
        changed: `paths` are files of any kind; those that are no spec of a project are passed over.

    Raises:
        UsageError: no project and no paths, a directory without specs, a file that is no spec, or one
            that somebody else changed meanwhile.
        FileRefused: a directory that cannot be listed.
        OSError: a file cannot be written.
    """
    if changed:
        chosen = [_chosen_changed(project) for project in select_changed(directory, paths)]
    else:
        groups = list(by_project(paths).values()) or [[]]
        chosen = [_chosen(directory, group) for group in groups]
    outcomes = [_formatted(files, names) for files, names in chosen]
    if write:
        for (files, _), outcome in zip(chosen, outcomes, strict=True):
            for file in outcome.changed:
                _replace(files.real_path(file.path), file)
    return outcomes[0] if len(outcomes) == 1 else _together(outcomes)


def _formatted(files: ProjectFiles, chosen: Sequence[str]) -> Outcome:
    """What the chosen files become; nothing is written."""
    found: list[Formatted] = []
    problems: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for path in chosen:
        try:
            text = files.read(path)
        except FileRefused as error:
            code = codes.CODES[error.code]
            problems.append(code.at(Span.start_of(path), error.message, hint=error.hint))
            continue
        if ant_kind(path, text) is not None:
            continue  # laid out as another tool has it
        after, wrong = (format_page if path.endswith(MARKDOWN) else format_text)(path, text)
        if wrong:
            problems += wrong
            sources[path] = text
        else:
            found.append(Formatted(path=path, before=text, after=after))
    return Outcome(root=files.root, files=tuple(found), problems=tuple(problems), sources=sources)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of several projects, with names of files relative to a directory above all."""
    root = common_root([outcome.root for outcome in outcomes])
    prefixed = [(prefix_of(root, outcome.root), outcome) for outcome in outcomes]
    return Outcome(
        root=root,
        files=tuple(
            replace(file, path=prefix + file.path)
            for prefix, outcome in prefixed
            for file in outcome.files
        ),
        problems=tuple(
            rebased(p, prefix) for prefix, outcome in prefixed for p in outcome.problems
        ),
        sources={
            prefix + file: text
            for prefix, outcome in prefixed
            for file, text in outcome.sources.items()
        },
    )


def _chosen_changed(project: Project) -> tuple[ProjectFiles, list[str]]:
    """The specs among what has changed, sorted, and what reads them."""
    files = project.files
    assert isinstance(files, ProjectFiles)
    names = project.changed or frozenset()
    return files, sorted(spec for spec in files.specs() if spec in names)


def _chosen(directory: Path, paths: Sequence[Path]) -> tuple[ProjectFiles, list[str]]:
    """The files to format, sorted, and what reads them."""
    project = select_files(directory, paths)
    files = project.files
    assert isinstance(files, ProjectFiles)
    chosen = {
        path
        for path in (files.specs() if project.only is None else project.only)
        if path.endswith(_SUFFIXES)
    }
    if isinstance(files, LooseFiles):
        chosen.discard(PROJECT_FILE)  # made up for the compiler: it is no file
    for path in paths:
        if not path.is_dir():
            _refuse_other(files, path)
    return files, sorted(chosen)


def _refuse_other(files: ProjectFiles, path: Path) -> None:
    """A file that was named and is for another tool is not rewritten."""
    try:
        text = files.read(files.relative(path))
    except FileRefused:
        return  # reported with its place
    if path.name == PROJECT_FILE:
        return
    if not path.name.endswith(_SUFFIXES) or not is_own_spec(path.name, text.encode()):
        raise UsageError(
            f"{str(path)!r} is not a spec, so nothing was formatted.",
            hint="A spec is a YAML file with `apiVersion: agentflow/v1`.",
        )


def _replace(path: Path, formatted: Formatted) -> None:
    def allowed() -> None:
        # All files are read before the first is written, and an editor may save one meanwhile.
        if path.read_bytes().decode("utf-8-sig", "replace") != formatted.before:
            message = f"{formatted.path!r} was changed while it was formatted, so it is left alone."
            raise UsageError(message, hint="Run the command again.")

    replace_file(path, formatted.after.encode(), allowed=allowed)
