"""Format specs: keys in the order of the documentation, quotes, indentation. Comments are kept."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agentflow.cli.options import (
    add_directory_option,
    add_format_option,
    project_directory,
    show_problems,
    shown_path,
)
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS
from agentflow.operations.fmt import Outcome, fmt

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files or directories (default: the project)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if a file would change"
    )
    parser.add_argument(
        "--diff", action="store_true", help="write nothing; print what would change"
    )
    parser.add_argument(
        "--changed",
        action="store_true",
        help="PATHs are what has changed: format the specs among them, and pass over the rest",
    )
    add_directory_option(parser)
    add_format_option(parser)


def run(args: Namespace) -> int:
    writes = not (args.check or args.diff)
    outcome = fmt(project_directory(args), args.paths, write=writes, changed=args.changed)
    show = _show_json if args.format == "json" else _show
    show(args, outcome, written=writes)
    if outcome.problems or (args.check and outcome.changed):
        return EXIT_PROBLEMS
    return EXIT_OK


def _show_json(args: Namespace, outcome: Outcome, *, written: bool) -> None:
    from agentflow.output.fmt import fmt_json

    path = shown_path(outcome.root)
    print(fmt_json(outcome, written=written, with_diff=args.diff, show_path=path))


def _show(args: Namespace, outcome: Outcome, *, written: bool) -> None:
    from agentflow.output.diffs import diff
    from agentflow.output.fmt import summary

    path = shown_path(outcome.root)
    if args.diff:
        print(diff(outcome.files, show_path=path), end="")
    else:
        for file in outcome.changed:
            print(path(file.path))
    sys.stdout.flush()
    if outcome.problems:
        show_problems(
            outcome.problems, stream=sys.stderr, sources=outcome.sources, root=outcome.root
        )
    print(summary(outcome, written=written), file=sys.stderr)
