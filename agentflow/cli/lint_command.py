"""Check specs: syntax, shape, references, templates and the rules. Offline, without a key."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    project_options,
    show_problems,
    shown_path,
)
from agentflow.diagnostics import Diagnostic, Severity, has_errors
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS
from agentflow.operations.check import Report, check, select_files

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files or directories (default: the project)",
    )
    add_project_options(parser)
    add_format_option(parser)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(problems: Sequence[Diagnostic], report: Report, seconds: float) -> str:
    found = [
        counted(number, severity.value)
        for severity in Severity
        if (number := sum(problem.severity is severity for problem in problems))
    ]
    where = counted(report.files, "file")
    if report.specs:
        where = f"{counted(report.specs, 'spec')} in {where}"
    return f"{', '.join(found) or 'no problems'} in {where} ({seconds * 1000:.0f} ms)"


def run(args: Namespace) -> int:
    options = project_options(args)
    started = time.perf_counter()
    project = select_files(options.directory, args.paths)
    report = check(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    if args.format == "json":
        from agentflow.output.json import render_json

        print(render_json(report.problems, show_path=shown_path(project.root)))
    else:
        show_problems(
            report.problems,
            stream=sys.stdout,
            sources=report.sources,
            root=project.root,
            summary=summary(report.problems, report, time.perf_counter() - started),
        )
    return EXIT_PROBLEMS if has_errors(report.problems) else EXIT_OK
