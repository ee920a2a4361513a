"""Print the page of a code or a lint rule: why it matters, and what to write instead."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agentflow.cli.options import (
    add_directory_option,
    add_format_option,
    project_directory,
    show_problems,
)
from agentflow.errors import EXIT_OK, UsageError
from agentflow.lint.catalogue import (
    OURS,
    Catalogue,
    as_data,
    explain,
    index,
    nearest,
    pages,
    with_plugins,
)

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "code", nargs="?", help="such as AF501, or AF5 for its family; none lists them all"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="print the pages and not the list: of all, or of a family",
    )
    add_format_option(parser)
    add_directory_option(parser)


def run(args: Namespace) -> int:
    if args.code is not None and args.code.upper().startswith("AU") and args.format == "human":
        from agentflow.audit.catalogue import explain_audit

        page = explain_audit(args.code)
        if page is not None:
            print(page, end="")
            return EXIT_OK
    directory = project_directory(args)
    found = None if args.code is None else _told(args, OURS)
    if found is None:
        catalogue = _with_plugins(directory)
        found = _told(args, catalogue)
        if found is None:
            near = nearest(args.code or "", catalogue)
            raise UsageError(
                f"There is no code {args.code!r}.",
                hint=f"Did you mean {near!r}?" if near else "agentflow explain lists them all.",
            )
    print(found, end="" if found.endswith("\n") else "\n")
    return EXIT_OK


def _told(args: Namespace, catalogue: Catalogue) -> str | None:
    """What is printed. None: there is no such code."""
    if args.format == "json":
        data = as_data(args.code, catalogue)
        return None if data is None else json.dumps(data, indent=2, ensure_ascii=False)
    if args.all:
        return pages(args.code, catalogue)
    return index(catalogue) if args.code is None else explain(args.code, catalogue)


def _with_plugins(directory: Path) -> Catalogue:
    """Every code, with those of the plugins that a project here names."""
    from agentflow.operations.plugins import plugins_of

    found = plugins_of(directory)
    if found is None:
        return OURS
    plugins, sources, root = found
    if plugins.problems:
        show_problems(plugins.problems, stream=sys.stderr, sources=sources, root=root)
    return with_plugins(plugins)
