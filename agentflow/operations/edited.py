"""The files of a project, some of them as an editor has them: their text was not read from disk."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from agentflow.codes import FILE_TOO_LARGE
from agentflow.compiler.ant.recognise import ant_kind, may_be_ant
from agentflow.compiler.load import PROJECT_FILE
from agentflow.errors import FileRefused, UsageError
from agentflow.operations.check import Project, select_files
from agentflow.operations.project import MAX_TEXT_BYTES, decoded, is_own_spec
from agentflow.ports import Files
from agentflow.records import replace

__all__ = ["EditedFiles", "select_edited"]


class EditedFiles:
    """Other files, with the bytes of some replaced or added."""

    def __init__(
        self, files: Files, edited: Mapping[str, bytes], *, named: Collection[str] = ()
    ) -> None:
        """Put other bytes in the place of files.

        Args:
            files: the others.
            edited: by path, normalized.
            named: paths of `edited` that are taken for specs whatever they say.
        """
        self._files = files
        self.edited = edited
        """By path: the bytes that are in the place of those on disk."""
        self._named = named

    def specs(self) -> Sequence[str]:
        others = set(self._files.specs()) - self.edited.keys()
        return sorted(others | {path for path in self.edited if self._is_spec(path)})

    def _is_spec(self, path: str) -> bool:
        data = self.edited[path]
        if path in self._named or path == PROJECT_FILE or is_own_spec(path, data):
            return True
        text = data.decode("utf-8", "ignore")
        return may_be_ant(path, text) and ant_kind(path, text) is not None

    def read(self, path: str) -> str:
        data = self._bytes(path)
        if data is None:
            return self._files.read(path)
        if len(data) > MAX_TEXT_BYTES:
            raise FileRefused(
                FILE_TOO_LARGE.id,
                path,
                f"{path!r} has more than the {MAX_TEXT_BYTES >> 20} MiB that are read.",
                hint="Data belongs among the inputs of a run, not among the specs.",
            )
        return decoded(path, data)

    def digest(self, path: str) -> str:
        data = self._bytes(path)
        if data is None:
            return self._files.digest(path)
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def size(self, path: str) -> int:
        data = self._bytes(path)
        return self._files.size(path) if data is None else len(data)

    def folder(self, path: str) -> Sequence[str]:
        return self._files.folder(path)

    def _bytes(self, path: str) -> bytes | None:
        """None: the file is as it is on disk."""
        return self.edited.get(posixpath.normpath(path))


def select_edited(directory: Path, path: Path, data: bytes) -> Project:
    """The project that `path` belongs to, or would belong to, with `data` as its content.

    Problems of that file alone are reported.

    Raises:
        UsageError: it is a directory.
        FileRefused: it lies outside of the project.
    """
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a directory.", hint="Name the file that is edited.")
    project = select_files(directory, [path])
    name = os.path.relpath(path.absolute(), project.root).replace(os.sep, "/")
    loose = project.only is None
    return replace(
        project, files=EditedFiles(project.files, {name: data}, named={name} if loose else ())
    )
