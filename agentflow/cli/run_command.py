"""Give an agent its task, follow what it does, and verify what it delivers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    pairs,
    project_directory,
    project_options,
    show_problems,
    use_color,
)
from agentflow.errors import UsageError
from agentflow.operations.check import open_project

if TYPE_CHECKING:
    from agentflow.diagnostics import Diagnostic
    from agentflow.operations.resume import ResumeOptions
    from agentflow.operations.run import RunOptions
    from agentflow.output.live import LiveView
    from agentflow.runtime.run import RunResult

__all__ = ["add_arguments", "attach", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("agent", nargs="?", help="default: the project's only agent")
    parser.add_argument(
        "-i",
        "--input",
        dest="inputs",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="an input of the task; files are paths",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where outputs go (default: .agentflow/runs)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="let outputs replace files that are in DIR"
    )
    parser.add_argument("--script", type=Path, help="turns that play the model of the local target")
    parser.add_argument(
        "--as-applied", action="store_true", help="run what is applied, though the files differ"
    )
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run whose process died, or that waits for a person; `last` is the newest",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="leave once the session has its task; `agentflow sessions attach` follows it later",
    )
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="let tools of the local target run unconfined",
    )
    add_project_options(parser)
    add_format_option(parser)


def _options(args: Namespace) -> RunOptions:
    from agentflow.operations.run import RunOptions

    options = project_options(args)
    return RunOptions(
        project=open_project(options.directory),
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        agent=args.agent,
        inputs=pairs(args.inputs, "--input"),
        out=args.out,
        overwrite=args.overwrite,
        script=args.script,
        as_applied=args.as_applied,
        unsafe_no_sandbox=args.unsafe_no_sandbox,
        detach=args.detach,
    )


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first Ctrl-C interrupts the session and collects; the second leaves at once."""

    def first() -> None:
        stop.set()
        print("\nInterrupting the session; Ctrl-C again leaves at once.", file=sys.stderr)
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, first)
    loop.add_signal_handler(signal.SIGTERM, stop.set)


def _resume_options(args: Namespace) -> ResumeOptions:
    from agentflow.operations.resume import ResumeOptions

    settled = {
        "the agent": args.agent,
        "--target": any(word.startswith(("-t", "--target")) for word in args.words),
        "--input": args.inputs,
        "--out": args.out,
        "--overwrite": args.overwrite,
        "--as-applied": args.as_applied,
        "--var": args.variables,
        "--set": args.settings,
        "--detach": args.detach,
    }
    given = [name for name, value in settled.items() if value]
    if given:
        raise UsageError(
            f"--resume goes on with what the run was started with: {', '.join(given)} cannot change it.",
            hint=f"agentflow run --resume {args.resume}",
        )
    return ResumeOptions(
        project=open_project(project_directory(args)),
        run=args.resume,
        script=args.script,
        unsafe_no_sandbox=args.unsafe_no_sandbox,
    )


async def _run(options: RunOptions | ResumeOptions, view: LiveView) -> RunResult:
    from agentflow.cli.terminal_person import TerminalPerson
    from agentflow.operations.resume import ResumeOptions, resume
    from agentflow.operations.run import Watch, run

    def problems(found: tuple[Diagnostic, ...]) -> None:
        if found:
            show_problems(found, stream=sys.stderr, root=options.project.root)

    stop = asyncio.Event()
    _stop_on_signals(stop)
    there = sys.stdin.isatty() and sys.stderr.isatty()
    watch = Watch(
        stage=view.stage,
        problems=problems,
        observer=view,
        person=TerminalPerson(view.quiet) if there else None,
        stop=stop,
    )
    if isinstance(options, ResumeOptions):
        return await resume(options, watch)
    return await run(options, watch)


def run(args: Namespace) -> int:
    options = _options(args) if args.resume is None else _resume_options(args)
    return _follow(options, args.format)


def attach(root: Path, run: str) -> int:
    """Go on with a run, for `agentflow sessions attach`; the exit code."""
    from agentflow.operations.resume import ResumeOptions

    options = ResumeOptions(
        project=open_project(root), run=run, script=None, unsafe_no_sandbox=False
    )
    return _follow(options, "human")


def _follow(options: RunOptions | ResumeOptions, format: str) -> int:
    from agentflow.output.live import LiveView
    from agentflow.output.run import render_report, render_summary

    color = use_color(sys.stderr)
    with LiveView(sys.stderr, color=color, interactive=color and sys.stderr.isatty()) as view:
        result = asyncio.run(_run(options, view))
    if format == "json":
        print(render_report(result))
    else:
        print(render_summary(result, color=use_color(sys.stdout)))
    return result.verdict.exit_code
