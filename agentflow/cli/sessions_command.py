"""The runs of this project and what they wait for, from any terminal: list, show, answer, end."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.cli import sessions_look
from agentflow.cli.logs import add_log_options, logging_to
from agentflow.cli.options import (
    add_directory_option,
    add_format_option,
    add_project_options,
    project_directory,
    project_options,
)
from agentflow.errors import EXIT_OK, EXIT_SERVICE, UsageError
from agentflow.operations.check import open_project

if TYPE_CHECKING:
    from agentflow.compiler.manifest import Target

__all__ = ["add_arguments", "run"]

_RUN_HELP = "its id, the end of it, the id of its session, or `last`"


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, help_: str, *, of_run: bool = True, prints: bool = False) -> ArgumentParser:
        one = verbs.add_parser(name, help=help_, description=help_, allow_abbrev=False)
        if of_run:
            one.add_argument("run", metavar="RUN", help=_RUN_HELP)
        add_directory_option(one)
        if prints:
            add_format_option(one)
        return one

    def add_place(one: ArgumentParser) -> None:
        help_ = "where a session is that no ledger here knows (default: local)"
        one.add_argument("-t", "--target", default="local", help=help_)

    listed = verb("list", "the newest runs, and which of them wait", of_run=False, prints=True)
    listed.add_argument("--all", action="store_true", help="not only the newest twenty")
    sessions_look.add_filters(listed)
    shown = verb(
        "show",
        "one run: what it asks, who decided what, its tool calls; or a session, or a file of one",
        prints=True,
    )
    add_place(shown)
    sessions_look.add_model(shown)
    for name, help_ in (
        ("approve", "let a tool call run that waits for a person"),
        ("deny", "do not let it run"),
    ):
        one = verb(name, help_)
        one.add_argument("call", metavar="CALL", nargs="?", help="default: the only one that waits")
        if name == "deny":
            one.add_argument("-m", "--message", help="what the agent is told")
        add_place(one)
    answer = verb("answer", "answer a question of the agent")
    answer.add_argument("text", metavar="TEXT", help="what the agent is told")
    answer.add_argument("--call", help="which question (default: the only one)")
    add_place(answer)
    said = verb("send", "say something to the agent while a run goes on: when its turn is over")
    said.add_argument("text", metavar="TEXT", help="what the agent is told")
    said.add_argument("--steer", action="store_true", help="now: it joins the running turn")
    add_place(said)
    more = verb(
        "budget", "give a run higher limits, to go on with `agentflow run --resume`", prints=True
    )
    for option, metavar, help_ in (
        ("--usd", "AMOUNT", "dollars, all in all"),
        ("--tokens", "COUNT", "tokens of all four classes, such as 1M"),
        ("--turns", "COUNT", "model requests"),
        ("--tool-calls", "COUNT", "calls of any tool"),
        ("--active", "TIME", "time the session is running, such as 1h"),
        ("--wall", "TIME", "time from start to end"),
    ):
        more.add_argument(option, metavar=metavar, help=help_)
    pools = verbs.add_parser(
        "pools", help="what runs have used together", description="what runs have used together"
    )
    add_project_options(pools)
    add_format_option(pools)
    verb("interrupt", "end a run and bring its session to rest")
    add_log_options(
        verb("attach", "follow a run that nobody follows; the same as `agentflow run --resume`")
    )
    reap = verb("reap", "find runs that nobody follows any more", of_run=False, prints=True)
    reap.add_argument("--yes", action="store_true", help="end them")
    reap.add_argument(
        "--elsewhere", action="store_true", help="with --yes: also those begun on other machines"
    )
    reap.add_argument("-t", "--target", help="look there too (default: where the ledger has runs)")
    sessions_look.add_verbs(verbs)


def _show(args: Namespace) -> int:
    from agentflow.operations.elsewhere import is_session
    from agentflow.operations.evidence import is_file
    from agentflow.operations.sessions import is_known, show_run
    from agentflow.output.sessions import as_json, render_run

    if is_file(args.run) or (is_session(args.run) and not is_known(_root(args), args.run)):
        return sessions_look.show(args)
    detail = show_run(_root(args), args.run)
    print(as_json(detail) if args.format == "json" else render_run(detail))
    return EXIT_OK


def _decide(args: Namespace) -> int:
    from agentflow.operations.elsewhere import answer_elsewhere, is_session
    from agentflow.operations.sessions import decide, is_known
    from agentflow.output.text import clean

    is_answer = args.verb == "answer"
    told = args.text if is_answer else getattr(args, "message", None)
    done = {"answer": "answered", "deny": "denied", "approve": "allowed"}[args.verb]
    if is_session(args.run) and not is_known(_root(args), args.run):
        call = asyncio.run(
            answer_elsewhere(
                _target(args),
                _root(args),
                args.run,
                args.call,
                kind="question" if is_answer else "approval",
                allowed=args.verb != "deny",
                answer=told,
            )
        )
        print(f"{clean(call.name)} {call.id} of session {args.run} is {done}.")
        return EXIT_OK
    one, followed = decide(
        _root(args),
        args.run,
        args.call,
        kind="question" if is_answer else "approval",
        allowed=args.verb != "deny",
        answer=told,
    )
    print(f"{clean(one.tool)} {one.call_id} of run {one.run_id} is {done}.")
    if not followed:
        print(f"Nobody follows the run. Go on with it: agentflow run --resume {one.run_id}")
    return EXIT_OK


def _budget(args: Namespace) -> int:
    from agentflow.operations.limits import LIMITS, raise_limits
    from agentflow.output.sessions import as_json, render_raised

    given = {name: getattr(args, name) for name in LIMITS}
    wanted = {name: text for name, text in given.items() if text is not None}
    if not wanted:
        raise UsageError(
            "Which limit is to be raised?",
            hint=f"agentflow sessions budget {args.run} --usd 5",
        )
    raised = raise_limits(_root(args), args.run, wanted)
    print(as_json(raised) if args.format == "json" else render_raised(raised))
    return EXIT_OK


def _send(args: Namespace) -> int:
    from agentflow.operations.saying import say

    told = say(_root(args), args.run, args.text, steer=args.steer, target=lambda: _target(args))
    print(asyncio.run(told))
    return EXIT_OK


def _target(args: Namespace) -> Target:
    """The target that is named on the command line. Raises `ProblemsFound`."""
    from agentflow.operations.check import compiled

    built, _ = compiled(open_project(project_directory(args)), target=args.target)
    return built.manifest.target


def _pools(args: Namespace) -> int:
    from agentflow.operations.pools import list_pools
    from agentflow.output.sessions import as_json, render_pools

    options = project_options(args)
    lines = list_pools(
        open_project(options.directory),
        target=options.target,
        variables=options.variables,
        settings=options.settings,
    )
    print(as_json(lines) if args.format == "json" else render_pools(lines))
    return EXIT_OK


def _interrupt(args: Namespace) -> int:
    from agentflow.operations.sessions import interrupt

    print(asyncio.run(interrupt(_root(args), args.run)))
    return EXIT_OK


def _attach(args: Namespace) -> int:
    from agentflow.cli.run_command import attach

    with logging_to(args):
        return attach(_root(args), args.run)


def _reap(args: Namespace) -> int:
    from agentflow.operations.sessions import reap
    from agentflow.output.sessions import as_json, render_reaped

    target = None if args.target is None else _target(args)
    found = asyncio.run(reap(_root(args), end=args.yes, elsewhere=args.elsewhere, target=target))
    print(as_json(found) if args.format == "json" else render_reaped(found, ended=args.yes))
    return EXIT_SERVICE if any(one.doubt for one in found) else EXIT_OK


_VERBS: dict[str, Callable[[Namespace], int]] = {
    "show": _show,
    "approve": _decide,
    "deny": _decide,
    "answer": _decide,
    "send": _send,
    "budget": _budget,
    "pools": _pools,
    "interrupt": _interrupt,
    "attach": _attach,
    "reap": _reap,
    **sessions_look.VERBS,
}


def _root(args: Namespace) -> Path:
    return open_project(project_directory(args)).root


def run(args: Namespace) -> int:
    return _VERBS[args.verb](args)
