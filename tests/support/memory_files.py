"""A project in memory: the `Files` that tests of the compiler and the linter read from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agentflow.errors import FileRefused

__all__ = ["MemoryFiles"]

_SPEC = re.compile(r"^(?:apiVersion:\s*agentflow/|kind:\s*(?:Project|Agent|Environment)\b)", re.M)


class MemoryFiles:
    """`{path: text}` as `ports.Files`. A YAML file that looks like a spec is one, as on disk."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)

    def specs(self) -> Sequence[str]:
        return sorted(
            path
            for path, text in self.files.items()
            if path.endswith((".yaml", ".yml"))
            and (path == "agentflow.yaml" or _SPEC.search(text) is not None)
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
