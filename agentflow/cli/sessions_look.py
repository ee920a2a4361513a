"""Looking at sessions after the fact: audit, cost, events, timeline, diff."""

from __future__ import annotations

import asyncio
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.cli.options import add_directory_option, add_format_option, project_directory
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS, UsageError
from agentflow.operations.check import Project, open_project
from agentflow.operations.project import find_project

if TYPE_CHECKING:
    from agentflow.operations.audits import Audited

__all__ = ["VERBS", "add_filters", "add_model", "add_verbs", "show"]

_WHAT = "a run, the id of a session, `last`, or a file with events"


def add_verbs(verbs: object) -> None:
    """Add what looks at sessions to the verbs of `agentflow sessions`."""

    def verb(name: str, help_: str, *formats: str) -> ArgumentParser:
        one: ArgumentParser = verbs.add_parser(  # type: ignore[attr-defined]
            name, help=help_, description=help_, allow_abbrev=False
        )
        add_directory_option(one)
        one.add_argument("-t", "--target", default="local", help="the target (default: local)")
        add_format_option(one, *formats)
        return one

    audit = verb("audit", "what went wrong or cost too much in a session, and what to change")
    audit.add_argument("run", metavar="SESSION", help=_WHAT)
    audit.add_argument("--service", action="store_true", help="read the events from the service")
    audit.add_argument(
        "--html", metavar="FILE", help="write one page with everything, for a browser"
    )
    audit.add_argument("--exit-zero", action="store_true", help="end with 0, whatever is found")
    add_model(audit)
    cost = verb("cost", "what sessions cost, by turn, run, agent, flow, day or project", "csv")
    cost.add_argument("runs", metavar="SESSION", nargs="*", help=f"{_WHAT} (default: all runs)")
    cost.add_argument(
        "--by", choices=("turn", "run", "agent", "flow", "day", "project"), default="run",
        help="what a line stands for (default: run)",
    )  # fmt: skip
    add_model(cost)
    events = verb("events", "the events of a session, one JSON object a line")
    events.add_argument("run", metavar="SESSION", help=_WHAT)
    events.add_argument("--service", action="store_true", help="read the events from the service")
    events.add_argument(
        "--type", action="append", default=[], help="only these: agent.message, session, …"
    )
    line = verb("timeline", "turns, tool calls, waits and errors in the order of time")
    line.add_argument("run", metavar="SESSION", help=_WHAT)
    trace = verb(
        "trace", "send the spans of a session that is over to a collector of OpenTelemetry"
    )
    trace.add_argument("run", metavar="SESSION", help=_WHAT)
    trace.add_argument(
        "--otlp", metavar="URL", help="where to (default: where the runs of the target are told to)"
    )
    files = verb("outputs", "the files of a session, and fetching those it produced")
    files.add_argument("run", metavar="SESSION", help="a run, the id of a session, or `last`")
    files.add_argument("--out", metavar="DIR", help="download what the session produced")
    tape = verb("record", "write a cassette of a session, for tests of the layer `replay`")
    tape.add_argument(
        "run",
        metavar="SESSION",
        help="a run, the id of a session, `last`, or a file of an exported session",
    )
    tape.add_argument("cassette", metavar="FILE", type=Path, help="where it is written")
    tape.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    tape.add_argument(
        "--compressed",
        action="store_true",
        help="keep contents of compressed files, in which no secret can be found",
    )
    add_model(tape)
    end = verb("archive", "archive a session, which cannot be undone: its history stays")
    end.add_argument("run", metavar="SESSION", help="a run, the id of a session, or `last`")
    end.add_argument("--yes", action="store_true", help="do it")
    diff = verb("diff", "two sessions side by side")
    diff.add_argument("before", metavar="SESSION", help=_WHAT)
    diff.add_argument("after", metavar="SESSION", help=_WHAT)
    add_model(diff)


def add_model(one: ArgumentParser) -> None:
    """Add the option for sessions of which nothing says what model they have."""
    one.add_argument(
        "--model", metavar="ID", help="for prices, where nothing says what model a session has"
    )


