"""Print the JSON Schemas of the spec language, or write them where an editor finds them."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from agentflow.cli.options import add_directory_option
from agentflow.errors import EXIT_OK, UsageError
from agentflow.nearest import did_you_mean, one_of
from agentflow.operations.project import find_project
from agentflow.operations.schemas import (
    PROJECT_FOLDER,
    WRITTEN_SCHEMAS,
    project_schemas,
    write_schemas,
)

__all__ = ["add_arguments", "run"]

_NAMES = tuple(name.removesuffix(".json") for name in WRITTEN_SCHEMAS)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        metavar="KIND",
        help=f"{', '.join(_NAMES)} (default: agentflow, all kinds)",
    )
    parser.add_argument(
        "--write",
        nargs="?",
        const="",
        metavar="DIR",
        help=f"write all schemas into DIR (default: {PROJECT_FOLDER} of the project), and print what "
        "tells an editor",
    )
    add_directory_option(parser)


def run(args: Namespace) -> int:
    if args.write is not None:
        if args.name is not None:
            raise UsageError("--write writes all schemas.", hint="Leave out the kind.")
        return _write(args.write, Path(args.directory))
    name = (args.name or "agentflow").lower().removesuffix(".json")
    if name not in _NAMES:
        hint = did_you_mean(name, _NAMES) or f"There is {one_of(_NAMES, joined='and')}."
        raise UsageError(f"There is no schema {args.name!r}.", hint=hint)
    print(WRITTEN_SCHEMAS[f"{name}.json"](), end="")
    return EXIT_OK


_SETTINGS = """\
For editors with the YAML language server, in each document of a spec beside agentflow.yaml:
  # yaml-language-server: $schema={folder}/agentflow.json
The same, after `---`, for a document that is not the first: --- # yaml-language-server: …
Or, instead of such lines, in .vscode/settings.json:
  "yaml.schemas": {{
    "{folder}/agentflow.json": ["agentflow.yaml", "agents/**/*.yaml"],
    "{folder}/script.json": "script.yaml"
  }}"""


def _write(folder: str, directory: Path) -> int:
    if not folder:
        root = find_project(directory)
        if root is None:
            raise UsageError(
                f"There is no agentflow.yaml in {str(directory)!r} or above it.",
                hint="Name a directory: agentflow schema --write DIR",
            )
        written = project_schemas(root)
        shown = PROJECT_FOLDER
    else:
        written = write_schemas(Path(folder))
        shown = os.path.relpath(folder)
    total = len(WRITTEN_SCHEMAS)
    print(
        f"{os.path.relpath(written.folder)}: {total} schemas, {len(written.changed)} written",
        file=sys.stderr,
    )
    print(_SETTINGS.format(folder=shown))
    return EXIT_OK
