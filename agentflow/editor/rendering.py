"""What an agent is told, and what a spec is put together from, as text: also while others have errors."""

from __future__ import annotations

import os

from agentflow.compiler.explain import explain
from agentflow.compiler.late import readable
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Severity
from agentflow.editor.analysis import Analysis
from agentflow.editor.callables import SourceAlone
from agentflow.errors import UsageError
from agentflow.nearest import did_you_mean
from agentflow.output.explain import render_explained

__all__ = ["explained", "rendered_prompt"]


def rendered_prompt(analysis: Analysis, address: str, *, target: str) -> str:
    """The system prompt of an agent.

    Raises:
        UsageError: there is no such agent, or it has errors.
    """
    _known(analysis, address)
    if not address.startswith("agent/"):
        raise UsageError(f"{address} is no agent: it has no prompt.")
    project = analysis.project
    assert analysis.graph is not None
    file = analysis.graph.composed[address].file
    built, problems = build(
        project.files,
        target=target,
        environ=os.environ,
        only=(file,),
        callables=SourceAlone(project.files),
    )
    resource = built.compiled.manifest.resource(address) if built.compiled else None
    if resource is None:
        wrong = next((p for p in problems if p.severity is Severity.ERROR), None)
        why = f" {wrong.span}: {wrong.message}" if wrong else ""
        raise UsageError(f"{address} cannot be rendered:{why or ' it is abstract.'}")
    return str(readable(resource.payload["system"]))


def explained(analysis: Analysis, address: str) -> str:
    """A spec as it is put together, with the file and line of each value.

    Raises:
        UsageError: there is no such spec.
    """
    _known(analysis, address)
    made = explain(analysis.graph, address) if analysis.graph else None
    if made is None:
        raise UsageError(f"{address} cannot be put together.")
    return render_explained(made, color=False)


def _known(analysis: Analysis, address: str) -> None:
    known = analysis.graph.composed if analysis.graph else {}
    if address not in known:
        raise UsageError(
            f"There is no {address!r} in this project. {did_you_mean(address, known) or ''}".strip()
        )
