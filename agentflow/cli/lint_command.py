"""Check specs: syntax, shape, references, templates and the rules. Offline, without a key."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.cli.lint_options import (
    add_fix_options,
    add_lint_options,
    add_work_options,
    choice_of,
    is_whole,
    jobs_of,
    refuse_contradictions,
)
from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    file_links,
    project_options,
    shown_path,
    use_color,
)
from agentflow.diagnostics import Diagnostic, Severity, has_errors
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS, UsageError
from agentflow.lint.own import RULE_FAILED
from agentflow.operations.answers import Answer, place
from agentflow.operations.check import Findings, Project, Report, check
from agentflow.operations.lint import lint
from agentflow.operations.several import select_changed, select_projects, together
from agentflow.operations.traced import Trace

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files or directories (default: the project); `-` is standard input",
    )
    add_project_options(parser)
    add_format_option(parser, "sarif", "github")
    add_lint_options(parser)
    add_fix_options(parser)
    add_work_options(parser)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(problems: Sequence[Diagnostic], report: Findings) -> str:
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
    refuse_contradictions(args)
    choice = choice_of(args)
    started = time.perf_counter()
    trace = None if args.fix or args.diff else Trace()
    projects = _projects(args, options.directory, trace)
    chosen: dict[str, Any] = {
        "target": options.target,
        "variables": options.variables,
        "settings": options.settings,
        "choice": choice,
        "baseline": "unused" if args.write_baseline else "judged" if is_whole(args) else "used",
        "plugins": not args.no_plugins,
    }

    def look(project: Project) -> Report:
        return check(project, **chosen)

    if trace is None:
        from agentflow.cli.lint_fix import run_fix

        say = partial(_answer, args)
        if len(projects) > 1 and args.format != "human":
            raise UsageError(
                f"--fix does not go with --format {args.format} for files of several projects.",
                hint="Fix one project after the other.",
            )
        ended = [
            run_fix(args, project, look, answer=say, summary=summary, started=started)
            for project in projects
        ]
        return max(ended, default=EXIT_OK)
    if args.write_baseline:
        [project] = projects
        return _write_baseline(look(project), project)
    jobs = jobs_of(args)
    checked = [
        (project, lint(project, **chosen, keep=not args.no_cache, jobs=jobs))
        for project in projects
    ]
    root, report = together(checked)
    failed = has_errors(report.problems) and not args.exit_zero
    answer = _answer(args, report, root, EXIT_PROBLEMS if failed else EXIT_OK)
    if args.sarif is not None:
        from agentflow.operations.replacing import put_file

        put_file(Path(args.sarif), _sarif(report, root).encode("utf-8", "surrogatepass"))
    sys.stdout.write(answer.text(time.perf_counter() - started))
    _keep(args, answer, checked)
    return answer.code


def _keep(args: Namespace, answer: Answer, checked: Sequence[tuple[Project, Findings]]) -> None:
    """Keep the answer for as long as nothing has changed, if all that it rests on was noted."""
    if len(checked) != 1 or args.sarif is not None:
        return
    [(project, report)] = checked
    path = place(args.words)
    failed_rules = any(problem.code == RULE_FAILED.id for problem in report.problems)
    if path is not None and project.trace is not None and not failed_rules:
        project.trace.keep(path, answer, project.root)


def _projects(args: Namespace, directory: Path, trace: Trace | None) -> Sequence[Project]:
    """What is checked. What comes from standard input leaves no trace that could be followed."""
    if args.changed:
        return select_changed(directory, args.paths)
    if args.stdin_filename is None:
        return select_projects(directory, args.paths, trace=trace)
    from agentflow.operations.edited import select_edited
    from agentflow.operations.project import MAX_TEXT_BYTES

    if sys.stdin is None:
        raise UsageError("Standard input is closed.")
    data = sys.stdin.buffer.read(MAX_TEXT_BYTES + 1)
    return (select_edited(directory, Path(args.stdin_filename), data),)


def _write_baseline(report: Report, project: Project) -> int:
    from agentflow.operations.known import save_known

    path, number = save_known(report, project)
    print(f"{os.path.relpath(path)} knows {counted(number, 'finding')}.")
    return EXIT_OK


def _answer(
    args: Namespace,
    report: Findings,
    root: Path,
    code: int,
    *,
    note: str = "",
    **more: Any,
) -> Answer:
    """What is printed, in the format that is wanted.

    Args:
        args: of the command line.
        report: what was found.
        root: what names of files are relative to.
        code: the exit code.
        note: what was done, before the summary for people.
        more: the same for programs, beside the problems.
    """
    problems, show_path = report.problems, shown_path(root)
    if args.format == "json":
        from agentflow.output.json import render_json
        from agentflow.output.statistics import count_codes

        if args.statistics:
            more["statistics"] = count_codes(problems)
        return Answer(code, render_json(problems, show_path=show_path, **more) + "\n")
    if args.format == "sarif":
        return Answer(code, _sarif(report, root))
    words = note + summary(problems, report)
    if args.format == "github":
        from agentflow.output.github import render_github

        text = f"{render_github(problems, show_path=show_path)}{words}"
    elif args.statistics:
        from agentflow.output.statistics import render_statistics

        text = render_statistics(problems, summary=words)
    else:
        text = _human(report, root, words + fixable(problems, fixing=args.fix))
    return Answer(code, text.removesuffix("\n") + " ", "\n", timed=True)


def _sarif(report: Findings, root: Path) -> str:
    from agentflow.lint.engine import known_codes
    from agentflow.output.sarif import render_sarif

    codes = known_codes(report.plugins)
    plugins = report.plugins.loaded if report.plugins else ()
    text = render_sarif(report.problems, codes, plugins=plugins, show_path=shown_path(root))
    return f"{text}\n"


def fixable(problems: Sequence[Diagnostic], *, fixing: bool) -> str:
    """What else `--fix` could do: empty if nothing. `fixing`: it has done what is safe."""
    fixes = [problem.fix for problem in problems if problem.fix is not None]
    safe = 0 if fixing else sum(fix.safe for fix in fixes)
    unsafe = sum(not fix.safe for fix in fixes)
    parts = [f"{safe} fixable with --fix"] if safe else []
    if unsafe:
        parts.append(
            f"{unsafe} more with --unsafe" if safe else f"{unsafe} fixable with --fix --unsafe"
        )
    return f"; {', '.join(parts)}" if parts else ""


def _human(report: Findings, root: Path, words: str) -> str:
    if not report.problems and words.isascii() and words.isprintable():
        return f"{words}\n"
    from agentflow.output.human import render_human

    return render_human(
        report.problems,
        report.sources,
        color=use_color(sys.stdout),
        summary=words,
        show_path=shown_path(root),
        link=file_links(root, sys.stdout),
    )
