"""[io] Compile and lint a project, or single files, and say everything that was found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentflow.codes import POLICY_VIOLATED
from agentflow.compiler.graph import Graph
from agentflow.compiler.load import PROJECT_FILE
from agentflow.compiler.manifest import Compiled
from agentflow.compiler.pipeline import Build, build
from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Severity, has_errors
from agentflow.errors import FileRefused, PolicyUnmet, ProblemsFound, UsageError
from agentflow.lint.engine import known_codes, project_choice, scan
from agentflow.lint.rule import Context
from agentflow.lint.selection import Choice, select
from agentflow.lint.settings import settled
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.project import LooseFiles, ProjectFiles, find_project
from agentflow.operations.traced import Trace, TracedFiles
from agentflow.records import record

if TYPE_CHECKING:
    from agentflow.lint.plugins import Plugins
    from agentflow.ports import Callables, Files

__all__ = [
    "Baseline",
    "Findings",
    "Project",
    "Report",
    "check",
    "chosen_of",
    "compiled",
    "names_of",
    "open_project",
    "select_files",
    "sources_of",
]


Baseline = Literal["used", "judged", "unused"]


@record
class Project:
    """Where the specs are, and how their files are read."""

    root: Path
    files: Files
    only: tuple[str, ...] | None = None
    """Report problems of these files alone. None: of all."""
    changed: frozenset[str] | None = None
    """All is checked, because these files have changed. Errors are reported wherever they are, and
    what is none only where it concerns these files. None: nobody says what has changed."""
    trace: Trace | None = None
    """Notes what the answer rests on. None: nobody wants to know."""


@record
class Findings:
    """What is told of a project, or of several."""

    problems: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    """Text of each file a problem is in."""
    files: int
    """Spec files read."""
    specs: int
    plugins: Plugins | None = None
    """Whose rules were run too. None: no project names any."""


@record
class Report(Findings):
    """Of one project."""

    build: Build
    choice: Choice
    """What the project chooses to hear of, and over it the caller."""


def open_project(directory: Path) -> Project:
    """The project that `directory` belongs to.

    Raises:
        UsageError: there is no `agentflow.yaml` here or above.
    """
    root = find_project(directory)
    if root is None:
        raise UsageError(
            f"There is no agentflow.yaml in {str(directory)!r} or above it.",
            hint="Start a project with: agentflow init",
        )
    return Project(root=root, files=ProjectFiles(root))


def select_files(directory: Path, paths: Sequence[Path], *, trace: Trace | None = None) -> Project:
    """The project of `directory`, or of the paths; loose files, without a trace, where there is none.

    Raises:
        UsageError: no project and no paths, or a directory without specs.
        FileRefused: a path outside the project of the first.
    """
    first = paths[0].absolute() if paths else directory.absolute()
    start = first if first.is_dir() else first.parent
    root = find_project(start)
    if root is None and (not paths or any(path.is_dir() for path in paths)):
        return open_project(first if paths else directory)
    if root is None:
        loose = LooseFiles(paths)
        return Project(root=loose.root, files=loose)
    if trace is not None:
        trace.searched(start, root)
    files = ProjectFiles(root) if trace is None else TracedFiles(root, trace)
    if all(path.is_dir() and files.relative(path) == "." for path in paths):
        return Project(root=root, files=files, trace=trace)
    only = [name for path in paths for name in names_of(files, path)]
    if not only:
        # Said, because "no problems" would pass for a check that took place.
        raise UsageError(
            f"There is no spec below {str(paths[0])!r}.",
            hint="A spec is a YAML file with `apiVersion: agentflow/v1`.",
        )
    return Project(root=root, files=files, only=tuple(only), trace=trace)


def names_of(files: ProjectFiles, path: Path) -> Sequence[str]:
    """The name of a file in its project, or those of the specs below a directory.

    Raises:
        FileRefused: it lies outside.
    """
    relative = files.relative(path)
    if not path.is_dir():
        return (relative,)
    prefix = "" if relative == "." else relative + "/"
    return [spec for spec in files.specs() if spec.startswith(prefix)]


def chosen_of(
    found: Sequence[Diagnostic],
    choice: Choice,
    files: Files,
    graph: Graph | None,
    baseline: Baseline,
    *,
    complete: bool,
) -> tuple[Diagnostic, ...]:
    """What is told of all that was found, sorted.

    Args:
        found: by all stages.
        choice: what is reported.
        files: where the baseline is read from.
        graph: has the project. None: there is no usable one.
        baseline: as for `check`.
        complete: every rule has run, also those of plugins.
    """
    chosen = select(found, choice)
    if choice.baseline is not None and graph is not None and baseline != "unused":
        # Imported by those who have one.
        from agentflow.operations.known import without_known

        whole = baseline == "judged" and complete
        chosen = without_known(chosen, choice, files, graph.project, whole=whole)
    return tuple(sorted(chosen, key=lambda problem: problem.sort_key))


def sources_of(
    problems: Sequence[Diagnostic], files: Files, settings: Sequence[str]
) -> dict[str, str]:
    """The text of each file that a problem is in; of what cannot be read, none."""
    found: dict[str, str] = {SETTINGS_FILE: "\n".join(settings)}
    for problem in problems:
        for span in (problem.span, *(span for span, _ in problem.related)):
            if span is not None and span.file not in found:
                try:
                    found[span.file] = files.read(span.file)
                except FileRefused:
                    found[span.file] = ""
    return found


def _judged(project: Project) -> tuple[str, ...] | None:
    """The files whose specs are judged. None: all, because a prompt or code was chosen too.

    What is wrong with these is found where specs use them.

    Raises:
        FileRefused: a file that is no spec does not exist.
    """
    others = {name for name in project.only or () if not name.endswith((".yaml", ".yml"))}
    texts = others - set(project.files.specs()) if others else set()
    for name in sorted(texts):
        project.files.size(name)  # nobody else would say that it is missing
    return None if texts else project.only


def check(
    project: Project,
    *,
    target: str = "local",
    variables: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    rules: bool = True,
    choice: Choice | None = None,
    baseline: Baseline = "used",
    callables: Callables | None = None,
    plugins: bool = True,
    manifest: bool = True,
) -> Report:
    """Every problem of every stage, and of the lint rules unless `rules` is false.

    Args:
        project: whose files are checked.
        target: the target they are compiled for.
        variables: values given on the command line, by name.
        settings: `--set` of the command line.
        rules: whether rules are run.
        choice: what is reported, over what the project chooses. None: as the project chooses.
        baseline: used: what the project's baseline knows is left out. judged: also, what it knows
            and is gone is reported, which takes a project that is checked as it stands.
        callables: is asked about a Python function whose source does not tell its schema. None: its
            module is imported, by a process of its own.
        plugins: whether the plugins that the project names are imported and their rules run.
        manifest: whether it is wanted; where there are plugins, it is made all the same.

    Raises:
        UsageError: `choice` names a code that there is not.
        FileRefused: a prompt or code that is to be checked does not exist.
    """
    trace = project.trace or Trace()
    asked = (
        nullcontext(callables) if callables else ImportedCallables(project.root, asked=trace.spoil)
    )
    with asked as described:
        built, problems = build(
            project.files,
            target=target,
            environ=trace.environ(os.environ),
            variables=variables or {},
            settings=settings,
            only=_judged(project),
            callables=described,
            manifest=manifest or _has_plugins,
        )
    found = list(problems)
    choice = choice or Choice()
    extra: Plugins | None = None
    context: Context | None = None
    if rules and built.graph is not None:
        extra = _plugins(built.graph, trace, wanted=plugins)
        every_code = extra is None or extra.complete
        choice = settled(choice, known_codes(extra), every_code=every_code)
        choice = choice.over(project_choice(built.graph, extra))
        context = Context(graph=built.graph, compiled=built.compiled, files=project.files)
        found = [
            problem
            for problem in _scan(context, problems, extra)
            if project.only is None or _concerns(problem, set(project.only), context)
        ]
    complete = extra is None or extra.complete
    chosen = chosen_of(found, choice, project.files, built.graph, baseline, complete=complete)
    if project.changed is not None and context is not None:
        chosen = tuple(p for p in chosen if _concerns_change(p, project.changed, context))
    return Report(
        problems=chosen,
        build=built,
        sources=sources_of(chosen, project.files, settings),
        files=len(_files(project, built.graph)),
        specs=_count(project, built.graph),
        choice=choice,
        plugins=extra,
    )


def _has_plugins(graph: Graph) -> bool:
    return bool(graph.project.spec.lint.plugins)


def _plugins(graph: Graph, trace: Trace, *, wanted: bool) -> Plugins | None:
    """The plugins of a project, which may look at anything, so that no answer of theirs is kept."""
    if not _has_plugins(graph):
        return None
    trace.spoil()
    from agentflow.lint.plugins import Plugins
    from agentflow.operations.plugins import load_plugins

    return load_plugins(graph.project) if wanted else Plugins((), complete=False)


def _scan(
    context: Context, found: Sequence[Diagnostic], plugins: Plugins | None
) -> Sequence[Diagnostic]:
    if plugins is None:
        return scan(context, found=found)
    from agentflow.operations.plugins import quiet

    with quiet():
        return scan(context, found=found, plugins=plugins)


def _files(project: Project, graph: Graph | None) -> set[str]:
    if project.only is not None:
        return set(project.only)
    # Without a graph everything was read all the same: that is where the problems come from.
    return {document.file for document in graph.documents} if graph else set(project.files.specs())


def _count(project: Project, graph: Graph | None) -> int:
    if graph is None:
        return 0
    files = _files(project, graph)
    return sum(isinstance(d.data, dict) for d in graph.documents if d.file in files)


def _concerns_change(problem: Diagnostic, changed: frozenset[str], context: Context) -> bool:
    """An error, which the change may have caused from afar, or what lies in a changed file.

    Also what lies in a text that such a file uses, or points at the file. The project's own file
    decides about all.
    """
    return (
        problem.severity is Severity.ERROR
        or PROJECT_FILE in changed
        or _concerns(problem, changed, context)
        or any(span.file in changed for span, _ in problem.related)
    )


def _concerns(problem: Diagnostic, chosen: Set[str], context: Context) -> bool:
    """A problem in a chosen file, or in a text that a chosen file uses."""
    return (
        problem.span is None
        or problem.span.file in chosen
        or problem.span.file == SETTINGS_FILE
        or any(
            prose.source.name == problem.span.file
            for agent in context.agents
            if agent.document.file in chosen
            for _, prose in context.texts(agent)
        )
    )


def compiled(
    project: Project,
    *,
    target: str,
    variables: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    rules: bool = False,
) -> tuple[Compiled, Report]:
    """The manifest, for commands that cannot go on without one.

    Raises:
        ProblemsFound: the project has errors; all are in it. `PolicyUnmet` if there are no others
            than that policies are not met.
    """
    report = check(project, target=target, variables=variables, settings=settings, rules=rules)
    if has_errors(report.problems) or report.build.compiled is None:
        kinds = {p.code for p in report.problems if p.severity is Severity.ERROR}
        stopped = PolicyUnmet if kinds == {POLICY_VIOLATED.id} else ProblemsFound
        raise stopped(
            report.problems,
            "The project has errors, so nothing was done.",
            sources=report.sources,
            root=project.root,
        )
    return report.build.compiled, report
