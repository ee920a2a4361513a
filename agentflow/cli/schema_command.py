"""Print the JSON Schemas of the spec language, for editors and for other tools."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from difflib import get_close_matches
from pathlib import Path

from agentflow.errors import EXIT_OK, UsageError
from agentflow.spec.schema import SCHEMAS

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        default="agentflow",
        help=f"{', '.join(name.removesuffix('.json') for name in SCHEMAS)} (default: agentflow, all kinds)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write all schemas into DIR")


def run(args: Namespace) -> int:
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        for file, render in SCHEMAS.items():
            (args.out / file).write_text(render(), encoding="utf-8")
            print(args.out / file)
        return EXIT_OK
    file = args.name.lower().removesuffix(".json") + ".json"
    if file not in SCHEMAS:
        near = get_close_matches(file, SCHEMAS, n=1)
        names = ", ".join(name.removesuffix(".json") for name in SCHEMAS)
        raise UsageError(
            f"There is no schema {args.name!r}.",
            hint=f"Did you mean {near[0].removesuffix('.json')!r}?"
            if near
            else f"There is: {names}.",
        )
    print(SCHEMAS[file](), end="")
    return EXIT_OK
