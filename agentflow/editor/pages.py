"""[io] The pages of codes as files, so that an editor can open what a finding links to.

They lie in the user's cache directory, as answers of lint do, and are written when first linked to.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from agentflow import __version__
from agentflow.lint.catalogue import explain

__all__ = ["page_uri"]


def _folder() -> Path:
    own = os.environ.get("AGENTFLOW_CACHE_DIR")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "agentflow"


@cache
def page_uri(code: str) -> str | None:
    """The URI of the page of a code. None: there is none, or it cannot be written."""
    text = explain(code)
    if text is None:
        return None
    try:
        folder = _folder() / "pages" / __version__
        path = folder / f"{code}.txt"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            _write(path, text)
        return path.as_uri()
    except (OSError, ValueError, RuntimeError):  # no home, no space, or a relative directory
        return None


def _write(path: Path, text: str) -> None:
    """In one step: another editor may read it meanwhile."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