def add_filters(listed: ArgumentParser) -> None:
    """Which runs `list` lists."""
    listed.add_argument("--agent", metavar="NAME", help="only runs of this agent")
    listed.add_argument(
        "--state", help="only these: followed, waiting, abandoned, completed, failed, …"
    )
    for name, help_ in (
        ("--since", "begun then or later: 2026-11-20, or 2d ago"),
        ("--until", "begun before"),
    ):
        listed.add_argument(name, metavar="WHEN", help=help_)
    listed.add_argument("--cost-above", metavar="USD", help="only runs that cost this or more")
    listed.add_argument(
        "--service", action="store_true", help="the sessions that the target's service has"
    )
    listed.add_argument("-t", "--target", default="local", help="the target (default: local)")


def _list(args: Namespace) -> int:
    from datetime import UTC, datetime

    from agentflow.operations.listing import Wanted, amount, instant, on_service
    from agentflow.operations.sessions import list_runs
    from agentflow.output.sessions import as_json, render_on_service, render_runs

    project = open_project(project_directory(args))
    if args.service:
        found = asyncio.run(on_service(project, target=args.target))
        print(as_json(found) if args.format == "json" else render_on_service(found))
        return EXIT_OK
    now = datetime.now(UTC)
    wanted = Wanted(
        agent=args.agent,
        state=args.state,
        since=args.since and instant(args.since, option="--since", now=now),
        until=args.until and instant(args.until, option="--until", now=now),
        cost_usd=args.cost_above and amount(args.cost_above, option="--cost-above"),
    )
    runs = list_runs(project.root, limit=None if args.all else 20, wanted=wanted)
    if args.format == "json":
        print(as_json(runs))
    else:
        print(render_runs(runs) if runs or wanted == Wanted() else "No run is like that.")
    return EXIT_OK


def _project(args: Namespace) -> Project | None:
    """None: there is none here, and only files can be looked at."""
    directory = project_directory(args)
    return None if find_project(directory) is None else open_project(directory)


def _width() -> int:
    return max(60, shutil.get_terminal_size((100, 24)).columns)


def show(args: Namespace) -> int:
    """Show a session that no ledger here knows: of a service, or in a file."""
    from agentflow.operations.shown import show_session
    from agentflow.output.shown import render_shown, shown_json

    shown = asyncio.run(
        show_session(_project(args), args.run, target=args.target, model=args.model)
    )
    print(shown_json(shown) if args.format == "json" else render_shown(shown, width=_width()))
    return EXIT_OK


def _audit(args: Namespace) -> int:
    from agentflow.diagnostics import Severity
    from agentflow.operations.audits import audit_session
    from agentflow.output.audit import render_audit
    from agentflow.output.audit_report import audit_json

    audited = asyncio.run(
        audit_session(
            _project(args),
            args.run,
            target=args.target,
            ask_service=args.service,
            model=args.model,
        )
    )
    if args.html is not None:
        _write(Path(args.html), audited)
    print(audit_json(audited) if args.format == "json" else render_audit(audited, width=_width()))
    bad = any(finding.severity is Severity.ERROR for finding in audited.findings)
    return EXIT_PROBLEMS if bad and not args.exit_zero else EXIT_OK


def _write(path: Path, audited: Audited) -> None:
    from agentflow.operations.replacing import put_file
    from agentflow.output.page import session_page

    try:
        put_file(path, session_page(audited))
    except OSError as error:
        raise UsageError(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            hint="Name a file in a directory that exists: --html session.html",
        ) from error


def _cost(args: Namespace) -> int:
    from agentflow.audit.cost import together
    from agentflow.operations.audits import costs
    from agentflow.output.audit import render_costs
    from agentflow.output.audit_report import costs_csv, costs_json

    lines = asyncio.run(
        costs(_project(args), args.runs, by=args.by, target=args.target, model=args.model)
    )
    total = together("total", lines)
    if args.format == "csv":
        print(costs_csv(lines))
    else:
        print(costs_json(lines, total) if args.format == "json" else render_costs(lines, total))
    return EXIT_OK


