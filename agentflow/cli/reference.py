"""The page of all commands in `docs/`, made from the parsers."""

from __future__ import annotations

import re
from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterator

from agentflow.cli.main import COMMANDS, Command, parser_of

__all__ = ["commands_page"]

_HEAD = "<!-- Generated: run the tests with AGENTFLOW_UPDATE=1. -->\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def _words(action: Action) -> str:
    """How an argument is written: `-t, --target TARGET`, or the name of a positional one."""
    value = action.metavar or action.dest.upper()
    shown = value[0] if isinstance(value, tuple) else value
    if not action.option_strings:
        return f"`{shown}`"
    takes = "" if action.nargs == 0 else f" {shown}"
    if action.choices:
        takes = f" {{{','.join(map(str, action.choices))}}}"
    return f"`{', '.join(action.option_strings)}{takes}`"


def _command(command: Command) -> Iterator[str]:
    """By hand and not from `--help`, whose layout differs between versions of Python."""
    parser, _ = parser_of(command)
    yield f"## agentflow {command.name}\n"
    yield f"{_cell(parser.description or '')}\n"
    verbs = [action for action in parser._actions if isinstance(action, _SubParsersAction)]
    for action in verbs:
        for name, verb in action.choices.items():
            yield f"### agentflow {command.name} {name}\n"
            yield f"{_cell(verb.description or '')}\n"
            yield from _arguments(verb)
    if not verbs:
        yield from _arguments(parser)
    if parser.epilog:
        yield f"{_cell(parser.epilog)}\n"


def _arguments(parser: ArgumentParser) -> Iterator[str]:
    yield "| argument | meaning |\n|---|---|"
    for action in parser._actions:
        if action.dest != "help":
            yield f"| {_words(action)} | {_cell(action.help or '')} |"
    yield ""


def commands_page() -> str:
    """Every command with its arguments, from the parsers."""
    parts = [_HEAD, "# Commands\n"]
    for command in COMMANDS:
        parts += _command(command)
    return "\n".join(parts).rstrip() + "\n"
