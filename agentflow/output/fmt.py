"""What formatting did, or would do: names, a unified diff, or JSON."""

from __future__ import annotations

from collections.abc import Callable

from agentflow.operations.fmt import Outcome
from agentflow.output.diffs import diff
from agentflow.output.json import render_json

__all__ = ["fmt_json", "summary"]


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
