"""The projects of examples/, found by directory: a new one is covered without a word here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from agentflow.compiler import late
from agentflow.compiler.graph import Graph
from agentflow.compiler.manifest import Manifest, Resource
from agentflow.operations.check import Report, check, open_project
from tests.support.cli import EXAMPLES

__all__ = ["CASES", "NAMES", "Case", "body", "manifest", "report", "sdk_kind", "sound_graph"]

NAMES = sorted(path.name for path in EXAMPLES.iterdir() if (path / "agentflow.yaml").is_file())


class Case(NamedTuple):
    """One example, compiled for one of its targets."""

    example: str
    target: str

    def __str__(self) -> str:
        return f"{self.example}-{self.target}"


@cache
def report(case: Case) -> Report:
    """All that compiler and linter say of it."""
    return check(open_project(EXAMPLES / case.example), target=case.target)


def sound_graph(case: Case) -> Graph:
    graph = report(case).build.graph
    assert graph is not None
    return graph


def manifest(case: Case) -> Manifest:
    compiled = report(case).build.compiled
    assert compiled is not None, report(case).problems
    return compiled.manifest


def _cases() -> list[Case]:
    found = []
    for name in NAMES:
        targets = sound_graph(Case(name, "local")).project.spec.targets
        found += [Case(name, target) for target in sorted(targets) or ["local"]]
    return found


CASES = _cases()
"""Every example for every target it declares; for `local`, which always exists, if it declares none."""


def sdk_kind(resource: Resource) -> str:
    """What the SDK calls it."""
    return {"memorystore": "memory_store"}.get(resource.kind, resource.kind)


def body(resource: Resource, ids: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The request as it is sent: references filled in, and the names of files beside the rest.

    Args:
        ids: of what exists already, by address. The id of anything else is made up.
    """
    known = ids or {}
    filled: dict[str, Any] = late.fill(
        resource.payload,
        lambda address, field: "1" if field == "version" else known.get(address, "x_01"),
    )
    if resource.kind == "skill":
        filled["files"] = [file.name for file in resource.files] or ["skill/SKILL.md"]
    return filled
