"""[io] Find and import the plugins that a project names, and no others.

A plugin is an entry point in the group `agentflow.rules` of a distribution that is installed beside
agentflow. Only what a project names under `lint.plugins` is imported, and nothing from the directory
that is checked: who looks at a project of somebody else runs no code of it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from typing import NamedTuple

from agentflow.compiler.graph import Bound
from agentflow.compiler.load import PROJECT_FILE
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import KNOWN
from agentflow.lint.own import UNUSABLE_PLUGIN
from agentflow.lint.plugins import Offer, Plugins, admit, told
from agentflow.nearest import did_you_mean
from agentflow.operations.project import ProjectFiles, find_project
from agentflow.spec.project import ProjectSpec

__all__ = ["GROUP", "load_plugins", "plugins_of", "quiet"]

GROUP = "agentflow.rules"


class _Entry(NamedTuple):
    distribution: str
    version: str
    point: EntryPoint


def load_plugins(project: Bound[ProjectSpec]) -> Plugins:
    """The plugins that the project names, imported, and what is wrong with them."""
    offers: list[Offer] = []
    problems: list[Diagnostic] = []
    with _installed_only(), quiet():
        entries = list(_entries())
        seen: set[_Entry] = set()
        for position, name in enumerate(project.spec.lint.plugins):
            found, problem = _named(name, entries)
            if problem is not None:
                message, hint = problem
                span = project.span("lint", "plugins", position)
                problems.append(UNUSABLE_PLUGIN.at(span, message, hint=hint))
            for entry in found:
                if entry not in seen:
                    seen.add(entry)
                    offer = _import(entry, position, project)
                    if isinstance(offer, Offer):
                        offers.append(offer)
                    else:
                        problems.append(offer)
    plugins, refused = admit(offers, project, KNOWN)
    problems.extend(refused)
    return Plugins(plugins, tuple(problems), complete=not problems)


class _ProjectAlone(ProjectFiles):
    """A project without the specs in its other files."""

    def specs(self) -> Sequence[str]:
        return [PROJECT_FILE]


def plugins_of(directory: Path) -> tuple[Plugins, Mapping[str, str], Path] | None:
    """The plugins of the project that a directory belongs to, the text of its file, and its root.

    None: there is no project, it has errors, or it names no plugins. What else is wrong with the
    project is not said.
    """
    root = find_project(directory)
    if root is None:
        return None
    files = _ProjectAlone(root)
    graph = build(files).value.graph
    if graph is None or not graph.project.spec.lint.plugins:
        return None
    return load_plugins(graph.project), {PROJECT_FILE: files.read(PROJECT_FILE)}, root


@contextmanager
def quiet() -> Iterator[None]:
    """Standard output is for findings: what plugins print goes to standard error."""
    with redirect_stdout(sys.stderr):
        yield


@contextmanager
def _installed_only() -> Iterator[None]:
    """Import nothing from the working directory, where `python -m` would look first."""
    before = list(sys.path)
    here = before[:1] if before[:1] in ([""], [os.getcwd()]) else []  # noqa: PTH109
    sys.path[:] = [entry for entry in before[len(here) :] if entry]
    try:
        yield
    finally:
        # A plugin may have added to it: that stays, behind what was there.
        sys.path[:] = [*before, *(entry for entry in sys.path if entry not in before)]


def _entries() -> Iterator[_Entry]:
    """Every entry point of the group; of a distribution that is there twice, those of the first."""
    seen: set[str] = set()
    for distribution in distributions(path=sys.path):
        points = _points(distribution)
        name = distribution.metadata["Name"] if points else None
        if name and _normal(name) not in seen:
            seen.add(_normal(name))
            yield from (_Entry(name, distribution.version, point) for point in points)


def _points(distribution: Distribution) -> Sequence[EntryPoint]:
    try:
        return list(distribution.entry_points.select(group=GROUP))
    except Exception:
        return []  # broken metadata of a distribution that nobody may have asked for


def _normal(name: str) -> str:
    # https://packaging.python.org/en/latest/specifications/name-normalization/
    return re.sub(r"[-_.]+", "-", name).lower()


def _named(name: str, entries: Sequence[_Entry]) -> tuple[Sequence[_Entry], tuple[str, str] | None]:
    """The entry points that a name means: all of a distribution, or one. Else message and hint."""
    wanted = _normal(name)
    found = [entry for entry in entries if _normal(entry.distribution) == wanted]
    if found:
        return found, None
    found = [entry for entry in entries if _normal(entry.point.name) == wanted]
    if len({entry.distribution for entry in found}) > 1:
        owners = " and ".join(f"{entry.distribution} {entry.version}" for entry in found)
        return [], (f"{owners} both have a plugin {name!r}.", "Name the distribution instead.")
    if found:
        return found, None
    if any(_normal(d.metadata["Name"] or "") == wanted for d in distributions(path=sys.path)):
        hint = f"A plugin has an entry point in the group `{GROUP}`: see docs/plugins.md."
        return [], (f"{name!r} is installed, but it brings no rules for agentflow.", hint)
    names = {n for entry in entries for n in (entry.distribution, entry.point.name)}
    hint = (
        did_you_mean(name, names) or "Install it where agentflow is installed, or remove it here."
    )
    return [], (f"No plugin {name!r} is installed.", hint)


def _import(entry: _Entry, position: int, project: Bound[ProjectSpec]) -> Offer | Diagnostic:
    try:
        content = entry.point.load()
    except (Exception, SystemExit) as error:
        return UNUSABLE_PLUGIN.at(
            project.span("lint", "plugins", position),
            f"{entry.distribution} {entry.version} cannot be loaded: {told(error)}.",
            hint="It may need another version of agentflow. If not, this is a bug in "
            f"{entry.distribution}: tell those who make it, or remove it here.",
        )
    return Offer(position, entry.distribution, entry.version, entry.point.name, content)
