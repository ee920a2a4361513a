"""Print the page of a code or a lint rule: why it matters, and what to write instead."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from agentflow.errors import EXIT_OK, UsageError
from agentflow.lint.catalogue import explain, index, nearest

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "code", nargs="?", help="such as AF501, or AF5 for its family; none lists them all"
    )


def run(args: Namespace) -> int:
    if args.code is None:
        print(index(), end="")
        return EXIT_OK
    page = explain(args.code)
    if page is None:
        near = nearest(args.code)
        raise UsageError(
            f"There is no code {args.code!r}.",
            hint=f"Did you mean {near!r}?" if near else "agentflow explain lists them all.",
        )
    print(page, end="" if page.endswith("\n") else "\n")
    return EXIT_OK
