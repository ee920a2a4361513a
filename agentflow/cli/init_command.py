"""Make a project: an agent with its environment, its prompt, and a script that plays the model."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agentflow.errors import EXIT_OK
from agentflow.operations.init import DEFAULT_TEMPLATE, TEMPLATES, init

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), help="default: here")
    parser.add_argument(
        "--template",
        metavar="NAME",
        default=DEFAULT_TEMPLATE,
        help=f"{', '.join(TEMPLATES)} (default: {DEFAULT_TEMPLATE})",
    )
    parser.add_argument("--list", action="store_true", help="print what each template is")


def run(args: Namespace) -> int:
    if args.list:
        width = max(map(len, TEMPLATES))
        for name, meaning in TEMPLATES.items():
            print(f"{name:<{width}}  {meaning}")
        return EXIT_OK
    for path in init(args.directory, template=args.template):
        print(f"wrote {os.path.relpath(path)}", file=sys.stderr)
    inside = "" if args.directory == Path() else f"-C {args.directory} "
    print(f"Next: agentflow {inside}lint, then agentflow {inside}run", file=sys.stderr)
    return EXIT_OK
