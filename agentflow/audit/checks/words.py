"""What several audits ask about tools, paths and texts."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from agentflow.audit.story import ToolUse

__all__ = ["OUTPUTS", "commands", "normal_error", "plural", "short", "tool_key", "written_paths"]

OUTPUTS = "/mnt/session/outputs"

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+|sevt_\w+|\b[0-9a-f]{8,}\b", re.IGNORECASE)
_REDIRECT = re.compile(r"(?<![<>&\d])(?:1|&)?>{1,2}\s*([^\s;&|<>()]+)")


def short(text: str, length: int = 80) -> str:
    """On one line, and not longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def normal_error(text: str) -> str:
    """An error without what differs from one time to the next: numbers, ids, and what follows much text."""
    return _NUMBERS.sub("#", " ".join(text.split())[:300]).lower()


def tool_key(name: str) -> str:
    """Where a spec has a tool: `tools.bash`, `mcp.warehouse.tools.search`."""
    server, dot, tool = name.partition(".")
    return f"mcp.{server}.tools.{tool}" if dot else f"tools.{name}"


def written_paths(call: ToolUse) -> Iterator[str]:
    """Absolute paths that a call writes to, as far as it says so itself."""
    if call.kind != "built-in":
        return
    if call.name in ("write", "edit"):
        path = call.text("file_path")
        if path.startswith("/"):
            yield posixpath.normpath(path)
    elif call.name == "bash":
        for command in commands(call):
            for match in _REDIRECT.finditer(command):
                path = match[1].strip("\"'")
                if path.startswith("/") and not path.startswith("/dev/"):
                    yield posixpath.normpath(path)


_SEPARATORS = re.compile(r"\n|&&|\|\||;|\|")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?.*?\n.*?^\s*\1\s*$", re.DOTALL | re.MULTILINE)


def commands(call: ToolUse) -> list[str]:
    """The single commands of a bash call, without the bodies of here-documents."""
    if call.name != "bash":
        return []
    text = _HEREDOC.sub("<<", call.text("command"))
    return [part.strip() for part in _SEPARATORS.split(text) if part.strip()]


def words(command: str) -> list[str]:
    """The words of one command; what does not parse is split at blanks."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
