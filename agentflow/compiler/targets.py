"""The target a project is compiled for, and the values that targets and the command line give."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agentflow import codes
from agentflow.compiler.graph import Bound
from agentflow.compiler.load import Loaded
from agentflow.compiler.variables import Given
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.nearest import did_you_mean, one_of
from agentflow.source.tree import Document, Path, mapping_at
from agentflow.spec.project import ProjectSpec, TargetSpec

__all__ = ["choose_target", "undeclared_values"]


def choose_target(project: Bound[ProjectSpec], name: str) -> Checked[TargetSpec | None]:
    """The target of that name. None: there is none."""
    if name in project.spec.targets:
        return Checked(project.spec.targets[name], ())
    declared = mapping_at(project.document, ("targets",))
    if name == "local" or name in declared:
        # Not declared, or declared with a mistake that has been reported.
        return Checked(TargetSpec(service="local"), ())
    names = sorted({*map(str, declared), "local"})
    hint = did_you_mean(name, names) or f"Targets are {one_of(names, joined='and')}."
    message = f"The project has no target {name!r}."
    return Checked(None, (codes.UNKNOWN_TARGET.at(None, message, hint=hint),))


def undeclared_values(
    loaded: Loaded, given: Given, project: Document | None
) -> Iterator[Diagnostic]:
    """Values for variables that no document declares."""
    if not loaded.complete:
        return
    declared = set(_declared(loaded, project))
    for name in given.command_line:
        if name not in declared:
            message = f"--var {name}=…: no variable is named {name!r}."
            yield codes.UNDECLARED_VALUE.at(None, message, hint=_near(name, declared))
    for target in mapping_at(project, ("targets",)):
        path: Path = ("targets", target, "vars")
        for name in mapping_at(project, path):
            if name not in declared and project is not None:
                span = project.span((*path, name), key=True)
                message = f"Target {target!r} sets {name!r}, which no spec declares."
                yield codes.UNDECLARED_VALUE.at(span, message, hint=_near(name, declared))


def _declared(loaded: Loaded, project: Document | None) -> Iterator[str]:
    """The names of all variables, also of those that layers declare for the specs they are part of."""
    for spec in loaded.specs:
        yield from mapping_at(spec.document, ("vars",))
        for address in mapping_at(spec.document, ("patch",)):
            yield from mapping_at(spec.document, ("patch", address, "vars"))
    yield from mapping_at(project, ("defaults", "agent", "vars"))


def _near(name: str, declared: Collection[str]) -> str:
    return did_you_mean(name, declared) or "Declare it below `vars`, or remove the value."
