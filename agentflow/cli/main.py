"""[io] The entry point: find the command, run it, turn whatever goes wrong into one message.

Only what is needed is imported, when it is needed: a check of a project that has not changed since
the last one is answered before even the command line has been parsed.
"""

from __future__ import annotations

import gc
import os
import sys
import time

from agentflow import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, HelpFormatter, Namespace
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from agentflow.errors import AgentflowError

    _Parsed = tuple[Namespace, Callable[[Namespace], int]]

__all__ = ["COMMANDS", "Command", "main", "parser_of", "usage"]


class Command:
    __slots__ = ("help", "name", "recalled")

    def __init__(self, name: str, help_: str, *, recalled: bool = False) -> None:
        self.name = name
        self.help = help_
        self.recalled = recalled
        """Whether its answers are kept; see `operations.answers`."""

    def module(self) -> ModuleType:
        """Its module in this package: `add_arguments(parser)` and `run(args) -> exit code`."""
        import importlib

        return importlib.import_module(f"agentflow.cli.{self.name}_command")


COMMANDS: tuple[Command, ...] = (
    Command("init", "make a project that lints, applies and runs"),
    Command("lint", "check specs, offline and fast", recalled=True),
    Command("fmt", "bring specs into the layout of the documentation"),
    Command("compile", "print what a project becomes: payloads and policies"),
    Command("plan", "show what apply would change"),
    Command("apply", "create and update agents and environments"),
    Command("run", "give an agent a task and verify what it delivers"),
    Command("sessions", "see runs, answer what they ask, and end them, from any terminal"),
    Command("test", "run the tests of a project"),
    Command("serve", "run the embedded service on this machine"),
    Command("lsp", "serve editors: findings while typing, fixes, completion, hover"),
    Command("schema", "print the JSON Schemas of the spec language, or write them for editors"),
    Command("explain", "print the page of a code or a rule"),
    Command("doctor", "check what silently breaks"),
)


def usage() -> str:
    """The text of `agentflow --help`."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.help}" for command in COMMANDS]
    return "\n".join(
        [
            "usage: agentflow [--version] [--help] COMMAND [OPTION ...]",
            "",
            "Declare Claude Managed Agents in YAML; lint, plan, apply and run them.",
            "",
            "commands:",
            *lines,
            "",
            "Each command has --help. In all that need a project: -C DIR, -t TARGET, --var NAME=VALUE,",
            "--set ADDRESS.PATH=VALUE.",
            "exit codes: 0 fine, 1 problems, 2 usage, 3 a bug, 4 the service, 5 changes pending,",
            "            6 blocked, 7 budget reached, 8 a person is needed, 130 interrupted",
            "",
        ]
    )


def _formatter(prog: str) -> HelpFormatter:
    """As argparse makes it, which for the width of the terminal loads compressors too, by `shutil`.

    It is made for each option, and its width only matters where help is printed.
    """
    from argparse import HelpFormatter

    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns or 80)
    except (ValueError, OSError):
        columns = 80
    return HelpFormatter(prog, width=columns - 2)


def parser_of(command: Command) -> tuple[ArgumentParser, Callable[[Namespace], int]]:
    """The command's own parser, and what runs it. It finds the words as they were in `args.words`."""
    from argparse import ArgumentParser

    module = command.module()
    parser = ArgumentParser(
        prog=f"agentflow {command.name}",
        description=module.__doc__,
        allow_abbrev=False,
        formatter_class=_formatter,
    )
    module.add_arguments(parser)
    return parser, module.run


def _unknown(name: str) -> int:
    from difflib import get_close_matches

    from agentflow.errors import EXIT_USAGE

    near = get_close_matches(name, [command.name for command in COMMANDS], n=1)
    hint = f"Did you mean {near[0]!r}?" if near else "agentflow --help lists the commands."
    print(f"error: There is no command {name!r}.\n  hint: {hint}", file=sys.stderr)
    return EXIT_USAGE


def _report(error: AgentflowError) -> int:
    from agentflow.errors import ProblemsFound
    from agentflow.output.excerpt import printable
    from agentflow.secret import mask

    if isinstance(error, ProblemsFound):
        from agentflow.cli.options import show_problems

        show_problems(error.problems, stream=sys.stderr, sources=error.sources, root=error.root)
    # A message may quote a service or a file: nothing of that may reach the terminal as a command.
    print(f"error: {printable(mask(error.message))}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {printable(mask(error.hint))}", file=sys.stderr)
    return error.exit_code


