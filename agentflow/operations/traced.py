"""[io] Notes what a run rests on, while it runs: files, directories, environment variables and code.

What cannot be noted spoils the trace, and then the run's answer is not kept: a file that was refused,
a link, or a module of the project that was imported and could look at anything.
"""

from __future__ import annotations

import os
import posixpath
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agentflow import codes
from agentflow.compiler.load import PROJECT_FILE
from agentflow.errors import FileRefused
from agentflow.operations.answers import STATES, Answer, digest, listing, remember
from agentflow.operations.project import ProjectFiles

__all__ = ["Trace", "TracedFiles", "code_files"]

_STDLIB = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - a prefix, not a place
_PACKAGES = "site-packages"
_STARTED = time.time()


class Trace:
    """The facts of one run and their states, as `answers` has them."""

    def __init__(self) -> None:
        self.facts: dict[tuple[str, str], str] = {}
        self.spoiled = False
        self.ran: set[str] = set()
        """Code that has run elsewhere, in copies of this process: files."""

    def note(self, kind: str, name: str, state: str) -> None:
        if self.facts.setdefault((kind, name), state) != state:
            self.spoil()  # it changed during the run

    def spoil(self) -> None:
        """The run rests on more than can be noted."""
        self.spoiled = True

    def note_now(self, kind: str, root: str, name: str) -> None:
        try:
            self.note(kind, name, STATES[kind](root, name))
        except OSError:
            self.spoil()

    def searched(self, start: Path, root: Path) -> None:
        """No project was found from `start` upwards until `root`."""
        for directory in (start, *start.parents):
            if directory == root:
                break
            self.note("-", _from_root(root, directory / PROJECT_FILE), "absent")

    def environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The same, and notes what is asked for."""
        return _Environ(environ, self)

    def keep(self, path: str, answer: Answer, root: Path) -> None:
        """Remember an answer, unless the trace is spoiled."""
        code = self.code()
        if code is None or self.spoiled:
            return
        remember(path, answer, f"{root}{os.sep}", {**self.facts, **code})

    def code(self) -> dict[tuple[str, str], str] | None:
        """The code that has run so far. None: it was replaced meanwhile, and nobody knows by which."""
        return _code_facts(sorted({*code_files(), *self.ran}))


def _code_facts(files: Sequence[str]) -> dict[tuple[str, str], str] | None:
    found = {}
    try:
        for file in files:
            found["c", file] = STATES["c"]("", file)
            if os.stat(file).st_ctime > _STARTED:  # noqa: PTH116 - of hundreds of files
                return None
    except OSError:
        return None
    return found


def _from_root(root: Path, path: Path) -> str:
    return os.path.relpath(path, root)


def code_files() -> Sequence[str]:
    """Where the code that runs comes from, without the standard library, which goes by its version.

    The directories of packages are among them: what is installed or removed changes them.
    """
    files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]}
    packages = [path for path in sys.path if _PACKAGES in path]
    own = [file for file in files if file and (not file.startswith(_STDLIB) or _PACKAGES in file)]
    return [*packages, *own]


class _Environ(Mapping[str, str]):
    def __init__(self, environ: Mapping[str, str], trace: Trace) -> None:
        self._environ = environ
        self._trace = trace

    def __getitem__(self, name: str) -> str:
        value = self._environ.get(name)
        state = "unset" if value is None else digest(value.encode("utf-8", "surrogateescape"))
        self._trace.note("v", name, state)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        names = sorted(self._environ)
        self._trace.note("V", "", digest("\0".join(names).encode("utf-8", "surrogateescape")))
        return iter(names)

    def __bool__(self) -> bool:
        return bool(self._environ)  # says nothing of what is in it

    def __len__(self) -> int:
        return sum(1 for _ in self)


class TracedFiles(ProjectFiles):
    """`ProjectFiles` that notes what is read, and what is looked for in vain."""

    def __init__(self, root: Path, trace: Trace) -> None:
        super().__init__(root)
        self._trace = trace

    def digest(self, path: str) -> str:
        found = super().digest(path)
        self._trace.note("s", posixpath.normpath(path), found.removeprefix("sha256:"))
        return found

    def size(self, path: str) -> int:
        found = super().size(path)
        self._trace.note("z", posixpath.normpath(path), str(found))
        return found

    def folder(self, path: str) -> Sequence[str]:
        try:
            return super().folder(path)
        except FileRefused:
            self._trace.spoil()
            raise

    def _bytes(self, path: str, *, limit: int, cut: bool = False) -> bytes:
        try:
            data = super()._bytes(path, limit=limit, cut=cut)
        except FileRefused as refused:
            if refused.code != codes.FILE_MISSING.id:
                self._trace.spoil()
            raise
        self._trace.note("f", f"{limit + 1} {posixpath.normpath(path)}", digest(data))
        return data

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            entries = super()._entries(directory)
        except OSError:
            self._trace.spoil()
            raise
        self._trace.note("d", directory, listing(entries))
        return entries

    def _confined(self, path: str) -> str:
        try:
            real = super()._confined(path)
        except FileRefused:
            self._trace.spoil()
            raise
        lexical = posixpath.normpath(path)
        if real != os.path.normpath(os.path.join(self._real_root, lexical)):  # noqa: PTH118
            self._trace.spoil()  # a link could lead elsewhere next time
        else:
            self._note_parents(lexical)
        return real

    def _note_parents(self, path: str) -> None:
        """That they are directories and no links, which the contents do not tell."""
        parent = posixpath.dirname(path)
        while parent and ("p", parent) not in self._trace.facts:
            self._trace.note_now("p", f"{self.root}{os.sep}", parent)
            parent = posixpath.dirname(parent)

    def _cannot_open(self, path: str, error: OSError) -> FileRefused:
        refused = super()._cannot_open(path, error)
        if refused.code == codes.FILE_MISSING.id:
            self._trace.note("-", posixpath.normpath(path), "absent")
        else:
            self._trace.spoil()
        return refused
