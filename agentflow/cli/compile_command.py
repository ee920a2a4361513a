"""Print what a project becomes for a target: the payloads and the policies the runtime enforces."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace

from agentflow.cli.options import add_project_options, project_options, show_problems
from agentflow.compiler import late
from agentflow.compiler.manifest import Manifest
from agentflow.errors import EXIT_OK, UsageError
from agentflow.operations.check import compiled, open_project

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("address", nargs="?", help="one resource only, such as agent/sales-analyst")
    parser.add_argument(
        "--prompt", action="store_true", help="print the rendered system prompt of ADDRESS as text"
    )
    parser.add_argument("--digest", action="store_true", help="print the manifest's digest only")
    add_project_options(parser)


def _select(manifest: Manifest, address: str) -> dict[str, object]:
    resource = manifest.resource(address)
    if resource is None:
        from difflib import get_close_matches

        known = [item.address for item in manifest.resources]
        near = get_close_matches(address, known, n=1)
        raise UsageError(
            f"There is no {address!r} in this project.",
            hint=f"Did you mean {near[0]!r}?"
            if near
            else f"There is: {', '.join(known) or 'nothing'}.",
        )
    whole = manifest.to_json()
    found = next(item for item in whole["resources"] if item["address"] == address)
    policy = whole["agents"].get(address)
    return {**found, **({"policy": policy} if policy else {})}


def _json(value: object) -> str:
    return json.dumps(late.readable(value), indent=2, ensure_ascii=False)


def run(args: Namespace) -> int:
    options = project_options(args)
    project = open_project(options.directory)
    built, report = compiled(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    if report.problems:
        show_problems(report.problems, stream=sys.stderr, sources=report.sources, root=project.root)
    manifest = built.manifest
    if args.prompt:
        resource = manifest.resource(args.address or "")
        if resource is None or resource.kind != "agent":
            raise UsageError(
                "--prompt needs the address of an agent.",
                hint="agentflow compile agent/NAME --prompt",
            )
        print(late.readable(resource.payload["system"]))
    elif args.digest:
        print(manifest.digest)
    elif args.address:
        print(_json(_select(manifest, args.address)))
    else:
        print(_json(manifest.to_json()))
    return EXIT_OK
