"""The files of a project, one of them as an editor has it: its text was not read from disk."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentflow.codes import FILE_TOO_LARGE
from agentflow.compiler.ant.recognise import ant_kind, may_be_ant
from agentflow.compiler.load import PROJECT_FILE
from agentflow.errors import FileRefused, UsageError
from agentflow.operations.check import Project, select_files
from agentflow.operations.project import MAX_TEXT_BYTES, decoded, is_own_spec
from agentflow.ports import Files

__all__ = ["EditedFiles", "select_edited"]


class EditedFiles:
    """Other files, with the bytes of one replaced or added."""

    def __init__(self, files: Files, path: str, data: bytes, *, named: bool = False) -> None:
        """Put `data` in the place of `path`. `named`: it is taken for a spec whatever it says."""
        self._files = files
        self._named = named
        self._path = path
        self._data = data

    def specs(self) -> Sequence[str]:
        others = set(self._files.specs()) - {self._path}
        return sorted(others | {self._path}) if self._is_spec() else sorted(others)

    def _is_spec(self) -> bool:
        if self._named or self._path == PROJECT_FILE or is_own_spec(self._path, self._data):
            return True
        text = self._data.decode("utf-8", "ignore")
        return may_be_ant(self._path, text) and ant_kind(self._path, text) is not None

    def read(self, path: str) -> str:
        if not self._is_edited(path):
            return self._files.read(path)
        if len(self._data) > MAX_TEXT_BYTES:
            raise FileRefused(
                FILE_TOO_LARGE.id,
                path,
                f"{path!r} has more than the {MAX_TEXT_BYTES >> 20} MiB that are read.",
                hint="Data belongs among the inputs of a run, not among the specs.",
            )
        return decoded(path, self._data)

    def digest(self, path: str) -> str:
        if not self._is_edited(path):
            return self._files.digest(path)
        return "sha256:" + hashlib.sha256(self._data).hexdigest()

    def size(self, path: str) -> int:
        return len(self._data) if self._is_edited(path) else self._files.size(path)

    def folder(self, path: str) -> Sequence[str]:
        return self._files.folder(path)

    def _is_edited(self, path: str) -> bool:
        return posixpath.normpath(path) == self._path


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
    return replace(project, files=EditedFiles(project.files, name, data, named=loose))
