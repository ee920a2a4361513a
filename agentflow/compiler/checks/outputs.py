"""Outputs: where they are delivered, what verifies them, and who refers to them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow import codes
from agentflow.compiler.delivery import headings, output_paths, output_schema, relative_path
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.sections import OUTPUTS, record_path
from agentflow.diagnostics import Diagnostic
from agentflow.nearest import did_you_mean, one_of

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["check_outputs"]

_MARKDOWN = (".md", ".markdown")


def check_outputs(node: AgentNode, files: Files) -> Iterator[Diagnostic]:
    for name in node.spec.outputs:
        yield from _path(node, name)
        yield from _format(node, name)
        yield from _schema(node, name, files)
    yield from _collisions(node)
    yield from _record(node)
    yield from _scratch(node)


def _path(node: AgentNode, name: str) -> Iterator[Diagnostic]:
    written = node.spec.outputs[name].path
    path = relative_path(written)
    if path is not None and "/" not in path:
        return
    span = node.span("outputs", name, "path")
    if path is None:
        message = f"The output {name!r} is not a file below {OUTPUTS}/: {written!r}."
        hint = "Write a file name such as report.md."
        yield codes.OUTPUT_PATH.at(span, message, hint=hint)
    else:
        base = posixpath.basename(path)
        message = (
            f"The output {name!r} is in a subdirectory, which the service drops: {written!r} "
            f"would be delivered as {base!r}."
        )
        yield codes.OUTPUT_PATH.at(span, message, hint=f"Write `path: {base}`.")


def _format(node: AgentNode, name: str) -> Iterator[Diagnostic]:
    output = node.spec.outputs[name]
    path = output.path.lower()
    if output.schema_ is not None and not path.endswith(".json"):
        span = node.span("outputs", name, "schema", key=True)
        message = f"The output {name!r} has a schema, but {output.path!r} is no JSON file."
        yield codes.OUTPUT_FORMAT.at(span, message, hint="Name the file `….json`.")
    if output.sections is None:
        return
    if not path.endswith(_MARKDOWN):
        span = node.span("outputs", name, "sections", key=True)
        message = f"The output {name!r} has sections, but {output.path!r} is no Markdown file."
        yield codes.OUTPUT_FORMAT.at(span, message, hint="Name the file `….md`.")
    seen: set[str] = set()
    for index, heading in enumerate(headings(output.sections)):
        section = output.sections[index]
        balanced = section.count("(") == section.count(")")
        again = heading.casefold() in seen
        seen.add(heading.casefold())
        if balanced and heading and not again:
            continue
        at = node.span("outputs", name, "sections", index)
        if not balanced:
            message = f"A parenthesis of the section {section!r} has no other half."
            hint = "A comma ends an item of `[…]`: put a section that has one in quotes."
            yield codes.OUTPUT_FORMAT.at(at, message, hint=hint)
        elif not heading:
            message = f"The section {section!r} has no heading, only a remark."
            yield codes.OUTPUT_FORMAT.at(at, message, hint="Write `Heading (remark)`.")
        else:
            message = f"The heading {heading!r} is named twice."
            yield codes.OUTPUT_FORMAT.at(at, message, hint="Remove one of them.")


def _schema(node: AgentNode, name: str, files: Files) -> Iterator[Diagnostic]:
    found, problems = output_schema(node, name, files)
    yield from problems
    if found is None:
        return
    from agentflow.compiler.checks.schemas import schema_problem

    schema, document = found
    problem = schema_problem(schema)
    if problem is not None:
        if document is not None:
            span = document.span(problem.path)
        else:
            span = node.span("outputs", name, "schema", *problem.path)
        message = f"The schema of the output {name!r} is not valid JSON Schema: {problem.message}"
        yield codes.BAD_SCHEMA.at(span, message, hint=problem.hint)


def _collisions(node: AgentNode) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for name, path in output_paths(node.spec).items():
        base = posixpath.basename(path).casefold()
        if base in first:
            other = first[base]
            message = f"The outputs {other!r} and {name!r} are delivered as the same file."
            related = ((node.span("outputs", other, "path"), f"{other!r} is here"),)
            span = node.span("outputs", name, "path")
            hint = "Give one of them another file name."
            yield codes.OUTPUT_COLLISION.at(span, message, hint=hint, related=related)
        first.setdefault(base, name)


def _record(node: AgentNode) -> Iterator[Diagnostic]:
    paths = output_paths(node.spec)
    record = record_path(node.spec, paths)
    if record is None or record in paths.values():
        return
    assert node.spec.uncertainty is not None
    written = node.spec.uncertainty.record or ""
    known = list(node.spec.outputs)
    hint = did_you_mean(written, [*known, *paths.values()])
    if hint is None:
        hint = (
            f"Outputs are {one_of(known, joined='and')}." if known else "Declare it in `outputs`."
        )
    message = f"Assumptions are to be written to {written!r}, which is no output of this agent."
    yield codes.UNKNOWN_RECORD.at(node.span("uncertainty", "record"), message, hint=hint)


def _scratch(node: AgentNode) -> Iterator[Diagnostic]:
    scratch = node.spec.scratch
    if scratch is None:
        return
    path = posixpath.normpath(scratch)
    if not f"{path}/".startswith((f"{OUTPUTS}/", "/mnt/session/uploads/")):
        return
    span = node.span("scratch")
    if path == OUTPUTS or path.startswith(f"{OUTPUTS}/"):
        message = (
            f"The scratch directory {scratch!r} is among the outputs: its files are delivered."
        )
        yield codes.SCRATCH_PATH.at(span, message, hint="Write /tmp.")
    else:
        message = f"The scratch directory {scratch!r} is read-only: it holds the inputs."
        yield codes.SCRATCH_PATH.at(span, message, hint="Write /tmp.")
