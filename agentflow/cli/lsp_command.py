"""Speak with an editor: findings while typing, fixes, completion, hover, definitions, over standard input and output."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from importlib.util import find_spec

from agentflow.errors import EXIT_OK, UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stdio", action="store_true", help="as editors ask for it; there is no other way"
    )
    parser.add_argument(
        "-t", "--target", default="local", help="what specs are compiled for (default: local)"
    )
    # Some editors tell who they are.
    parser.add_argument("--clientProcessId", type=int, help=SUPPRESS)


def run(args: Namespace) -> int:
    if find_spec("pygls") is None:
        raise UsageError(
            "The language server needs a package that is not installed: pygls.",
            hint="pip install 'agentflow[lsp]'",
        )
    from agentflow.editor.server import serve

    serve(target=args.target)
    return EXIT_OK
