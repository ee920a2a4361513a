"""Run the embedded service: the Managed Agents API on 127.0.0.1, with tools that really run."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from agentflow.cli.options import add_project_options, project_options
from agentflow.errors import EXIT_OK
from agentflow.operations.check import compiled, open_project
from agentflow.operations.embedded import Embedded, Endpoint
from agentflow.operations.serve import TOKEN_VARIABLE, serve, token_from_environment

__all__ = ["add_arguments", "run"]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65_535):
        raise ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=0, help="default: a free one")
    parser.add_argument(
        "--script", type=Path, help="turns that play the model (default: the target's)"
    )
    parser.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="what goes wrong on purpose (default: the script's)",
    )
    parser.add_argument(
        "--unsafe-no-sandbox", action="store_true", help="let agents' tools run unconfined"
    )
    parser.epilog = f"The token that clients send is in {TOKEN_VARIABLE}, or a new one is made."
    add_project_options(parser)


def _ready(endpoint: Endpoint) -> None:
    print(
        f"export ANTHROPIC_BASE_URL={endpoint.base_url}\nexport ANTHROPIC_API_KEY={endpoint.token}",
        flush=True,
    )
    print("Serving until Ctrl-C. Commands of this project find it by themselves.", file=sys.stderr)


def run(args: Namespace) -> int:
    options = project_options(args)
    project = open_project(options.directory)
    built, _ = compiled(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    script = built.manifest.target.script
    how = Embedded(
        root=project.root,
        script=args.script or (project.root / script if script else None),
        faults=args.faults,
        unsafe_no_sandbox=args.unsafe_no_sandbox,
        port=args.port,
        token=token_from_environment(),
        open_to_others=True,
    )
    try:
        serve(how, _ready)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return EXIT_OK
