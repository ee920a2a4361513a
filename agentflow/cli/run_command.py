"""Give an agent its task, follow what it does, and verify what it delivers."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.cli.logs import add_log_options, logging_to
from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    pairs,
    project_directory,
    project_options,
    show_problems,
    use_color,
)
from agentflow.errors import EXIT_OK, UsageError
from agentflow.operations.check import open_project

if TYPE_CHECKING:
    from agentflow.operations.asked import Listening, Resuming, Running
    from agentflow.output.live import LiveView
    from agentflow.runtime.notices import Notice, Observer
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
    reused = parser.add_mutually_exclusive_group()
    reused.add_argument(
        "--session",
        metavar="ID",
        help="give the task to this session, or that of a run, instead of to a new one",
    )
    reused.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="give it to the session of the agent's newest run, if that can take another task",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="leave once the session has its task; `agentflow sessions attach` follows it later",
    )
    parser.add_argument(
        "--forecast",
        action="store_true",
        help="print what earlier runs of the agent used, and start nothing",
    )
    parser.add_argument(
        "--unsafe-no-sandbox",
        action="store_true",
        help="let tools of the local target run unconfined",
    )
    parser.add_argument(
        "--events",
        metavar="FILE",
        help="write what happens as it happens, one JSON object a line (schemas/events.json); "
        "- is standard output",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write a cassette of the run, without secrets, for tests of the layer `replay`",
    )
    parser.add_argument(
        "--record-compressed",
        action="store_true",
        help="keep contents of compressed files on it, in which no secret can be found",
    )
    parser.add_argument(
        "--flow",
        metavar="ID",
        help="an id for all runs of one piece of work: they share pools `per: flow`, and costs add up",
    )
    add_project_options(parser)
    add_format_option(parser)
    add_log_options(parser)


def _arguments(args: Namespace) -> Running:
    """What `agentflow.run` is given for these flags."""
    options = project_options(args)
    return {
        "project": options.directory,
        "target": options.target,
        "variables": options.variables,
        "settings": options.settings,
        "inputs": pairs(args.inputs, "--input"),
        "out": args.out,
        "overwrite": args.overwrite,
        "script": args.script,
        "as_applied": args.as_applied,
        "unsafe_no_sandbox": args.unsafe_no_sandbox,
        "detach": args.detach,
        "session": args.session,
        "go_on": args.go_on,
        "record": args.record,
        "record_compressed": args.record_compressed,
        "flow": args.flow,
    }


def _resuming(args: Namespace) -> Resuming:
    """What `agentflow.resume` is given for these flags.

    Raises:
        UsageError: a flag that a run which has begun cannot heed any more.
    """
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
        "--forecast": args.forecast,
        "--session": args.session,
        "--continue": args.go_on,
        "--record": args.record,
        "--record-compressed": args.record_compressed,
        "--flow": args.flow,
    }
    given = [name for name, value in settled.items() if value]
    if given:
        raise UsageError(
            f"--resume goes on with what the run was started with: {', '.join(given)} cannot change it.",
            hint=f"agentflow run --resume {args.resume}",
        )
    return {
        "project": project_directory(args),
        "script": args.script,
        "unsafe_no_sandbox": args.unsafe_no_sandbox,
    }


@contextmanager
def _event_log(where: str | None) -> Iterator[Observer | None]:
    """Who writes the records that `--events` asks for. None: it asks for none.

    Raises:
        UsageError: the file cannot be written.
    """
    from agentflow.operations.clock import SystemClock
    from agentflow.output.events import EventLog

    now = SystemClock().now
    if where is None:
        yield None
    elif where == "-":
        yield EventLog(sys.stdout.buffer, now=now)
    else:
        try:
            file = Path(where).open("wb")  # noqa: SIM115 - closed below, not where it is opened
        except OSError as error:
            raise UsageError(
                f"{where!r} cannot be written: {error.strerror}.",
                hint="--events takes a file, or -.",
            ) from None
        with file:
            yield EventLog(file, now=now)


def _listening(view: LiveView, log: Observer | None, root: Path) -> Listening:
    """Who watches: the terminal, whoever sits there, Ctrl-C, and a program that reads records."""
    from agentflow.cli.interrupting import Interrupting
    from agentflow.cli.terminal_person import TerminalPerson
    from agentflow.runtime.notices import FindingsFound

    def tell(notice: Notice) -> None:
        interrupting(notice)
        if isinstance(notice, FindingsFound):
            if notice.problems:
                show_problems(notice.problems, stream=sys.stderr, root=root)
        else:
            view(notice)
        if log is not None:
            log(notice)

    interrupting = Interrupting()
    interrupting.listen()
    there = sys.stdin.isatty() and sys.stderr.isatty()
    return {
        "on_event": tell,
        "person": TerminalPerson(view.quiet) if there else None,
        "stop": interrupting.stop,
    }


def run(args: Namespace) -> int:
    from agentflow.api import resume_async, run_async

    if args.events == "-" and args.format == "json":
        raise UsageError(
            "--events - and --format json both want standard output.",
            hint="The last event has the result: leave --format json out, or name a file.",
        )
    if args.forecast and args.resume is None:
        return _forecast(args)
    root = open_project(project_directory(args)).root
    if args.resume is None:
        running = _arguments(args)
        start = partial(run_async, args.agent, **running)
    else:
        start = partial(resume_async, args.resume, **_resuming(args))
    with logging_to(args):
        return _follow(start, root, args.format, args.events)


def _forecast(args: Namespace) -> int:
    from agentflow.operations.asked import options_of
    from agentflow.operations.forecast import forecast_run
    from agentflow.output.forecast import render_forecast, render_forecast_json

    options = options_of(args.agent, _arguments(args))
    found = forecast_run(options, lambda notice: None)
    print(render_forecast_json(found) if args.format == "json" else render_forecast(found))
    return EXIT_OK


def attach(root: Path, run: str) -> int:
    """Go on with a run, for `agentflow sessions attach`; the exit code."""
    from agentflow.api import resume_async

    return _follow(partial(resume_async, run, project=root), root, "human", None)


def _follow(
    start: Callable[..., Awaitable[RunResult]], root: Path, format: str, events: str | None
) -> int:
    from agentflow.output.live import LiveView
    from agentflow.output.run import render_report, render_summary

    async def to_the_end(view: LiveView, log: Observer | None) -> RunResult:
        return await start(**_listening(view, log, root))

    color = use_color(sys.stderr)
    with (
        _event_log(events) as log,
        LiveView(sys.stderr, color=color, interactive=color and sys.stderr.isatty()) as view,
    ):
        result = asyncio.run(to_the_end(view, log))
    if format == "json":
        print(render_report(result))
    else:
        # Records have standard output to themselves.
        stream = sys.stderr if events == "-" else sys.stdout
        print(render_summary(result, color=use_color(stream)), file=stream)
    return result.verdict.exit_code
