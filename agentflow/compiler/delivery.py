"""What an agent has to deliver, in the form that the prompt and the runtime share: paths, schemas, headings."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.graph import AgentNode, Bound
from agentflow.compiler.references import resolve_path
from agentflow.compiler.sections import OUTPUTS
from agentflow.diagnostics import Checked, has_errors
from agentflow.errors import FileRefused
from agentflow.patterns import regex
from agentflow.source.tree import Document
from agentflow.source.yaml import parse
from agentflow.spec.agent import AgentSpec

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = [
    "default_file",
    "heading",
    "headings",
    "output_paths",
    "output_schema",
    "plain",
    "relative_path",
    "schema_file",
]


def plain(value: Any) -> Any:
    """Spec data as JSON data: decimals become numbers, tuples become lists. Values are copied."""
    if type(value) is str:  # most are, and to tell a mapping takes longest of what is none
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


_CONTROL = regex(r"[\x00-\x1f]")


@lru_cache(maxsize=256)
def relative_path(path: str) -> str | None:
    """`report.md`, `./report.md`, `/mnt/session/outputs/report.md` -> `report.md`.

    None: it leads out of the outputs directory, or names no file. Subdirectories are kept here.
    """
    if path.startswith("/"):
        if not path.startswith(f"{OUTPUTS}/"):
            return None
        path = path.removeprefix(f"{OUTPUTS}/")
    if path.endswith("/") or "\\" in path or (not path.isprintable() and _CONTROL.search(path)):
        return None
    path = posixpath.normpath(path)
    return None if path in {".", ".."} or path.startswith(("../", "/")) else path


def output_paths(spec: AgentSpec) -> dict[str, str]:
    """By output, where the file is delivered, relative to the outputs directory."""
    return {name: relative_path(out.path) or out.path for name, out in spec.outputs.items()}


_REMARK = regex(r"\s*\([^()]*\)\s*$")


def heading(section: str) -> str:
    """`Executive Summary (3-5 sentences)` -> `Executive Summary`. May be empty."""
    return _REMARK.sub("", section).strip() if ")" in section else section.strip()


def headings(sections: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(heading(section) for section in sections or ())


def default_file(node: Bound[Any], name: str) -> str | None:
    """The project-relative path of a `file` input's default; None: it has none, or is no file."""
    spec = node.spec.inputs[name]
    if spec.type != "file" or not isinstance(spec.default, str):
        return None
    return resolve_path(node.file("inputs", name, "default"), spec.default)


def schema_file(node: AgentNode, name: str) -> str | None:
    """The project-relative path of an output's schema; None: it has none, or it is inline."""
    schema = node.spec.outputs[name].schema_
    if not isinstance(schema, str):
        return None
    return resolve_path(node.file("outputs", name, "schema"), schema)


def output_schema(
    node: AgentNode, name: str, files: Files
) -> Checked[tuple[Mapping[str, Any], Document | None] | None]:
    """The JSON Schema of an output, and the document it is in if it is a file of its own.

    None without problems: the output has no schema.
    """
    schema = node.spec.outputs[name].schema_
    if schema is None:
        return Checked(None, ())
    path = schema_file(node, name)
    if path is None:
        assert isinstance(schema, dict)
        return Checked((schema, None), ())
    span = node.span("outputs", name, "schema")
    try:
        text = files.read(path)
    except FileRefused as refused:
        code = codes.CODES.get(refused.code, codes.BAD_SCHEMA_FILE)
        return Checked(None, (code.at(span, refused.message, hint=refused.hint),))
    documents, problems = _parse(path, text)
    if has_errors(problems):
        return Checked(None, tuple(problems))
    data = documents[0].data if len(documents) == 1 else None
    if not isinstance(data, dict):
        message = f"The schema {path!r} is not one JSON object."
        hint = "Write a JSON Schema such as { type: object, required: [...] }."
        return Checked(None, (codes.BAD_SCHEMA_FILE.at(span, message, hint=hint),))
    return Checked((data, documents[0]), ())


@lru_cache(maxsize=128)
def _parse(path: str, text: str) -> Checked[tuple[Document, ...]]:
    """JSON is YAML, so one reader serves both."""
    return parse(path, text)
