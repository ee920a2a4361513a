"""[io] Fix a project: in memory first, then file by file, and only what nobody changed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.errors import FileRefused, UsageError
from agentflow.lint.fixes import Workshop, fix_all
from agentflow.operations.check import Project, Report
from agentflow.operations.edited import EditedFiles
from agentflow.operations.project import LooseFiles, decoded
from agentflow.operations.replacing import replace_file
from agentflow.ports import Files
from agentflow.records import record, replace

__all__ = ["Mended", "Rewritten", "fix", "write"]

_MARK = b"\xef\xbb\xbf"


@record
class Rewritten:
    """A file with other text than before; neither has a byte order mark."""

    path: str
    """Relative to the root."""
    before: str
    after: str


@record
class Mended:
    root: Path
    report: Report
    """Of the project as it is with the fixes."""
    fixed: tuple[Diagnostic, ...]
    """A finding for each fix that was made, as it was found."""
    files: tuple[Rewritten, ...]
    """In the order of their names."""


def fix(project: Project, look: Callable[[Project], Report], *, unsafe: bool) -> Mended:
    """Make fixes in memory until there are none left to make.

    Args:
        project: whose findings are fixed; where it names files, only these are edited.
        look: says what is found of a project.
        unsafe: also make fixes that change what a spec means.
    """
    kept = _Kept(project.files)
    reports: dict[tuple[bool, int], Report] = {}

    def report(texts: Mapping[str, str], *, whole: bool) -> Report:
        # Errors that a fix makes elsewhere count too.
        whole = whole or project.only is None
        key = (whole, hash(frozenset(texts.items())))
        if key not in reports:
            seen = replace(project, files=_edited(kept, texts))
            reports[key] = look(replace(seen, only=None) if whole else seen)
        return reports[key]

    done = fix_all(
        Workshop(
            read=kept.read,
            findings=lambda texts: report(texts, whole=False).problems,
            errors=lambda texts: _errors(report(texts, whole=True)),
            may_edit=_editable(project),
            unsafe=unsafe,
        )
    )
    after = report(done.texts, whole=False)
    if done.quarrel is not None:
        after = replace(after, problems=(*after.problems, done.quarrel))
    return Mended(
        root=project.root,
        report=after,
        fixed=done.fixed,
        files=tuple(
            Rewritten(path=path, before=kept.read(path), after=text)
            for path, text in sorted(done.texts.items())
        ),
    )


class _Kept:
    """Files as they were when they were first read: fixes are for that text and no other."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._specs: Sequence[str] | None = None
        self._texts: dict[str, str] = {}

    def specs(self) -> Sequence[str]:
        if self._specs is None:
            self._specs = self._files.specs()
        return self._specs

    def read(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self._files.read(path)
        return self._texts[path]

    def digest(self, path: str) -> str:
        return self._files.digest(path)

    def size(self, path: str) -> int:
        return self._files.size(path)

    def folder(self, path: str) -> Sequence[str]:
        return self._files.folder(path)


def _edited(files: Files, texts: Mapping[str, str]) -> Files:
    edited = {path: text.encode() for path, text in texts.items()}
    # What was a spec stays one, whatever it says.
    return EditedFiles(files, edited, named=edited.keys() & set(files.specs())) if texts else files


def _errors(report: Report) -> Sequence[Diagnostic]:
    return [problem for problem in report.problems if problem.severity is Severity.ERROR]


def _editable(project: Project) -> Callable[[str], bool]:
    """Whether a file may be edited: it was chosen or changed, it is there, and no link leads to it.

    A file that has two names would be edited twice.
    """
    root = os.path.realpath(project.root)

    def may_edit(path: str) -> bool:
        if isinstance(project.files, EditedFiles):
            return path in project.files.edited
        chosen: Collection[str] | None = project.only
        if project.changed is not None:
            chosen = project.changed
        elif isinstance(project.files, LooseFiles):
            chosen = project.files.specs()
        if chosen is not None and path not in chosen:
            return False
        place = os.path.normpath(Path(root, path))
        return os.path.realpath(place) == place and Path(place).is_file()

    return may_edit


def write(mended: Mended) -> None:
    """Put the new texts where the old ones are. A byte order mark, owner and permissions stay.

    Raises:
        UsageError: somebody changed a file since it was read; it is left alone, and so are all
            others if that is seen before the first is written.
        OSError: a file cannot be read or written.
    """
    places = [(mended.root / file.path, file) for file in mended.files]
    contents = [_expected(path, file) for path, file in places]
    for (path, file), content in zip(places, contents, strict=True):
        mark = _MARK if content.startswith(_MARK) else b""

        def allowed(path: Path = path, file: Rewritten = file) -> None:
            _expected(path, file)

        replace_file(path, mark + file.after.encode(), allowed=allowed)


def _expected(path: Path, file: Rewritten) -> bytes:
    """The bytes of a file that is still as it was read.

    Raises:
        UsageError: it is not.
    """
    content = path.read_bytes()
    try:
        unchanged = not path.is_symlink() and decoded(file.path, content) == file.before
    except FileRefused:
        unchanged = False
    if not unchanged:
        message = f"{file.path!r} was changed while it was looked at, so it is left alone."
        raise UsageError(message, hint="Run the command again.")
    return content
