"""Which findings are reported, and how severe: what a project and a command line choose.

Rules are all run, and what they find is chosen from afterwards: so what was found can be kept and
asked again with other options. This module imports nothing but the words of diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.records import NamedTuple, replace

__all__ = ["Choice", "Layer", "Verdict", "is_fatal", "matches", "matches_path", "select"]

Verdict = Literal["off", "info", "warning", "error"]
"""What a code is made: not reported, or reported with that severity."""

_EXACT = 1000
"""How specific a whole code is; of a prefix it is the number of its characters."""


class Layer(NamedTuple):
    """One place where codes are chosen. Selectors are ids or prefixes of ids, never names.

    What a later layer says of a code counts. Within one the most specific selector does, and
    `ignore` where two are equally specific.
    """

    select: tuple[str, ...] = ()
    """Only these, of what is reported anyway; a whole code is reported whatever the level.
    Empty: no such limit."""
    extend_select: tuple[str, ...] = ()
    """These too, whatever the level."""
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Verdict] = MappingProxyType({})
    files: str | None = None
    """A glob of the files it is for. None: all."""


class Choice(NamedTuple):
    """The layers of a project, and over them those of a command line."""

    layers: tuple[Layer, ...] = ()
    level: Level | None = None
    """None: `regular`."""
    baseline: str | None = None
    """A file with findings that are known, by its path in the project. None: there is none."""
    unsettled: tuple[tuple[str, str], ...] = ()
    """Selectors that no code of agentflow fits, each behind the option it was given to: they may
    mean codes of plugins, which are known later."""

    def over(self, other: Choice) -> Choice:
        """This choice where it says something, else `other`."""
        return Choice(
            layers=(*other.layers, *self.layers),
            level=self.level or other.level,
            baseline=self.baseline or other.baseline,
        )

    def shows(self, code: str, level: Level, file: str | None) -> bool:
        """Whether findings with this code are reported in a file; None: without a file."""
        allowed = level.rank <= (self.level or Level.REGULAR).rank
        shown = allowed
        for layer in self._for(file):
            said = _said(layer, code, allowed)
            shown = shown if said is None else said
        return shown

    def excludes(self, code: str, file: str | None) -> bool:
        """Whether a code is taken out by its id or a prefix, not just left out by a `select`."""
        return not self.shows(code, Level.REGULAR, file) and any(
            matches(entry, code)
            for layer in self._for(file)
            for entry in (*layer.ignore, *(k for k, v in layer.severity.items() if v == "off"))
        )

    def severity(self, code: str, file: str | None) -> Severity | None:
        """What the severity of a code is changed to. None: it is not."""
        found: Verdict | None = None
        for layer in self._for(file):
            named = [entry for entry in layer.severity if matches(entry, code)]
            if named:
                found = layer.severity[max(named, key=lambda entry: _rank(entry, code))]
        return None if found is None or found == "off" else Severity(found)

    def _for(self, file: str | None) -> Iterable[Layer]:
        return (
            layer
            for layer in self.layers
            if layer.files is None or (file is not None and matches_path(layer.files, file))
        )


def _said(layer: Layer, code: str, allowed: bool) -> bool | None:
    """Whether a layer lets a code through. None: it says nothing of it.

    `allowed`: the level has it.
    """
    named = [e for e in (*layer.select, *layer.severity) if e == code]
    named = [e for e in named if layer.severity.get(e) != "off"]
    named += [e for e in layer.extend_select if matches(e, code)]
    within = [e for e in layer.select if matches(e, code) and allowed]
    off = [e for e in layer.ignore if matches(e, code)]
    off += [e for e, verdict in layer.severity.items() if verdict == "off" and matches(e, code)]
    if _best([*named, *within], code) <= _best(off, code):
        return False if off or layer.select else None
    # A prefix in `select` narrows: what an earlier layer has left out stays out.
    return True if named else None


def _best(entries: Iterable[str], code: str) -> int:
    return max((_rank(entry, code) for entry in entries), default=0)


def matches(entry: str, code: str) -> bool:
    """Whether it is the code, or a prefix. AF10 is a family: AF1 does not mean it.

    Of a plugin's code a prefix has all letters: AC does not mean ACME001.
    """
    if entry == code:
        return True
    if not code.startswith(entry):
        return False
    if code.startswith("AF"):
        return (len(code) == 6) == entry.startswith("AF10")
    return code[len(entry)].isdigit()


def _rank(entry: str, code: str) -> int:
    return _EXACT if entry == code else len(entry)


def matches_path(glob: str, file: str) -> bool:
    """Whether a glob or a directory has a file. `*` stands for any characters, also for `/`."""
    glob = glob.removeprefix("./")
    return fnmatchcase(file, glob) or fnmatchcase(file, f"{glob.rstrip('/')}/*")


def select(found: Sequence[Diagnostic], choice: Choice) -> tuple[Diagnostic, ...]:
    """The findings that are reported, in their order, with the severity they are given.

    Errors of the compiler stay: without them nobody would see why nothing is made.
    """
    return tuple(
        problem if problem.severity is given else replace(problem, severity=given)
        for problem in found
        if (given := _given(problem, choice)) is not None
    )


def _given(problem: Diagnostic, choice: Choice) -> Severity | None:
    """The severity it is reported with. None: it is not reported."""
    if is_fatal(problem):
        return problem.severity
    file = problem.span.file if problem.span else None
    if problem.about is not None:
        # What is said of a comment or a rule follows the code that it is about.
        shown = choice.shows(problem.about, problem.level, file) and not choice.excludes(
            problem.code, file
        )
    else:
        shown = choice.shows(problem.code, problem.level, file)
    return (choice.severity(problem.code, file) or problem.severity) if shown else None


def is_fatal(problem: Diagnostic) -> bool:
    """An error of the compiler: AF0 to AF4, without what the linter says of itself (AF09)."""
    family = problem.code[2:-2]
    return (
        problem.severity is Severity.ERROR
        and problem.code.startswith("AF")
        and family in {"0", "1", "2", "3", "4"}
        and not problem.code.startswith("AF09")
    )
