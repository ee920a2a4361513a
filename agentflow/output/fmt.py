"""What formatting did, or would do: names, a unified diff, or JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import unified_diff

from agentflow.operations.fmt import Formatted, Outcome
from agentflow.output.json import render_json

__all__ = ["diff", "fmt_json", "summary"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def diff(files: Sequence[Formatted], *, show_path: Callable[[str], str] = str) -> str:
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


def summary(outcome: Outcome, *, written: bool) -> str:
    """One line for people."""
    changed = len(outcome.changed)
    parts = []
    if changed:
        parts.append(f"{_files(changed)} {'formatted' if written else 'would change'}")
    if len(outcome.files) > changed or not outcome.problems:
        parts.append(f"{_files(len(outcome.files) - changed)} unchanged")
    broken = len({problem.span.file for problem in outcome.problems if problem.span is not None})
    if broken:
        parts.append(f"{_files(broken)} left alone")
    return ", ".join(parts)


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def fmt_json(
    outcome: Outcome, *, written: bool, with_diff: bool, show_path: Callable[[str], str] = str
) -> str:
    """As of `lint`, and `files` beside the problems: each with `changed`, and `diff` if asked for."""
    files = [
        {
            "file": show_path(file.path),
            "changed": file.changed,
            **({"diff": diff([file], show_path=show_path)} if with_diff else {}),
        }
        for file in outcome.files
    ]
    return render_json(outcome.problems, show_path=show_path, files=files, written=written)
