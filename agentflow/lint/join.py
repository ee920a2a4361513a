"""What was found in the parts of a project, each checked with the core alone, as if it were one.

It can be told from the parts because of what every check and every rule keeps to:

- What lies in a file of a part depends on that part and the core: on what a spec refers to, and on what
  refers to it.
- What lies in the core, or nowhere, is found in some part if it is found in the whole, unless it is that
  two things have one name (`rivals`).
- What is found in every part, word for word the same, is found in the whole.
- What is found in some parts only may depend on all. Nothing is told of it then, unless it is one of
  `ABSENCES`: these are found where something is missing, so that one part that has it is enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

from agentflow import codes
from agentflow.compiler.graph import Graph
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.own import RULE_FAILED

__all__ = ["ABSENCES", "Part", "can_be_joined", "joined", "rivals"]

ABSENCES = frozenset(
    {
        *(codes.PATCHES_NOTHING.id, codes.UNDECLARED_VALUE.id),
        *("AF509", "AF510", "AF608", "AF705", "AF813", "AF903", "AF904", "AF1006", "AF1007"),
    }
)
"""Codes of findings that more specs can only take away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was found in a part and the core."""

    files: frozenset[str]
    """Of the part, without the core."""
    found: tuple[Diagnostic, ...]
    rivals: frozenset[str]
    """Of its specs without those of the core, see `rivals`."""
    texts: frozenset[str]
    """What else was read: prompts, schemas, code."""


def can_be_joined(
    graph: Graph, problems: Sequence[Diagnostic], found: Sequence[Diagnostic]
) -> bool:
    """Whether a part is fit to be told apart from the others.

    Args:
        graph: of the part and the core.
        problems: what the compiler reports.
        found: all that was found.
    """
    return (
        bool(graph.agents)  # without any, rules do not ask what is used
        and not any(p.severity is Severity.ERROR and not _stays(p.code) for p in problems)
        and not any(problem.code == RULE_FAILED.id for problem in found)
    )


def _stays(code: str) -> bool:
    """Whether an error of the compiler is one of what a spec is bound to, and says nothing of others.

    A file that cannot be read may hold anything, and a name that is not found may be elsewhere.
    """
    return code in ABSENCES or any(first <= code <= last for first, last in _STAYING)


_STAYING = (
    ("AF110", "AF199"),  # shapes
    ("AF202", "AF208"),  # variables
    ("AF223", "AF225"),  # operators
    ("AF250", "AF260"),  # what values mean, without circles of references
    ("AF262", "AF299"),
    ("AF301", "AF399"),  # templates
)


def rivals(graph: Graph, files: Collection[str]) -> frozenset[str]:
    """What the specs of these files are called on the service, which no two should be (AF1005)."""
    return frozenset(
        f"{kind} {(bound.spec.title or bound.spec.name).casefold()}"
        for kind in ("agent", "deployment")
        for bound in graph.by_kind()[kind].values()
        if bound.document.file in files
    )


def joined(parts: Sequence[Part], core: Collection[str]) -> tuple[Diagnostic, ...] | None:
    """What would be found in the whole. None: the parts do not tell.

    Args:
        parts: at least one.
        core: its files.
    """
    names = Counter(chain.from_iterable(part.rivals for part in parts))
    if any(number > 1 for number in names.values()):
        return None
    own: list[Diagnostic] = []
    common: list[list[Diagnostic]] = []
    outside: set[str] = set()
    for part in parts:
        shared = []
        for problem in part.found:
            file = None if problem.span is None else problem.span.file
            if file in part.files:
                own.append(problem)
            elif file in part.texts and file not in core:
                own.append(problem)
                outside.add(file)
            else:
                shared.append(problem)
        common.append(shared)
    if outside and any(sum(file in part.texts for part in parts) > 1 for file in outside):
        return None
    in_all = _in_all(common)
    if in_all is None:
        return None
    return tuple(sorted((*in_all, *own), key=lambda problem: problem.sort_key))


def _in_all(found: Sequence[Sequence[Diagnostic]]) -> Sequence[Diagnostic] | None:
    """What all parts have found in the core. None: what they have found differs otherwise."""
    everywhere = frozenset(found[0]).intersection(*found[1:])
    places = [{(problem.code, problem.span) for problem in each} for each in found]
    for problem in chain.from_iterable(found):
        if problem in everywhere:
            continue
        said_by_all = all((problem.code, problem.span) in place for place in places)
        if problem.code not in ABSENCES or said_by_all:  # by all, but not in the same words
            return None
    return [problem for problem in found[0] if problem in everywhere]
