"""`agentflow lint --fix` and `--diff`: make fixes, or show what they would make, and say what is left."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from agentflow.cli.options import shown_path
from agentflow.diagnostics import Diagnostic, has_errors
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS
from agentflow.operations.answers import Answer
from agentflow.operations.check import Project, Report
from agentflow.operations.edited import EditedFiles
from agentflow.operations.fixing import Mended, fix, write
from agentflow.output.diffs import diff

__all__ = ["run_fix"]

_MARK = b"\xef\xbb\xbf"


def run_fix(
    args: Namespace,
    project: Project,
    look: Callable[[Project], Report],
    *,
    answer: Callable[..., Answer],
    summary: Callable[[Sequence[Diagnostic], Report], str],
    started: float,
) -> int:
    """Fix the project or show the diff; the exit code.

    Args:
        args: of the command line.
        project: as it was selected.
        look: checks a project as the command line wants it.
        answer: what is printed of a report; see `lint_command`.
        summary: its last line.
        started: when, by `time.perf_counter`.
    """
    mended = fix(project, look, unsafe=args.unsafe)
    failed = has_errors(mended.report.problems) or (args.diff and bool(mended.files))
    code = EXIT_PROBLEMS if failed and not args.exit_zero else EXIT_OK
    stream = sys.stdout
    if args.diff:
        # On standard output nothing but what `patch` takes; what is left is for people, and short.
        sys.stdout.write(diff(mended.files, show_path=shown_path(mended.root)))
        words = summary(mended.report.problems, mended.report)
        print(f"{_note(args, mended)}{words}", file=sys.stderr)
        return code
    if isinstance(project.files, EditedFiles):
        sys.stdout.buffer.write(_stdin_fixed(project.files, mended))
        stream = sys.stderr
    else:
        write(mended)
    sys.stdout.flush()
    said = answer(mended.report, mended.root, code, note=_note(args, mended), **_counts(mended))
    stream.write(said.text(time.perf_counter() - started))
    return code


def _stdin_fixed(files: EditedFiles, mended: Mended) -> bytes:
    """What standard input becomes: itself if nothing was fixed, also where it is no text at all."""
    (before,) = files.edited.values()
    if not mended.files:
        return before
    (file,) = mended.files
    return (_MARK if before.startswith(_MARK) else b"") + file.after.encode()


def _note(args: Namespace, mended: Mended) -> str:
    """What was done, or would be, before the words about what is left. Empty: nothing."""
    if not mended.fixed:
        return ""
    done = "would be fixed" if args.diff else "fixed"
    files = len(mended.files)
    where = f"{files} file{'' if files == 1 else 's'}"
    count = len(mended.fixed)
    return f"{count} finding{'' if count == 1 else 's'} {done} in {where}; left: "


def _counts(mended: Mended) -> dict[str, Any]:
    """The same for programs."""
    show = shown_path(mended.root)
    counted = Counter((problem.code, problem.name) for problem in mended.fixed)
    return {
        "fixed": [
            {"code": code, "name": name, "count": count}
            for (code, name), count in sorted(counted.items())
        ],
        "changed": [show(file.path) for file in mended.files],
    }