def _events(args: Namespace) -> int:
    from agentflow.operations.evidence import gather
    from agentflow.output.audit import render_events

    evidence = asyncio.run(
        gather(_project(args), args.run, target=args.target, ask_service=args.service)
    )
    text = render_events(evidence.events, types=args.type)
    if text:
        print(text)
    return EXIT_OK


def _timeline(args: Namespace) -> int:
    from agentflow.audit.story import tell
    from agentflow.audit.timeline import timeline
    from agentflow.operations.evidence import gather
    from agentflow.output.audit import render_timeline
    from agentflow.output.audit_report import timeline_json

    evidence = asyncio.run(gather(_project(args), args.run, target=args.target))
    rows = timeline(tell(evidence.events))
    if args.format == "json":
        print(timeline_json(rows))
    else:
        print(render_timeline(rows, width=_width()))
    return EXIT_OK


def _diff(args: Namespace) -> int:
    from agentflow.operations.audits import compare_sessions
    from agentflow.output.audit import render_compared
    from agentflow.output.audit_report import compared_json

    compared = asyncio.run(
        compare_sessions(
            _project(args), args.before, args.after, target=args.target, model=args.model
        )
    )
    text = (
        compared_json(compared)
        if args.format == "json"
        else render_compared(compared, width=_width())
    )
    print(text)
    return EXIT_OK


def _trace(args: Namespace) -> int:
    from agentflow.operations.evidence import gather
    from agentflow.operations.telling import tell_collector

    project = _project(args)

    async def send() -> str:
        evidence = await gather(project, args.run, target=args.target)
        await tell_collector(project, evidence, target=args.target, endpoint=args.otlp)
        return evidence.title

    title = asyncio.run(send())
    if args.format == "json":
        import json

        print(json.dumps({"sent": title}))
    else:
        print(f"The spans of {title} were sent.")
    return EXIT_OK


def _outputs(args: Namespace) -> int:
    from agentflow.operations.delivered import outputs
    from agentflow.output.delivered import delivered_json, render_delivered

    out = None if args.out is None else Path(args.out)
    project = open_project(project_directory(args))
    found = asyncio.run(outputs(project, args.run, target=args.target, out=out))
    print(delivered_json(found) if args.format == "json" else render_delivered(found))
    return EXIT_OK


def _record(args: Namespace) -> int:
    from agentflow.operations.evidence import is_file
    from agentflow.operations.recording import record_session
    from agentflow.output.delivered import recorded_json, render_recorded

    how = {"target": args.target, "overwrite": args.overwrite, "model": args.model}
    if is_file(args.run):
        from agentflow.operations.importing import import_session

        made = import_session(_project(args), Path(args.run), args.cassette, **how)
    else:
        project = open_project(project_directory(args))
        told = record_session(project, args.run, args.cassette, compressed=args.compressed, **how)
        made = asyncio.run(told)
    print(recorded_json(made) if args.format == "json" else render_recorded(made))
    return EXIT_OK


def _archive(args: Namespace) -> int:
    from agentflow.operations.delivered import archive

    if not args.yes:
        raise UsageError(
            "Archiving a session cannot be undone.",
            hint=f"Fetch what it produced first (agentflow sessions outputs {args.run} --out DIR), "
            "then say --yes.",
        )
    project = open_project(project_directory(args))
    said = asyncio.run(archive(project, args.run, target=args.target))
    if args.format == "json":
        import json

        print(json.dumps({"archived": True, "said": said}))
    else:
        print(said)
    return EXIT_OK


VERBS: dict[str, Callable[[Namespace], int]] = {
    "list": _list,
    "audit": _audit,
    "cost": _cost,
    "events": _events,
    "timeline": _timeline,
    "trace": _trace,
    "outputs": _outputs,
    "record": _record,
    "archive": _archive,
    "diff": _diff,
}
