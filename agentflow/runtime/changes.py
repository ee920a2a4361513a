"""[io] What a call of `write` or `edit` would change, for whoever is to allow it.

A file lies in the session, out of our reach. What it holds is known as far as the session has shown it: by
what was read from it, and by what was written to it and taken. A shell may have changed it since; nobody
here would know, so a diff says what it is a diff against.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agentflow.runtime.events import text_of
from agentflow.runtime.transcript import read_transcript

__all__ = ["DIFF_LIMIT", "change_of", "last_shown", "shown_in"]

DIFF_LIMIT = 100_000
"""Characters of a diff that are kept."""

Raw = Mapping[str, Any]


def change_of(
    tool: str, input: Mapping[str, Any], shown: Callable[[str], str | None]
) -> str | None:
    """A unified diff of what a call would change. None: it changes no file, or says nothing sensible.

    Args:
        shown: what a file holds, as far as that is known; not called for other tools.
    """
    path = input.get("file_path")
    if not isinstance(path, str) or tool not in ("write", "edit"):
        return None
    before = shown(path)
    if tool == "write":
        content = input.get("content")
        if not isinstance(content, str):
            return None
        known = "as last shown" if before is not None else "not shown in this session"
        return _diff(before or "", content, path, known)
    old, new = input.get("old_string"), input.get("new_string")
    if not isinstance(old, str) or not isinstance(new, str):
        return None
    if before is None or old not in before:
        return _diff(old, new, path, "only the part that is replaced")
    count = -1 if input.get("replace_all") else 1
    return _diff(before, before.replace(old, new, count), path, "as last shown")


def _diff(before: str, after: str, path: str, known: str) -> str:
    name = " ".join(path.split())
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        f"{name} ({known})",
        f"{name} (afterwards)",
        lineterm="",
    )
    text = "\n".join(lines)
    if not text:
        return f"{name}: nothing would change ({known})."
    if len(text) > DIFF_LIMIT:
        left = len(text) - DIFF_LIMIT
        return f"{text[:DIFF_LIMIT]}\n… and {left:,} characters more"
    return text


def last_shown(events: Iterable[Raw], path: str) -> str | None:
    """What a file holds, by the events of a session in order. None: nothing has shown it whole."""
    content: str | None = None
    calls: dict[str, Raw] = {}
    for event in events:
        if event.get("type") == "agent.tool_use":
            given = event.get("input")
            if isinstance(given, Mapping) and given.get("file_path") == path:
                calls[str(event.get("id"))] = event
        elif event.get("type") == "agent.tool_result" and not event.get("is_error"):
            call = calls.pop(str(event.get("tool_use_id")), None)
            if call is not None:
                content = _after(content, call, text_of(event.get("content")))
    return content


def shown_in(transcript: Path, path: str) -> str | None:
    """The same, by what a run has written down of its session so far."""
    return last_shown((line.event for line in read_transcript(transcript) if not line.sent), path)


def _after(content: str | None, call: Raw, result: str) -> str | None:
    """What the file holds once a call has succeeded."""
    given = call["input"]
    match call.get("name"):
        case "write":
            written = given.get("content")
            return written if isinstance(written, str) else None
        case "edit":
            old, new = given.get("old_string"), given.get("new_string")
            if content is None or not isinstance(old, str) or not isinstance(new, str):
                return None
            return content.replace(old, new, -1 if given.get("replace_all") else 1)
        case "read" if not any(given.get(key) for key in ("view_range", "offset", "limit")):
            return _unnumbered(result)
        case _:
            return content


_NUMBERED = re.compile(r" *(\d+)\t(.*)")


def _unnumbered(text: str) -> str:
    """A listing with line numbers without them; any other text as it is."""
    found = [_NUMBERED.fullmatch(line) for line in text.splitlines()]
    lines = [
        match[2] for place, match in enumerate(found, start=1) if match and int(match[1]) == place
    ]
    return "\n".join(lines) + "\n" if found and len(lines) == len(found) else text