def _bug(error: Exception) -> int:
    from agentflow.errors import EXIT_BUG
    from agentflow.output.excerpt import printable
    from agentflow.secret import mask

    _trace_if_wanted()
    print(
        f"error: {type(error).__name__}: {printable(mask(str(error)))}\n"
        "  hint: This is a bug in agentflow. Set AGENTFLOW_TRACEBACK=1 to see where, and report it.",
        file=sys.stderr,
    )
    return EXIT_BUG


def _refused(error: OSError) -> int:
    """A file that cannot be written, a full disk: said of the machine, not of agentflow."""
    from agentflow.errors import EXIT_USAGE

    _trace_if_wanted()
    where = f"{str(error.filename)!r}: " if error.filename is not None else ""
    print(
        f"error: The system refused: {where}{error.strerror or error}.\n"
        "  hint: Check the path, its permissions, and the space that is left.",
        file=sys.stderr,
    )
    return EXIT_USAGE


def _trace_if_wanted() -> None:
    if os.environ.get("AGENTFLOW_TRACEBACK"):
        import traceback

        traceback.print_exc()


def _recalled(arguments: Sequence[str]) -> int | None:
    """The exit code of an answer that is given again. None: the command has to run."""
    from agentflow.operations.answers import place, recall

    started = time.perf_counter()
    path = place(arguments)
    answer = None if path is None else recall(path)
    if answer is None:
        return None
    sys.stdout.write(answer.text(time.perf_counter() - started))
    return answer.code


def _parsed(command: Command, arguments: Sequence[str]) -> int:
    args, run = _plain(command, arguments) or _read(command, arguments)
    if not gc.isenabled():
        # What is imported stays, and a project is a large heap with hardly a cycle in it.
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()
    return run(args)


def _plain(command: Command, arguments: Sequence[str]) -> _Parsed | None:
    """The arguments as they are in most checks. None: argparse has to read them."""
    if command.name != "lint":
        return None
    from agentflow.cli.light_paths import load_pathlib

    load_pathlib()
    from agentflow.cli.plain import read_plain

    args = read_plain(arguments)
    return None if args is None else (args, command.module().run)


def _read(command: Command, arguments: Sequence[str]) -> _Parsed:
    from argparse import Namespace

    parser, run = parser_of(command)
    return parser.parse_args(arguments, Namespace(words=tuple(arguments))), run


def _run(command: Command, arguments: Sequence[str]) -> int:
    try:
        code = _recalled(arguments) if command.recalled else None
        if code is None:
            code = _parsed(command, arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        from agentflow.errors import EXIT_INTERRUPTED

        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): nothing is left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _refused(error)
    except Exception as error:
        from agentflow.errors import AgentflowError

        return _report(error) if isinstance(error, AgentflowError) else _bug(error)
    else:
        return code


def _leave(code: int) -> None:
    """End the process without taking everything apart first, if nobody waits for that.

    A check has written all there is to write, and to free what it has read takes as long as reading it.
    """
    import atexit

    # Threads are only started by those who have imported this.
    if atexit._ncallbacks() or "threading" in sys.modules:
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # the interpreter says it as it always does
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code as listed in `agentflow --help`.

    `arguments`: None for the words of this process, which then is all for the command.
    """
    if arguments is None:
        gc.disable()  # until everything has been imported
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        from agentflow.errors import EXIT_OK, EXIT_USAGE

        print(usage(), end="")
        return EXIT_OK if words else EXIT_USAGE
    if words[0] in ("-V", "--version"):
        print(f"agentflow {__version__}")
        return 0
    leading: list[str] = []
    # `agentflow -C DIR lint` reads as well as `agentflow lint -C DIR`.
    while len(words) > 2 and words[0] in ("-C", "-t", "--target", "--var", "--set"):
        leading += words[:2]
        words = words[2:]
    command = next((item for item in COMMANDS if item.name == words[0]), None)
    if command is None:
        return _unknown(words[0])
    code = _run(command, [*words[1:], *leading] if leading else words[1:])
    if arguments is None and command.recalled:
        _leave(code)
    return code
