"""Run the tests of a project: tools, prompts, whole runs on the embedded service, recordings, real targets."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    project_options,
    shown_path,
    to_stderr,
    use_color,
)
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS, UsageError

if TYPE_CHECKING:
    from agentflow.operations.check import Project
    from agentflow.testing.bench import Bench, Case
    from agentflow.testing.results import Result

__all__ = ["add_arguments", "run"]

_LAYERS = ("handler", "render", "loop", "replay", "live")


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="tests, also as globs (default: all)")
    parser.add_argument(
        "-k",
        dest="expression",
        metavar="EXPR",
        help="words with `and`, `or`, `not`: name, layer or agent",
    )
    parser.add_argument(
        "--layer",
        action="append",
        choices=_LAYERS,
        help="only tests of this layer; may be repeated",
    )
    parser.add_argument(
        "--last-failed", action="store_true", help="only those that failed last time"
    )
    parser.add_argument(
        "--live", action="store_true", help="also those on real targets, which cost money"
    )
    parser.add_argument("--update", action="store_true", help="write goldens that differ")
    parser.add_argument("--watch", action="store_true", help="run again whenever a file changes")
    parser.add_argument("--list", action="store_true", help="show the tests, and run none")
    parser.add_argument(
        "-n", dest="jobs", type=_jobs, metavar="N", help="processes (default: processors)"
    )
    parser.add_argument("-q", dest="quiet", action="store_true", help="show failures alone")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--unsafe-no-sandbox", action="store_true", help="let tools run unconfined")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write a cassette of one test of the layer `loop`",
    )
    parser.add_argument(
        "--record-compressed",
        action="store_true",
        help="keep contents of compressed files on it, in which no secret can be found",
    )
    add_project_options(parser)
    add_format_option(parser)


def _bench(args: Namespace, project: Project) -> Bench:
    from agentflow.testing.bench import Bench

    options = project_options(args)
    return Bench.of(
        project,
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        update=args.update,
        live=args.live,
        unsafe_no_sandbox=args.unsafe_no_sandbox,
        record=args.record,
        record_compressed=args.record_compressed,
    )


def _chosen(args: Namespace, bench: Bench) -> list[Case]:
    from agentflow.testing.selecting import Selection, remembered

    only = remembered(bench.root) if args.last_failed else None
    if args.last_failed and only is None:
        to_stderr("No test failed the last time; all are run.")
    layers = frozenset(args.layer) if args.layer else None
    selection = Selection(args.names, text=args.expression, layers=layers, only=only)
    return selection.of(bench.cases())


def _once(args: Namespace, project: Project) -> int:
    """Compile, choose, run, and say what came of it."""
    from agentflow.output.tested import render_case, render_junit, render_tests_json, render_totals
    from agentflow.testing.selecting import remember
    from agentflow.testing.suite import run_cases

    began = time.perf_counter()
    bench = _bench(args, project)
    cases = _chosen(args, bench)
    if args.record_compressed and args.record is None:
        raise UsageError(
            "What a cassette keeps was said, and not where it is written.",
            hint="Name a file: --record FILE",
        )
    if args.record is not None and [case.spec.layer for case in cases] != ["loop"]:
        raise UsageError(
            "--record takes one test of the layer `loop`.", hint="Name it: agentflow test NAME"
        )
    if args.list:
        return _listed(cases)
    as_json = args.format == "json"
    stream = sys.stderr if as_json else sys.stdout
    color, show = use_color(stream), shown_path(bench.root)

    def heard(result: Result) -> None:
        if not args.quiet or result.is_bad:
            print(render_case(result, color=color, show_path=show), file=stream, flush=True)

    results = run_cases(bench, cases, jobs=args.jobs, heard=heard)
    took_s = time.perf_counter() - began
    remember(bench.root, results, [case.name for case in bench.cases()])
    if args.junit is not None:
        suite = bench.compiled.manifest.project
        args.junit.write_text(render_junit(results, took_s, suite=suite), encoding="utf-8")
    print(render_totals(results, took_s, color=color), file=stream)
    if as_json:
        print(render_tests_json(results, took_s))
    return _exit_code(results)


def _listed(cases: Sequence[Case]) -> int:
    from agentflow.output.tested import render_list

    lines = [(c.spec.layer, c.name, c.spec.agent, c.spec.description) for c in cases]
    print(render_list(lines))
    return EXIT_OK


def _exit_code(results: Sequence[Result]) -> int:
    return EXIT_PROBLEMS if any(result.is_bad for result in results) else EXIT_OK


def run(args: Namespace) -> int:
    from agentflow.operations.check import open_project

    options = project_options(args)
    if args.watch:
        if args.format == "json" or args.junit or args.list:
            raise UsageError("--watch is for people: not with --format json, --junit or --list.")
        from agentflow.testing.watching import changes

        directory = open_project(options.directory).root
        for changed in changes(directory):
            _watched(args, options.directory, changed)
        return EXIT_OK
    return _once(args, open_project(options.directory))


def _watched(args: Namespace, directory: Path, changed: Sequence[str]) -> None:
    """One round of `--watch`, which goes on whatever is wrong with the project at the moment."""
    from agentflow.cli.options import show_problems
    from agentflow.errors import AgentflowError, ProblemsFound
    from agentflow.operations.check import open_project

    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        to_stderr(f"\n{changed[0]}{more} changed.")
    try:
        _once(args, open_project(directory))
    except ProblemsFound as error:
        show_problems(error.problems, stream=sys.stderr, sources=error.sources, root=error.root)
    except AgentflowError as error:
        to_stderr(f"error: {error.message}")
    to_stderr("Waiting for changes; Ctrl-C ends it.")
