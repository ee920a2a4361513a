"""All stages in a row: `load → resolve → validate → render`, and every problem of every stage at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentflow.compiler.graph import Graph
from agentflow.compiler.load import load
from agentflow.compiler.manifest import Compiled
from agentflow.compiler.render import render, rendering_problems
from agentflow.compiler.resolve import resolve
from agentflow.compiler.validate import validate
from agentflow.diagnostics import Checked, Diagnostic, has_errors
from agentflow.records import NamedTuple, field_names, replace

if TYPE_CHECKING:
    from agentflow.ports import Callables, Files

__all__ = ["Build", "build"]


class Build(NamedTuple):
    graph: Graph | None
    """Every spec that could be read and bound, also those with errors of meaning.
    None: there is no usable project or target."""
    compiled: Compiled | None
    """None: there is an error somewhere, so nothing may be applied or run; or nobody wanted it."""


def build(
    files: Files,
    *,
    target: str = "local",
    environ: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    only: Sequence[str] | None = None,
    callables: Callables | None = None,
    manifest: bool | Callable[[Graph], bool] = True,
) -> Checked[Build]:
    """Compile a project for a target.

    A spec that fails in one stage is left out of the later ones, and no other spec is: one run
    reports everything. Problems are sorted by place.

    Args:
        environ: what `${env.X}` sees. None: nothing.
        variables: values given on the command line, by name.
        settings: `--set` of the command line, such as `agent/x.budget.usd=3`.
        only: report on these files alone; see `load`.
        callables: is asked about a Python function whose source does not tell its schema. None: that
            is a problem of the spec.
        manifest: whether the manifest is wanted, and not only what is found on the way to it; or what
            tells so, once the project has been read.
    """
    loaded, found = load(files, only=only)
    problems: list[Diagnostic] = list(found)
    graph, found = resolve(
        loaded,
        files,
        target=target,
        environ=environ or {},
        variables=variables or {},
        settings=settings,
    )
    problems.extend(found)
    if graph is None:
        return Checked(Build(None, None), _sorted(problems, files))
    reported = graph if only is None else _selected(graph, frozenset(only))
    sound, found = validate(reported, files, callables=callables)
    problems.extend(found)
    if not (manifest(graph) if callable(manifest) else manifest):
        problems.extend(rendering_problems(sound, files, callables=callables))
        return Checked(Build(graph, None), _sorted(problems, files))
    compiled, found = render(sound, files, callables=callables)
    problems.extend(found)
    return Checked(
        Build(graph, None if has_errors(problems) else compiled),
        _sorted(problems, files),
    )


def _selected(graph: Graph, only: frozenset[str]) -> Graph:
    """The graph without the specs of other files, which are not reported on."""
    chosen: dict[str, Any] = {
        field: {n: b for n, b in specs.items() if b.document.file in only}
        for field in field_names(graph)
        if field not in ("known", "composed") and isinstance(specs := getattr(graph, field), dict)
    }
    return replace(graph, **chosen)


def _sorted(problems: list[Diagnostic], files: Files) -> tuple[Diagnostic, ...]:
    """By place, each once: a file that two agents or tools use is read twice."""
    ordered = sorted(problems, key=lambda problem: problem.sort_key)
    unique: dict[object, Diagnostic] = {}
    for problem in ordered:
        # Who uses it is no difference: the first user is named.
        unique.setdefault((problem.code, problem.span, problem.message), problem)
    if not unique:
        return ()
    from agentflow.compiler.renames import with_renames

    return tuple(with_renames(unique.values(), files.read))
