"""Projects that say in themselves what is wrong with them, and how they would be right.

A file of such a project is two files. Its marks stand at the end of lines and are no part of them:

    bash: ask      #! AF602          a finding on this line; the right project has the line too
    bash: allow    #- AF603 AF611    only in the wrong project, with these findings; `#-` alone: none
    #+ bash: ask                     only in the right project: what stands behind the mark

The mark takes the place of the indentation's end, so that a line keeps its column. Marks are the same
in YAML, Markdown and Python; none of these has a use for them at those places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Expected", "read_files", "right", "wrong"]

_ONLY_RIGHT = re.compile(r"^(?P<indent>[ \t]*)#\+(?: (?P<line>.*))?$")
_MARK = re.compile(r"[ \t]*#(?P<sign>[!-])(?P<codes>(?: AF\d+)*)$")


class Expected(NamedTuple):
    code: str
    file: str
    line: int


def read_files(root: Path) -> dict[str, str]:
    """Every file below a directory, marks and all, by its path in it."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def wrong(files: Mapping[str, str]) -> tuple[dict[str, str], list[Expected]]:
    """The project with everything that is wrong, and each finding of it, sorted."""
    texts: dict[str, str] = {}
    expected: list[Expected] = []
    for file, text in files.items():
        lines: list[str] = []
        for line in text.split("\n"):
            if _ONLY_RIGHT.match(line):
                continue
            mark = _MARK.search(line)
            lines.append(line[: mark.start()] if mark else line)
            codes = mark["codes"].split() if mark else ()
            expected += [Expected(code, file, len(lines)) for code in codes]
        texts[file] = "\n".join(lines)
    return texts, sorted(expected)


def right(files: Mapping[str, str]) -> dict[str, str]:
    """The project as it should be."""
    return {file: "\n".join(_right_lines(text)) for file, text in files.items()}


def _right_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        added = _ONLY_RIGHT.match(line)
        mark = _MARK.search(line)
        if added:
            yield f"{added['indent']}{added['line'] or ''}".rstrip()
        elif mark is None:
            yield line
        elif mark["sign"] == "!":
            yield line[: mark.start()]
