"""The files that are open in the editor, and what is judged together: projects, and specs on their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agentflow.compiler.load import PROJECT_FILE
from agentflow.operations.check import Project
from agentflow.operations.edited import EditedFiles
from agentflow.operations.project import (
    SKIPPED_DIRECTORIES,
    LooseFiles,
    ProjectFiles,
    find_project,
    is_own_spec,
)

__all__ = ["Buffer", "Buffers", "Home"]


@dataclass(frozen=True, slots=True)
class Buffer:
    """A file as the editor has it, saved or not."""

    path: Path
    """Absolute."""
    uri: str
    """What the editor calls it."""
    text: str
    version: int

    @property
    def data(self) -> bytes:
        return self.text.encode("utf-8", "surrogatepass")


class Home(NamedTuple):
    """What is judged together."""

    path: Path
    """The directory of a project; or the only file, where there is no project."""
    is_project: bool


class Buffers:
    """The open files, by path."""

    def __init__(self, open_: Mapping[Path, Buffer] | None = None) -> None:
        self._open = dict(open_ or {})

    def __iter__(self) -> Iterator[Buffer]:
        return iter(tuple(self._open.values()))

    def get(self, path: Path) -> Buffer | None:
        return self._open.get(path)

    def put(self, buffer: Buffer) -> None:
        self._open[buffer.path] = buffer

    def remove(self, path: Path) -> None:
        self._open.pop(path, None)

    def copy(self) -> Buffers:
        """As they are now: for work that goes on while the user types."""
        return Buffers(self._open)

    def agree(self, other: Buffers) -> bool:
        """Whether the same files are open with the same texts."""
        return self._open == other._open

    def home(self, path: Path) -> Home:
        """Where a file belongs. An `agentflow.yaml` that is open but not saved yet counts as well."""
        saved = find_project(path.parent)
        for directory in path.parents:
            if directory == saved or directory / PROJECT_FILE in self._open:
                return Home(directory, is_project=True)
        return Home(path, is_project=False)

    def homes(self) -> set[Home]:
        """Of all open files."""
        return {self.home(path) for path in self._open}

    def project(self, home: Home) -> Project | None:
        """What is to be checked. None: a file without a project that is no spec of ours."""
        if home.is_project:
            files = ProjectFiles(home.path)
            return Project(root=files.root, files=EditedFiles(files, self._below(files.root)))
        buffer = self._open.get(home.path)
        if buffer is None or not is_own_spec(home.path.name, buffer.data):
            return None
        loose = LooseFiles([home.path])
        name = loose.relative(home.path)
        edited = {**self._below(loose.root), name: buffer.data}
        return Project(root=loose.root, files=_Alone(loose, edited, name))

    def _below(self, root: Path) -> dict[str, bytes]:
        """The open files of a project, as bytes, by their path in it. Those of other projects are not."""
        found = {}
        for path, buffer in self._open.items():
            if not path.is_relative_to(root):
                continue
            name = path.relative_to(root)
            if any(_is_skipped(part) for part in name.parts[:-1]):
                continue
            home = self.home(path)
            if home.is_project and home.path != root:
                continue
            found[name.as_posix()] = buffer.data
        return found


class _Alone(EditedFiles):
    """One spec without a project, and the files it names."""

    def __init__(self, files: LooseFiles, edited: Mapping[str, bytes], name: str) -> None:
        super().__init__(files, edited, named={name})
        self._name = name

    def specs(self) -> list[str]:
        return sorted({self._name, PROJECT_FILE})


def _is_skipped(directory: str) -> bool:
    """Whether specs are not looked for in a directory of this name."""
    return directory.startswith(".") or directory in SKIPPED_DIRECTORIES
