"""What a command line chooses to hear of: its options, and what they mean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentflow.diagnostics import Level
from agentflow.errors import UsageError
from agentflow.lint.selection import Choice, Layer

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

__all__ = [
    "add_fix_options",
    "add_lint_options",
    "add_work_options",
    "choice_of",
    "is_whole",
    "jobs_of",
    "refuse_contradictions",
]

_JOBS = "AGENTFLOW_JOBS"
_MOST_JOBS = 256
_SELECTION = ("select", "extend_select", "ignore")


def add_lint_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what is reported")
    for names, text in (
        (
            ["--select"],
            "report only these codes; a prefix such as AF6 stands for all that begin with it",
        ),
        (["--extend-select", "--extend"], "report these codes as well, whatever the level"),
        (["--ignore"], "do not report these codes"),
    ):
        group.add_argument(*names, metavar="CODES", action="append", default=[], help=text)
    group.add_argument(
        "--level",
        choices=[level.value for level in Level],
        help="strict: also matters of taste; auditor: also what only a person can judge",
    )
    group.add_argument(
        "--no-plugins", action="store_true", help="run no rules of the project's `lint.plugins`"
    )
    group.add_argument(
        "--changed",
        action="store_true",
        help="PATHs are what has changed: check all of their projects, report every error and what "
        "else concerns these files, and pass over files of no project",
    )
    group.add_argument("--statistics", action="store_true", help="count findings by code")
    group.add_argument(
        "--sarif", metavar="FILE", help="write what is found to a file as SARIF, beside --format"
    )
    group.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    group.add_argument(
        "--write-baseline",
        action="store_true",
        help="write what is found to the project's `lint.baseline`, and report it no more",
    )
    group.add_argument(
        "--stdin-filename",
        metavar="PATH",
        help="with `-` for PATH: what standard input is, as a file of the project",
    )


def add_fix_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("fixes")
    group.add_argument(
        "--fix", action="store_true", help="edit the files: make the fixes that are safe"
    )
    group.add_argument(
        "--unsafe",
        action="store_true",
        help="with --fix or --diff: also the fixes that change what a spec means",
    )
    group.add_argument(
        "--diff",
        action="store_true",
        help="write nothing; print what --fix would change, with exit code 1 if it is anything",
    )


def add_work_options(parser: ArgumentParser) -> None:
    """How a check is made, which changes nothing of what it says."""
    parser.add_argument(
        "--no-cache",
        action="store_true",
        help="check again even if nothing has changed, and keep no answer",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        help="processes for a large project; 1: no others (default: AGENTFLOW_JOBS, or one per core)",
    )


def jobs_of(args: Namespace) -> int | None:
    """In how many processes a large project is checked. None: nobody says.

    Raises:
        UsageError: something else than a number is said.
    """
    source, text = "--jobs", args.jobs
    if text is None:
        source, text = _JOBS, os.environ.get(_JOBS, "")
        if not text:
            return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= _MOST_JOBS):
        raise UsageError(
            f"{source} is {text!r}, and no number from 1 to {_MOST_JOBS}.",
            hint="Leave it out for one process per core.",
        )
    return int(text)


def choice_of(args: Namespace) -> Choice | None:
    """The choice of a command line. None: it makes none.

    Raises:
        UsageError: something is no code and no prefix of one.
    """
    layer = Layer(
        select=_ids("--select", args.select),
        extend_select=_ids("--extend-select", args.extend_select),
        ignore=_ids("--ignore", args.ignore),
    )
    if layer == Layer() and args.level is None:
        return None
    return Choice(
        layers=(layer,),
        level=Level(args.level) if args.level else None,
        unsettled=tuple(
            (f"--{name.replace('_', '-')}", entry)
            for name in _SELECTION
            for entry in _unsettled(getattr(layer, name))
        ),
    )


def _unsettled(entries: Sequence[str]) -> Sequence[str]:
    """Those that are no code of agentflow, and so may be one of a plugin."""
    if not entries:
        return ()
    from agentflow.lint.engine import KNOWN
    from agentflow.lint.settings import is_selector

    return [entry for entry in entries if not is_selector(entry, KNOWN)]


def _ids(option: str, values: Sequence[str]) -> tuple[str, ...]:
    """`["AF5,no-budget"]` -> `("AF5", "AF801")`. What may be of a plugin stays as it is.

    Raises:
        UsageError: something can be no code and no prefix of one.
    """
    entries = [entry.strip() for value in values for entry in value.split(",")]
    if not entries:
        return ()
    from agentflow.lint.engine import KNOWN, id_of
    from agentflow.lint.settings import is_selector, unknown_selector
    from agentflow.lint.suppress import may_be_foreign

    for entry in entries:
        if not entry or not (is_selector(entry, KNOWN) or may_be_foreign(entry)):
            raise unknown_selector(option, entry, KNOWN)
    return tuple(map(id_of, entries))


def is_whole(args: Namespace) -> bool:
    """Whether the project is checked as it stands: all of it, and as its own file says."""
    narrowed = any(getattr(args, name) for name in _SELECTION) or args.level is not None
    changed = args.target != "local" or args.variables or args.settings
    return not (args.paths or narrowed or changed or args.no_plugins)


def refuse_contradictions(args: Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: there are some.
    """
    if args.statistics and args.format not in ("human", "json"):
        raise UsageError(f"--statistics does not go with --format {args.format}.")
    reads_stdin = "-" in map(str, args.paths)
    if reads_stdin and args.stdin_filename is None:
        raise UsageError(
            "Standard input has no name.", hint="Say what it is: --stdin-filename agents/x.yaml"
        )
    if reads_stdin and len(args.paths) > 1:
        raise UsageError("Standard input is checked alone.", hint="Leave out the other paths.")
    if args.stdin_filename is not None and not reads_stdin:
        raise UsageError("--stdin-filename goes with `-` as the path.")
    if reads_stdin and args.changed:
        raise UsageError("--changed takes files, not standard input.")
    if args.sarif is not None and (args.fix or args.diff or args.write_baseline):
        raise UsageError("--sarif goes with a report only, not with what changes files.")
    if args.unsafe and not (args.fix or args.diff):
        raise UsageError("--unsafe goes with --fix or --diff.")
    if args.diff and (args.format != "human" or args.statistics):
        raise UsageError(
            "A diff has a format of its own: --diff takes no --format and no --statistics.",
            hint="With `--format json` each finding has the edits of its fix.",
        )
    if args.write_baseline and (args.fix or args.diff):
        raise UsageError(
            "--write-baseline does not go with --fix or --diff.", hint="Fix first, then write it."
        )
    narrowing = (*_SELECTION, "level", "statistics", "changed")
    others = [name for name in narrowing if getattr(args, name)]
    if args.write_baseline and (args.paths or others or args.format != "human"):
        raise UsageError(
            "A baseline holds what the whole project is told: --write-baseline takes no paths, no "
            "selection and no format.",
            hint="Select in the project: lint: { select: [AF6] }",
        )
