"""The files of a session, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from agentflow.output.text import clean, count

if TYPE_CHECKING:
    from agentflow.operations.delivered import Delivered
    from agentflow.operations.recording import Recorded

__all__ = ["delivered_json", "recorded_json", "render_delivered", "render_recorded"]


def render_delivered(files: Sequence[Delivered]) -> str:
    """A line for each: name, size, and where it is now or what it was."""
    if not files:
        return "The session has no files."
    width = max(len(clean(file.filename)) for file in files)
    return "\n".join(
        f"{clean(file.filename):<{width}}  {file.size_bytes:>12,} bytes  {_note(file)}".rstrip()
        for file in files
    )


def _note(file: Delivered) -> str:
    if file.path is not None:
        return f"-> {clean(file.path)}"
    return "" if file.downloadable else "an input"


def delivered_json(files: Sequence[Delivered]) -> str:
    return json.dumps([asdict(file) for file in files], indent=2, ensure_ascii=False)


def render_recorded(made: Recorded) -> str:
    """What a cassette that was written holds, and what not."""
    what = f"{count(made.events, 'event')} and {count(made.files, 'file')}"
    source = "" if made.source is None else f", made of {clean(made.source)}"
    lines = [f"{clean(str(made.path))}: {what}{source}"]
    if made.omitted:
        names = clean(", ".join(made.omitted))
        lines.append(
            f"  contents omitted, because they are compressed: {names} (--compressed keeps them)"
        )
    if made.lacks:
        lines.append("  not to be had, and so not on it:")
        lines += [f"  - {clean(lack)}" for lack in made.lacks]
    if made.source is not None:
        lines.append(
            "  A replay decides what events decide. Outputs it cannot verify, and says so."
        )
    return "\n".join(lines)


def recorded_json(made: Recorded) -> str:
    return json.dumps({**asdict(made), "path": str(made.path)}, indent=2, ensure_ascii=False)
