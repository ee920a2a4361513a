"""A project in memory: the `Files` that tests of the compiler and the linter read from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from agentflow.compiler.ant.recognise import MARKDOWN, ant_kind
from agentflow.errors import FileRefused
from agentflow.source.markdown import split
from agentflow.spec.kinds import KINDS

__all__ = ["MemoryFiles"]

_SPEC = re.compile(rf"^(?:apiVersion:\s*agentflow/|kind:\s*(?:{'|'.join(KINDS)})\b)", re.M)


def _is_spec(path: str, text: str) -> bool:
    if path.endswith(MARKDOWN):
        page = split(text)
        own = page is not None and _SPEC.search(text[slice(*page.front)]) is not None
    else:
        own = path.endswith((".yaml", ".yml")) and _SPEC.search(text) is not None
    return own or ant_kind(path, text) is not None


class MemoryFiles:
    """`{path: text}` as `ports.Files`. A file that looks like a spec is one, as on disk."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)

    def specs(self) -> Sequence[str]:
        return sorted(
            path
            for path, text in self.files.items()
            if path == "agentflow.yaml" or _is_spec(path, text)
        )

    def read(self, path: str) -> str:
        """The text of `path`.

        Raises:
            FileRefused: there is none.
        """
        try:
            return self.files[path]
        except KeyError:
            raise FileRefused("AF001", path, f"There is no file {path!r}.") from None

    def digest(self, path: str) -> str:
        """Of the text in UTF-8; raises `FileRefused` as `read`."""
        return "sha256:" + hashlib.sha256(self.read(path).encode()).hexdigest()

    def size(self, path: str) -> int:
        """Of the text in UTF-8; raises `FileRefused` as `read`."""
        return len(self.read(path).encode())

    def folder(self, path: str) -> Sequence[str]:
        """The files below a folder, relative to it, sorted.

        Raises:
            FileRefused: there is none.
        """
        prefix = "" if path == "." else f"{path}/"
        found = sorted(name.removeprefix(prefix) for name in self.files if name.startswith(prefix))
        if not found:
            raise FileRefused("AF001", path, f"There is no folder {path!r}.")
        return found
