"""Print what a project becomes for a target: the payloads and the policies the runtime enforces."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from agentflow.cli.options import (
    ProjectOptions,
    add_format_option,
    add_project_options,
    project_options,
    show_problems,
    shown_path,
    to_stderr,
    use_color,
)
from agentflow.compiler import late
from agentflow.compiler.manifest import Compiled, Manifest
from agentflow.diagnostics import has_errors
from agentflow.errors import EXIT_OK, EXIT_PROBLEMS, ProblemsFound, UsageError
from agentflow.nearest import did_you_mean, one_of
from agentflow.operations.check import Project, check, compiled, open_project

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "addresses",
        nargs="*",
        metavar="ADDRESS",
        help="these specs only, such as agent/sales-analyst (default: all)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--explain",
        action="store_true",
        help="print each ADDRESS as it is put together, with the file and line each value came from, "
        "and what a reviewer asks",
    )
    what.add_argument(
        "--prompt", action="store_true", help="print the rendered system prompt of ADDRESS as text"
    )
    what.add_argument("--digest", action="store_true", help="print the manifest's digest only")
    what.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write manifest.json and one file per payload, and remove those of the last time",
    )
    parser.add_argument(
        "--emit",
        choices=("json", "ant"),
        default="json",
        help="with --out: payloads as JSON, or a folder that `ant apply` reads (default: json)",
    )
    add_project_options(parser)
    add_format_option(parser)


def run(args: Namespace) -> int:
    options = project_options(args)
    project = open_project(options.directory)
    if args.explain:
        return _explain(args, options, project)
    if args.emit != "json" and args.out is None:
        raise UsageError(f"--emit {args.emit} writes files.", hint="Add --out DIR.")
    manifest = _compiled(options, project).manifest
    if args.prompt:
        print(_prompt(manifest, args.addresses))
    elif args.digest:
        print(manifest.digest)
    elif args.out is not None:
        _write(args, manifest, project)
    else:
        _show(args, manifest)
    return EXIT_OK


def _compiled(options: ProjectOptions, project: Project) -> Compiled:
    built, report = compiled(
        project, target=options.target, variables=options.variables, settings=options.settings
    )
    if report.problems:
        show_problems(report.problems, stream=sys.stderr, sources=report.sources, root=project.root)
    return built


def _known(addresses: Iterable[str], known: Iterable[str]) -> list[str]:
    """The addresses, each once.

    Raises:
        UsageError: one of them names nothing.
    """
    found = sorted(known)
    for address in addresses:
        if address not in found:
            hint = did_you_mean(address, found)
            raise UsageError(
                f"There is no {address!r} in this project.",
                hint=hint or f"There is: {one_of(found, joined='and') or 'nothing'}.",
            )
    return list(dict.fromkeys(addresses))


def _show(args: Namespace, manifest: Manifest) -> None:
    from agentflow.output.compiled import manifest_data, pretty, render_manifest

    known = (resource.address for resource in manifest.resources)
    only = _known(args.addresses, known) or None
    if args.format == "json":
        print(pretty(manifest_data(manifest, only)), end="")
    else:
        print(render_manifest(manifest, color=use_color(sys.stdout), only=only), end="")


def _prompt(manifest: Manifest, addresses: list[str]) -> str:
    resource = manifest.resource(addresses[0]) if len(addresses) == 1 else None
    if resource is None or resource.kind != "agent":
        raise UsageError(
            "--prompt needs the address of an agent.", hint="agentflow compile agent/NAME --prompt"
        )
    return str(late.readable(resource.payload["system"]))


def _files(args: Namespace, manifest: Manifest, project: Project) -> dict[str, str | bytes]:
    """What --out writes, by path."""
    from agentflow.output.ant import ant_folder
    from agentflow.output.compiled import manifest_data, payload_text, pretty

    if args.emit == "ant":
        folder = ant_folder(manifest)
        for note in folder.notes:
            to_stderr(note)
        copies = {path: (project.root / file).read_bytes() for path, file in folder.copies.items()}
        return {**folder.files, **copies}
    payloads = {f"{item.address}.json": payload_text(item) for item in manifest.resources}
    return {"manifest.json": pretty(manifest_data(manifest)), **payloads}


def _write(args: Namespace, manifest: Manifest, project: Project) -> None:
    from agentflow.operations.folder import write_folder
    from agentflow.output.compiled import pretty

    if args.addresses:
        raise UsageError(
            "--out writes everything, so it takes no address.",
            hint="agentflow compile ADDRESS --format json prints a single one.",
        )
    done = write_folder(args.out, _files(args, manifest, project))
    if args.format == "json":
        groups = ("written", "unchanged", "removed", "kept")
        print(pretty({"format": 1, **{name: list(getattr(done, name)) for name in groups}}), end="")
        return
    for path in done.written:
        print(args.out / path)
    for path in done.removed:
        to_stderr(f"removed {args.out / path}")
    for path in done.kept:
        to_stderr(f"left alone, because it was changed: {args.out / path}")
    to_stderr(f"{len(done.written)} written, {len(done.unchanged)} unchanged")


def _explain(args: Namespace, options: ProjectOptions, project: Project) -> int:
    """Best effort: what can be put together is shown, whatever is wrong elsewhere."""
    from agentflow.compiler.explain import explain
    from agentflow.output.explain import explain_json, render_explained

    report = check(
        project,
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        rules=False,
    )
    graph = report.build.graph
    if graph is None:
        raise ProblemsFound(report.problems, sources=report.sources, root=project.root)
    if not args.addresses:
        raise UsageError(
            "--explain needs an address.", hint="agentflow compile --explain agent/NAME"
        )
    addresses = _known(args.addresses, graph.composed)
    specs = [made for address in addresses if (made := explain(graph, address)) is not None]
    if args.format == "json":
        print(explain_json(specs))
    else:
        path = shown_path(project.root)
        color = use_color(sys.stdout)
        print("\n".join(render_explained(x, color=color, show_path=path) for x in specs), end="")
    sys.stdout.flush()
    if report.problems:
        show_problems(report.problems, stream=sys.stderr, sources=report.sources, root=project.root)
    return EXIT_PROBLEMS if has_errors(report.problems) else EXIT_OK
