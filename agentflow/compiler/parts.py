"""A large project in parts that can be checked one by one: which files go together.

The core are the files that others use: the project, environments, toolsets, policies and so on. All
other files go into parts, and a file is in the part of those that it names or that name it. A part is
checked together with the core, and with nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from agentflow.compiler.outline import Outline

__all__ = ["LEAST_PARTS", "PART_FILES", "Parts", "parted"]

PART_FILES = 24
"""A part has about that many files, up to twice as many: small, because of a part all is checked again
when one of its files changes, and large, because the core is checked with each."""

LEAST_PARTS = 4
"""With fewer nothing is gained."""


class Parts(NamedTuple):
    core: tuple[str, ...]
    """Files, sorted."""
    parts: tuple[tuple[str, ...], ...]
    """Files of each part, sorted. Every part has an agent."""


def parted(
    outlines: Mapping[str, Outline | None], mentioned: Mapping[str, frozenset[str]]
) -> Parts | None:
    """Divide the files of a project. None: it is checked as a whole.

    Args:
        outlines: by file; None: a file of the core.
        mentioned: by file, the names of leaves that stand in it.
    """
    owners: dict[str, list[str]] = {}
    declared: set[tuple[str, str]] = set()
    for file, found in outlines.items():
        for spec in found.specs if found else ():
            if spec in declared:
                return None  # one name twice: the two have to be seen together
            declared.add(spec)
            owners.setdefault(spec[1], []).append(file)
    core = _core(outlines, mentioned, owners)
    rest = [file for file in sorted(outlines) if file not in core]
    number = 1 << max(0, (len(rest) // PART_FILES).bit_length() - 1)
    while number * len(core) * 2 > len(rest):
        number //= 2
    if number < LEAST_PARTS:
        return None
    parts = _with_agents(_packed(_components(rest, mentioned, owners), number), outlines)
    return None if len(parts) < LEAST_PARTS else Parts(tuple(sorted(core)), tuple(parts))


def _core(
    outlines: Mapping[str, Outline | None],
    mentioned: Mapping[str, frozenset[str]],
    owners: Mapping[str, Sequence[str]],
) -> set[str]:
    """The files that hold more than leaves, and what these name."""
    core = {file for file, found in outlines.items() if found is None}
    waiting = list(core)
    while waiting:
        for name in mentioned[waiting.pop()]:
            for file in owners.get(name, ()):
                if file not in core:
                    core.add(file)
                    waiting.append(file)
    return core


def _components(
    files: Sequence[str],
    mentioned: Mapping[str, frozenset[str]],
    owners: Mapping[str, Sequence[str]],
) -> list[list[str]]:
    """The files, those that name each other together."""
    above = {file: file for file in files}

    def root(file: str) -> str:
        while above[file] != file:
            above[file] = file = above[above[file]]
        return file

    for file in files:
        for name in mentioned[file]:
            for other in owners.get(name, ()):
                if other in above:
                    above[max(root(file), root(other))] = min(root(file), root(other))
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(root(file), []).append(file)
    return list(found.values())


def _packed(components: Sequence[Sequence[str]], number: int) -> list[list[str]]:
    """So many parts; where a component goes depends on nothing but its first file."""
    packed: list[list[str]] = [[] for _ in range(number)]
    for component in components:
        packed[crc32(component[0].encode("utf-8", "surrogateescape")) % number].extend(component)
    return [part for part in packed if part]


def _with_agents(
    packed: Sequence[Sequence[str]], outlines: Mapping[str, Outline | None]
) -> list[tuple[str, ...]]:
    """The parts, those without an agent joined to the one before: rules look at who uses what."""
    made: list[list[str]] = []
    waiting: list[str] = []
    for part in packed:
        waiting.extend(part)
        if any(kind == "Agent" for file in part if (o := outlines[file]) for kind, _ in o.specs):
            made.append(waiting)
            waiting = []
    if waiting and made:
        made[-1].extend(waiting)
    return [tuple(sorted(part)) for part in made]
