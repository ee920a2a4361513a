"""[io] Options that several commands share, and how problems reach the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from agentflow.diagnostics import SETTINGS_FILE, Diagnostic
from agentflow.errors import UsageError
from agentflow.records import record

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from argparse import _ArgumentGroup as ArgumentGroup

__all__ = [
    "ProjectOptions",
    "add_directory_option",
    "add_format_option",
    "add_project_options",
    "file_links",
    "project_directory",
    "project_options",
    "show_problems",
    "shown_path",
    "use_color",
]


@record
class ProjectOptions:
    directory: Path
    """Where to look for the project, and upwards from there."""
    target: str
    variables: Mapping[str, str]
    settings: tuple[str, ...]
    """`--set`, as given."""


def add_directory_option(parser: ArgumentParser | ArgumentGroup) -> None:
    parser.add_argument(
        "-C", metavar="DIR", dest="directory", default=".", help="the project's directory"
    )


def add_project_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("project")
    add_directory_option(group)
    group.add_argument("-t", "--target", default="local", help="the target (default: local)")
    group.add_argument(
        "--var",
        metavar="NAME=VALUE",
        dest="variables",
        action="append",
        default=[],
        help="set a variable of the project or an agent",
    )
    group.add_argument(
        "--set",
        metavar="ADDRESS.PATH=VALUE",
        dest="settings",
        action="append",
        default=[],
        help="change a value over all else, such as agent/writer.budget.usd=3; `done+=[...]` appends",
    )


def add_format_option(parser: ArgumentParser, *more: str) -> None:
    """`more`: formats beside those that every command has."""
    parser.add_argument(
        "--format",
        choices=("human", "json", *more),
        default="human",
        help="for people or for programs",
    )


def pairs(words: Sequence[str], option: str) -> dict[str, str]:
    """`["a=1", "b=x=y"]` -> `{"a": "1", "b": "x=y"}`.

    Raises:
        UsageError: a word without `=`, or a name given twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} takes NAME=VALUE, not {word!r}.")
        if name in found:
            raise UsageError(f"{option} sets {name!r} twice.")
        found[name] = value
    return found


def project_directory(args: Namespace) -> Path:
    """What -C says.

    Raises:
        UsageError: it is no directory.
    """
    directory = Path(args.directory)
    if not directory.is_dir():
        raise UsageError(
            f"{str(directory)!r} is not a directory.", hint="-C takes the project's directory."
        )
    return directory


def project_options(args: Namespace) -> ProjectOptions:
    return ProjectOptions(
        directory=project_directory(args),
        target=args.target,
        variables=pairs(args.variables, "--var"),
        settings=tuple(args.settings),
    )


def use_color(stream: TextIO) -> bool:
    """A terminal that wants colour. NO_COLOR (https://no-color.org) and FORCE_COLOR are heeded."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (
        stream.isatty() and os.environ.get("TERM") != "dumb"
    )


def shown_path(root: Path) -> Callable[[str], str]:
    """Turns a path of the project into one relative to the working directory, as editors open it."""

    def show(path: str) -> str:
        # The command line has no place on disk.
        return path if path == SETTINGS_FILE else os.path.relpath(root / path)

    return show


def file_links(root: Path, stream: TextIO) -> Callable[[str], str | None] | None:
    """Turns a path of the project into a URI that the terminal opens. None: it is no terminal."""
    if not (use_color(stream) and stream.isatty()):
        return None
    from urllib.parse import quote

    def link(path: str) -> str | None:
        if path == SETTINGS_FILE:
            return None
        return f"file://{quote(str(root.absolute() / path), errors='surrogatepass')}"

    return link


def show_problems(
    problems: Sequence[Diagnostic],
    *,
    stream: TextIO,
    sources: Mapping[str, str] | None = None,
    root: Path | None = None,
    summary: str | None = None,
) -> None:
    from agentflow.output.human import render_human

    text = render_human(
        problems,
        sources or {},
        color=use_color(stream),
        summary=summary,
        show_path=shown_path(root) if root else str,
    )
    print(text, file=stream, end="" if text.endswith("\n") else "\n")


def to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
