"""Specs as they are with all their layers.

Most have none, and that is seen here, from their documents alone. The others are for `stack`, which has
to know what may stand in each field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentflow.source.tree import mapping_at
from agentflow.spec.kinds import COMPOSED_KINDS

if TYPE_CHECKING:
    from agentflow.compiler.load import RawSpec
    from agentflow.compiler.stack import Stack
    from agentflow.diagnostics import Diagnostic
    from agentflow.source.tree import Document

__all__ = ["EXTENDING_KINDS", "Layering"]

EXTENDING_KINDS = ("Agent", "Environment", "Deployment")
"""Kinds that have defaults and `extends`."""


class Layering:
    """The layers of every spec of a project, for one target."""

    def __init__(
        self,
        specs: Sequence[RawSpec],
        project: Document | None,
        target: str,
        settings: Sequence[str],
        report: Callable[[Diagnostic], None],
        *,
        complete: bool,
    ) -> None:
        """Look whether there is anything that specs have in common, and read it.

        Args:
            specs: all of the project.
            project: its document.
            target: whose overlays count.
            settings: `--set` of the command line, as given.
            report: takes the problems.
            complete: False: some spec could not be read, so what is missing proves nothing.
        """
        self._arguments = (specs, project, target, settings, report)
        self._complete = complete
        overlays = any(spec.kind == "Overlay" for spec in specs)
        self._shared = bool(overlays or settings or mapping_at(project, ("defaults",)))
        if self._shared:
            self._stack  # noqa: B018 - it reports what is wrong with what they share

    @cached_property
    def _stack(self) -> Stack:
        from agentflow.compiler.stack import Stack

        return Stack(*self._arguments, complete=self._complete)

    def composed(self, spec: RawSpec) -> Document:
        """The document of a spec with all its layers; as it is where it has no others."""
        return spec.document if self._is_alone(spec) else self._stack.composed(spec)

    def reviewed(self, spec: RawSpec) -> Document | None:
        """The same without overlays and `--set`. None: there are none, so nothing differs."""
        return self._stack.reviewed(spec) if self._shared else None

    def _is_alone(self, spec: RawSpec) -> bool:
        """Whether a spec surely has no layer but its own document."""
        if spec.kind not in COMPOSED_KINDS:
            return True
        data = spec.document.data
        return not (self._shared or "extends" in data or "use" in data or _may_have_work(data))


def _may_have_work(data: Mapping[str, Any]) -> bool:
    """Whether something could be a key that appends or removes, whatever it means where it stands."""
    for key, value in data.items():  # of every spec there is: no generator here
        if key[-1:] in "+-" or (type(value) is dict and _may_have_work(value)):
            return True
    return False
