"""[io] What was found in the parts of a project, kept for as long as nothing they rest on has changed.

Beside the answers, and as they are: by content and not by the clock, in the user's own cache, and whole
or not at all. Of each file its outline is kept as well, so that one that has not changed is not parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agentflow.compiler.outline import Outline
from agentflow.diagnostics import Diagnostic, Edit, Fix, Level, Severity, Span
from agentflow.operations.answers import STATES, keep, read_kept

__all__ = ["KeptFile", "KeptPart", "KeptParts", "part_of", "plain_part", "read_parts", "save_parts"]

_PROJECTS = 16
"""Whose parts are kept: those of the others go, the oldest first."""


class KeptFile(NamedTuple):
    """A file with that content."""

    state: str
    is_spec: bool
    outline: Outline | None
    """None: one that others may use."""
    mentions: frozenset[str]
    """The names of leaves of the project that stand in it."""


class KeptPart(NamedTuple):
    """What a part came to."""

    usable: bool
    """False: the project has to be checked as a whole."""
    facts: Sequence[str] = ()
    """What it rests on: kind and name of each, as `answers` has them."""
    state: str = ""
    """Of the facts, all together."""
    found: tuple[Diagnostic, ...] = ()
    rivals: frozenset[str] = frozenset()
    files: int = 0
    """Of the part, with documents in them; and how many of these there are."""
    specs: int = 0
    core_files: int = 0
    core_specs: int = 0


@dataclass(slots=True)
class KeptParts:
    """Of one project, with one set of options."""

    code: Mapping[str, str] = field(default_factory=dict)
    """The code that has found all that, with the state of each file."""
    names: str = ""
    """Digest of the names of all leaves, which the mentions are of."""
    files: dict[str, KeptFile] = field(default_factory=dict)
    parts: dict[str, KeptPart] = field(default_factory=dict)
    """By the files they are of, as a digest."""


def read_parts(path: str | None) -> KeptParts:
    """What is kept at `path`; nothing if other code has found it, or if it is damaged."""
    if path is None:
        return KeptParts()
    try:
        data = json.loads(read_kept(path))
        if any(STATES["c"]("", file) != state for file, state in data["code"].items()):
            return KeptParts()
        return KeptParts(
            code=data["code"],
            names=data["names"],
            files={name: _file(*values) for name, values in data["files"].items()},
            parts={key: part_of(values) for key, values in data["parts"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return KeptParts()


def save_parts(path: str, kept: KeptParts) -> None:
    data = {
        "code": dict(kept.code),
        "names": kept.names,
        "files": {
            name: [file.state, file.is_spec, file.outline and file.outline.specs, [*file.mentions]]
            for name, file in kept.files.items()
        },
        "parts": {key: plain_part(part) for key, part in kept.parts.items()},
    }
    keep(path, json.dumps(data, separators=(",", ":")), at_most=_PROJECTS)


def _file(state: str, is_spec: bool, specs: Any, mentions: Any) -> KeptFile:
    outline = None if specs is None else Outline(tuple((kind, name) for kind, name in specs))
    return KeptFile(state, is_spec, outline, frozenset(mentions))


def plain_part(part: KeptPart) -> list[Any]:
    """The same as JSON has it."""
    found = [_plain(problem) for problem in part.found]
    return [*part._replace(found=found, rivals=sorted(part.rivals))]  # type: ignore[arg-type]


def part_of(values: Sequence[Any]) -> KeptPart:
    """What `plain_part` was made of."""
    part = KeptPart(*values)
    found = tuple(_problem(problem) for problem in part.found)  # type: ignore[arg-type]
    return part._replace(found=found, rivals=frozenset(part.rivals))


# Findings


def _plain(problem: Diagnostic) -> list[Any]:
    fix = problem.fix
    return [
        *(problem.code, problem.name, problem.severity, problem.message, _span(problem.span)),
        problem.hint,
        [(_span(span), caption) for span, caption in problem.related],
        fix and [fix.title, [(_span(edit.span), edit.text) for edit in fix.edits], fix.safe],
        [_span(span) for span in problem.hides],
        *(problem.level, problem.about, problem.anchor),
    ]


def _span(span: Span | None) -> list[Any] | None:
    if span is None:
        return None
    return [span.file, span.line, span.column, span.end_line, span.end_column]


def _problem(values: Sequence[Any]) -> Diagnostic:
    code, name, severity, message, span, hint, related, fix, hides, level, about, anchor = values
    return Diagnostic(
        code=code,
        name=name,
        severity=Severity(severity),
        message=message,
        span=span and Span(*span),
        hint=hint,
        related=tuple((Span(*place), caption) for place, caption in related),
        fix=fix and _fix(*fix),
        hides=tuple(Span(*place) for place in hides),
        level=Level(level),
        about=about,
        anchor=anchor,
    )


def _fix(title: str, edits: Sequence[Any], safe: bool) -> Fix:
    return Fix(title, tuple(Edit(Span(*place), text) for place, text in edits), safe)
