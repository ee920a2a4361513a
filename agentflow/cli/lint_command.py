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
    shown_path,
    use_color,
)
from agentflow.diagnostics import Diagnostic, Severity, has_errors
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS
from agentflow.operations.answers import Answer, place
from agentflow.operations.check import Report, check, select_files
from agentflow.operations.traced import Trace

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
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="check again even if nothing has changed, and keep no answer",
    )


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(problems: Sequence[Diagnostic], report: Report) -> str:
    found = [
        counted(number, severity.value)
        for severity in Severity
        if (number := sum(problem.severity is severity for problem in problems))
    ]
    where = counted(report.files, "file")
    if report.specs:
        where = f"{counted(report.specs, 'spec')} in {where}"
    return f"{', '.join(found) or 'no problems'} in {where}"


def run(args: Namespace) -> int:
    options = project_options(args)
    started = time.perf_counter()
    trace = Trace()
    project = select_files(options.directory, args.paths, trace=trace)
    report = check(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    code = EXIT_PROBLEMS if has_errors(report.problems) else EXIT_OK
    answer = _answer(args.format, report, project.root, code)
    sys.stdout.write(answer.text(time.perf_counter() - started))
    path = place(args.words)
    if path is not None and project.trace is not None:
        trace.keep(path, answer, project.root)
    return code


def _answer(format_: str, report: Report, root: Path, code: int) -> Answer:
    if format_ == "json":
        from agentflow.output.json import render_json

        text = render_json(report.problems, show_path=shown_path(root))
        return Answer(code, f"{text}\n")
    from agentflow.output.human import render_human

    text = render_human(
        report.problems,
        report.sources,
        color=use_color(sys.stdout),
        summary=summary(report.problems, report),
        show_path=shown_path(root),
    )
    return Answer(code, text.removesuffix("\n") + " ", "\n", timed=True)
