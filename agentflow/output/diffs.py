"""Files before and after, as a unified diff."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import unified_diff
from typing import Protocol

__all__ = ["diff"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class _Changed(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def before(self) -> str: ...

    @property
    def after(self) -> str: ...


def diff(files: Sequence[_Changed], *, show_path: Callable[[str], str] = str) -> str:
    """A unified diff that `patch -p0` takes. Files without a change add nothing.

    The text is shown as it is: the YAML reader lets no control characters through.
    """
    lines: list[str] = []
    for file in files:
        name = show_path(file.path)
        for line in unified_diff(
            _LINE.findall(file.before), _LINE.findall(file.after), name, name, n=3
        ):
            ended = line.endswith("\n")
            lines.append(line if ended else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
