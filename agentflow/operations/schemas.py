"""[io] The JSON Schemas of everything a user writes, in a folder where an editor finds them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from agentflow.local.drivers.script_file import script_schema
from agentflow.local.fault_plan import faults_schema
from agentflow.operations.workspace import workspace
from agentflow.spec.schema import SCHEMAS

__all__ = ["PROJECT_FOLDER", "WRITTEN_SCHEMAS", "Written", "project_schemas", "write_schemas"]

WRITTEN_SCHEMAS: Mapping[str, Callable[[], str]] = {
    **SCHEMAS,
    "faults.json": faults_schema,
    "script.json": script_schema,
}
"""File name -> its text: specs by kind, any spec (`agentflow.json`), and scripts."""

PROJECT_FOLDER = ".agentflow/schemas"
"""Where they are in a project. They belong to the installed version, so git does not keep them."""


class Written(NamedTuple):
    folder: Path
    changed: tuple[str, ...]
    """The files that were new or said something else."""


def project_schemas(root: Path) -> Written:
    """Write the schemas into a project, below `PROJECT_FOLDER`."""
    return write_schemas(workspace(root) / "schemas")


def write_schemas(folder: Path) -> Written:
    """Write what is not there yet. Each file is written whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, render in WRITTEN_SCHEMAS.items():
        text = render()
        if _differs(folder / name, text):
            _replace(folder / name, text)
            changed.append(name)
    return Written(folder, tuple(changed))


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode("utf-8")
    except FileNotFoundError:
        return True


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
