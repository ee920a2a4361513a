"""[io] Write a first project: one agent that lints, applies and runs as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from agentflow.errors import UsageError
from agentflow.nearest import did_you_mean, one_of
from agentflow.operations.schemas import project_schemas
from agentflow.source.yaml import parse

__all__ = ["DEFAULT_TEMPLATE", "TEMPLATES", "init"]

TEMPLATES: Mapping[str, str] = {
    "starter": "summarises a text: one input, one output, closed by default",
    "analyst": "answers from a table it can only read: rules decide where it writes",
    "coding": "makes failing tests pass: a shell whose commands need an answer",
    "researcher": "reads the web: named hosts, and a source for each claim",
    "scheduled": "starts every Monday: a Deployment, with nobody there to ask",
}
"""Name -> what its agent does, and what it shows."""

DEFAULT_TEMPLATE = "starter"

_SPEC = "agentflow.yaml"
_NAMED = "kind: Project\nname: project\n"
"""What every template's spec has."""


def project_name(directory: Path) -> str:
    """The directory's name as a name that specs accept; `project` where nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", directory.absolute().name.lower()).strip("-")
    return name[:63].strip("-") or "project"


def init(directory: Path, *, template: str = DEFAULT_TEMPLATE) -> tuple[Path, ...]:
    """Write the files of a template, and schemas for editors; those of the template, in order.

    Raises:
        UsageError: there is no such template, or one of the files exists already. Nothing is written
            then.
    """
    if template not in TEMPLATES:
        hint = did_you_mean(template, TEMPLATES) or f"There is {one_of(TEMPLATES, joined='and')}."
        raise UsageError(f"There is no template {template!r}.", hint=hint)
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{str(directory)!r} is not a directory.")
    texts = dict(_texts(files("agentflow.operations") / "templates" / template))
    names = sorted(texts, key=lambda name: (name != _SPEC, name))
    taken = [name for name in names if (directory / name).exists()]
    if taken:
        raise UsageError(
            f"There is already {', '.join(taken)} in {str(directory)!r}.",
            hint="Choose another directory: agentflow init DIR",
        )
    assert _NAMED in texts[_SPEC]
    named = f"kind: Project\nname: {_written(project_name(directory))}\n"
    texts[_SPEC] = texts[_SPEC].replace(_NAMED, named, 1)
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name], encoding="utf-8")
    project_schemas(directory)
    return tuple(directory / name for name in names)


def _texts(folder: Traversable, below: str = "") -> Iterator[tuple[str, str]]:
    """The files of a template, by their paths in it."""
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__pycache__")):
            continue
        if entry.is_dir():
            yield from _texts(entry, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}", entry.read_text(encoding="utf-8")


def _written(name: str) -> str:
    """A name as YAML has it: quoted where it would be a number or another word of its own."""
    (document,), _ = parse(_SPEC, f"name: {name}")
    return name if document.data["name"] == name else f'"{name}"'
