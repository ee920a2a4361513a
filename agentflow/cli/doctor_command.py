"""Check what silently breaks: this machine, the packages, and with -t the target's service."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from agentflow.cli.options import (
    add_format_option,
    add_project_options,
    project_options,
    use_color,
)
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS
from agentflow.operations.doctor import Finding, Health, machine, recorded, service
from agentflow.operations.project import find_project

__all__ = ["add_arguments", "run"]

_COLOR = {Health.OK: "32", Health.WARNING: "33", Health.BROKEN: "31"}


def add_arguments(parser: ArgumentParser) -> None:
    add_project_options(parser)
    add_format_option(parser)


async def _ask(args: Namespace) -> tuple[Finding, ...]:
    from agentflow.operations.check import compiled, open_project
    from agentflow.operations.connect import connect

    options = project_options(args)
    project = open_project(options.directory)
    built, _ = compiled(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    async with connect(built.manifest.target, project.root) as connection:
        return await service(connection, project.root)


def _line(finding: Finding, *, color: bool) -> str:
    word = f"{finding.health.value:<7}"
    if color:
        word = f"\033[{_COLOR[finding.health]}m{word}\033[0m"
    hint = f"\n{'':8}hint: {finding.hint}" if finding.hint else ""
    return f"{word} {finding.subject}: {finding.text}{hint}"


def run(args: Namespace) -> int:
    findings = machine()
    root = find_project(project_options(args).directory)
    if root is not None:
        findings += (recorded(root), *asyncio.run(_ask(args)))
    if args.format == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        color = use_color(sys.stdout)
        for finding in findings:
            print(_line(finding, color=color))
    broken = any(finding.health is Health.BROKEN for finding in findings)
    return EXIT_PROBLEMS if broken else EXIT_OK
