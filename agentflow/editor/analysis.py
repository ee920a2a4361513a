"""What is known of a project, or of a spec on its own, as its files are in the editor right now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.compiler.graph import Graph
from agentflow.diagnostics import Diagnostic
from agentflow.editor.buffers import Buffers, Home
from agentflow.editor.callables import SourceAlone, without_unknown
from agentflow.editor.index import Index, index_of
from agentflow.operations.check import Project, Report, check

__all__ = ["Analysis", "analyse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    home: Home
    project: Project
    """With the files as they were in the editor."""
    buffers: Buffers
    """The open files it was made of."""
    report: Report
    problems: Sequence[Diagnostic]
    graph: Graph | None
    """The last one that could be made. None: there was none yet."""
    index: Index
    """Of a file that cannot be read at the moment: as it was when it could."""


def analyse(
    home: Home, buffers: Buffers, *, target: str, before: Analysis | None
) -> Analysis | None:
    """Check everything that is judged together, and find the names in it.

    Args:
        home: what is judged.
        buffers: the open files; they must not change meanwhile.
        target: that everything is compiled for.
        before: the analysis before this one. None: it is the first.

    Returns:
        None: it is no spec of ours.
    """
    project = buffers.project(home)
    if project is None:
        return None
    report = check(project, target=target, callables=SourceAlone(project.files), plugins=False)
    graph = report.build.graph or (before.graph if before else None)
    problems = without_unknown(report.problems)
    return Analysis(
        home=home,
        project=project,
        buffers=buffers,
        report=report,
        problems=problems,
        graph=graph,
        index=index_of(
            project.files, report.build.graph, problems, before.index if before else None
        ),
    )
