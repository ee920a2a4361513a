"""Make a project: one agent, its environment, its prompt, and a script that plays the model."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agentflow.errors import EXIT_OK
from agentflow.operations.init import init

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), help="default: here")


def run(args: Namespace) -> int:
    for path in init(args.directory):
        print(f"wrote {os.path.relpath(path)}", file=sys.stderr)
    inside = "" if args.directory == Path() else f"-C {args.directory} "
    print(f"Next: agentflow {inside}lint, then agentflow {inside}run", file=sys.stderr)
    return EXIT_OK
