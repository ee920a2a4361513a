"""Make fixes until nothing is left to fix: in memory, and never at the price of a new error.

An error that could not be seen before, because its file could not be read that far, is not new.

Of fixes that are over each other the first is made, and the next round, which looks at the project
again, proposes what is left. A round makes all of its fixes at once; if an error is there then that
was not before, the fix that brings it is searched by halves, and is not made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agentflow.diagnostics import Diagnostic, Edit, Severity
from agentflow.lint.own import FIXES_DISAGREE
from agentflow.source.edits import Placed, apply_edits, overlap, placed
from agentflow.source.text import SourceText

__all__ = ["Fixed", "Workshop", "fix_all"]

_ROUNDS = 50
"""More than any project needs: what has not come to an end by then never does."""

_LONE_CR = re.compile(r"\r(?!\n)")

Texts = Mapping[str, str]
"""The files that differ from what is on disk, by path."""


class Fixed(NamedTuple):
    texts: Texts
    """Every file that is another one now, whole."""
    fixed: tuple[Diagnostic, ...]
    """A finding for each fix that was made, as it was found: first those of the first round."""
    quarrel: Diagnostic | None = None
    """Fixes undo each other, so none was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What making fixes needs from outside."""

    read: Callable[[str], str]
    """The text of a file as it was at first."""
    findings: Callable[[Texts], Sequence[Diagnostic]]
    """What is reported of the project with these texts."""
    errors: Callable[[Texts], Sequence[Diagnostic]]
    """Every error of the whole project with these texts, also what is not reported."""
    may_edit: Callable[[str], bool]
    """Whether a file may be changed."""
    unsafe: bool
    """Whether fixes are made that change what a spec means."""


def fix_all(shop: Workshop) -> Fixed:
    """Make fixes, round by round, until a round makes none."""
    texts: dict[str, str] = {}
    done: list[tuple[Diagnostic, ...]] = []
    known = [_state(texts)]
    while len(done) < _ROUNDS:
        made = _round(shop, texts)
        if not made:
            return Fixed(texts, tuple(problem for round in done for problem in round))
        texts = _applied(shop, texts, made)
        done.append(made)
        state = _state(texts)
        if state in known:
            return Fixed({}, (), _quarrel(done[known.index(state) :]))
        known.append(state)
    return Fixed({}, (), _quarrel(done[-2:]))


def _state(texts: Texts) -> int:
    return hash(frozenset(texts.items()))


def _quarrel(rounds: Sequence[Sequence[Diagnostic]]) -> Diagnostic:
    made = [problem for round in rounds for problem in round]
    codes = sorted({problem.code for problem in made})
    named = " and ".join((", ".join(codes[:-1]), codes[-1])) if len(codes) > 1 else codes[0]
    whose = "The fixes of" if len(codes) > 1 else "Fixes of"
    return FIXES_DISAGREE.at(
        made[0].span,
        f"{whose} {named} undo each other, so nothing was fixed. This is a bug in agentflow.",
        hint=f"Leave one of them out for now: --ignore {codes[0]}",
    )


def _round(shop: Workshop, texts: Texts) -> tuple[Diagnostic, ...]:
    """The findings whose fixes can be made now, together."""
    wanted = tuple(_disjoint(shop, texts))
    if not wanted:
        return ()
    before = _counted(shop.errors(texts))
    made: list[Diagnostic] = []
    groups = [wanted]
    while groups:
        group = groups.pop()
        trial = (*made, *group)
        errors = shop.errors(_applied(shop, texts, trial))
        if not _counted(e for e in errors if not _was_hidden(e, trial)) - before:
            made += group
        elif len(group) > 1:
            middle = len(group) // 2
            groups += [group[middle:], group[:middle]]
    return tuple(made)


def _was_hidden(error: Diagnostic, fixed: Iterable[Diagnostic]) -> bool:
    """Whether it was there before, and could not be seen.

    What has an error of an early stage is not looked at by later ones, which is no reason to leave
    the first error in.
    """
    return any(
        problem.severity is Severity.ERROR
        and problem.span is not None
        and error.span is not None
        and problem.span.file == error.span.file
        and _stage(problem) < min(_stage(error), _RULES)
        for problem in fixed
    )


_RULES = 5
"""The stage of rules, which hide nothing from each other."""


def _stage(problem: Diagnostic) -> int:
    """0 for reading, 1 for shape, to 4; more for rules."""
    family = problem.code[2:-2]
    return int(family) if problem.code.startswith("AF") and family.isdecimal() else _RULES


def _counted(errors: Iterable[Diagnostic]) -> Counter[tuple[str, str, str]]:
    """Errors without their places, which move, and without numbers, which may be lines."""
    return Counter(
        (error.code, error.span.file if error.span else "", re.sub(r"\d+", "0", error.message))
        for error in errors
        if error.severity is Severity.ERROR
    )


def _disjoint(shop: Workshop, texts: Texts) -> Iterator[Diagnostic]:
    """The findings with fixes that may be made, each beside those before it and not over them."""
    sources: dict[str, SourceText] = {}
    taken: dict[str, list[Placed]] = {}
    for problem in shop.findings(texts):
        fix = problem.fix
        if fix is None or not (fix.safe or shop.unsafe):
            continue
        by_file = _by_file(fix.edits)
        if not all(map(shop.may_edit, by_file)):
            continue
        for file in by_file.keys() - sources.keys():
            sources[file] = SourceText(file, _text(shop, texts, file))
        if any(_LONE_CR.search(sources[file].text) for file in by_file):
            continue  # templates and YAML do not agree what a line is there
        places = {file: placed(sources[file], edits) for file, edits in by_file.items()}
        free = not any(
            overlap(one, other)
            for file, edits in places.items()
            for one in edits
            for other in taken.get(file, ())
        )
        if free and any(_changes(sources[file], edits) for file, edits in places.items()):
            for file, edits in places.items():
                taken.setdefault(file, []).extend(edits)
            yield problem


def _changes(source: SourceText, edits: Iterable[Placed]) -> bool:
    return any(source.text[edit.start : edit.end] != edit.new for edit in edits)


def _by_file(edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.span.file, []).append(edit)
    return found


def _text(shop: Workshop, texts: Texts, file: str) -> str:
    return texts[file] if file in texts else shop.read(file)


def _applied(shop: Workshop, texts: Texts, found: Iterable[Diagnostic]) -> dict[str, str]:
    """The texts with the fixes of some findings; without those that are as at first."""
    edits = _by_file(edit for problem in found if problem.fix for edit in problem.fix.edits)
    after = dict(texts)
    for file, wanted in edits.items():
        source = SourceText(file, _text(shop, texts, file))
        after[file] = apply_edits(source, wanted)
    return {file: text for file, text in after.items() if text != shop.read(file)}
