"""Command lines of lint as most are, read without argparse.

Argparse and what it loads take a twentieth of a whole check. Whatever is not plain is left to it.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

__all__ = ["read_plain"]

_FALSE = (
    *("no_cache", "no_plugins", "changed", "statistics", "exit_zero", "write_baseline"),
    *("fix", "unsafe", "diff"),
)
_NONE = ("level", "sarif", "stdin_filename", "jobs")
_EMPTY = ("variables", "settings", "select", "extend_select", "ignore")
_FLAGS = {"--no-cache": "no_cache", "--exit-zero": "exit_zero"}
_VALUES = {"-C": "directory", "-t": "target", "--target": "target", "--jobs": "jobs"}


def read_plain(words: Sequence[str]) -> Namespace | None:
    """What argparse makes of the words after `lint`. None: it has to be asked."""
    values: dict[str, Any] = {
        "words": tuple(words),
        "directory": ".",
        "target": "local",
        "format": "human",
        **dict.fromkeys(_FALSE, False),
        **dict.fromkeys(_NONE),
    }
    paths: list[Path] = []
    left = iter(words)
    apart = False
    for word in left:
        if word in _FLAGS:
            values[_FLAGS[word]] = True
        elif word in _VALUES:
            value = next(left, "")
            if not value or value.startswith("-"):
                return None
            values[_VALUES[word]] = value
        elif not word or word.startswith("-") or apart:
            return None  # paths that do not stand together are refused, by argparse
        else:
            paths.append(Path(word))
            continue
        apart = bool(paths)
    return cast(
        "Namespace", SimpleNamespace(**values, paths=paths, **{name: [] for name in _EMPTY})
    )
