"""From what a project writes under `lint` to a choice; and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Code, Diagnostic, Level
from agentflow.errors import UsageError
from agentflow.lint.own import UNKNOWN_SUPPRESSION
from agentflow.lint.selection import Choice, Layer, matches
from agentflow.nearest import did_you_mean
from agentflow.source.tree import Path
from agentflow.spec.project import LintPathSpec, LintSpec, ProjectSpec

__all__ = [
    "choice_of",
    "is_selector",
    "selector_hint",
    "settled",
    "unknown_selector",
    "unknown_selectors",
]


def choice_of(spec: LintSpec, id_of: Callable[[str], str]) -> Choice:
    """The choice of a project. `id_of` turns the name of a code into its id."""
    whole = Layer(select=tuple(map(id_of, spec.select)), **_common(spec, id_of))
    parts = [Layer(files=glob, **_common(part, id_of)) for glob, part in spec.paths.items()]
    return Choice(layers=(whole, *parts), level=Level(spec.level), baseline=spec.baseline)


def _common(spec: LintSpec | LintPathSpec, id_of: Callable[[str], str]) -> dict[str, Any]:
    return {
        "extend_select": tuple(map(id_of, spec.extend_select)),
        "ignore": tuple(map(id_of, spec.ignore)),
        "severity": {id_of(entry): verdict for entry, verdict in spec.severity.items()},
    }


def is_selector(entry: str, known: Mapping[str, Code]) -> bool:
    """Whether it is a code, the name of one, or a prefix of some."""
    return any(entry == code.name or matches(entry, code.id) for code in known.values())


def selector_hint(entry: str, known: Mapping[str, Code]) -> str:
    """What to say to somebody who wrote a selector that fits no code."""
    names = [*known, *(code.name for code in known.values())]
    return did_you_mean(entry, names) or "Codes are listed by: agentflow explain"


def settled(choice: Choice, known: Mapping[str, Code], *, every_code: bool = True) -> Choice:
    """A choice of a command line, once the codes of plugins are known too.

    Args:
        choice: what was chosen, by codes of agentflow.
        known: every code, by id.
        every_code: false if there are codes of plugins that are not known.

    Raises:
        UsageError: a selector fits none.
    """
    if not choice.unsettled:
        return choice
    ids = {code.name: code.id for code in known.values()}
    for option, entry in choice.unsettled:
        if every_code and not is_selector(entry, known):
            raise unknown_selector(option, entry, known)

    def by_id(entries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ids.get(entry, entry) for entry in entries)

    layers = tuple(
        layer._replace(
            select=by_id(layer.select),
            extend_select=by_id(layer.extend_select),
            ignore=by_id(layer.ignore),
        )
        for layer in choice.layers
    )
    return choice._replace(layers=layers, unsettled=())


def unknown_selector(option: str, entry: str, known: Mapping[str, Code]) -> UsageError:
    """What is raised for a selector of the command line that fits no code."""
    message = f"{option}: there is no code {entry!r}."
    return UsageError(message, hint=selector_hint(entry, known))


def _may_be_foreign(entry: str) -> bool:
    from agentflow.lint.suppress import may_be_foreign

    return may_be_foreign(entry)


def unknown_selectors(
    project: Bound[ProjectSpec], known: Mapping[str, Code], *, every_code: bool = True
) -> Iterator[Diagnostic]:
    """Entries of the project's `lint` that fit no code.

    `every_code`: false if there are codes of plugins that are not known.
    """
    for path, entry, is_key in _selectors(project.spec.lint):
        if not (is_selector(entry, known) or (not every_code and _may_be_foreign(entry))):
            yield UNKNOWN_SUPPRESSION.at(
                project.span("lint", *path, key=is_key),
                f"There is no code {entry!r}.",
                hint=selector_hint(entry, known),
            )


def _selectors(spec: LintSpec) -> Iterator[tuple[Path, str, bool]]:
    """Each entry with its path below `lint`, and whether it is a key there."""
    parts: list[tuple[Path, LintSpec | LintPathSpec]] = [((), spec)]
    parts += [(("paths", glob), part) for glob, part in spec.paths.items()]
    for index, entry in enumerate(spec.select):
        yield ("select", index), entry, False
    for path, part in parts:
        for field in ("extend_select", "ignore"):
            for index, entry in enumerate(getattr(part, field)):
                yield (*path, field, index), entry, False
        for entry in part.severity:
            yield (*path, "severity", entry), entry, True
